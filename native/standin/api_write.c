/* What modules call to write frames to a session, and to wait on its thread. */
#include "application.h"
#include "call.h"

#include "frame.h"
#include "histogram.h"

#include <string.h>
#include <time.h>

#define READ_WITHIN_NS (20u * 1000 * 1000)
#define UNREAD_POLL_NS (5 * 1000 * 1000)

/* All that a module may know of a codec of its own is its address. */
struct codec {
    const void *interface;
    uint32_t rate;
    int ptime_ms;
    int channels;
};
_Static_assert(sizeof(struct codec) <= sizeof(switch_codec_room_t), "room");

switch_status_t switch_core_codec_init_with_bitrate(switch_codec_t *codec, const char *name, const char *fmtp,
                                                    const char *module, uint32_t rate, int ms, int channels,
                                                    uint32_t bitrate, uint32_t flags,
                                                    const switch_codec_settings_t *settings,
                                                    switch_memory_pool_t *pool)
{
    struct codec *made = (struct codec *)codec;

    (void)fmtp;
    (void)module;
    (void)bitrate;
    (void)flags;
    (void)settings;
    (void)pool;
    memset(made, 0, sizeof(*made));
    if (strcmp(name, "L16") != 0 || rate == 0 || ms <= 0 || channels <= 0) {
        return SWITCH_STATUS_GENERR;
    }
    *made = (struct codec){.interface = made, .rate = rate, .ptime_ms = ms, .channels = channels};
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_core_codec_destroy(switch_codec_t *codec)
{
    memset(codec, 0, sizeof(struct codec));
    return SWITCH_STATUS_SUCCESS;
}

void switch_core_session_lock_codec_write(switch_core_session_t *handle)
{
    pthread_mutex_lock(&((struct session *)handle)->codec_write_lock);
}

void switch_core_session_unlock_codec_write(switch_core_session_t *handle)
{
    pthread_mutex_unlock(&((struct session *)handle)->codec_write_lock);
}

/* The stand-in doesn't transcode: a frame that is not the channel's own format is one that a module got wrong. */
static bool frame_fits(struct session *session, const switch_frame_t *frame)
{
    const struct codec *codec = (const struct codec *)frame->codec;
    struct media_format format = session_write_format(session);

    return codec != NULL && codec->interface == codec && codec->rate == format.rate &&
           (uint32_t)codec->ptime_ms == format.ptime_ms && (uint32_t)codec->channels == format.channels &&
           frame->datalen == media_format_bytes(format);
}

switch_status_t switch_core_session_write_frame(switch_core_session_t *handle, switch_frame_t *frame,
                                                switch_io_flag_t flags, int stream_id)
{
    struct session *session = (struct session *)handle;
    unsigned char sent[CALL_FRAME_ROOM];

    (void)flags;
    (void)stream_id;
    if (!session_media_ready(session) || atomic_load(&session->transferring)) {
        return SWITCH_STATUS_FALSE;
    }
    if (!atomic_load(&session->call->clocked) && !atomic_load(&session->application)) {
        return SWITCH_STATUS_SUCCESS; /* between two steps there is no time for it */
    }
    if (pthread_mutex_trylock(&session->codec_write_lock) != 0) {
        return SWITCH_STATUS_SUCCESS; /* dropped, as FreeSWITCH does where another thread is writing */
    }
    if (!frame_fits(session, frame)) {
        session_mark_hangup(session); /* what FreeSWITCH does to a call for a frame without a codec */
    } else {
        call_keep_sent(session->call, sent, frame_pass(session, frame, sent, sizeof(sent)));
    }
    pthread_mutex_unlock(&session->codec_write_lock);
    return SWITCH_STATUS_SUCCESS;
}

static switch_status_t take_digits(struct session *session, switch_input_args_t *arguments)
{
    switch_status_t status = SWITCH_STATUS_SUCCESS;
    uint64_t digit[8] = {0};

    while (status == SWITCH_STATUS_SUCCESS && atomic_load(&session->digits) > 0) {
        if (arguments->input_callback == NULL) {
            return SWITCH_STATUS_BREAK;
        }
        atomic_fetch_sub(&session->digits, 1);
        status = arguments->input_callback((switch_core_session_t *)session, digit, SWITCH_INPUT_TYPE_DTMF,
                                           arguments->buf, arguments->buflen);
    }
    return status;
}

/* As in FreeSWITCH: success also where the channel is no longer ready, and then at once. */
static switch_status_t sleep_without_media(struct session *session, uint64_t end_ns)
{
    while (monotonic_ns() < end_ns && atomic_load(&session->state) < CHANNEL_HANGUP &&
           !atomic_load(&session->transferring)) {
        if (atomic_exchange(&session->broken, false)) {
            return SWITCH_STATUS_BREAK;
        }
        nanosleep(&(struct timespec){.tv_nsec = UNREAD_POLL_NS}, NULL);
    }
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_ivr_sleep(switch_core_session_t *handle, uint32_t ms, switch_bool_t sync,
                                 switch_input_args_t *arguments)
{
    struct session *session = (struct session *)handle;
    uint64_t end_ns = monotonic_ns() + (uint64_t)ms * 1000 * 1000;
    uint64_t steps = call_steps(session->call);
    switch_status_t status = SWITCH_STATUS_SUCCESS;
    switch_frame_t frame = {0};

    (void)sync;
    if (!session_media_ready(session) || atomic_load(&session->transferring)) {
        return sleep_without_media(session, end_ns);
    }
    while (status == SWITCH_STATUS_SUCCESS) {
        uint64_t now = monotonic_ns();

        if (atomic_load(&session->state) >= CHANNEL_HANGUP || atomic_load(&session->transferring)) {
            return SWITCH_STATUS_FALSE;
        }
        if (atomic_exchange(&session->broken, false)) {
            return SWITCH_STATUS_BREAK;
        }
        if (now >= end_ns) {
            return SWITCH_STATUS_SUCCESS;
        }
        application_run_queued(session);
        status = take_digits(session, arguments);
        if (status == SWITCH_STATUS_SUCCESS &&
            call_wait_steps(session->call, steps + 1, now + READ_WITHIN_NS) && session_media_ready(session)) {
            steps = call_steps(session->call);
            if (arguments->read_frame_callback != NULL) {
                status = arguments->read_frame_callback(handle, &frame, arguments->user_data);
            }
        }
    }
    return status;
}
