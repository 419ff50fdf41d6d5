/* audio_delta.h -- the parts of a message that is plainly an audio delta, where they lie in it. */
#ifndef MEDIA_AUDIO_DELTA_H
#define MEDIA_AUDIO_DELTA_H

#include "extension.h"

#include <stdbool.h>
#include <stddef.h>

struct text {
    const char *at; /* NULL where there is none */
    size_t length;
};

/* All strings as they are in the message: printable ASCII without escapes, and `audio` still in base64, unchecked. */
struct audio_delta {
    struct text type, response_id, item_id, audio;
    long content_index; /* 0 where there is none */
    bool has_content_index;
};

/* Any message with a type and a delta. False says nothing: it has to be parsed to tell what it is. `delta` points into
 * the message. */
bool audio_delta_scan(const char *message, size_t bytes, struct audio_delta *delta);

/* Whether its type is among these; `names`: a tuple of bytes. */
bool audio_delta_is_one_of(const struct audio_delta *delta, PyObject *names);

/* The audio, by decode(base64); NULL without an exception where that raises ValueError: it is malformed. */
PyObject *audio_delta_decode(const struct audio_delta *delta, PyObject *decode);

#endif
