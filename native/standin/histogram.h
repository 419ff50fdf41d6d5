/*
 * histogram.h -- durations in nanoseconds, on a logarithmic scale of 16 steps an octave (6 % wide), 0 to 2^64 - 1.
 *
 * Any number of threads may add; a snapshot taken meanwhile may miss the additions under way.
 */
#ifndef STANDIN_HISTOGRAM_H
#define STANDIN_HISTOGRAM_H

#include "monotonic.h"

#include <stdatomic.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

#define HISTOGRAM_STEPS 16u
#define HISTOGRAM_BUCKETS 976u

struct histogram {
    _Atomic uint64_t count;
    _Atomic uint64_t sum_ns;
    _Atomic uint64_t max_ns;
    _Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* What is measured of the media path. */
struct media_times {
    struct histogram read;          /* one READ callback of one bug */
    struct histogram write_replace; /* one WRITE_REPLACE callback of one bug */
    struct histogram late;          /* start of a step after its deadline, real clock only */
};

extern struct media_times media_times;

void histogram_add(struct histogram *histogram, uint64_t ns);
void histogram_reset(struct histogram *histogram);

#pragma GCC visibility pop

#endif
