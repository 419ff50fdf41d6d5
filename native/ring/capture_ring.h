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

/* Media thread: append one frame. Only copies. */
static inline void capture_ring_write(struct slot_ring *ring, struct stream_memory *memory, const void *pcm,
                                      uint32_t bytes, uint32_t rate, uint16_t channels, uint64_t time_ns)
{
    atomic_store_explicit(&memory->read_rate, rate, memory_order_relaxed);
    atomic_store_explicit(&memory->capture_time_ns, time_ns, memory_order_relaxed);
    slot_ring_write(ring, pcm, bytes, rate, channels, time_ns);
}

#endif
