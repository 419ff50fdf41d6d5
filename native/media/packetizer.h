/* packetizer.h -- what the poller asks of a Packetizer. */
#ifndef MEDIA_PACKETIZER_H
#define MEDIA_PACKETIZER_H

#include "media.h"

#include <stdbool.h>

bool packetizer_check(PyObject *object);

/* Whether caller audio may be sent without asking Python: see packetizer.c. */
bool packetizer_is_lent(PyObject *object);

/*
 * Send the caller audio that `memory` (a StreamMemory) holds, message by message, while the packetizer is lent. When it
 * meets what is not its to judge, it is lent no longer and the rest is left in the ring: Python's next look takes it.
 * `buffer` (a bytearray, kept from call to call) is where messages are built. Never leaves an exception set.
 */
void packetizer_drain(PyObject *packetizer, PyObject *memory, PyObject **buffer);

#endif
