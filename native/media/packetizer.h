/* packetizer.h -- what the poller asks of a Packetizer. */
#ifndef MEDIA_PACKETIZER_H
#define MEDIA_PACKETIZER_H

#include "media.h"

#include <stdbool.h>
#include <stddef.h>

bool packetizer_check(PyObject *object);

/* Whether caller audio may be sent without asking Python: see packetizer.c. */
bool packetizer_is_lent(PyObject *object);

/* What packetizers use one after the other. All zero at first. */
struct packetizer_workspace {
    PyObject *message;  /* a bytearray: messages are built there */
    unsigned char *pcm; /* samples that wait for the rest of a message */
    size_t room;        /* bytes */
};

void packetizer_workspace_clear(struct packetizer_workspace *workspace);

/*
 * Send the caller audio that `memory` (a StreamMemory) holds, message by message, while the packetizer is lent. When it
 * meets what is not its to judge, it is lent no longer and the rest is left in the ring: Python's next look takes it.
 * Never leaves an exception set.
 */
void packetizer_drain(PyObject *packetizer, PyObject *memory, struct packetizer_workspace *workspace);

#endif
