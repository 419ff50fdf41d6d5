#include "call.h"

#include "frame.h"
#include "monotonic.h"
#include "session_end.h"
#include "session_queue.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct call *call_new(struct session *session, size_t sent_limit)
{
    struct call *call = memory_new(sizeof(*call));
    pthread_condattr_t attributes;

    atomic_store(&call->references, 1);
    pthread_mutex_init(&call->gate, NULL);
    pthread_mutex_init(&call->sent_lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&call->stepped, &attributes);
    pthread_condattr_destroy(&attributes);
    call->began_us = monotonic_ns() / 1000u;
    call->session = session;
    call->sends = true;
    call->writer.format = session_write_format(session);
    fifo_init(&call->sent, sent_limit);
    session->call = call;
    return call;
}

struct call *call_retain(struct call *call)
{
    atomic_fetch_add(&call->references, 1);
    return call;
}

void call_release(struct call *call)
{
    if (atomic_fetch_sub(&call->references, 1) != 1) {
        return;
    }
    free(call->caller.pcm);
    free(call->channel.pcm);
    fifo_free(&call->sent);
    pthread_cond_destroy(&call->stepped);
    pthread_mutex_destroy(&call->sent_lock);
    pthread_mutex_destroy(&call->gate);
    free(call);
}

static void source_next(struct source *source, unsigned char *frame, uint32_t bytes)
{
    uint32_t filled = 0;

    while (filled < bytes && source->position < source->bytes) {
        size_t left = source->bytes - source->position;
        uint32_t part = left < bytes - filled ? (uint32_t)left : bytes - filled;

        memcpy(frame + filled, source->pcm + source->position, part);
        filled += part;
        source->position += part;
        if (source->position == source->bytes && source->loop) {
            source->position = 0;
        }
    }
    memset(frame + filled, 0, bytes - filled);
}

void call_set_source(struct call *call, struct source *source, const void *pcm, size_t bytes, bool loop)
{
    unsigned char *copy = memory_new(bytes);
    unsigned char *old;

    if (bytes > 0) {
        memcpy(copy, pcm, bytes);
    }
    pthread_mutex_lock(&call->gate);
    old = source->pcm;
    source->pcm = copy;
    source->bytes = bytes;
    source->position = 0;
    source->loop = loop;
    pthread_mutex_unlock(&call->gate);
    free(old);
}

size_t call_add_to_source(struct call *call, struct source *source, const void *pcm, size_t bytes)
{
    unsigned char *grown;
    unsigned char *old;
    size_t left;

    pthread_mutex_lock(&call->gate);
    left = source->bytes - source->position;
    grown = memory_new(left + bytes);
    if (left > 0) {
        memcpy(grown, source->pcm + source->position, left);
    }
    memcpy(grown + left, pcm, bytes);
    old = source->pcm;
    *source = (struct source){.pcm = grown, .bytes = left + bytes};
    pthread_mutex_unlock(&call->gate);
    free(old);
    return left;
}

/* Under the gate. */
static bool call_is_up(const struct call *call)
{
    return call->session != NULL && atomic_load(&call->session->state) < CHANNEL_HANGUP;
}

/* The switch's clock for the step that this thread makes; 0: the real one. Where the thread itself has its own, not looked
 * up: the module asks for the time with each frame that it reads. */
__attribute__((tls_model("initial-exec"))) static _Thread_local uint64_t stepped_us;

switch_time_t switch_mono_micro_time_now(void)
{
    return (switch_time_t)(stepped_us != 0 ? stepped_us : monotonic_ns() / 1000u);
}

static void call_count_step(struct call *call)
{
    call->steps++;
    pthread_cond_broadcast(&call->stepped);
}

int call_step(struct call *call, const void *pcm_in, uint32_t in_bytes, const void *channel_audio,
              uint32_t channel_bytes, void *sent)
{
    int result = CALL_GONE;

    pthread_mutex_lock(&call->gate);
    if (!call_is_up(call)) {
        goto out;
    }
    if ((pcm_in != NULL && in_bytes != media_format_bytes(session_read_format(call->session))) ||
        (channel_audio != NULL && channel_bytes != media_format_bytes(call->writer.format))) {
        result = CALL_BAD_FRAME;
        goto out;
    }
    result = CALL_NOTHING_SENT;
    call->elapsed_us += (uint64_t)session_read_format(call->session).ptime_ms * 1000u;
    stepped_us = call->began_us + call->elapsed_us;
    if (session_media_ready(call->session)) {
        frame_read(call->session, pcm_in);
    }
    if (channel_audio != NULL && session_media_ready(call->session)) {
        result = frame_write(call->session, &call->writer, channel_audio, sent, CALL_FRAME_ROOM);
        result = result == 0 ? CALL_NOTHING_SENT : result;
    }
    stepped_us = 0;
    call_count_step(call);
out:
    pthread_mutex_unlock(&call->gate);
    return result;
}

