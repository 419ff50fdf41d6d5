#define _GNU_SOURCE
#include "stream_open.h"

#include "callback.h"
#include "digits.h"
#include "event.h"
#include "hold.h"
#include "link_streams.h"
#include "lookout.h"
#include "memory.h"
#include "reasons.h"
#include "watch.h"

#include <string.h>
#include <unistd.h>

/* Under this name the session keeps the playout frame. The number changes with the struct: another version of the
 * module may have been loaded on this channel before. */
#define PLAYOUT_KEY "openai_audio_stream_playout_1"
#define BUG_FUNCTION "openai_audio_stream"

static switch_media_bug_flag_t stream_bug_flags(const struct stream *stream)
{
    /* Paused bugs are a feature of recordings; a conversation goes on, and has a pause of its own. */
    switch_media_bug_flag_t flags = SMBF_NO_PAUSE;

    if (stream->capturing != CAPTURE_NONE) {
        flags |= SMBF_READ_STREAM;
    }
    if (stream->capturing == CAPTURE_MIXED || stream->capturing == CAPTURE_STEREO) {
        flags |= SMBF_WRITE_STREAM;
    }
    if (stream->capturing == CAPTURE_STEREO) {
        flags |= SMBF_STEREO;
    }
    if (stream->playing) {
        /* First, so that recordings and other taps of what the channel sends hear the agent, whenever they began. */
        flags |= SMBF_WRITE_REPLACE | SMBF_FIRST;
    }
    return flags;
}

static bool stream_find_playout(struct stream *stream, switch_core_session_t *session, switch_channel_t *channel)
{
    struct stream_playout *playout = switch_channel_get_private(channel, PLAYOUT_KEY);

    if (!playout) {
        playout = switch_core_perform_session_alloc(session, sizeof(*playout), __FILE_NAME__, __func__, __LINE__);
        if (!playout) {
            return false;
        }
        memset(playout, 0, sizeof(*playout));
        if (switch_channel_set_private(channel, PLAYOUT_KEY, playout) != SWITCH_STATUS_SUCCESS) {
            return false;
        }
    }
    stream->writes.playout = playout;
    return true;
}

/* What a restarted engine is told: these fields, after those of the command. */
static void stream_describe(struct stream *stream, const struct wire_buffer *command, uint32_t request,
                            const switch_codec_implementation_t *read, const switch_codec_implementation_t *write,
                            struct wire_buffer *opened)
{
    uint64_t packet_us = read->microseconds_per_packet > 0 ? (uint64_t)read->microseconds_per_packet : 0;
    size_t header;

    wire_begin(opened, WIRE_OPENED, stream->id, request);
    header = opened->used;
    wire_number(opened, "read_rate", read->actual_samples_per_second);
    wire_number(opened, "write_rate", write->actual_samples_per_second);
    wire_number(opened, "ptime_ms", packet_us / 1000);
    wire_number(opened, "channels", read->number_of_channels);
    wire_text(opened, "read_codec", read->iananame ? read->iananame : "");
    wire_text(opened, "write_codec", write->iananame ? write->iananame : "");
    if (command->failed || opened->failed) {
        opened->failed = true;
        return;
    }
    wire_fields(&stream->resume, command->bytes, command->used);
    wire_fields(&stream->resume, opened->bytes + header, opened->used - header);
    wire_text(&stream->resume, "name", stream->name);
    opened->failed = stream->resume.failed;
}

static bool stream_has_media_flags(switch_channel_t *channel)
{
    return switch_channel_test_flag(channel, CF_ANSWERED) || switch_channel_test_flag(channel, CF_EARLY_MEDIA);
}

/* NULL: the channel's media is ready, or, as `*to_come` says, about to be; otherwise why not. */
static const char *stream_make_ready(switch_channel_t *channel, bool *to_come)
{
    *to_come = false;
    if (switch_channel_test_ready(channel, SWITCH_TRUE, SWITCH_TRUE)) {
        return NULL;
    }
    if (switch_channel_get_state(channel) >= CS_HANGUP) {
        return REASON_NO_EARLY_MEDIA;
    }
    if (!stream_has_media_flags(channel)) {
        /* Of a call that FreeSWITCH has placed, the other side alone decides. For the others
         * switch_core_media_bug_add would do it too, but the codecs are wanted before. */
        if (switch_channel_direction(channel) == SWITCH_CALL_DIRECTION_OUTBOUND ||
            switch_channel_perform_pre_answer(channel, __FILE_NAME__, __func__, __LINE__) != SWITCH_STATUS_SUCCESS) {
            return REASON_NO_EARLY_MEDIA;
        }
    }
    *to_come = !switch_channel_test_ready(channel, SWITCH_TRUE, SWITCH_TRUE);
    return NULL;
}

