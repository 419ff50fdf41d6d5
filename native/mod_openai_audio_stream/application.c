#define _GNU_SOURCE
#include "application.h"

#include "command.h"
#include "entrance.h"
#include "late_open.h"
#include "log.h"
#include "monotonic.h"
#include "reasons.h"
#include "silence.h"
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* FreeSWITCH waits at most this long at a time. It matters only while the channel has no media and is not read: then
 * nobody calls back, and the end of the stream is seen this much later. */
#define WAIT_MS 1000u

/* How the wait has ended. */
enum application_end { END_STOPPED, END_BROKEN, END_TRANSFERRED, END_HANGUP, END_FAILED };
static const char *const results[] = {"stopped", "broken", "transferred", "hangup", "failed"};

/* What the applications differ in. */
struct application {
    const char *name;
    const char *api; /* as the link's COMMAND names it */
    const char *result_variable, *reason_variable;
};
static const struct application application_stream = {
    "openai_audio_stream", "openai", "openai_audio_stream_result", "openai_audio_stream_reason"};
static const struct application application_agent = {
    "openai_agent", "agent", "openai_agent_result", "openai_agent_reason"};

struct application_wait {
    struct stream *stream;
    struct silences silences;
    uint64_t frames; /* those that the channel had sent when we last looked, ours among them */
};

static void application_set(switch_channel_t *channel, const char *variable, const char *value)
{
    /* Unchecked: reasons never repeat what came from outside, so there are no variables of others in them. */
    switch_channel_set_variable_var_check(channel, variable, value, SWITCH_FALSE);
}

static void application_tell(const struct application *application, switch_core_session_t *session,
                             enum application_end end, const char *reason)
{
    switch_channel_t *channel = switch_core_session_get_channel(session);

    application_set(channel, application->result_variable, results[end]);
    application_set(channel, application->reason_variable, reason);
    if (end == END_FAILED) {
        LOG(switch_core_session_get_uuid(session), SWITCH_LOG_ERROR, "%s: %s", application->name, reason);
    }
}

/* With each frame that the channel reads. Writing as steadily as it reads keeps the media path warm in between, too. */
static switch_status_t application_frame(switch_core_session_t *session, switch_frame_t *read, void *user_data)
{
    struct application_wait *wait = user_data;
    struct stream *stream = wait->stream;

    (void)read;
    if (atomic_load(&stream->closed) || entrance_is_closed()) {
        return SWITCH_STATUS_TERM;
    }
    if (stream->playing) {
        /* Not where something else does it: FreeSWITCH's own wait, if send_silence_when_idle is set. */
        if (atomic_load(&stream->writes.channel_frames) == wait->frames) {
            silences_write(&wait->silences, session);
        }
        wait->frames = atomic_load(&stream->writes.channel_frames);
    }
    return SWITCH_STATUS_SUCCESS;
}

/* Digits make events by being taken, and events of the session are of no use here. */
static switch_status_t application_input(switch_core_session_t *session, void *input, switch_input_type_t type,
                                         void *buffer, unsigned int buffer_bytes)
{
    (void)session;
    (void)input;
    (void)type;
    (void)buffer;
    (void)buffer_bytes;
    return SWITCH_STATUS_SUCCESS;
}

/* Whether the channel has nothing else to do. Asked at each turn of a loop: FreeSWITCH's own wait returns success, and at
 * once, where the channel has gone elsewhere between two of them. */
static bool application_has_channel(switch_channel_t *channel)
{
    return switch_channel_test_ready(channel, SWITCH_TRUE, SWITCH_FALSE);
}

static bool application_goes_on(switch_channel_t *channel, const struct stream *stream)
{
    return application_has_channel(channel) && !atomic_load(&stream->closed) && !entrance_is_closed();
}

/* What a channel is doing that is no longer the application's. */
static enum application_end application_gone(switch_channel_t *channel)
{
    return switch_channel_get_state(channel) >= CS_HANGUP ? END_HANGUP : END_TRANSFERRED;
}

static enum application_end application_wait(switch_core_session_t *session, struct stream *stream)
{
    switch_channel_t *channel = switch_core_session_get_channel(session);
    struct application_wait wait = {.stream = stream, .frames = atomic_load(&stream->writes.channel_frames)};
    switch_input_args_t callbacks = {
        .input_callback = application_input,
        .read_frame_callback = application_frame,
        .user_data = &wait,
    };
    switch_status_t status = SWITCH_STATUS_SUCCESS;

