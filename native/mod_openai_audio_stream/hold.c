#include "hold.h"

#include "link_streams.h"

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

static bool hold_is_paused(switch_rtp_t *rtp)
{
    return rtp && switch_rtp_test_flag(rtp, pause_flag);
}

/* Packets are dropped for as long as the RTP session has its flag. That outlasts the call's state where FreeSWITCH takes
 * the channel off hold by itself, as in a transfer, and the peer has not. The flag alone is no hold: it has other uses. */
bool hold_drops_still(struct stream *stream, bool held)
{
    if (held && !atomic_load_explicit(&stream->writes.on_hold, memory_order_relaxed)) {
        atomic_store_explicit(&stream->writes.on_hold, true, memory_order_relaxed);
    }
    return held || hold_is_paused(atomic_load_explicit(&stream->writes.rtp, memory_order_relaxed));
}

/* What FreeSWITCH says of a channel. */
struct hold_facts {
    switch_rtp_t *rtp;
    bool suspended;
    bool held;
    bool paused;
};

static struct hold_facts hold_look(switch_channel_t *channel)
{
    switch_rtp_t *rtp = switch_channel_get_private(channel, RTP_KEY);

    return (struct hold_facts){
        .rtp = rtp,
        .suspended = switch_channel_test_flag(channel, CF_HOLD),
        .held = switch_channel_get_callstate(channel) == CCS_HELD,
        .paused = hold_is_paused(rtp),
    };
}

/* True: it was suspended, and is no longer. One thread alone is told so. */
static bool hold_end_suspension(struct link *link, bool suspended)
{
    bool ended;

    pthread_mutex_lock(&link->lock);
    ended = link->suspended && !suspended;
    link->suspended = suspended;
    pthread_mutex_unlock(&link->lock);
    return ended;
}

static unsigned hold_count(struct link *link)
{
    unsigned count;

    pthread_mutex_lock(&link->lock);
    count = link->holds_noted;
    pthread_mutex_unlock(&link->lock);
    return count;
}

/* Written only where it differs: the media thread reads these lines with each frame. */
static void hold_note_stream(struct stream *stream, switch_rtp_t *rtp, bool on_hold)
{
    if (atomic_load_explicit(&stream->writes.rtp, memory_order_relaxed) != rtp) {
        atomic_store_explicit(&stream->writes.rtp, rtp, memory_order_relaxed);
    }
    if (atomic_load_explicit(&stream->writes.on_hold, memory_order_relaxed) != on_hold) {
        atomic_store_explicit(&stream->writes.on_hold, on_hold, memory_order_relaxed);
    }
}

/* False, and nothing done: another look has been noted since the count was taken, and this one may be older. */
static bool hold_note_facts(struct link *link, const struct hold_facts *facts, unsigned count)
{
    bool before, on_hold, noted;

    pthread_mutex_lock(&link->lock);
    noted = link->holds_noted == count;
    if (noted) {
        link->holds_noted++;
        before = link->on_hold;
        for (struct stream *stream = link->streams; stream; stream = stream->listed.next) {
            before = before || atomic_load_explicit(&stream->writes.on_hold, memory_order_relaxed);
        }
        on_hold = facts->suspended || facts->held || (before && facts->paused);
        for (struct stream *stream = link->streams; stream; stream = stream->listed.next) {
            hold_note_stream(stream, facts->rtp, on_hold);
        }
        link_set_on_hold(link, on_hold);
    }
    pthread_mutex_unlock(&link->lock);
    return noted;
}

void hold_note(struct link *link, switch_channel_t *channel)
{
    struct hold_facts facts;
    unsigned count;

    if (hold_end_suspension(link, switch_channel_test_flag(channel, CF_HOLD))) {
        /* All packets of the hold lie in the socket still. FreeSWITCH would go on with the oldest, and the caller would
         * be heard that much late for the rest of the call. */
        switch_channel_perform_audio_sync(channel, __FILE_NAME__, __func__, __LINE__);
    }
    /* FreeSWITCH is asked without the lock, and what it says is noted in the order in which it was asked. */
    do {
        count = hold_count(link);
        facts = hold_look(channel);
    } while (!hold_note_facts(link, &facts, count));
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
