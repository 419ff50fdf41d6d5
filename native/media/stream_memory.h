/* stream_memory.h -- what the poller, the packetizer and the playout ask of a StreamMemory. */
#ifndef MEDIA_STREAM_MEMORY_H
#define MEDIA_STREAM_MEMORY_H

#include "extension.h"

#include "capture_gaps.h"
#include "playback_ring.h"
#include "slot_ring.h"

#include <stdbool.h>

bool stream_memory_check(PyObject *object);

/* The engine's end of the ring of caller audio, and what it misses; NULL once the memory is closed. */
struct slot_ring *stream_memory_capture(PyObject *object, struct capture_gaps **gaps);

/* The engine's end of the ring of agent audio; NULL once the memory is closed. */
struct playback_ring *stream_memory_playback(PyObject *object);

/* Whether there is caller audio to read. */
bool stream_memory_has_capture(PyObject *object);

/* Whether anything else is to be done: played frames to read, playback at the watched position, another write rate. */
bool stream_memory_is_due(PyObject *object);

#endif
