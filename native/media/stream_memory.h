/* stream_memory.h -- what the poller asks of a StreamMemory. */
#ifndef MEDIA_STREAM_MEMORY_H
#define MEDIA_STREAM_MEMORY_H

#include "media.h"

#include <stdbool.h>

bool stream_memory_check(PyObject *object);

/* Whether its stream has something to do: frames to read, playback at the watched position, another write rate. */
bool stream_memory_is_due(PyObject *object);

#endif
