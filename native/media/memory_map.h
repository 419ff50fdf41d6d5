/*
 * memory_map.h -- a stream's memory, from its descriptor: looked at before it is believed.
 */
#ifndef MEDIA_MEMORY_MAP_H
#define MEDIA_MEMORY_MAP_H

#include "extension.h"

#include "layout.h"

/* `header` gets a copy of what was checked, so that it is what is used. The descriptor stays the caller's. NULL with
 * an exception set: OSError, or ValueError where it is no stream's memory. */
struct stream_memory *memory_map(int fd, size_t *bytes, struct stream_memory *header);
void memory_unmap(struct stream_memory *memory, size_t bytes);

#endif
