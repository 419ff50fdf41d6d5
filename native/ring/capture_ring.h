/*
 * capture_ring.h -- caller audio, from the media thread to the engine.
 */
#ifndef RING_CAPTURE_H
#define RING_CAPTURE_H

#include "slot_ring.h"

/* `header`: of the memory, or a copy of it that has been checked. */
static inline struct slot_ring capture_ring_of(struct stream_memory *memory, const struct stream_memory *header)
{
    return (struct slot_ring){
        .head = &memory->capture_head,
        .tail = &memory->capture_tail,
        .dropped = &memory->capture_dropped,
        .slots = (unsigned char *)memory + header->capture_offset,
        .count = header->capture_slots,
        .slot_bytes = header->capture_slot_bytes,
    };
}

#endif
