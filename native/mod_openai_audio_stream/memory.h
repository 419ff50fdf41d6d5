/*
 * memory.h -- making the memory that a stream shares with the engine (native/ring/layout.h).
 */
#ifndef MODULE_MEMORY_H
#define MODULE_MEMORY_H

#include "stream.h"

/* Fills in the stream's descriptor, memory and ring views. `frame_bytes`: one frame of the channel, as captured;
 * `played_bytes`: one that it sends, where that is recorded; `write_rate`: of what it sends, in Hz. False: no memory;
 * nothing is left behind that stream_unreference does not free. */
bool memory_create(struct stream *stream, uint32_t frame_bytes, uint32_t played_bytes, uint32_t write_rate);
void memory_destroy(struct stream *stream);

#endif