/* Under the gate. */
static void call_step_sources(struct call *call)
{
    alignas(max_align_t) unsigned char frame[CALL_FRAME_ROOM];
    unsigned char sent[CALL_FRAME_ROOM];
    int bytes;

    source_next(&call->caller, frame, media_format_bytes(session_read_format(call->session)));
    frame_read(call->session, frame);
    if (!call->sends || atomic_load(&call->session->application)) {
        return;
    }
    source_next(&call->channel, frame, media_format_bytes(call->writer.format));
    bytes = frame_write(call->session, &call->writer, frame, sent, sizeof(sent));
    call_keep_sent(call, sent, bytes);
}

void call_keep_sent(struct call *call, const void *pcm, int bytes)
{
    pthread_mutex_lock(&call->sent_lock);
    if (bytes > 0 && call->sent.limit > 0 && fifo_write(&call->sent, pcm, (size_t)bytes) == 0) {
        call->sent_dropped += (uint64_t)bytes;
    }
    pthread_mutex_unlock(&call->sent_lock);
}

uint32_t call_step_fed(struct call *call)
{
    uint32_t ptime_ms = 0;

    pthread_mutex_lock(&call->gate);
    if (call_is_up(call)) {
        ptime_ms = session_read_format(call->session).ptime_ms;
        if (session_media_ready(call->session)) {
            call_step_sources(call);
        }
        call_count_step(call);
    }
    pthread_mutex_unlock(&call->gate);
    return ptime_ms;
}

bool call_set_formats(struct call *call, struct media_format read_format, struct media_format write_format,
                      bool same_writer)
{
    bool up;

    pthread_mutex_lock(&call->gate);
    up = call_is_up(call);
    if (up) {
        session_set_formats(call->session, read_format, write_format);
        if (!same_writer) {
            call->writer = (struct writer){.format = write_format};
        }
    }
    pthread_mutex_unlock(&call->gate);
    return up;
}

bool call_wait_steps(struct call *call, uint64_t steps, uint64_t deadline_ns)
{
    struct timespec deadline = {
        .tv_sec = (time_t)(deadline_ns / 1000000000u),
        .tv_nsec = (long)(deadline_ns % 1000000000u),
    };
    bool reached;

    pthread_mutex_lock(&call->gate);
    while (call->steps < steps && call_is_up(call)) {
        if (pthread_cond_timedwait(&call->stepped, &call->gate, &deadline) != 0) {
            break;
        }
    }
    reached = call->steps >= steps;
    pthread_mutex_unlock(&call->gate);
    return reached;
}

uint64_t call_steps(struct call *call)
{
    uint64_t steps;

    pthread_mutex_lock(&call->gate);
    steps = call->steps;
    pthread_mutex_unlock(&call->gate);
    return steps;
}

struct session *call_session(struct call *call)
{
    struct session *session;

    pthread_mutex_lock(&call->gate);
    session = call->session;
    if (session != NULL && pthread_rwlock_tryrdlock(&session->rwlock) != 0) {
        session = NULL;
    }
    pthread_mutex_unlock(&call->gate);
    return session;
}

void call_hangup(struct call *call)
{
    struct session *session;
    bool ours;

    pthread_mutex_lock(&call->gate);
    session = call->session;
    /* Of several that hang up, one plays the session's thread. */
    ours = session != NULL && !atomic_exchange(&session->ending, true);
    if (ours) {
        session_mark_hangup(session);
        pthread_cond_broadcast(&call->stepped);
    }
    pthread_mutex_unlock(&call->gate);
    if (!ours) {
        return;
    }
    /* Without the gate: a step may be under way, as on the other leg of a bridge. */
    session_end(session);
    pthread_mutex_lock(&call->gate);
    call->session = NULL;
    pthread_cond_broadcast(&call->stepped);
    pthread_mutex_unlock(&call->gate);
    session_queue_free(session);
    session_free(session);
}
