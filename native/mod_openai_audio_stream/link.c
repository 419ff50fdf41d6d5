#include "link.h"

#include "connect.h"
#include "interface.h"
#include "log.h"
#include "monotonic.h"
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct link *link_create(const char *uuid)
{
    struct link *link = calloc(1, sizeof(*link));
    pthread_condattr_t attributes;

    if (!link) {
        return NULL;
    }
    atomic_init(&link->references, 1);
    snprintf(link->uuid, sizeof(link->uuid), "%s", uuid);
    link->fd = -1;
    link->quiet_since_ms = monotonic_ms();
    pthread_mutex_init(&link->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&link->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return link;
}

struct link *link_reference(struct link *link)
{
    atomic_fetch_add_explicit(&link->references, 1, memory_order_relaxed);
    return link;
}

void link_unreference(struct link *link)
{
    if (atomic_fetch_sub_explicit(&link->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (link->template) {
        switch_event_destroy(&link->template);
    }
    message_free(link->inbox);
    outbox_clear(&link->outbox);
    free(link->received);
    pthread_cond_destroy(&link->changed);
    pthread_mutex_destroy(&link->lock);
    free(link);
}

void message_free(struct message *messages)
{
    while (messages) {
        struct message *next = messages->next;

        free(messages);
        messages = next;
    }
}

/* Under the lock. True: something may have changed; false: the deadline has passed. */
static bool link_pause(struct link *link, uint64_t deadline_ms)
{
    struct timespec until = monotonic_timespec(deadline_ms);

    return pthread_cond_timedwait(&link->changed, &link->lock, &until) == 0;
}

enum link_claim link_claim(struct link *link, uint64_t deadline_ms)
{
    enum link_claim result = LINK_CLAIMED;

    pthread_mutex_lock(&link->lock);
    while (link->claimed && !link->gone && !link->cancelled && link_pause(link, deadline_ms)) {
    }
    if (link->gone) {
        result = LINK_GONE;
    } else if (link->claimed) {
        result = LINK_BUSY;
    } else {
        link->claimed = true;
    }
    pthread_mutex_unlock(&link->lock);
    return result;
}

void link_release(struct link *link)
{
    bool unused;

    pthread_mutex_lock(&link->lock);
    link->claimed = false;
    link->quiet_since_ms = monotonic_ms();
    unused = !link->streams && (link->fd < 0 || link->idle);
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
    if (unused) {
        watch_review();
    }
}

/* Under the lock. False: the connection is broken. */
static bool link_send_waiting(struct link *link)
{
    bool wants_write;

    /* A broken connection is left to the service thread, which reads its end. */
    if (!outbox_flush(&link->outbox, link->fd)) {
        return false;
    }
    wants_write = link->outbox.first != NULL;
    if (wants_write != link->wants_write) {
        link->wants_write = wants_write;
        watch_writing(link, link->fd, wants_write);
    }
    return true;
}

bool link_post(struct link *link, struct wire_buffer *message, int descriptor)
{
    if (link->fd < 0) {
        if (descriptor >= 0) {
            close(descriptor);
        }
        wire_free(message);
        return false;
    }
    return outbox_add(&link->outbox, message, descriptor) && link_send_waiting(link);
}

bool link_send(struct link *link, struct wire_buffer *message, int descriptor)
{
    bool sent;

    pthread_mutex_lock(&link->lock);
    sent = link_post(link, message, descriptor);
    pthread_mutex_unlock(&link->lock);
    return sent;
}

void link_flush(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    if (link->fd >= 0 && outbox_flush(&link->outbox, link->fd) && !link->outbox.first && link->wants_write) {
        link->wants_write = false;
        watch_writing(link, link->fd, false);
    }
    pthread_mutex_unlock(&link->lock);
}

/* Under the lock: what a new connection begins with, to the outbox. False: there is not the memory, or the descriptor,
 * for all of it: then it is said to nobody, since what is left out is never said again. */
static bool link_greet(struct link *link, link_greeting greet)
{
    struct wire_buffer hello;

    wire_begin(&hello, WIRE_HELLO, 0, 0);
    wire_text(&hello, "protocol", WIRE_PROTOCOL);
    wire_text(&hello, "uuid", link->uuid);
    wire_number(&hello, "pid", (uint64_t)getpid());
    interface_add_name(&hello);
    return outbox_add(&link->outbox, &hello, -1) && greet(link);
}

bool link_connect(struct link *link, const char *path, uint64_t deadline_ms, link_greeting greet)
{
    bool connected;
    int fd, error;

    pthread_mutex_lock(&link->lock);
    connected = link->fd >= 0;
    pthread_mutex_unlock(&link->lock);
    if (connected) {
        return true;
    }
    fd = connect_to_engine(path, deadline_ms);
    if (fd < 0) {
        return false;
    }

    pthread_mutex_lock(&link->lock);
    errno = 0;
    if (!link_greet(link, greet) || !watch_add(link, fd)) {
        error = errno;
        outbox_clear(&link->outbox);
        pthread_mutex_unlock(&link->lock);
        close(fd);
        errno = error;
        return false;
    }
    link->fd = fd;
    if (++link->connection == 0) {
        link->connection = 1; /* 0 is none */
    }
    link->wants_write = false;
    link->idle = false;
    link_send_waiting(link);
    pthread_mutex_unlock(&link->lock);
    return true;
}

void link_count_late(struct link *link, int change)
{
    pthread_mutex_lock(&link->lock);
    link->late += (unsigned)change;
    pthread_mutex_unlock(&link->lock);
}

uint32_t link_begin(struct link *link)
{
    uint32_t request;

    pthread_mutex_lock(&link->lock);
    request = ++link->request;
    if (request == 0) {
        request = ++link->request; /* 0 means no command */
    }
    link->waiting = request;
    link->unanswered = true;
    link->idle = false;
    link->lost = link->fd < 0;
    pthread_mutex_unlock(&link->lock);
    return request;
}

enum link_answer link_wait(struct link *link, uint64_t deadline_ms, struct message **message)
{
    enum link_answer answer = LINK_TIMEOUT;

    *message = NULL;
    pthread_mutex_lock(&link->lock);
    while (!link->inbox && !link->lost && !link->cancelled && link_pause(link, deadline_ms)) {
    }
    if (link->inbox) {
        *message = link->inbox;
        link->inbox = (*message)->next;
        (*message)->next = NULL;
        answer = LINK_MESSAGE;
    } else if (link->cancelled) {
        answer = LINK_CANCELLED;
    } else if (link->lost) {
        answer = LINK_LOST;
    }
    pthread_mutex_unlock(&link->lock);
    return answer;
}

struct message *link_end(struct link *link)
{
    struct message *late;

    pthread_mutex_lock(&link->lock);
    late = link->inbox;
    link->inbox = NULL;
    link->waiting = 0;
    pthread_mutex_unlock(&link->lock);
    return late;
}

void link_cancel(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    link->cancelled = true;
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
}

/* Under the lock: what is not a reply is of no use to a command whose connection has ended. */
static void link_keep_reply_only(struct link *link)
{
    struct message **at = &link->inbox;

    while (*at) {
        struct message *message = *at;

        if (message->header.type == WIRE_REPLY) {
            at = &message->next;
        } else {
            *at = message->next;
            free(message);
        }
    }
}

void link_disconnect(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    link->lost_ms = monotonic_ms();
    if (link->fd >= 0) {
        watch_remove(link->fd);
        close(link->fd);
        link->fd = -1;
    }
    outbox_clear(&link->outbox);
    link->wants_write = false;
    link->idle = false;
    link->unanswered = false;
    link->lost = true;
    link->received_bytes = 0;
    link_keep_reply_only(link);
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
}
