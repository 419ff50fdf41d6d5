#include "fifo.h"

#include "pool.h"

#include <stdlib.h>
#include <string.h>

void fifo_init(struct fifo *fifo, size_t limit)
{
    memset(fifo, 0, sizeof(*fifo));
    fifo->limit = limit;
}

static void fifo_make_room(struct fifo *fifo, size_t bytes)
{
    size_t room = fifo->room > 0 ? fifo->room : 4096;
    unsigned char *grown;

    if (fifo->start + fifo->used + bytes <= fifo->room) {
        return;
    }
    if (fifo->used + bytes <= fifo->room / 2) {
        memmove(fifo->bytes, fifo->bytes + fifo->start, fifo->used);
        fifo->start = 0;
        return;
    }
    while (room < fifo->used + bytes) {
        room *= 2;
    }
    grown = memory_new(room);
    if (fifo->used > 0) {
        memcpy(grown, fifo->bytes + fifo->start, fifo->used);
    }
    free(fifo->bytes);
    fifo->bytes = grown;
    fifo->room = room;
    fifo->start = 0;
}

size_t fifo_write(struct fifo *fifo, const void *from, size_t bytes)
{
    if (bytes == 0 || bytes > fifo->limit - fifo->used) {
        return 0;
    }
    fifo_make_room(fifo, bytes);
    memcpy(fifo->bytes + fifo->start + fifo->used, from, bytes);
    fifo->used += bytes;
    return bytes;
}

size_t fifo_read(struct fifo *fifo, void *to, size_t bytes)
{
    size_t take = bytes < fifo->used ? bytes : fifo->used;

    if (to != NULL && take > 0) {
        memcpy(to, fifo->bytes + fifo->start, take);
    }
    fifo->used -= take;
    fifo->start = fifo->used > 0 ? fifo->start + take : 0;
    return take;
}

void fifo_free(struct fifo *fifo)
{
    free(fifo->bytes);
    fifo_init(fifo, fifo->limit);
}
