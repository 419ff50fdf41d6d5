/*
 * fifo.h -- a bounded queue of bytes that grows on demand; not thread-safe by itself.
 */
#ifndef STANDIN_FIFO_H
#define STANDIN_FIFO_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

struct fifo {
    unsigned char *bytes;
    size_t room;  /* allocated */
    size_t start; /* of the oldest byte */
    size_t used;
    size_t limit; /* never holds more than this */
};

void fifo_init(struct fifo *fifo, size_t limit);
/* All or nothing: returns `bytes`, or 0 when they would pass the limit. */
size_t fifo_write(struct fifo *fifo, const void *from, size_t bytes);
/* Up to `bytes`; `to` may be NULL to drop them. Returns how many. */
size_t fifo_read(struct fifo *fifo, void *to, size_t bytes);
void fifo_free(struct fifo *fifo);

#pragma GCC visibility pop

#endif
