#include "histogram.h"

struct media_times media_times;

/* Below 16 ns one bucket a nanosecond, above it the 16 buckets of an octave are told apart by the four bits that
 * follow the leading one. */
static unsigned histogram_index(uint64_t ns)
{
    unsigned exponent;

    if (ns < HISTOGRAM_STEPS) {
        return (unsigned)ns;
    }
    exponent = 63u - (unsigned)__builtin_clzll(ns);
    return (exponent - 3u) * HISTOGRAM_STEPS + (unsigned)((ns >> (exponent - 4u)) & (HISTOGRAM_STEPS - 1u));
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
    uint64_t max = atomic_load_explicit(&histogram->max_ns, memory_order_relaxed);

    atomic_fetch_add_explicit(&histogram->count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum_ns, ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->buckets[histogram_index(ns)], 1, memory_order_relaxed);
    while (ns > max && !atomic_compare_exchange_weak_explicit(&histogram->max_ns, &max, ns, memory_order_relaxed,
                                                              memory_order_relaxed)) {
    }
}

void histogram_reset(struct histogram *histogram)
{
    atomic_store_explicit(&histogram->count, 0, memory_order_relaxed);
    atomic_store_explicit(&histogram->sum_ns, 0, memory_order_relaxed);
    atomic_store_explicit(&histogram->max_ns, 0, memory_order_relaxed);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        atomic_store_explicit(&histogram->buckets[i], 0, memory_order_relaxed);
    }
}
