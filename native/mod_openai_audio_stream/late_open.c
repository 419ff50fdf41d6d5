#define _GNU_SOURCE
#include "late_open.h"

#include "entrance.h"
#include "monotonic.h"
#include "reasons.h"
#include "stream_open.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>

struct late_open {
    struct late_open *next;
    struct link *link; /* with a reference */
    uint64_t deadline_ms;
    struct message *open;
    struct wire_buffer command;
};

static pthread_mutex_t late_lock = PTHREAD_MUTEX_INITIALIZER;
static struct late_open *late_opens; /* guarded by the lock, which is never held across a call of FreeSWITCH's */

static void late_open_destroy(struct late_open *late)
{
    link_count_late(late->link, -1);
    link_unreference(late->link);
    message_free(late->open);
    wire_free(&late->command);
    free(late);
}

static struct late_open *late_open_create(struct link *link, const struct message *open,
                                          const struct wire_buffer *command)
{
    size_t size = sizeof(*open) + open->header.body_bytes + 1;
    struct late_open *late = calloc(1, sizeof(*late));

    if (!late) {
        return NULL;
    }
    late->link = link_reference(link);
    link_count_late(link, 1);
    late->deadline_ms = monotonic_ms() + MEDIA_WITHIN_MS;
    late->open = malloc(size);
    wire_fields(&late->command, command->bytes, command->used);
    if (!late->open || late->command.failed) {
        late_open_destroy(late);
        return NULL;
    }
    memcpy(late->open, open, size);
    late->open->next = NULL;
    late->open->header.request = 0; /* the command has its reply by then */
    return late;
}

static void late_open_push(struct late_open *late)
{
    pthread_mutex_lock(&late_lock);
    late->next = late_opens;
    late_opens = late;
    pthread_mutex_unlock(&late_lock);
}

static struct late_open *late_opens_take(void)
{
    struct late_open *all;

    pthread_mutex_lock(&late_lock);
    all = late_opens;
    late_opens = NULL;
    pthread_mutex_unlock(&late_lock);
    return all;
}

void late_open_add(struct link *link, const struct message *open, const struct wire_buffer *command)
{
    struct late_open *late = late_open_create(link, open, command);
    struct wire_buffer opening;

    if (!late) {
        stream_send_open_failed(link, open, REASON_NO_MEMORY_FOR_STREAM);
        return;
    }
    wire_begin(&opening, WIRE_OPENING, open->header.stream, open->header.request);
    link_send(link, &opening, -1);
    late_open_push(late);
    watch_wake();
}

bool late_opens_waiting(void)
{
    bool waiting;

    pthread_mutex_lock(&late_lock);
    waiting = late_opens != NULL;
    pthread_mutex_unlock(&late_lock);
    return waiting;
}

/* True: it has been answered. */
static bool late_open_try(const struct late_open *late)
{
    struct stream *stream;

    switch (stream_open(late->link, late->open, &late->command, &stream)) {
    case STREAM_OPENED:
        stream_unreference(stream);
        return true;
    case STREAM_REFUSED:
        return true;
    case STREAM_MEDIA_TO_COME:
        break;
    }
    if (monotonic_ms() >= late->deadline_ms) {
        stream_send_open_failed(late->link, late->open, REASON_NO_MEDIA);
        return true;
    }
    return false;
}

void late_opens_try(void)
{
    struct late_open *late = late_opens_take();

    while (late) {
        struct late_open *next = late->next;
        bool answered = true;

        /* Entered like a command, so that an unloading module either sees the stream or has it refused here. */
        if (entrance_enter()) {
            answered = late_open_try(late);
            entrance_leave();
        } else {
            stream_send_open_failed(late->link, late->open, REASON_UNLOADING);
        }
        if (answered) {
            late_open_destroy(late);
        } else {
            late_open_push(late);
        }
        late = next;
    }
}

void late_opens_end(void)
{
    struct late_open *late = late_opens_take();

    while (late) {
        struct late_open *next = late->next;

        late_open_destroy(late);
        late = next;
    }
}
