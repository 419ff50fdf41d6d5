#define _GNU_SOURCE
#include "outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct outbox_message {
    struct outbox_message *next;
    struct wire_buffer buffer;
    size_t sent;
    int descriptor; /* or -1 */
};

static void outbox_message_free(struct outbox_message *message)
{
    if (message->descriptor >= 0) {
        close(message->descriptor);
    }
    wire_free(&message->buffer);
    free(message);
}

bool outbox_add(struct outbox *outbox, struct wire_buffer *buffer, int descriptor)
{
    struct outbox_message *message;

    if (!wire_end(buffer) || outbox->bytes + buffer->used > OUTBOX_LIMIT) {
        goto refused;
    }
    message = calloc(1, sizeof(*message));
    if (!message) {
        goto refused;
    }
    message->descriptor = descriptor;
    message->buffer = *buffer;
    *buffer = (struct wire_buffer){0};
    if (outbox->last) {
        outbox->last->next = message;
    } else {
        outbox->first = message;
    }
    outbox->last = message;
    outbox->bytes += message->buffer.used;
    return true;

refused:
    if (descriptor >= 0) {
        close(descriptor);
    }
    wire_free(buffer);
    return false;
}

static ssize_t outbox_send(const struct outbox_message *message, int socket_fd)
{
    struct iovec part = {
        .iov_base = message->buffer.bytes + message->sent,
        .iov_len = message->buffer.used - message->sent,
    };
    union {
        struct cmsghdr header;
        unsigned char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr envelope = {.msg_iov = &part, .msg_iovlen = 1};

    if (message->descriptor >= 0 && message->sent == 0) {
        envelope.msg_control = &control;
        envelope.msg_controllen = sizeof(control);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &message->descriptor, sizeof(int));
    }
    return sendmsg(socket_fd, &envelope, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool outbox_flush(struct outbox *outbox, int socket_fd)
{
    while (outbox->first) {
        struct outbox_message *message = outbox->first;
        ssize_t sent = outbox_send(message, socket_fd);

        if (sent < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS;
        }
        message->sent += (size_t)sent;
        if (message->sent < message->buffer.used) {
            continue;
        }
        outbox->bytes -= message->buffer.used;
        outbox->first = message->next;
        if (!outbox->first) {
            outbox->last = NULL;
        }
        outbox_message_free(message);
    }
    return true;
}

void outbox_clear(struct outbox *outbox)
{
    while (outbox->first) {
        struct outbox_message *message = outbox->first;

        outbox->first = message->next;
        outbox_message_free(message);
    }
    *outbox = (struct outbox){0};
}
