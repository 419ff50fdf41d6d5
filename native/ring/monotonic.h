/*
 * monotonic.h -- the one clock: CLOCK_MONOTONIC, which needs no system call (vdso) and never jumps.
 */
#ifndef RING_MONOTONIC_H
#define RING_MONOTONIC_H

#include <stdint.h>
#include <time.h>

static inline uint64_t monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t monotonic_ms(void)
{
    return monotonic_ns() / 1000000u;
}

static inline struct timespec monotonic_timespec(uint64_t at_ms)
{
    return (struct timespec){.tv_sec = (time_t)(at_ms / 1000), .tv_nsec = (long)(at_ms % 1000) * 1000000};
}

#endif
