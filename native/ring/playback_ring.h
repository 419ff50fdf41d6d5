/*
 * playback_ring.h -- agent audio, from the engine to the media thread.
 *
 * The media thread is the only clock of playout: what it has taken has been sent. A barge-in moves discard_until; the
 * media thread skips to it on its next frame, fades the cut over FADE_MS, and leaves in cut_at, to the sample, where
 * hearing ended.
 */
#ifndef RING_PLAYBACK_H
#define RING_PLAYBACK_H

#include "sound.h"

#include <stdbool.h>
#include <string.h>

#define PLAYBACK_FADE_MS 5u

/* One end's private view. All sizes are copies, checked once. */
struct playback_ring {
    struct stream_memory *memory;
    int16_t *samples;
    uint32_t count;
    uint64_t position; /* reader: next sample to take; writer: next sample to write */
    int16_t last;      /* reader: last sample sent, to fade an underrun from; 0 after silence */
};

/* `header` as in capture_ring_of. */
static inline struct playback_ring playback_ring_of(struct stream_memory *memory, const struct stream_memory *header)
{
    return (struct playback_ring){
        .memory = memory,
        .samples = (int16_t *)(void *)((unsigned char *)memory + header->playback_offset),
        .count = header->playback_samples,
    };
}

static inline void playback_ring_copy_out(const struct playback_ring *ring, uint64_t position, int16_t *to,
                                          uint32_t samples)
{
    uint32_t at = (uint32_t)(position & (ring->count - 1));
    uint32_t first = ring->count - at < samples ? ring->count - at : samples;

    memcpy(to, ring->samples + at, first * sizeof(*to));
    memcpy(to + first, ring->samples, (samples - first) * sizeof(*to));
}

static inline void playback_ring_fade_out(int16_t *samples, uint32_t fade)
{
    for (uint32_t i = 0; i < fade; i++) {
        samples[i] = (int16_t)((int32_t)samples[i] * (int32_t)(fade - i) / (int32_t)(fade + 1));
    }
}

/* Fill the rest of a frame that has run short: from the last sample down to silence, without a click. */
static inline void playback_ring_fade_to_silence(struct playback_ring *ring, int16_t *rest, uint32_t samples,
                                                 uint32_t fade)
{
    for (uint32_t i = 0; i < samples; i++) {
        rest[i] = i < fade ? (int16_t)((int32_t)ring->last * (int32_t)(fade - i) / (int32_t)(fade + 1)) : 0;
    }
    ring->last = 0;
}

static inline void playback_ring_count(_Atomic uint64_t *counter, uint64_t by)
{
    /* Single writer: a plain add, published. */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by, memory_order_relaxed);
}

/* Media thread: what the next frame will read of the memory is on its way from the engine's core. */
static inline void playback_ring_prefetch(const struct playback_ring *ring)
{
    __builtin_prefetch(&ring->memory->playback_head);
    __builtin_prefetch(&ring->memory->playback_tail, 1);
    __builtin_prefetch(&ring->memory->write_rate);
    __builtin_prefetch(ring->samples + (ring->position & (ring->count - 1)));
}

/*
 * Media thread: fill `frame` (mono, `samples` long, at `rate` Hz) with agent audio. False: there is nothing of ours to
 * send, `frame` is untouched and the channel sends its own audio. Only copies. `on_hold`: what the channel writes is
 * not sent, so that playback keeps its place, as when paused.
 */
