#define _GNU_SOURCE
#include "writer.h"

#include "monotonic.h"
#include "silence.h"
#include "stream.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WRITERS_LIMIT 8u
#define MS_NS 1000000u
/* A channel that has written within this time goes on by itself: a bridge whose other leg is late for that long
 * through a bad network is not helped with frames that it then has too many of. */
#define QUIET_NS (100u * (uint64_t)MS_NS)
/* When to ask again a channel that takes no frame now: it is being transferred, or its media changes. */
#define RETRY_NS (20u * (uint64_t)MS_NS)
/* A writer this late goes on from now: a machine that stood still must not be followed by a burst. */
#define GIVE_UP_NS (60u * (uint64_t)MS_NS)

struct writer {
    pthread_t thread;
    int wake_fd;
    _Atomic(struct stream *) queued; /* a stack that any thread pushes to and the writer takes whole */

    /* The thread's own. */
    struct stream *streams; /* a reference each */
    struct silences silences;
};

static struct writer writers[WRITERS_LIMIT];
static unsigned writer_count;
static atomic_uint writers_assigned;
static atomic_bool writers_stopping;

unsigned writers_assign(void)
{
    return atomic_fetch_add_explicit(&writers_assigned, 1, memory_order_relaxed) % writer_count;
}

static void writer_wake(const struct writer *writer)
{
    uint64_t one = 1;

    /* Can only fail when it is awake. */
    if (write(writer->wake_fd, &one, sizeof(one)) < 0) {
        return;
    }
}

static bool writer_is_needed(const struct stream *stream, uint64_t now_ns)
{
    const struct stream_memory *memory = stream->memory;
    uint64_t written_ns = atomic_load_explicit(&stream->channel_write_ns, memory_order_relaxed);
    uint32_t control;
    uint64_t head, tail;

    if (now_ns < written_ns + QUIET_NS) {
        return false;
    }
    control = atomic_load_explicit(&memory->control, memory_order_relaxed);
    if (control & STREAM_PAUSED) {
        return false;
    }
    /* Also where all of it is to be discarded: the engine waits for the answer. */
    head = atomic_load_explicit(&memory->playback_head, memory_order_relaxed);
    tail = atomic_load_explicit(&memory->playback_tail, memory_order_relaxed);
    if (head != tail) {
        return head > tail && head - tail <= STREAM_PLAYBACK_SAMPLES;
    }
    return (control & STREAM_HOLD) && !(control & STREAM_PLAYBACK_MUTED);
}

void writer_consider(struct stream *stream, uint64_t now_ns)
{
    struct writer *writer = &writers[stream->writer];
    struct stream *top;

    if (!writer_is_needed(stream, now_ns) || atomic_exchange(&stream->queued, true)) {
        return;
    }
    stream_reference(stream);
    top = atomic_load(&writer->queued);
    do {
        stream->next_queued = top;
    } while (!atomic_compare_exchange_weak(&writer->queued, &top, stream));
    writer_wake(writer);
}

/* False: there is nothing to do for it any more. */
static bool writer_write(struct writer *writer, struct stream *stream)
{
    switch_core_session_t *session =
        switch_core_session_perform_locate(stream->link->uuid, __FILE_NAME__, __func__, __LINE__);
    uint64_t now = 0, packet_ns = 0;
    bool needed;

    if (!session) {
        return false;
    }
    switch_core_session_lock_codec_write(session);
    /* Only now is it certain that the channel has not begun to write: it can't until the lock is given back. */
    now = monotonic_ns();
    needed = writer_is_needed(stream, now);
    if (needed) {
        stream->writing = true;
        packet_ns = silences_write(&writer->silences, session);
        stream->writing = false;
    }
    switch_core_session_unlock_codec_write(session);
    switch_core_session_rwunlock(session);
    if (now > stream->due_ns + GIVE_UP_NS) {
        stream->due_ns = now;
    }
    stream->due_ns += packet_ns > 0 ? packet_ns : RETRY_NS;
    return needed;
}

static void writer_take_queued(struct writer *writer)
{
    struct stream *stream = atomic_exchange(&writer->queued, NULL);
    uint64_t now = monotonic_ns();

    while (stream) {
        struct stream *next = stream->next_queued;

        stream->due_ns = now;
        stream->next_queued = writer->streams;
        writer->streams = stream;
        stream = next;
    }
}

/* One frame to each that is due. Returns when the next one is, or UINT64_MAX. */
static uint64_t writer_round(struct writer *writer)
{
    uint64_t next_ns = UINT64_MAX;
    struct stream **at = &writer->streams;

    while (*at) {
        struct stream *stream = *at;

        if (!atomic_load(&stream->closed) && (monotonic_ns() < stream->due_ns || writer_write(writer, stream))) {
            next_ns = stream->due_ns < next_ns ? stream->due_ns : next_ns;
            at = &stream->next_queued;
            continue;
        }
        *at = stream->next_queued;
        /* From here on it can be queued again, by its media thread, with another reference. */
        atomic_store(&stream->queued, false);
        stream_unreference(stream);
    }
    return next_ns;
}

static void writer_sleep(struct writer *writer, uint64_t until_ns)
{
    struct pollfd wake = {.fd = writer->wake_fd, .events = POLLIN};
    uint64_t now = monotonic_ns();
    uint64_t left = until_ns > now ? until_ns - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};
    uint64_t wakes;

    if (ppoll(&wake, 1, until_ns == UINT64_MAX ? NULL : &timeout, NULL) > 0 &&
        read(writer->wake_fd, &wakes, sizeof(wakes)) < 0) {
        return;
    }
}

static void *writer_main(void *argument)
{
    struct writer *writer = argument;

    while (!atomic_load(&writers_stopping)) {
        writer_take_queued(writer);
        writer_sleep(writer, writer_round(writer));
    }
    silences_free(&writer->silences);
    return NULL;
}

static bool writer_start(struct writer *writer)
{
    memset(writer, 0, sizeof(*writer));
    writer->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (writer->wake_fd < 0) {
        return false;
    }
    if (pthread_create(&writer->thread, NULL, writer_main, writer) != 0) {
        close(writer->wake_fd);
        return false;
    }
    pthread_setname_np(writer->thread, "openai_writer");
    return true;
}

/* Several, so that an endpoint that blocks in a write, as FreeSWITCH's RTP does while media is being set up, holds
 * up few other calls, and so that encoding can use more than one core. */
bool writers_start(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted = processors < 2 ? 2 : (unsigned)processors;
    sigset_t all, before;

    wanted = wanted > WRITERS_LIMIT ? WRITERS_LIMIT : wanted;
    writer_count = 0;
    atomic_store(&writers_stopping, false);
    /* Signals are FreeSWITCH's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (writer_count < wanted && writer_start(&writers[writer_count])) {
        writer_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (writer_count < wanted) {
        writers_end();
        return false;
    }
    return true;
}

void writers_end(void)
{
    atomic_store(&writers_stopping, true);
    for (unsigned i = 0; i < writer_count; i++) {
        writer_wake(&writers[i]);
        pthread_join(writers[i].thread, NULL);
        close(writers[i].wake_fd);
    }
    writer_count = 0;
}
