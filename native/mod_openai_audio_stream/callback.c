#include "callback.h"

#include "closed_streams.h"
#include "hold.h"
#include "monotonic.h"
#include "stream.h"

/* More than one frame is there only after a change of packet size. */
#define FRAMES_PER_READ 4u
/* A jitter buffer is rarely put in while a call is up, and asking costs a sixth of what a frame does. */
#define FRAMES_PER_LOOK 16u

/*
 * A channel with a codec of two channels, tapped in stereo: FreeSWITCH interleaves sample by sample, which leaves
 * caller left, callee left, caller right, callee right. Each party's two become one.
 */
static uint32_t callback_fold(int16_t *pcm, uint32_t bytes)
{
    uint32_t groups = bytes / (4 * sizeof(*pcm));

    for (uint32_t i = 0; i < groups; i++) {
        int16_t caller = (int16_t)((pcm[4 * i] + pcm[4 * i + 2]) / 2);
        int16_t callee = (int16_t)((pcm[4 * i + 1] + pcm[4 * i + 3]) / 2);

        pcm[2 * i] = caller;
        pcm[2 * i + 1] = callee;
    }
    return groups * 2 * (uint32_t)sizeof(*pcm);
}

/* Whether another frame of the caller's waits: asking is cheaper than a read that comes to nothing. */
static bool callback_has_more(switch_media_bug_t *bug)
{
    switch_size_t caller, channel;

    switch_core_media_bug_inuse(bug, &caller, &channel);
    return caller > 0;
}

/* Of what was said and heard. By the switch's clock, which is CLOCK_MONOTONIC but where tests step it. */
static uint64_t callback_slot_time(void)
{
    return (uint64_t)switch_mono_micro_time_now() * 1000u;
}

/* Of a channel with a jitter buffer. */
static void callback_look_for_pauses(struct stream *stream)
{
    uint32_t pauses = switch_core_session_get_jb(stream->writes.session, SWITCH_MEDIA_TYPE_AUDIO) != NULL;

    atomic_store_explicit(&stream->memory->read_pauses, pauses, memory_order_relaxed);
}

static void callback_capture(struct stream *stream, switch_media_bug_t *bug)
{
    switch_frame_t *frame = &stream->reads.frame.frame;
    uint64_t now = callback_slot_time();

    for (unsigned i = 0; i < FRAMES_PER_READ && (i == 0 || callback_has_more(bug)); i++) {
        /* With `fill`, a read ends when one of the directions has nothing, which is right for one direction alone:
         * without, FreeSWITCH makes up frames for ever. Of two directions the caller's sets the pace: the first read
         * takes it even where the channel sends nothing. */
        switch_bool_t fill = stream->capturing == CAPTURE_MONO || i > 0 ? SWITCH_TRUE : SWITCH_FALSE;
        uint32_t bytes, channels;

        frame->data = stream->reads.pcm;
        frame->buflen = STREAM_PCM_LIMIT;
        if (switch_core_media_bug_read(bug, frame, fill) != SWITCH_STATUS_SUCCESS) {
            return;
        }
        bytes = frame->datalen;
        channels = frame->channels;
        if (bytes == 0 || bytes > sizeof(stream->reads.pcm) || channels < 1 || channels > 2 || frame->rate == 0 ||
            bytes % (channels * sizeof(int16_t)) != 0) {
            return;
        }
        if (stream->capturing == CAPTURE_STEREO && frame->samples > 0 &&
            bytes == frame->samples * 4 * sizeof(int16_t)) {
            bytes = callback_fold((int16_t *)(void *)stream->reads.pcm, bytes);
        }
        if (stream->reads.capture.position % FRAMES_PER_LOOK == 0) {
            callback_look_for_pauses(stream);
        }
        slot_ring_write(&stream->reads.capture, stream->reads.pcm, bytes, frame->rate, (uint16_t)channels, now);
    }
}

/*
 * How many bytes go out in place of a frame, which FreeSWITCH has converted to the write codec's rate and channels: as
 * many as it holds, since a writer paces itself by what it writes.
 *
 * A frame that bears the session's own write codec FreeSWITCH does not convert: it is one packet, whatever it holds,
 * and made up to that with noise over its start. A writer can come to that without knowing (callback_pass), and goes on in
 * the channel's first rate when the codec has changed.
 */
static uint32_t callback_bytes(switch_core_session_t *session, const switch_frame_t *frame,
                            const switch_codec_implementation_t *written)
{
    bool one_packet = frame->codec && frame->codec == switch_core_session_get_effective_write_codec(session);

    return one_packet && written->decoded_bytes_per_packet ? written->decoded_bytes_per_packet : frame->datalen;
}