static inline bool playback_ring_read(struct playback_ring *ring, int16_t *frame, uint32_t samples, uint32_t rate,
                                      uint64_t time_ns, bool on_hold)
{
    struct stream_memory *memory = ring->memory;
    uint32_t control = atomic_load_explicit(&memory->control, memory_order_acquire);
    /* In this order: a new rate seen here implies the discard that came with it (see playback_ring_discard). */
    uint32_t ring_rate = atomic_load_explicit(&memory->playback_rate, memory_order_acquire);
    uint64_t discard = atomic_load_explicit(&memory->discard_until, memory_order_acquire);
    uint64_t head = atomic_load_explicit(&memory->playback_head, memory_order_acquire);
    uint32_t fade = rate * PLAYBACK_FADE_MS / 1000;
    uint32_t filled = 0;
    uint64_t available;

    /* The engine looks at the rate far more often than it changes: its cache line stays with both. */
    if (atomic_load_explicit(&memory->write_rate, memory_order_relaxed) != rate) {
        atomic_store_explicit(&memory->write_rate, rate, memory_order_relaxed);
    }
    atomic_store_explicit(&memory->write_time_ns, time_ns, memory_order_relaxed);
    playback_ring_count(&memory->write_frames, 1);

    if (head < ring->position || head - ring->position > ring->count || discard > head) {
        playback_ring_count(&memory->faults, 1);
        return false;
    }
    if (fade > samples) {
        fade = samples;
    }
    if (on_hold) {
        control |= STREAM_PAUSED;
    }

    if (discard > ring->position) {
        if (ring->last != 0 && !(control & (STREAM_PAUSED | STREAM_PLAYBACK_MUTED))) {
            /* What was queued is still there: end it with a ramp instead of a click. */
            filled = discard - ring->position < fade ? (uint32_t)(discard - ring->position) : fade;
            playback_ring_copy_out(ring, ring->position, frame, filled);
            playback_ring_fade_out(frame, filled);
        }
        ring->last = 0;
        atomic_store_explicit(&memory->cut_at, ring->position, memory_order_relaxed);
        ring->position = discard;
        /* The tail last: an engine that sees it past the cut also sees where the cut was. */
        atomic_store_explicit(&memory->cut_until, discard, memory_order_release);
        atomic_store_explicit(&memory->playback_tail, ring->position, memory_order_release);
    }

    if (control & STREAM_PAUSED) {
        goto done;
    }
    if (ring_rate != rate) {
        /* The channel's codec has changed: the engine refills the ring at the new rate on its next tick. */
        if ((control & STREAM_EXPECTING) && !(control & STREAM_PLAYBACK_MUTED)) {
            playback_ring_fade_to_silence(ring, frame + filled, samples - filled, fade);
            filled = samples;
        }
        goto done;
    }

    available = head - ring->position;
    if (control & STREAM_HUSHED) {
        if ((available > 0 || (control & STREAM_EXPECTING)) && !(control & STREAM_PLAYBACK_MUTED)) {
            playback_ring_fade_to_silence(ring, frame + filled, samples - filled, fade);
            filled = samples;
        }
        goto done;
    }
    if (available > 0) {
        uint32_t take = available < samples - filled ? (uint32_t)available : samples - filled;

        if (!(control & STREAM_PLAYBACK_MUTED)) {
            playback_ring_copy_out(ring, ring->position, frame + filled, take);
            filled += take;
            playback_ring_count(&memory->played_samples, take);
            ring->last = take > 0 ? frame[filled - 1] : ring->last;
        }
        ring->position += take;
        atomic_store_explicit(&memory->playback_tail, ring->position, memory_order_release);
        if (control & STREAM_PLAYBACK_MUTED) {
            ring->last = 0;
            goto done;
        }
    } else if (!(control & STREAM_EXPECTING) || (control & STREAM_PLAYBACK_MUTED)) {
        goto done;
    }
    if (filled < samples && (control & STREAM_EXPECTING)) {
        playback_ring_count(&memory->underruns, 1);
        playback_ring_count(&memory->underrun_samples, samples - filled);
        playback_ring_fade_to_silence(ring, frame + filled, samples - filled, fade);
        filled = samples;
    }

done:
    if (filled == 0) {
        return false;
    }
    if (filled < samples) {
        memset(frame + filled, 0, (samples - filled) * sizeof(*frame));
        ring->last = 0;
    }
    return true;
}

/* Engine: append up to `samples`; returns how many fitted. */
static inline uint32_t playback_ring_write(struct playback_ring *ring, const int16_t *from, uint32_t samples)
{
    struct stream_memory *memory = ring->memory;
    uint64_t tail = atomic_load_explicit(&memory->playback_tail, memory_order_acquire);
    uint32_t room, take, at, first;

    if (ring->position - tail > ring->count) {
        return 0;
    }
    room = ring->count - (uint32_t)(ring->position - tail);
    take = samples < room ? samples : room;
    at = (uint32_t)(ring->position & (ring->count - 1));
    first = ring->count - at < take ? ring->count - at : take;
    memcpy(ring->samples + at, from, first * sizeof(*from));
    memcpy(ring->samples, from + first, (take - first) * sizeof(*from));
    ring->position += take;
    atomic_store_explicit(&memory->playback_head, ring->position, memory_order_release);
    return take;
}

/* Engine: drop all that is queued; what is written next is at `rate` Hz. Returns the position discarded to. */
static inline uint64_t playback_ring_discard(struct playback_ring *ring, uint32_t rate)
{
    struct stream_memory *memory = ring->memory;

    /* In this order: who sees the new rate sees the discard. */
    atomic_store_explicit(&memory->discard_until, ring->position, memory_order_release);
    atomic_store_explicit(&memory->playback_rate, rate, memory_order_release);
    return ring->position;
}

#endif
