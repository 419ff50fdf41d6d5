/*
 * slot_ring.h -- frames of audio, from a media thread to the engine.
 *
 * The writer never waits: a full ring loses its oldest slots. A slot's sequence number tells a reader that was
 * overtaken in mid-copy that what it copied is torn.
 */
#ifndef RING_SLOT_H
#define RING_SLOT_H

#include "sound.h"

#include <string.h>

/* One end's private view. All sizes are copies, checked once. */
struct slot_ring {
    /* In the header, with one writer each: the media thread, the engine, the media thread. */
    _Atomic uint64_t *head;
    _Atomic uint64_t *tail;
    _Atomic uint64_t *dropped;
    unsigned char *slots;
    uint32_t count;
    uint32_t slot_bytes;
    uint64_t position; /* writer: next slot to write; reader: next slot to read */
    uint64_t frame;    /* writer: number of the next frame */
    uint64_t seen;     /* writer: the tail, when it was last looked at */
    uint64_t faults;   /* reader: slots that were whole and made no sense; they are passed over */
};

static inline struct audio_slot *slot_ring_slot(const struct slot_ring *ring, uint64_t position)
{
    return (struct audio_slot *)(void *)(ring->slots + (size_t)(position & (ring->count - 1)) * ring->slot_bytes);
}

/* Media thread: append one frame, split over as many slots as it needs. Only copies. */
static inline void slot_ring_write(struct slot_ring *ring, const void *pcm, uint32_t bytes, uint32_t rate,
                                      uint16_t channels, uint64_t time_ns)
{
    const unsigned char *from = pcm;
    /* Parts hold whole sample frames, so that a lost slot never swaps the channels. */
    uint32_t room = (ring->slot_bytes - SLOT_HEADER_BYTES) & ~3u;
    uint64_t frame = ring->frame++;

    while (bytes > 0) {
        uint32_t part = bytes < room ? bytes : room;
        struct audio_slot *slot = slot_ring_slot(ring, ring->position);

        if (ring->position - ring->seen >= ring->count) {
            /* Only now: each look takes the reader's cache line from it. */
            ring->seen = atomic_load_explicit(ring->tail, memory_order_acquire);
        }
        if (ring->position - ring->seen >= ring->count) {
            uint64_t dropped = atomic_load_explicit(ring->dropped, memory_order_relaxed);
            atomic_store_explicit(ring->dropped, dropped + 1, memory_order_relaxed);
        }
        atomic_store_explicit(&slot->sequence, 2 * ring->position + 1, memory_order_relaxed);
        atomic_thread_fence(memory_order_release);
        slot->time_ns = time_ns;
        slot->rate = rate;
        slot->channels = channels;
        slot->bytes = (uint16_t)part;
        slot->frame = frame;
        memcpy(slot->pcm, from, part);
        atomic_store_explicit(&slot->sequence, 2 * ring->position + 2, memory_order_release);
        ring->position++;
        from += part;
        bytes -= part;
    }
    atomic_store_explicit(ring->head, ring->position, memory_order_release);
}

/* Engine: copy the slot at `position`, which has been written, into `pcm` (room for slot_bytes); nothing counts as read.
 * Returns its size in bytes, or 0 where it is not there any more, or makes no sense, by which `faults` grows. */
static inline uint32_t slot_ring_look(const struct slot_ring *ring, uint64_t position, void *pcm,
                                      struct audio_slot *header, uint64_t *faults)
{
    const struct audio_slot *slot = slot_ring_slot(ring, position);
    uint32_t room = ring->slot_bytes - SLOT_HEADER_BYTES, bytes;

    header->time_ns = slot->time_ns;
    header->rate = slot->rate;
    header->channels = slot->channels;
    header->frame = slot->frame;
    bytes = slot->bytes;
    if (bytes <= room) {
        memcpy(pcm, slot->pcm, bytes);
    }
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) != 2 * position + 2) {
        return 0; /* overtaken by the writer */
    }
    if (!sound_slot(header, bytes, room)) {
        *faults += 1;
        return 0;
    }
    header->bytes = (uint16_t)bytes;
    return bytes;
}

/* Engine: copy the next slot into `pcm` (room for slot_bytes). Returns its size in bytes, or 0 with nothing to read.
 * `lost` grows by the slots that could not be read, because they were overwritten before, or make no sense. */
static inline uint32_t slot_ring_read(struct slot_ring *ring, void *pcm, struct audio_slot *header,
                                         uint64_t *lost)
{
    /* A writer that keeps no rules does not keep the reader here either: it has looked at each slot once by then. */
    for (uint32_t looks = 0; looks <= ring->count; looks++) {
        uint64_t head = atomic_load_explicit(ring->head, memory_order_acquire);
        uint32_t bytes;

        if (head <= ring->position) {
            return 0;
        }
        if (head - ring->position > ring->count) {
            *lost += head - ring->position - ring->count;
            ring->position = head - ring->count;
        }
        bytes = slot_ring_look(ring, ring->position, pcm, header, &ring->faults);
        ring->position++;
        atomic_store_explicit(ring->tail, ring->position, memory_order_release);
        if (bytes > 0) {
            return bytes;
        }
        *lost += 1; /* this slot is gone */
    }
    return 0;
}

/* Engine: what was read last will be read again. */
static inline void slot_ring_unread(struct slot_ring *ring)
{
    ring->position--;
    atomic_store_explicit(ring->tail, ring->position, memory_order_release);
}

/* Engine: forget all that is buffered (mute, pause, a lost connection). Returns the number of slots skipped. */
static inline uint64_t slot_ring_skip(struct slot_ring *ring)
{
    uint64_t head = atomic_load_explicit(ring->head, memory_order_acquire);
    uint64_t skipped = head > ring->position ? head - ring->position : 0;

    ring->position = head;
    atomic_store_explicit(ring->tail, head, memory_order_release);
    return skipped;
}

#endif
