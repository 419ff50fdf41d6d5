/*
 * pieces.h -- a queue of pcm16 as it came, in pieces: what has been passed on stays until it is forgotten.
 *
 * All positions count samples since the beginning of time: those kept are `start` to `end`, those passed on end at
 * `source`.
 */
#ifndef MEDIA_PIECES_H
#define MEDIA_PIECES_H

#include "extension.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As many pieces may be kept: in 180 s of audio, pieces of 3 ms. What holds a piece takes more memory than one that is
 * shorter. */
#define PIECES_LIMIT 65536u

/* All zero at first. */
struct pieces {
    uint64_t start, source, end;
    PyObject **items; /* bytes, a circular buffer of `room` (a power of two); `count` from `first` on */
    size_t first, count, room;
    size_t piece, offset; /* where `source` lies: a piece, counted from `first`, and samples in it */
};

/* Whether it is bytes of whole samples; if not, an exception is set. */
bool pieces_are_sound(PyObject *pcm);

/* A piece at the end; it must be sound. False with an exception set. */
bool pieces_append(struct pieces *pieces, PyObject *pcm);

/* The samples at `source`, and how many follow there in one piece: none only where `source` is `end`. */
const int16_t *pieces_next(const struct pieces *pieces, size_t *samples);

/* So many of pieces_next() have been passed on. */
void pieces_pass(struct pieces *pieces, size_t samples);

/* Let go of whole pieces before `position` that have been passed on. */
void pieces_forget(struct pieces *pieces, uint64_t position);

/* Back to this position, or as near as is kept: to be passed on again. Never forward. */
void pieces_rewind(struct pieces *pieces, uint64_t position);

/* New bytes with all that is kept; NULL with an exception set. */
PyObject *pieces_contents(const struct pieces *pieces);

/* Let go of everything; all positions are `position`. */
void pieces_clear(struct pieces *pieces, uint64_t position);

/* The end of it: the memory too. */
void pieces_free(struct pieces *pieces);

#endif
