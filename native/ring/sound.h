/*
 * sound.h -- what a frame, a rate or a count in shared memory can be at all. Whoever reads the memory asks here, of his
 * own copy: the other side's word is neither divided by, nor measured out in memory or time.
 */
#ifndef RING_SOUND_H
#define RING_SOUND_H

#include "layout.h"

#include <stdbool.h>

/* Hz. What a resampler costs to make grows with the smallest numbers of the ratio of two rates: 48 with these. */
#define SOUND_RATE_MIN 8000u
#define SOUND_RATE_MAX 48000u
#define SOUND_RATE_STEP 1000u

/* ns since the machine was started: 146 years. Times are subtracted from each other. */
#define SOUND_TIME_MAX (1ull << 62)

/* One a millisecond for 34 years. */
#define SOUND_COUNT_MAX (1ull << 40)

static inline bool sound_rate(uint32_t rate)
{
    return rate >= SOUND_RATE_MIN && rate <= SOUND_RATE_MAX && rate % SOUND_RATE_STEP == 0;
}

/* `room`: bytes of pcm16 that a slot holds. */
static inline bool sound_slot(const struct audio_slot *slot, uint32_t bytes, uint32_t room)
{
    /* Bytes of one sample of each channel, 2 or 4: a mask, since this is asked of each frame. */
    return bytes > 0 && bytes <= room && (slot->channels == 1 || slot->channels == 2) &&
           (bytes & (slot->channels * (uint32_t)sizeof(int16_t) - 1)) == 0 && sound_rate(slot->rate) &&
           slot->time_ns <= SOUND_TIME_MAX;
}

/* A figure that only ever counts up; one that makes no sense counts for nothing. */
static inline uint64_t sound_count(uint64_t count)
{
    return count <= SOUND_COUNT_MAX ? count : 0;
}

/* The rate at which the channel writes, 0 where it has not written yet. */
static inline uint32_t sound_write_rate(const struct stream_memory *memory)
{
    uint32_t rate = atomic_load_explicit(&memory->write_rate, memory_order_relaxed);

    return sound_rate(rate) ? rate : 0;
}

#endif
