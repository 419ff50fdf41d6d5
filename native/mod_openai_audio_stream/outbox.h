/*
 * outbox.h -- what one link still has to send: whole messages, a descriptor with the first byte of some.
 *
 * Bounded: an engine that stopped reading gets no more than OUTBOX_LIMIT bytes queued; what does not fit is refused.
 * Not locked: the link's lock guards it.
 */
#ifndef MODULE_OUTBOX_H
#define MODULE_OUTBOX_H

#include "wire.h"

#define OUTBOX_LIMIT (3u * WIRE_BODY_LIMIT)

struct outbox_message;

struct outbox {
    struct outbox_message *first;
    struct outbox_message *last;
    size_t bytes;
};

/* Takes the buffer and the descriptor (or -1) over, also where it fails. */
bool outbox_add(struct outbox *outbox, struct wire_buffer *message, int descriptor);
/* Send what the socket takes now. False: the connection is broken. */
bool outbox_flush(struct outbox *outbox, int socket_fd);
void outbox_clear(struct outbox *outbox);

#endif