    while (status == SWITCH_STATUS_SUCCESS && application_goes_on(channel, stream)) {
        status = switch_ivr_sleep(session, WAIT_MS, SWITCH_FALSE, &callbacks);
    }
    silences_free(&wait.silences);
    if (status == SWITCH_STATUS_BREAK && application_has_channel(channel)) {
        return END_BROKEN;
    }
    /* Where a channel goes elsewhere and its stream is closed for that, either may be seen first. */
    if (!application_has_channel(channel) && !atomic_load(&stream->failure)) {
        return application_gone(channel);
    }
    if (switch_channel_get_state(channel) < CS_HANGUP && (atomic_load(&stream->closed) || entrance_is_closed())) {
        return atomic_load(&stream->failure) ? END_FAILED : END_STOPPED;
    }
    return application_has_channel(channel) ? END_FAILED : application_gone(channel);
}

static void application_stop(const struct application *application, const char *uuid, struct stream *stream,
                             enum application_end end)
{
    char arguments[sizeof("stop stream=") + STREAM_NAME_LIMIT];
    struct command_result result;

    snprintf(arguments, sizeof(arguments), "stop stream=%s", stream->name);
    result = command_execute(application->api, uuid, arguments,
                             end == END_TRANSFERRED ? COMMAND_OF_APPLICATION : COMMAND_OF_API);
    /* An error: it has ended meanwhile, or there is no engine to ask. */
    command_result_free(&result);
    if (!atomic_load(&stream->closed)) {
        stream_remove(stream, 0);
    }
}

static void application_talk(const struct application *application, switch_core_session_t *session,
                             const char *arguments)
{
    switch_channel_t *channel = switch_core_session_get_channel(session);
    const char *uuid = switch_core_session_get_uuid(session);
    struct command_result started = command_execute(application->api, uuid, arguments, COMMAND_OF_APPLICATION);
    const char *failure = command_failure(&started);
    enum application_end end;

    if (failure || !started.opened) {
        if (application_has_channel(channel)) {
            application_tell(application, session, END_FAILED, failure ? failure : REASON_NOT_STARTED);
        } else {
            application_tell(application, session, application_gone(channel), NULL);
        }
    } else {
        end = application_wait(session, started.opened);
        if (!atomic_load(&started.opened->closed) && end != END_HANGUP) {
            application_stop(application, uuid, started.opened, end);
        }
        failure = atomic_load(&started.opened->failure);
        if (end == END_FAILED && !failure) {
            failure = REASON_NOT_READABLE;
        }
        application_tell(application, session, end, end == END_FAILED ? failure : NULL);
    }
    command_result_free(&started);
}

/* Of a channel whose media is on its way: execute_on_media comes before the codec. False: it has gone, or has none in
 * time. */
static bool application_await_media(switch_channel_t *channel)
{
    uint64_t deadline_ms = monotonic_ms() + MEDIA_WITHIN_MS;
    struct timespec pause = {.tv_nsec = MEDIA_POLL_MS * 1000 * 1000};

    while (!switch_channel_test_ready(channel, SWITCH_TRUE, SWITCH_TRUE)) {
        if (!application_has_channel(channel) || entrance_is_closed() || monotonic_ms() >= deadline_ms) {
            return false;
        }
        nanosleep(&pause, NULL);
    }
    return true;
}

/* NULL: the channel has media; otherwise why not. */
static const char *application_make_ready(switch_channel_t *channel)
{
    if (switch_channel_test_ready(channel, SWITCH_TRUE, SWITCH_TRUE)) {
        return NULL;
    }
    if (switch_channel_perform_answer(channel, __FILE_NAME__, __func__, __LINE__) != SWITCH_STATUS_SUCCESS) {
        return REASON_NOT_ANSWERED;
    }
    return application_await_media(channel) ? NULL : REASON_NO_MEDIA;
}

static void application_run(const struct application *application, switch_core_session_t *session, const char *data)
{
    switch_channel_t *channel = switch_core_session_get_channel(session);
    const char *unready;
    char *arguments;

    application_set(channel, application->result_variable, NULL);
    application_set(channel, application->reason_variable, NULL);
    unready = application_make_ready(channel);
    if (!application_has_channel(channel)) {
        application_tell(application, session, application_gone(channel), NULL);
        return;
    }
    if (unready) {
        application_tell(application, session, END_FAILED, unready);
        return;
    }
    if (asprintf(&arguments, "start %s", data ? data : "") < 0) {
        application_tell(application, session, END_FAILED, REASON_OUT_OF_MEMORY);
        return;
    }
    if (entrance_enter()) {
        application_talk(application, session, arguments);
        entrance_leave();
    } else {
        application_tell(application, session, END_FAILED, REASON_UNLOADING);
    }
    free(arguments);
}

void application_run_stream(switch_core_session_t *session, const char *data)
{
    application_run(&application_stream, session, data);
}

void application_run_agent(switch_core_session_t *session, const char *data)
{
    application_run(&application_agent, session, data);
}
