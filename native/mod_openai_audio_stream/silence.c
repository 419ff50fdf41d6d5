#include "silence.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_LIMIT 8192u /* bytes; FreeSWITCH's own largest packet */

struct silence {
    struct silence *next;
    uint32_t rate; /* Hz */
    int packet_us;
    uint8_t channels;
    bool usable; /* FreeSWITCH has a codec for this */
    switch_codec_room_t codec;
    switch_frame_room_t frame;
    int16_t pcm[FRAME_LIMIT / sizeof(int16_t)];
};

static switch_codec_t *silence_codec(struct silence *silence)
{
    return (switch_codec_t *)(void *)&silence->codec;
}

static struct silence *silences_add(struct silences *silences, const switch_codec_implementation_t *written)
{
    struct silence *silence = calloc(1, sizeof(*silence));

    if (!silence) {
        return NULL;
    }
    silence->rate = written->actual_samples_per_second;
    silence->packet_us = written->microseconds_per_packet;
    silence->channels = written->number_of_channels;
    /* One that can't be made is kept too: it would be tried with each frame otherwise. */
    silence->usable = switch_core_codec_init_with_bitrate(silence_codec(silence), "L16", NULL, NULL, silence->rate,
                                                          silence->packet_us / 1000, silence->channels, 0,
                                                          SWITCH_CODEC_FLAG_ENCODE | SWITCH_CODEC_FLAG_DECODE, NULL,
                                                          NULL) == SWITCH_STATUS_SUCCESS;
    silence->next = silences->first;
    silences->first = silence;
    return silence;
}

static struct silence *silences_find(struct silences *silences, const switch_codec_implementation_t *written)
{
    for (struct silence *silence = silences->first; silence; silence = silence->next) {
        if (silence->rate == written->actual_samples_per_second &&
            silence->packet_us == written->microseconds_per_packet &&
            silence->channels == written->number_of_channels) {
            return silence;
        }
    }
    return silences_add(silences, written);
}

/* With the write lock held: what the codec is now it is until the frame is gone. */
static uint64_t silences_write_locked(struct silences *silences, switch_core_session_t *session)
{
    switch_codec_implementation_room_t written;
    struct silence *silence;
    switch_frame_t *frame;

    /* A frame for a channel without a codec makes FreeSWITCH hang it up. */
    if (!switch_channel_test_ready(switch_core_session_get_channel(session), SWITCH_TRUE, SWITCH_TRUE)) {
        return 0;
    }
    memset(&written, 0, sizeof(written));
    switch_core_session_get_write_impl(session, &written.impl);
    if (written.impl.actual_samples_per_second == 0 || written.impl.microseconds_per_packet <= 0 ||
        written.impl.number_of_channels == 0 || written.impl.decoded_bytes_per_packet == 0 ||
        written.impl.decoded_bytes_per_packet > FRAME_LIMIT) {
        return 0;
    }
    silence = silences_find(silences, &written.impl);
    if (!silence || !silence->usable) {
        return 0;
    }
    /* Afresh each time: bugs before ours may have written into the last one. */
    memset(silence->pcm, 0, written.impl.decoded_bytes_per_packet);
    memset(&silence->frame, 0, sizeof(silence->frame));
    frame = &silence->frame.frame;
    frame->codec = silence_codec(silence);
    frame->data = silence->pcm;
    frame->buflen = sizeof(silence->pcm);
    frame->datalen = written.impl.decoded_bytes_per_packet;
    frame->samples = frame->datalen / (silence->channels * (uint32_t)sizeof(int16_t));
    frame->rate = silence->rate;
    frame->channels = silence->channels;
    switch_core_session_write_frame(session, frame, SWITCH_IO_FLAG_NONE, 0);
    return (uint64_t)silence->packet_us * 1000;
}

uint64_t silences_write(struct silences *silences, switch_core_session_t *session)
{
    uint64_t packet_ns;

    switch_core_session_lock_codec_write(session);
    packet_ns = silences_write_locked(silences, session);
    switch_core_session_unlock_codec_write(session);
    return packet_ns;
}

void silences_free(struct silences *silences)
{
    while (silences->first) {
        struct silence *silence = silences->first;

        silences->first = silence->next;
        if (silence->usable) {
            switch_core_codec_destroy(silence_codec(silence));
        }
        free(silence);
    }
}
