/*
 * followed.h -- the part of a response whose audio deltas go into the playout without Python looking at them.
 *
 * What belongs to the part that was fed last, and is plainly an audio delta, changes nothing but the queue. It is nearly
 * all that a server sends.
 */
#ifndef MEDIA_FOLLOWED_H
#define MEDIA_FOLLOWED_H

#include "media.h"

#include <stdbool.h>

/* All zero at first: none. The ids are str, or None where the deltas have none. */
struct followed {
    PyObject *decode; /* of base64: bytes, or ValueError */
    PyObject *names;  /* of its deltas: a tuple of bytes */
    PyObject *response_id, *item_id;
    long content_index;
};

/* With references of its own. False with an exception set, and nothing followed. */
bool followed_set(struct followed *followed, struct followed wanted);

void followed_clear(struct followed *followed);

/* The pcm16 of a message that belongs to the part. NULL without an exception where it does not, or where more
 * than that has to be looked at: its audio is malformed, empty, or ends within a sample. */
PyObject *followed_audio(const struct followed *followed, const Py_buffer *message);

#endif
