/* playout.h -- what the poller asks of a Playout. */
#ifndef MEDIA_PLAYOUT_H
#define MEDIA_PLAYOUT_H

#include "extension.h"

#include <stdbool.h>

bool playout_check(PyObject *object);

/* Pass on what waits, if the ring runs low. Never leaves an exception set. */
void playout_tend(PyObject *object);

#endif
