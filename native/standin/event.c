#include "event.h"

#include "histogram.h"
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below */
static pthread_cond_t queue_grew;                              /* CLOCK_MONOTONIC */
static struct event *queue_first;
static struct event *queue_last;
static size_t queue_length;
static uint64_t queue_dropped;

__attribute__((constructor)) static void event_queue_init(void)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue_grew, &attributes);
    pthread_condattr_destroy(&attributes);
}

void event_free(struct event *event)
{
    headers_free(&event->base);
    free(event->base.subclass_name);
    free(event->base.body);
    free(event);
}

void event_push(struct event *event)
{
    pthread_mutex_lock(&queue_lock);
    if (queue_length >= EVENT_QUEUE_LENGTH) {
        queue_dropped++;
        event_free(event);
    } else {
        event->time_ns = monotonic_ns();
        event->next = NULL;
        if (queue_last != NULL) {
            queue_last->next = event;
        } else {
            queue_first = event;
        }
        queue_last = event;
        queue_length++;
        pthread_cond_broadcast(&queue_grew);
    }
    pthread_mutex_unlock(&queue_lock);
}

static bool matches(const char *wanted, const char *value)
{
    return wanted == NULL || (value != NULL && strcmp(wanted, value) == 0);
}

/* Under the lock; NULL if none matches. */
static struct event *queue_take(const char *subclass, const char *uuid)
{
    struct event *last = NULL;
    struct event *event;

    for (event = queue_first; event != NULL; event = event->next) {
        if (matches(subclass, event->base.subclass_name) && matches(uuid, headers_get(&event->base, "Unique-ID"))) {
            break;
        }
        last = event;
    }
    if (event == NULL) {
        return NULL;
    }
    if (last != NULL) {
        last->next = event->next;
    } else {
        queue_first = event->next;
    }
    if (queue_last == event) {
        queue_last = last;
    }
    queue_length--;
    return event;
}

struct event *event_take(const char *subclass, const char *uuid, uint64_t deadline_ns)
{
    struct timespec deadline = {
        .tv_sec = (time_t)(deadline_ns / 1000000000u),
        .tv_nsec = (long)(deadline_ns % 1000000000u),
    };
    struct event *event;
    bool late = false;

    pthread_mutex_lock(&queue_lock);
    for (;;) {
        event = queue_take(subclass, uuid);
        if (event != NULL || late) {
            break;
        }
        late = pthread_cond_timedwait(&queue_grew, &queue_lock, &deadline) != 0;
    }
    pthread_mutex_unlock(&queue_lock);
    return event;
}

uint64_t event_dropped(void)
{
    uint64_t dropped;

    pthread_mutex_lock(&queue_lock);
    dropped = queue_dropped;
    pthread_mutex_unlock(&queue_lock);
    return dropped;
}
