/*
 * part.h -- the part of a response whose audio deltas go into the playout without Python looking at them.
 *
 * What belongs to the part that was fed last, and is plainly an audio delta, changes nothing but the queue. It is nearly
 * all that a server sends.
 */
#ifndef MEDIA_PART_H
#define MEDIA_PART_H

#include "extension.h"

#include "g711.h"

#include <stdbool.h>

/* All zero: none. The ids are str, or None where the deltas have none. */
struct part {
    PyObject *decode; /* of base64: bytes, or ValueError */
    PyObject *names;  /* of its deltas: a tuple of bytes */
    PyObject *response_id, *item_id;
    long content_index;
    const struct law *law; /* of the audio; NULL: pcm16 */
};

/* With references of its own. False with an exception set, and none. */
bool part_set(struct part *part, struct part wanted);

void part_clear(struct part *part);

/* The pcm16 of a message that belongs to the part. NULL without an exception where it does not, or where more
 * than that has to be looked at: its audio is malformed, empty, or ends within a sample. */
PyObject *part_audio(const struct part *part, const Py_buffer *message);

#endif
