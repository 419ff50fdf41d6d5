/*
 * played_ring.h -- what the caller heard of the agent, from the media thread to the engine that records it.
 */
#ifndef RING_PLAYED_H
#define RING_PLAYED_H

#include "slot_ring.h"

/* Of a stream that is recorded; `count` is 0 of any other. `header` as in capture_ring_of. */
static inline struct slot_ring played_ring_of(struct stream_memory *memory, const struct stream_memory *header)
{
    return (struct slot_ring){
        .head = &memory->played_head,
        .tail = &memory->played_tail,
        .dropped = &memory->played_dropped,
        .slots = (unsigned char *)memory + header->played_offset,
        .count = header->played_slots,
        .slot_bytes = header->played_slot_bytes,
    };
}

/* Media thread, of a stream that is recorded: append the frame that playback_ring_read has just filled. Only copies. Frames are counted with those
 * that the channel filled by itself, so that the reader sees where the agent was silent. */
static inline void played_ring_write(struct slot_ring *ring, const struct stream_memory *memory, const int16_t *frame,
                                     uint32_t samples, uint32_t rate, uint64_t time_ns)
{
    ring->frame = atomic_load_explicit(&memory->write_frames, memory_order_relaxed);
    slot_ring_write(ring, frame, samples * (uint32_t)sizeof(*frame), rate, 1, time_ns);
}

#endif
