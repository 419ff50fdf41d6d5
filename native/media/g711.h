/* g711.h -- what the packetizer asks of G.711. */
#ifndef MEDIA_G711_H
#define MEDIA_G711_H

#include "media.h"

#include <stddef.h>
#include <stdint.h>

struct law;

/* "pcmu" or "pcma"; NULL with an exception set for anything else. Lives for ever. */
const struct law *g711_law_named(PyObject *name);

/* pcm16 to one code word a sample. `words` may be the place where the samples lie. */
void g711_encode_samples(const struct law *law, const unsigned char *pcm, size_t samples, uint8_t *words);

#endif
