/* g711.h -- what the packetizer and the playout ask of G.711. */
#ifndef MEDIA_G711_H
#define MEDIA_G711_H

#include "extension.h"

#include <stddef.h>
#include <stdint.h>

struct law;

/* "pcmu" or "pcma"; NULL with an exception set for anything else. Lives for ever. */
const struct law *g711_law_named(PyObject *name);

/* The pcm16 of code words: bytes, or NULL with an exception set. */
PyObject *g711_samples(const struct law *law, const uint8_t *words, Py_ssize_t count);

/* pcm16 to one code word a sample. `words` may be the place where the samples lie. */
void g711_encode_samples(const struct law *law, const unsigned char *pcm, size_t samples, uint8_t *words);

#endif
