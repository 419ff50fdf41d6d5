#include "hold.h"

#include "link.h"
#include "service.h"
#include "stream.h"

#include <stdlib.h>

/* Under this name FreeSWITCH keeps a channel's RTP session, of video where there is one: a hold pauses all of them. The
 * session's pool holds it, so that it can be read as long as the channel is there, also when it is in use no more. */
#define RTP_KEY "__rtcp_audio_rtp_session"

/* FreeSWITCH's SWITCH_RTP_FLAG_PAUSE, with which an RTP session sends no packets. 1.10.9 took four flags out. */
#define PAUSE_FLAG 34
#define PAUSE_FLAG_BEFORE_1_10_9 38

static switch_rtp_flag_t pause_flag;

void hold_init(void)
{
    int minor = atoi(switch_version_minor()), micro = atoi(switch_version_micro());

    pause_flag = minor < 10 || (minor == 10 && micro < 9) ? PAUSE_FLAG_BEFORE_1_10_9 : PAUSE_FLAG;
}

/* Packets are dropped for as long as the RTP session has its flag. That outlasts the call's state where FreeSWITCH takes
 * the channel off hold by itself, as in a transfer, and the peer has not. The flag alone is no hold: it has other uses. */
static bool hold_drops(switch_channel_t *channel, switch_rtp_t *rtp, bool before)
{
    return switch_channel_get_callstate(channel) == CCS_HELD ||
           (before && rtp && switch_rtp_test_flag(rtp, pause_flag));
}

bool hold_seen(struct stream *stream, switch_core_session_t *session)
{
    switch_rtp_t *rtp = atomic_load_explicit(&stream->rtp, memory_order_relaxed);
    bool before = atomic_load_explicit(&stream->on_hold, memory_order_relaxed);
    bool drops = hold_drops(switch_core_session_get_channel(session), rtp, before);

    if (drops != before) {
        atomic_store_explicit(&stream->on_hold, drops, memory_order_relaxed);
        service_review();
    }
    return drops;
}

static bool hold_note_suspended(struct link *link, bool suspended)
{
    bool before;

    pthread_mutex_lock(&link->lock);
    before = link->suspended;
    link->suspended = suspended;
    pthread_mutex_unlock(&link->lock);
    return before;
}

/* Written only where it differs: the media thread reads these lines with each frame. */
static void hold_note_stream(struct stream *stream, switch_rtp_t *rtp, bool on_hold)
{
    if (atomic_load_explicit(&stream->rtp, memory_order_relaxed) != rtp) {
        atomic_store_explicit(&stream->rtp, rtp, memory_order_relaxed);
    }
    if (atomic_load_explicit(&stream->on_hold, memory_order_relaxed) != on_hold) {
        atomic_store_explicit(&stream->on_hold, on_hold, memory_order_relaxed);
    }
}

void hold_note(struct link *link, switch_channel_t *channel)
{
    switch_rtp_t *rtp = switch_channel_get_private(channel, RTP_KEY);
    bool suspended = switch_channel_test_flag(channel, CF_HOLD);
    bool on_hold;

    if (hold_note_suspended(link, suspended) && !suspended) {
        /* All packets of the hold lie in the socket still. FreeSWITCH would go on with the oldest, and the caller would
         * be heard that much late for the rest of the call. */
        switch_channel_perform_audio_sync(channel, __FILE_NAME__, __func__, __LINE__);
    }
    pthread_mutex_lock(&link->lock);
    on_hold = suspended || hold_drops(channel, rtp, link->on_hold);
    for (struct stream *stream = link->streams; stream; stream = stream->next) {
        hold_note_stream(stream, rtp, on_hold);
    }
    link_set_on_hold(link, on_hold);
    pthread_mutex_unlock(&link->lock);
}

void hold_review(struct link *link)
{
    switch_core_session_t *session =
        switch_core_session_perform_locate(link->uuid, __FILE_NAME__, __func__, __LINE__);

    if (session) {
        hold_note(link, switch_core_session_get_channel(session));
        switch_core_session_rwunlock(session);
    }
}
