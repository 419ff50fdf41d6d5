/* What modules call on sessions and channels. Both handles are the session's address. */
#include "session.h"

#include "event.h"
#include "globals.h"

#include <stdio.h>
#include <string.h>

/* Of the states of a channel that is up, the one where a dialplan runs. */
#define STATE_EXECUTE ((switch_channel_state_t)4)

static struct session *from_channel(switch_channel_t *channel)
{
    return (struct session *)channel;
}

switch_core_session_t *switch_core_session_perform_locate(const char *uuid, const char *file, const char *func,
                                                          int line)
{
    (void)file;
    (void)func;
    (void)line;
    return uuid != NULL ? (switch_core_session_t *)session_locate(uuid) : NULL;
}

void switch_core_session_rwunlock(switch_core_session_t *session)
{
    session_unlock((struct session *)session);
}

switch_channel_t *switch_core_session_get_channel(switch_core_session_t *session)
{
    return (switch_channel_t *)session;
}

char *switch_core_session_get_uuid(switch_core_session_t *session)
{
    return (char *)((struct session *)session)->uuid;
}

switch_channel_state_t switch_channel_get_state(switch_channel_t *channel)
{
    return atomic_load(&from_channel(channel)->state) >= CHANNEL_HANGUP ? CS_HANGUP : STATE_EXECUTE;
}

switch_call_direction_t switch_channel_direction(switch_channel_t *channel)
{
    return atomic_load(&from_channel(channel)->outbound) ? SWITCH_CALL_DIRECTION_OUTBOUND
                                                         : SWITCH_CALL_DIRECTION_INBOUND;
}

uint32_t switch_channel_test_flag(switch_channel_t *channel, switch_channel_flag_t flag)
{
    struct session *session = from_channel(channel);

    switch (flag) {
    case CF_ANSWERED:
        return atomic_load(&session->answered);
    case CF_EARLY_MEDIA:
        return atomic_load(&session->early);
    case CF_HOLD:
        return atomic_load(&session->suspended);
    }
    return 0;
}

int switch_channel_test_ready(switch_channel_t *channel, switch_bool_t check_ready, switch_bool_t check_media)
{
    struct session *session = from_channel(channel);
    bool has_media = (atomic_load(&session->answered) || atomic_load(&session->early)) &&
                     atomic_load(&session->negotiated);

    if (check_media && (!has_media || !check_ready)) {
        return has_media;
    }
    return check_ready && atomic_load(&session->state) < CHANNEL_HANGUP && !atomic_load(&session->transferring);
}

switch_status_t switch_channel_perform_pre_answer(switch_channel_t *channel, const char *file, const char *func,
                                                  int line)
{
    (void)file;
    (void)func;
    (void)line;
    return session_pre_answer(from_channel(channel)) ? SWITCH_STATUS_SUCCESS : SWITCH_STATUS_FALSE;
}

switch_status_t switch_channel_perform_answer(switch_channel_t *channel, const char *file, const char *func, int line)
{
    (void)file;
    (void)func;
    (void)line;
    return session_answer(from_channel(channel)) ? SWITCH_STATUS_SUCCESS : SWITCH_STATUS_FALSE;
}

switch_status_t switch_channel_set_variable_var_check(switch_channel_t *channel, const char *name, const char *value,
                                                      switch_bool_t check)
{
    struct session *session = from_channel(channel);

    (void)check;
    pthread_mutex_lock(&session->profile_lock);
    headers_set(&session->variables, name, value);
    pthread_mutex_unlock(&session->profile_lock);
    return SWITCH_STATUS_SUCCESS;
}

const char *switch_channel_get_variable_dup(switch_channel_t *channel, const char *name, switch_bool_t dup, int index)
{
    struct session *session = from_channel(channel);
    const char *value;

    (void)dup;
    (void)index;
    pthread_mutex_lock(&session->profile_lock);
    value = headers_get(&session->variables, name);
    value = value != NULL ? pool_strdup(session->pool, value) : NULL;
    pthread_mutex_unlock(&session->profile_lock);
    return value;
}

switch_status_t switch_channel_get_variables(switch_channel_t *channel, switch_event_t **event)
{
    struct session *session = from_channel(channel);
    switch_status_t status;

    pthread_mutex_lock(&session->profile_lock);
    status = switch_event_dup(event, &session->variables);
    pthread_mutex_unlock(&session->profile_lock);
    return status;
}

void *switch_core_perform_session_alloc(switch_core_session_t *session, switch_size_t memory, const char *file,
                                        const char *func, int line)
{
    (void)file;
    (void)func;
    (void)line;
    return pool_alloc(((struct session *)session)->pool, memory);
}

