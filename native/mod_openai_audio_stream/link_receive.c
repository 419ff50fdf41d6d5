/*
 * link_receive.c -- the reading half of a link; runs on the service thread alone.
 */
#include "link.h"

#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define READ_BYTES (64u * 1024)
/* One link may take this much of the service thread before it is another's turn. */
#define READ_TURN_BYTES (1024u * 1024)

static bool link_grow(struct link *link, size_t room)
{
    unsigned char *bytes;

    if (room <= link->received_room) {
        return true;
    }
    bytes = realloc(link->received, room);
    if (!bytes) {
        return false;
    }
    link->received = bytes;
    link->received_room = room;
    return true;
}

/* Keep the message for the waiting command. False: no command waits for it (any more). */
static bool link_deliver(struct link *link, struct message *message)
{
    struct message **at;
    bool wanted;

    pthread_mutex_lock(&link->lock);
    if (message->header.type == WIRE_REPLY && message->header.request == link->request) {
        link->unanswered = false;
    }
    if (message->header.type == WIRE_IDLE && !link->unanswered) {
        link->idle = true;
    }
    wanted = message->header.request != 0 && message->header.request == link->waiting &&
             (message->header.type == WIRE_OPEN || message->header.type == WIRE_CLOSE ||
              message->header.type == WIRE_REPLY);
    if (wanted) {
        for (at = &link->inbox; *at; at = &(*at)->next) {
        }
        *at = message;
        pthread_cond_broadcast(&link->changed);
    }
    pthread_mutex_unlock(&link->lock);
    return wanted;
}

static bool link_take_message(struct link *link, const struct wire_header *header, const unsigned char *body,
                              link_handle handle)
{
    struct message *message;

    if (!wire_valid(body, header->body_bytes)) {
        return false;
    }
    message = malloc(sizeof(*message) + header->body_bytes + 1);
    if (!message) {
        return false;
    }
    message->next = NULL;
    message->header = *header;
    memcpy(message->body, body, header->body_bytes);
    message->body[header->body_bytes] = '\0';
    if (!link_deliver(link, message)) {
        handle(link, message);
        free(message);
    }
    return true;
}

/* Take all whole messages from what was received. False: what came is no message. */
static bool link_parse(struct link *link, link_handle handle)
{
    size_t at = 0;

    while (link->received_bytes - at >= WIRE_HEADER_BYTES) {
        const unsigned char *from = link->received + at;
        struct wire_header header;

        if (!wire_header(from, &header)) {
            return false;
        }
        if (link->received_bytes - at < WIRE_HEADER_BYTES + header.body_bytes) {
            if (!link_grow(link, WIRE_HEADER_BYTES + header.body_bytes)) {
                return false;
            }
            break;
        }
        if (!link_take_message(link, &header, from + WIRE_HEADER_BYTES, handle)) {
            return false;
        }
        at += WIRE_HEADER_BYTES + header.body_bytes;
    }
    if (at > 0) {
        link->received_bytes -= at;
        memmove(link->received, link->received + at, link->received_bytes);
    }
    return true;
}

/* Read what is there. False: the connection is over. */
static bool link_read(struct link *link, int fd, link_handle handle)
{
    size_t taken = 0;

    while (taken < READ_TURN_BYTES) {
        ssize_t got;

        if (!link_grow(link, READ_BYTES) ||
            (link->received_bytes == link->received_room && !link_grow(link, link->received_room + READ_BYTES))) {
            return false;
        }
        /* Descriptors that the engine might send along are closed by the kernel: there is no room for them. */
        got = recv(fd, link->received + link->received_bytes, link->received_room - link->received_bytes, MSG_DONTWAIT);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno == EAGAIN || errno == EWOULDBLOCK;
        }
        if (got == 0) {
            return false;
        }
        taken += (size_t)got;
        link->received_bytes += (size_t)got;
        if (!link_parse(link, handle)) {
            LOG(link->uuid, SWITCH_LOG_ERROR, "The engine sent what is no message; giving the connection up");
            return false;
        }
    }
    return true;
}

bool link_receive(struct link *link, link_handle handle)
{
    bool good;
    int fd;

    /* No other thread closes it, so it stays good without the lock. */
    pthread_mutex_lock(&link->lock);
    fd = link->fd;
    pthread_mutex_unlock(&link->lock);
    if (fd < 0) {
        return true;
    }
    good = link_read(link, fd, handle);
    if (link->received_bytes == 0) {
        /* Between messages, which is most of the time, a call keeps no buffer. */
        free(link->received);
        link->received = NULL;
        link->received_room = 0;
    }
    return good;
}
