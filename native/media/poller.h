/* poller.h -- what the ticker asks of a Poller. */
#ifndef MEDIA_POLLER_H
#define MEDIA_POLLER_H

#include "extension.h"

#include <stdbool.h>

bool poller_check(PyObject *object);

/* Do with caller audio what the gates say, refill the rings of agent audio that run low. A list of the streams
 * with something else to do, or NULL with an exception set. */
PyObject *poller_poll(PyObject *object);

#endif