/* NULL: the bug is on, and OPENED is said; otherwise why not. */
static const char *stream_add(struct stream *stream, switch_core_session_t *session, const struct wire_buffer *command,
                              uint32_t request)
{
    switch_channel_t *channel = switch_core_session_get_channel(session);
    switch_codec_implementation_room_t read, write;
    struct wire_buffer opened = {0};
    uint32_t frame_bytes, played_bytes;
    int told;

    switch_core_session_get_read_impl(session, &read.impl);
    switch_core_session_get_write_impl(session, &write.impl);
    if (read.impl.actual_samples_per_second == 0 || write.impl.actual_samples_per_second == 0) {
        return REASON_NO_CODEC;
    }
    frame_bytes = read.impl.decoded_bytes_per_packet * (stream->capturing == CAPTURE_STEREO ? 2 : 1);
    played_bytes = write.impl.decoded_bytes_per_packet;
    if (played_bytes > STREAM_PCM_LIMIT) {
        played_bytes = STREAM_PCM_LIMIT; /* a longer frame is never replaced */
    }
    if (frame_bytes > sizeof(stream->reads.pcm)) {
        return REASON_FRAMES_TOO_LARGE;
    }
    if (!memory_create(stream, frame_bytes, played_bytes, write.impl.actual_samples_per_second)) {
        return stream_lacks_descriptors() ? REASON_TOO_MANY_FILES : REASON_NO_MEMORY_FOR_AUDIO;
    }
    /* Here, so that no first touch is the media thread's; twice as much, for a codec of twice the rate. */
    memset(stream->reads.pcm, 0, 2 * frame_bytes < sizeof(stream->reads.pcm) ? 2 * frame_bytes : sizeof(stream->reads.pcm));
    if (stream->playing && !stream_find_playout(stream, session, channel)) {
        return REASON_NO_MEMORY_FOR_FRAME;
    }
    stream_describe(stream, command, request, &read.impl, &write.impl, &opened);
    if (opened.failed) {
        wire_free(&opened);
        return REASON_NO_MEMORY_FOR_STREAM;
    }
    /* Before the bug is on: it would stay on unknown to the engine if OPENED could not be said. */
    told = stream_own_descriptor(stream);
    if (told < 0) {
        wire_free(&opened);
        return REASON_TOO_MANY_FILES;
    }

    stream->writes.session = session;
    stream->writes.channel = channel;
    /* Listed first, and with the bug's own reference: CLOSE may come as soon as the bug is on. */
    link_add_stream(stream->link, stream);
    stream_reference(stream);
    hold_note(stream->link, channel);
    digits_watch(session);
    if (switch_core_media_bug_add(session, BUG_FUNCTION, stream->name, callback_run, stream, 0,
                                  stream_bug_flags(stream), &stream->bug) != SWITCH_STATUS_SUCCESS) {
        /* The callback never refuses INIT, so it has not been called and never will be. */
        stream_unreference(stream);
        link_stream_failed(stream);
        wire_free(&opened);
        close(told);
        return REASON_BUG_REFUSED;
    }
    lookout_add(stream);
    link_stream_opened(stream, &opened, told);
    watch_wake(); /* a CLOSE that came meanwhile waits for this */
    return NULL;
}

static void stream_keep_template(struct link *link, switch_core_session_t *session)
{
    switch_event_t *template;
    bool wanted;

    pthread_mutex_lock(&link->lock);
    wanted = !link->template;
    pthread_mutex_unlock(&link->lock);
    /* No one else can set it: we have the claim. */
    if (wanted && (template = event_template(session))) {
        pthread_mutex_lock(&link->lock);
        link->template = template;
        pthread_mutex_unlock(&link->lock);
    }
}

/* NULL: the stream is open; otherwise why not. */
static const char *stream_open_on(switch_core_session_t *session, struct link *link, const struct message *open,
                                  const struct wire_buffer *command, struct stream **opened)
{
    struct stream *stream = stream_create(link, open);
    const char *reason;

    if (!stream) {
        return REASON_NO_MEMORY_FOR_STREAM;
    }
    reason = stream_add(stream, session, command, open->header.request);
    if (reason) {
        stream_unreference(stream);
    } else {
        *opened = stream;
    }
    return reason;
}

enum stream_opening stream_open(struct link *link, const struct message *open, const struct wire_buffer *command,
                                struct stream **opened)
{
    switch_core_session_t *session =
        switch_core_session_perform_locate(link->uuid, __FILE_NAME__, __func__, __LINE__);
    bool to_come = false;
    const char *reason;

    if (!session) {
        reason = REASON_CHANNEL_NOT_FOUND;
    } else {
        stream_keep_template(link, session);
        reason = stream_make_ready(switch_core_session_get_channel(session), &to_come);
        if (!reason && !to_come) {
            reason = stream_open_on(session, link, open, command, opened);
        }
        switch_core_session_rwunlock(session);
    }
    if (reason) {
        stream_send_open_failed(link, open, reason);
        return STREAM_REFUSED;
    }
    return to_come ? STREAM_MEDIA_TO_COME : STREAM_OPENED;
}
