#define _GNU_SOURCE
#include "closed_streams.h"

#include "stream.h"
#include "watch.h"

#include <time.h>

#define POLL_NS (1000 * 1000)

static struct {
    _Atomic(struct stream *) first; /* a stack that any thread pushes to and the service thread takes whole */
    atomic_uint adding;             /* threads inside closed_streams_add */
} closed;

void closed_streams_start(void)
{
    atomic_store(&closed.first, NULL);
    atomic_store(&closed.adding, 0);
}

void closed_streams_add(struct stream *stream)
{
    struct stream *top;

    if (atomic_exchange(&stream->closed, true)) {
        return;
    }
    atomic_fetch_add(&closed.adding, 1);
    top = atomic_load(&closed.first);
    do {
        stream->service.next = top;
    } while (!atomic_compare_exchange_weak(&closed.first, &top, stream));
    watch_wake();
    atomic_fetch_sub(&closed.adding, 1);
}

struct stream *closed_streams_take(void)
{
    return atomic_exchange(&closed.first, NULL);
}

void closed_streams_end(void)
{
    /* The last CLOSE may have been let go before its thread was out of the callback. */
    while (atomic_load(&closed.adding) > 0) {
        struct timespec pause = {.tv_nsec = POLL_NS};

        nanosleep(&pause, NULL);
    }
}