/* The incoming frame as a header of ours. Only what says how it sounds and when: the packet and what else hangs on
 * the frame belong to the audio that is replaced. */
static void callback_describe(struct stream_playout *playout, const switch_frame_t *from, uint32_t samples,
                           uint32_t rate, uint32_t channels)
{
    playout->frame.frame = (switch_frame_t){
        .codec = from->codec,
        .source = from->source,
        .data = playout->pcm,
        .datalen = samples * channels * (uint32_t)sizeof(int16_t),
        .buflen = sizeof(playout->pcm),
        .samples = samples,
        .rate = rate,
        .channels = channels,
        .payload = from->payload,
        .timestamp = from->timestamp,
        .seq = from->seq,
        .ssrc = from->ssrc,
        .m = from->m,
    };
}

/*
 * The writer's frame goes out, but not as it is: behind a bug that can replace frames, FreeSWITCH puts its own codec
 * into one that an encoder with nothing to do (L16) lets through. To a writer that uses its frame again that would be
 * the end of its own codec, and of the conversion that it needs once the channel's codec changes.
 */
static void callback_pass(struct stream_playout *playout, switch_media_bug_t *bug, const switch_frame_t *frame)
{
    playout->frame.frame = *frame;
    switch_core_media_bug_set_write_replace_frame(bug, &playout->frame.frame);
}

static void callback_playback(struct stream *stream, switch_media_bug_t *bug)
{
    switch_frame_t *frame;
    struct stream_playout *playout = stream->writes.playout;
    switch_codec_implementation_room_t codec;
    uint32_t bytes, samples, rate, channels;
    uint64_t now;
    bool on_hold;

    playback_ring_prefetch(&stream->writes.playback);
    frame = switch_core_media_bug_get_write_replace_frame(bug);
    now = monotonic_ns();
    on_hold = hold_drops(stream);
    if (!stream->writes.writing) {
        atomic_store_explicit(&stream->writes.channel_write_ns, now, memory_order_relaxed);
        /* Single writer, by the session's codec write lock. */
        atomic_store_explicit(&stream->writes.channel_frames,
                              atomic_load_explicit(&stream->writes.channel_frames, memory_order_relaxed) + 1,
                              memory_order_relaxed);
    }
    if (!frame || frame->datalen == 0 || frame->datalen > STREAM_PCM_LIMIT) {
        return;
    }
    /* By now FreeSWITCH has converted the audio to the write codec's rate and channels. The frame itself is no
     * witness: where nothing had to be converted it is the writer's own, who need not have filled in its rate. */
    switch_core_session_get_write_impl(stream->writes.session, &codec.impl);
    rate = codec.impl.actual_samples_per_second ? codec.impl.actual_samples_per_second : frame->rate;
    channels = codec.impl.number_of_channels;
    bytes = callback_bytes(stream->writes.session, frame, &codec.impl);
    if (rate == 0 || channels < 1 || channels > 2 || bytes > STREAM_PCM_LIMIT ||
        bytes % (channels * sizeof(int16_t)) != 0) {
        return;
    }
    samples = bytes / (channels * (uint32_t)sizeof(int16_t));
    if (!playback_ring_read(&stream->writes.playback, playout->pcm, samples, rate, now, on_hold)) {
        callback_pass(playout, bug, frame);
        return;
    }
    if (stream->writes.recording) {
        played_ring_write(&stream->writes.played, stream->memory, playout->pcm, samples, rate, callback_slot_time());
    }
    if (channels == 2) {
        for (uint32_t i = samples; i-- > 0;) {
            playout->pcm[2 * i + 1] = playout->pcm[2 * i] = playout->pcm[i];
        }
    }
    /* Never in place: the writer may send the same buffer again, expecting its own audio there. */
    callback_describe(playout, frame, samples, rate, channels);
    switch_core_media_bug_set_write_replace_frame(bug, &playout->frame.frame);
}

switch_bool_t callback_run(switch_media_bug_t *bug, void *user_data, switch_abc_type_t type)
{
    struct stream *stream = user_data;

    switch (type) {
    case SWITCH_ABC_TYPE_READ:
        callback_capture(stream, bug);
        break;
    case SWITCH_ABC_TYPE_WRITE_REPLACE:
        callback_playback(stream, bug);
        break;
    case SWITCH_ABC_TYPE_CLOSE:
        closed_streams_add(stream);
        break;
    default:
        break;
    }
    return SWITCH_TRUE; /* false would take the bug off: streams end elsewhere */
}