switch_status_t switch_channel_set_private(switch_channel_t *channel, const char *key, const void *value)
{
    session_set_private(from_channel(channel), key, value);
    return SWITCH_STATUS_SUCCESS;
}

void *switch_channel_get_private(switch_channel_t *channel, const char *key)
{
    struct session *session = from_channel(channel);
    void *value = NULL;

    pthread_mutex_lock(&session->profile_lock);
    for (struct private_value *private = session->privates; private != NULL; private = private->next) {
        if (strcmp(private->key, key) == 0) {
            value = (void *)private->value;
        }
    }
    pthread_mutex_unlock(&session->profile_lock);
    return value;
}

switch_channel_callstate_t switch_channel_get_callstate(switch_channel_t *channel)
{
    return atomic_load(&from_channel(channel)->held) ? CCS_HELD : CCS_ACTIVE;
}

/* SWITCH_RTP_FLAG_PAUSE of switch_version_minor() and _micro(). */
#define RTP_PAUSE_FLAG 34

uint32_t switch_rtp_test_flag(switch_rtp_t *rtp, switch_rtp_flag_t flag)
{
    return flag == RTP_PAUSE_FLAG && atomic_load(&((struct rtp *)rtp)->paused);
}

/* What comes while nobody reads is gone here anyway. */
void switch_channel_perform_audio_sync(switch_channel_t *channel, const char *file, const char *func, int line)
{
    (void)channel;
    (void)file;
    (void)func;
    (void)line;
}

static switch_status_t describe(struct media_format format, switch_codec_implementation_t *to)
{
    memset(to, 0, sizeof(*to));
    to->iananame = "L16";
    to->samples_per_second = format.rate;
    to->actual_samples_per_second = format.rate;
    to->bits_per_second = (int)(format.rate * 16u * format.channels);
    to->microseconds_per_packet = (int)(format.ptime_ms * 1000u);
    to->decoded_bytes_per_packet = media_format_bytes(format);
    to->encoded_bytes_per_packet = to->decoded_bytes_per_packet;
    to->samples_per_packet = to->decoded_bytes_per_packet / 2u / format.channels;
    to->number_of_channels = (uint8_t)format.channels;
    return SWITCH_STATUS_SUCCESS;
}

switch_jb_t *switch_core_session_get_jb(switch_core_session_t *session, switch_media_type_t type)
{
    (void)session;
    (void)type;
    return NULL; /* frames come as they are */
}

switch_status_t switch_core_session_get_read_impl(switch_core_session_t *session, switch_codec_implementation_t *to)
{
    return describe(session_read_format((struct session *)session), to);
}

switch_status_t switch_core_session_get_write_impl(switch_core_session_t *session, switch_codec_implementation_t *to)
{
    return describe(session_write_format((struct session *)session), to);
}

switch_codec_t *switch_core_session_get_effective_write_codec(switch_core_session_t *session)
{
    return session_write_codec((struct session *)session);
}

static void add_number(switch_event_t *event, const char *name, uint32_t number)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", number);
    headers_add(event, name, text);
}

static const char *answer_state(struct session *session)
{
    switch (atomic_load(&session->state)) {
    case CHANNEL_RINGING:
        return "ringing";
    case CHANNEL_EARLY:
        return "early";
    case CHANNEL_ANSWERED:
        return "answered";
    default:
        return "hangup";
    }
}

void switch_channel_event_set_data(switch_channel_t *channel, switch_event_t *event)
{
    struct session *session = from_channel(channel);
    char name[512];

    pthread_mutex_lock(&session->profile_lock);
    headers_add(event, "Channel-State", switch_channel_get_state(channel) == CS_HANGUP ? "CS_HANGUP" : "CS_EXECUTE");
    headers_add(event, "Channel-Name", session->name);
    headers_add(event, "Unique-ID", session->uuid);
    headers_add(event, "Call-Direction", atomic_load(&session->outbound) ? "outbound" : "inbound");
    headers_add(event, "Channel-Call-UUID", session->uuid);
    headers_add(event, "Answer-State", answer_state(session));
    headers_add(event, "Channel-Read-Codec-Name", "L16");
    add_number(event, "Channel-Read-Codec-Rate", session_read_format(session).rate);
    headers_add(event, "Channel-Write-Codec-Name", "L16");
    add_number(event, "Channel-Write-Codec-Rate", session_write_format(session).rate);
    for (switch_event_header_t *header = session->variables.headers; header != NULL; header = header->next) {
        snprintf(name, sizeof(name), "variable_%s", header->name);
        headers_add(event, name, header->value);
    }
    pthread_mutex_unlock(&session->profile_lock);
}
