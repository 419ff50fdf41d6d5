/* packetizer.h -- what the poller asks of a Packetizer. */
#ifndef MEDIA_PACKETIZER_H
#define MEDIA_PACKETIZER_H

#include "extension.h"

#include "samples.h"

#include <stdbool.h>
#include <stddef.h>

bool packetizer_check(PyObject *object);

/* What packetizers use one after the other. All zero at first. */
struct packetizer_workspace {
    PyObject *message;  /* a bytearray: messages are built there */
    struct samples pcm; /* room for those that wait for the rest of a message */
};

void packetizer_workspace_clear(struct packetizer_workspace *workspace);

/*
 * Do with the caller audio that has come what the gate says. Whether all is done: if not, what is left is in the ring, or
 * a recording has copies to take, and Python has to look. Never leaves an exception set.
 */
bool packetizer_drain(PyObject *packetizer, struct packetizer_workspace *workspace);

#endif
