/* The part of standin.h that is about one call. */
#include "standin.h"

#include "bug.h"
#include "digit.h"

struct call *standin_call_new(const char *uuid, int state, int fail_pre_answer, const struct media_format *read_format,
                              const struct media_format *write_format, size_t sent_limit)
{
    struct session *session =
        session_new(uuid, (enum channel_state)state, fail_pre_answer != 0, *read_format, *write_format);

    return session != NULL ? call_new(session, sent_limit) : NULL;
}

void standin_call_free(struct call *call)
{
    call_release(call);
}

void standin_call_hangup(struct call *call)
{
    call_hangup(call);
}

int standin_call_step(struct call *call, const void *pcm_in, uint32_t in_bytes, const void *channel_audio,
                      uint32_t channel_bytes, void *sent)
{
    return call_step(call, pcm_in, in_bytes, channel_audio, channel_bytes, sent);
}

int standin_call_set_formats(struct call *call, const struct media_format *read_format,
                             const struct media_format *write_format, int same_writer)
{
    return call_set_formats(call, *read_format, *write_format, same_writer != 0) ? 0 : CALL_GONE;
}

void standin_call_relabel_writer(struct call *call)
{
    pthread_mutex_lock(&call->gate);
    call->writer.relabelled = true;
    pthread_mutex_unlock(&call->gate);
}

int standin_call_set_variable(struct call *call, const char *name, const char *value)
{
    struct session *session = call_session(call);

    if (session == NULL) {
        return CALL_GONE;
    }
    pthread_mutex_lock(&session->profile_lock);
    headers_set(&session->variables, name, value);
    pthread_mutex_unlock(&session->profile_lock);
    session_unlock(session);
    return 0;
}

char *standin_call_variable(struct call *call, const char *name)
{
    struct session *session = call_session(call);
    const char *value;
    char *copy;

    if (session == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&session->profile_lock);
    value = headers_get(&session->variables, name);
    copy = value != NULL ? memory_strdup(value) : NULL;
    pthread_mutex_unlock(&session->profile_lock);
    session_unlock(session);
    return copy;
}

int standin_call_end_application(struct call *call, int transfer)
{
    struct session *session = call_session(call);

    if (session == NULL) {
        return CALL_GONE;
    }
    atomic_store(transfer ? &session->transferring : &session->broken, true);
    if (transfer) {
        session_forget_hold(session);
    }
    session_unlock(session);
    return 0;
}

int standin_call_leave_when_tapped(struct call *call, int transfer)
{
    struct session *session = call_session(call);

    if (session == NULL) {
        return CALL_GONE;
    }
    atomic_store(&session->leaves_when_tapped, transfer ? LEAVES_BY_TRANSFER : LEAVES_BY_HANGUP);
    session_unlock(session);
    return 0;
}

int standin_call_hold(struct call *call, int hold)
{
    int result = CALL_GONE;

    /* Between two steps, so that a step is on hold or is not. */
    pthread_mutex_lock(&call->gate);
    if (call->session != NULL) {
        session_set_hold(call->session, (enum hold)hold);
        result = 0;
    }
    pthread_mutex_unlock(&call->gate);
    return result;
}

int standin_call_dial(struct call *call, const char *digits, uint32_t duration_ms, int source)
{
    struct session *session = call_session(call);
    unsigned waiting;

    if (session == NULL) {
        return CALL_GONE;
    }
    waiting = digit_key(session, digits, duration_ms * 8, (switch_dtmf_source_t)source);
    session_unlock(session);
    return (int)waiting;
}

int standin_call_answer(struct call *call)
{
    struct session *session = call_session(call);
    bool answered;

    if (session == NULL) {
        return CALL_GONE;
    }
    answered = session_answer(session);
    session_unlock(session);
    return answered ? 0 : CALL_GONE;
}

void standin_call_place(struct call *call, int negotiated)
{
    struct session *session = call_session(call);

    if (session != NULL) {
        atomic_store(&session->outbound, true);
        atomic_store(&session->negotiated, negotiated != 0);
        session_unlock(session);
    }
}

int standin_call_negotiate(struct call *call)
{
    struct session *session = call_session(call);

    if (session == NULL) {
        return CALL_GONE;
    }
    atomic_store(&session->negotiated, true);
    session_unlock(session);
    return 0;
}

int standin_call_bug_count(struct call *call)
{
    struct session *session = call_session(call);
    unsigned count;

    if (session == NULL) {
        return 0;
    }
    count = bug_count(session);
    session_unlock(session);
    return (int)count;
}

int standin_call_state(struct call *call)
{
    struct session *session = call_session(call);
    int state;

    if (session == NULL) {
        return CHANNEL_HANGUP;
    }
    state = atomic_load(&session->state);
    session_unlock(session);
    return state;
}

void standin_call_feed(struct call *call, int channel_side, const void *pcm, size_t bytes, int loop)
{
    call_set_source(call, channel_side ? &call->channel : &call->caller, pcm, bytes, loop != 0);
}

size_t standin_call_feed_more(struct call *call, const void *pcm, size_t bytes)
{
    return call_add_to_source(call, &call->caller, pcm, bytes);
}

void standin_call_set_sends(struct call *call, int sends)
{
    pthread_mutex_lock(&call->gate);
    call->sends = sends != 0;
    pthread_mutex_unlock(&call->gate);
}

size_t standin_call_sent_bytes(struct call *call)
{
    size_t bytes;

    pthread_mutex_lock(&call->sent_lock);
    bytes = call->sent.used;
    pthread_mutex_unlock(&call->sent_lock);
    return bytes;
}

size_t standin_call_take_sent(struct call *call, void *to, size_t room)
{
    size_t bytes;

    pthread_mutex_lock(&call->sent_lock);
    bytes = fifo_read(&call->sent, to, room);
    pthread_mutex_unlock(&call->sent_lock);
    return bytes;
}

uint64_t standin_call_sent_dropped(struct call *call)
{
    uint64_t bytes;

    pthread_mutex_lock(&call->sent_lock);
    bytes = call->sent_dropped;
    pthread_mutex_unlock(&call->sent_lock);
    return bytes;
}

uint64_t standin_call_steps(struct call *call)
{
    return call_steps(call);
}

int standin_call_wait_steps(struct call *call, uint64_t steps, uint64_t timeout_ns)
{
    return call_wait_steps(call, steps, monotonic_ns() + timeout_ns);
}

uint64_t standin_call_late_max_ns(struct call *call)
{
    return atomic_load(&call->late_max_ns);
}

uint64_t standin_call_skipped(struct call *call)
{
    return atomic_load(&call->skipped);
}
