#define _GNU_SOURCE
#include "lookout.h"

#include "digits.h"
#include "hold.h"
#include "monotonic.h"
#include "stream.h"
#include "writer.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ROUND_MS 40  /* how late the beginning of a hold may be told */
#define PACKET_MS 20 /* the same of what a caller hears: the first word in a silent channel, the end of a hold */

/* When to look at a stream again; of several the last of these counts. */
enum look { LOOK_NEVER, LOOK_LATER, LOOK_SOON };

static struct {
    pthread_t thread;
    int wake_fd;
    atomic_bool stopping;
    _Atomic(struct stream *) added; /* a stack that any thread pushes to and ours takes whole, with a reference each */

    /* The thread's own. */
    struct stream *streams;
} lookout;

static void lookout_wake(void)
{
    uint64_t one = 1;

    /* Can only fail when it is awake. */
    if (write(lookout.wake_fd, &one, sizeof(one)) < 0) {
        return;
    }
}

void lookout_add(struct stream *stream)
{
    struct stream *top = atomic_load(&lookout.added);

    stream_reference(stream);
    do {
        stream->looked_at.next = top;
    } while (!atomic_compare_exchange_weak(&lookout.added, &top, stream));
    lookout_wake();
}

static void lookout_take_added(void)
{
    struct stream *stream = atomic_exchange(&lookout.added, NULL);

    while (stream) {
        struct stream *next = stream->looked_at.next;

        stream->looked_at.next = lookout.streams;
        lookout.streams = stream;
        stream = next;
    }
}

static enum look lookout_look_at(struct stream *stream, uint64_t now_ns)
{
    enum look next = LOOK_LATER;

    if (atomic_load_explicit(&stream->closed, memory_order_relaxed)) {
        return writer_runs(stream) ? LOOK_SOON : LOOK_NEVER;
    }
    /* Until it has ended, too: the caller's first words are not to wait for a slower round. */
    if (atomic_load_explicit(&stream->writes.on_hold, memory_order_relaxed)) {
        hold_review(stream->link);
        next = LOOK_SOON;
    }
    if (stream->playing && writer_consider(stream, now_ns)) {
        next = LOOK_SOON;
    }
    return next;
}

static enum look lookout_round(void)
{
    uint64_t now_ns = monotonic_ns();
    struct stream **at = &lookout.streams;
    enum look first = LOOK_NEVER;

    while (*at) {
        struct stream *stream = *at;
        enum look next = lookout_look_at(stream, now_ns);

        if (next == LOOK_NEVER) {
            *at = stream->looked_at.next;
            stream_unreference(stream);
        } else {
            at = &stream->looked_at.next;
            first = next > first ? next : first;
        }
    }
    return first;
}

static void *lookout_main(void *unused)
{
    static const int waits_ms[] = {[LOOK_NEVER] = -1, [LOOK_LATER] = ROUND_MS, [LOOK_SOON] = PACKET_MS};
    struct pollfd wake = {.fd = lookout.wake_fd, .events = POLLIN};
    enum look next = LOOK_NEVER;
    uint64_t wakes;

    (void)unused;
    while (!atomic_load(&lookout.stopping)) {
        if (poll(&wake, 1, waits_ms[next]) > 0 && read(lookout.wake_fd, &wakes, sizeof(wakes)) < 0) {
            continue;
        }
        lookout_take_added();
        digits_send();
        next = lookout_round();
    }
    return NULL;
}

bool lookout_start(void)
{
    sigset_t all, before;
    int failed;

    memset(&lookout, 0, sizeof(lookout));
    lookout.wake_fd = eventfd(0, EFD_CLOEXEC);
    if (lookout.wake_fd < 0) {
        return false;
    }
    /* Signals are FreeSWITCH's; the threads started from this one inherit that. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&lookout.thread, NULL, lookout_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        close(lookout.wake_fd);
        return false;
    }
    pthread_setname_np(lookout.thread, "openai_lookout");
    return true;
}

void lookout_end(void)
{
    atomic_store(&lookout.stopping, true);
    lookout_wake();
    pthread_join(lookout.thread, NULL);
    close(lookout.wake_fd);
}
