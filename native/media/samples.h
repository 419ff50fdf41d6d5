/*
 * samples.h -- a growing run of pcm16: appended at its end, dropped from its front.
 *
 * Its memory can be lent by another that is empty, so that hundreds of them that are used one after the other share what
 * the cache holds.
 */
#ifndef MEDIA_SAMPLES_H
#define MEDIA_SAMPLES_H

#include "extension.h"

#include "resampler.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* All zero: none, and no memory. Sizes in bytes. */
struct samples {
    unsigned char *at;
    size_t used, room;
};

/* False with an exception set. */
static inline bool samples_make_room(struct samples *samples, size_t bytes)
{
    unsigned char *at;

    if (bytes <= samples->room) {
        return true;
    }
    at = PyMem_Realloc(samples->at, bytes);
    if (at == NULL) {
        PyErr_NoMemory();
        return false;
    }
    samples->at = at;
    samples->room = bytes;
    return true;
}

/* Through a Resampler, or as they are (NULL). False with an exception set. */
static inline bool samples_append(struct samples *samples, PyObject *resampler, const int16_t *pcm, size_t bytes)
{
    size_t most = resampler != NULL ? resampler_most_bytes(resampler, bytes) : bytes;

    if (!samples_make_room(samples, samples->used + most)) {
        return false;
    }
    if (resampler == NULL) {
        memcpy(samples->at + samples->used, pcm, bytes);
        samples->used += bytes;
    } else {
        samples->used += resampler_convert(resampler, pcm, bytes, (int16_t *)(void *)(samples->at + samples->used));
    }
    return true;
}

static inline void samples_drop(struct samples *samples, size_t bytes)
{
    samples->used -= bytes;
    memmove(samples->at, samples->at + bytes, samples->used);
}

/* Take the memory of `from`, where there is none yet; nothing is in it. */
static inline void samples_borrow(struct samples *samples, struct samples *from)
{
    if (samples->at == NULL) {
        *samples = *from;
        *from = (struct samples){0};
    }
}

static inline void samples_free(struct samples *samples)
{
    PyMem_Free(samples->at);
    *samples = (struct samples){0};
}

/* Once nothing is left, `to` has the memory. */
static inline void samples_give_back(struct samples *samples, struct samples *to)
{
    if (samples->used == 0) {
        samples_free(to);
        *to = *samples;
        *samples = (struct samples){0};
    }
}

#endif
