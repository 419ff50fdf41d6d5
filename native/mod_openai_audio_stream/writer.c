#define _GNU_SOURCE
#include "writer.h"

#include "log.h"
#include "monotonic.h"
#include "silence.h"
#include "stream.h"

#include <errno.h>
#include <pthread.h>

#define MS_NS 1000000u
#define STACK_BYTES (512u * 1024) /* twice what FreeSWITCH gives a session's thread */
/* A channel that has written within this time goes on by itself: a bridge whose other leg is late for that long
 * through a bad network is not helped with frames that it then has too many of. */
#define QUIET_NS (100u * (uint64_t)MS_NS)
/* When to ask again a channel that takes no frame now: it is being transferred, or its media changes. */
#define RETRY_NS (20u * (uint64_t)MS_NS)
/* A write that takes longer than this has been waiting for the endpoint's clock, not working. */
#define PACED_NS (1u * (uint64_t)MS_NS)
/* A writer this late goes on from now: a machine that stood still must not be followed by a burst. */
#define GIVE_UP_NS (60u * (uint64_t)MS_NS)

static bool writer_channel_is_silent(const struct stream *stream, uint64_t now_ns)
{
    return now_ns >= atomic_load_explicit(&stream->writes.channel_write_ns, memory_order_relaxed) + QUIET_NS;
}

static bool writer_is_needed(const struct stream *stream, uint64_t now_ns)
{
    const struct stream_memory *memory = stream->memory;
    uint32_t control;
    uint64_t head, tail;

    if (!writer_channel_is_silent(stream, now_ns) || atomic_load_explicit(&stream->writes.on_hold, memory_order_relaxed)) {
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
        return head > tail && head - tail <= stream->writes.playback.count;
    }
    return (control & STREAM_EXPECTING) && !(control & STREAM_PLAYBACK_MUTED);
}

/*
 * When to write next. `due_ns`: when this write was due, and from `begun_ns` to `ended_ns` it took.
 *
 * FreeSWITCH's RTP lets each write wait for the next tick of its own timer, with the write lock held. A write that
 * comes three quarters of a packet time after a tick waits for the last quarter: that much it may be late (and a
 * packet more, as the timer lets one that is late pass at once), and for the rest the lock is free for others.
 */
static uint64_t writer_next(uint64_t due_ns, uint64_t begun_ns, uint64_t ended_ns, uint64_t packet_ns)
{
    if (packet_ns == 0) {
        return ended_ns + RETRY_NS;
    }
    if (begun_ns > due_ns + GIVE_UP_NS) {
        due_ns = begun_ns;
    }
    due_ns += packet_ns;
    if (ended_ns - begun_ns > PACED_NS && due_ns >= ended_ns) {
        uint64_t best_ns = ended_ns + packet_ns * 3 / 4;
        uint64_t off_ns = due_ns > best_ns ? due_ns - best_ns : best_ns - due_ns;

        due_ns = off_ns > packet_ns / 8 ? best_ns : due_ns;
    }
    return due_ns;
}

/* Returns when to write next, or 0 where there is nothing to do any more. */
static uint64_t writer_write(struct stream *stream, struct silences *silences, uint64_t due_ns)
{
    switch_core_session_t *session =
        switch_core_session_perform_locate(stream->link->uuid, __FILE_NAME__, __func__, __LINE__);
    uint64_t begun_ns, packet_ns = 0;
    bool needed;

    if (!session) {
        return 0;
    }
    switch_core_session_lock_codec_write(session);
    /* Only now is it certain that the channel has not begun to write: it can't until the lock is given back. */
    begun_ns = monotonic_ns();
    needed = writer_is_needed(stream, begun_ns);
    if (needed) {
        stream->writes.writing = true;
        packet_ns = silences_write(silences, session);
        stream->writes.writing = false;
    }
    switch_core_session_unlock_codec_write(session);
    switch_core_session_rwunlock(session);
    return needed ? writer_next(due_ns, begun_ns, monotonic_ns(), packet_ns) : 0;
}

static void writer_sleep(uint64_t until_ns)
{
    struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000u), .tv_nsec = (long)(until_ns % 1000000000u)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}

static void *writer_main(void *argument)
{
    struct stream *stream = argument;
    struct silences silences = {0};
    uint64_t due_ns = monotonic_ns();

    while (!atomic_load(&stream->closed) && (due_ns = writer_write(stream, &silences, due_ns)) != 0) {
        writer_sleep(due_ns);
    }
    silences_free(&silences);
    atomic_store(&stream->looked_at.writer_ended, true);
    return NULL;
}

static bool writer_start(struct stream *stream)
{
    pthread_attr_t attributes;
    bool started;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    atomic_store(&stream->looked_at.writer_ended, false);
    started = pthread_create(&stream->looked_at.writer, &attributes, writer_main, stream) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

bool writer_runs(struct stream *stream)
{
    if (stream->looked_at.written_for && atomic_load(&stream->looked_at.writer_ended)) {
        pthread_join(stream->looked_at.writer, NULL);
        stream->looked_at.written_for = false;
    }
    return stream->looked_at.written_for;
}

bool writer_consider(struct stream *stream, uint64_t now_ns)
{
    bool silent = writer_channel_is_silent(stream, now_ns);

    if (!writer_runs(stream) && silent && writer_is_needed(stream, now_ns)) {
        stream->looked_at.written_for = writer_start(stream);
        if (!stream->looked_at.written_for) {
            LOG(stream->link->uuid, SWITCH_LOG_ERROR, "No thread to write to the channel with");
        }
    }
    return silent;
}
