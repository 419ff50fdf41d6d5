#include "frame.h"

#include "bug.h"
#include "histogram.h"

#include <stdalign.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#define FRAME_ROOM 8192u

static bool bug_is_over(const struct bug *bug)
{
    return bug->stop_time != 0 && bug->stop_time <= time(NULL);
}

/* Measured when `times` is not NULL. */
static bool bug_run(struct bug *bug, switch_abc_type_t type, struct histogram *times)
{
    uint64_t start = times != NULL ? monotonic_ns() : 0;
    bool going_on = bug->callback((switch_media_bug_t *)bug, bug->user_data, type) != SWITCH_FALSE;

    if (times != NULL) {
        histogram_add(times, monotonic_ns() - start);
    }
    return going_on;
}

/* Returns how many bugs are to be pruned. */
static unsigned bug_settle(struct bug *bug, bool going_on)
{
    if (going_on && !bug_is_over(bug)) {
        return 0;
    }
    atomic_fetch_or(&bug->flags, BUG_PRUNE);
    return 1;
}

static void frame_init(switch_frame_t *frame, void *data, struct media_format format)
{
    memset(frame, 0, sizeof(*frame));
    frame->data = data;
    frame->buflen = FRAME_ROOM;
    frame->datalen = media_format_bytes(format);
    frame->channels = format.channels;
    frame->samples = frame->datalen / 2 / format.channels;
    frame->rate = format.rate;
}

static void read_streams(struct session *session, const switch_frame_t *frame)
{
    unsigned prune = 0;

    pthread_rwlock_rdlock(&session->bug_rwlock);
    for (struct bug *bug = session->bugs; bug != NULL; bug = bug->next) {
        bool going_on = true;

        if (bug_has(bug, SMBF_READ_STREAM) && !bug_has(bug, BUG_PRUNE) && atomic_load(&bug->ready)) {
            pthread_mutex_lock(&bug->read_lock);
            fifo_write(&bug->read_buffer, frame->data, frame->datalen);
            if (bug->callback != NULL) {
                going_on = bug_run(bug, SWITCH_ABC_TYPE_READ, &media_times.read);
            }
            pthread_mutex_unlock(&bug->read_lock);
        }
        prune += bug_settle(bug, going_on && !bug_has(bug, BUG_PRUNE));
    }
    pthread_rwlock_unlock(&session->bug_rwlock);
    if (prune > 0) {
        bug_prune(session);
    }
}

void frame_read(struct session *session, const void *pcm)
{
    alignas(max_align_t) unsigned char data[FRAME_ROOM];
    struct media_format format = session_read_format(session);
    switch_frame_t frame;

    if (!session_is_read(session)) {
        return;
    }
    pthread_mutex_lock(&session->codec_read_lock);
    frame_init(&frame, data, format);
    if (pcm != NULL) {
        memcpy(data, pcm, frame.datalen);
    } else {
        memset(data, 0xff, frame.datalen);
    }
    if (session->bugs != NULL) {
        /* FreeSWITCH sets up the codec of the bugs here, under the exclusive lock, for each frame. */
        pthread_rwlock_wrlock(&session->bug_rwlock);
        pthread_rwlock_unlock(&session->bug_rwlock);
        read_streams(session, &frame);
    }
    pthread_mutex_unlock(&session->codec_read_lock);
}

/* One bug's turn: its write buffer is filled before it may replace the frame, and bugs after it get the replaced one. */
static bool write_bug(struct bug *bug, switch_frame_t **frame)
{
    bool going_on = true;

    if (bug_has(bug, SMBF_WRITE_STREAM)) {
        pthread_mutex_lock(&bug->write_lock);
        fifo_write(&bug->write_buffer, (*frame)->data, (*frame)->datalen);
        pthread_mutex_unlock(&bug->write_lock);
        if (bug->callback != NULL) {
            going_on = bug_run(bug, SWITCH_ABC_TYPE_WRITE, NULL);
        }
    }
    if (bug_has(bug, SMBF_WRITE_REPLACE) && bug->callback != NULL) {
        bug->write_replace_in = *frame;
        bug->write_replace_out = *frame;
        going_on = bug_run(bug, SWITCH_ABC_TYPE_WRITE_REPLACE, &media_times.write_replace);
        if (going_on) {
            *frame = bug->write_replace_out;
        }
    }
    return going_on;
}

/* FreeSWITCH writes its codec into a frame that replacing bugs have let pass, where it goes out without conversion. */
static bool may_replace(struct session *session)
{
    bool found = false;

    pthread_rwlock_rdlock(&session->bug_rwlock);
    for (struct bug *bug = session->bugs; bug != NULL && !found; bug = bug->next) {
        found = bug_has(bug, SMBF_WRITE_REPLACE) && atomic_load(&bug->ready);
    }
    pthread_rwlock_unlock(&session->bug_rwlock);
    return found;
}

static switch_frame_t *write_bugs(struct session *session, switch_frame_t *frame)
{
    unsigned prune = 0;

    pthread_rwlock_rdlock(&session->bug_rwlock);
    for (struct bug *bug = session->bugs; bug != NULL; bug = bug->next) {
        if (!atomic_load(&bug->ready)) {
            continue;
        }
        prune += bug_settle(bug, !bug_has(bug, BUG_PRUNE) && write_bug(bug, &frame));
    }
    pthread_rwlock_unlock(&session->bug_rwlock);
    if (prune > 0) {
        bug_prune(session);
    }
    return frame;
}

int frame_pass(struct session *session, switch_frame_t *frame, void *sent, uint32_t room)
{
    uint32_t bytes = media_format_bytes(session_write_format(session));
    switch_frame_t *out = frame;

    if (atomic_load(&session->suspended)) {
        return 0;
    }
    if (session->bugs != NULL) {
        bool labels = may_replace(session);

        out = write_bugs(session, frame);
        if (labels) {
            out->codec = session_write_codec(session);
        }
    }
    if (atomic_load(&session->rtp.paused)) {
        return 0; /* only here, behind the bugs */
    }
    if (out->datalen < bytes) {
        /* FreeSWITCH makes up a short frame so, from its start. */
        memset(out->data, 0xff, bytes - out->datalen);
        out->datalen = bytes;
    }
    bytes = out->datalen < room ? out->datalen : room;
    memcpy(sent, out->data, bytes);
    return (int)bytes;
}

/* In place of FreeSWITCH's resampler: length and pitch are right, more is not asked of a channel's own audio. */
static void convert(switch_frame_t *to, const switch_frame_t *from)
{
    for (uint32_t i = 0; i < to->samples; i++) {
        for (uint32_t channel = 0; channel < to->channels; channel++) {
            ((int16_t *)to->data)[i * to->channels + channel] =
                ((const int16_t *)from->data)[i * from->samples / to->samples * from->channels + channel];
        }
    }
}

int frame_write(struct session *session, struct writer *writer, const void *pcm, void *sent, uint32_t room)
{
    alignas(max_align_t) unsigned char data[FRAME_ROOM], converted_data[FRAME_ROOM];
    switch_frame_t frame, converted;
    int bytes;

    pthread_mutex_lock(&session->codec_write_lock);
    frame_init(&frame, data, writer->format);
    memcpy(data, pcm, frame.datalen);
    if (writer->relabelled) {
        frame.codec = session_write_codec(session);
    }
    frame_init(&converted, converted_data, session_write_format(session));
    if (writer->relabelled || frame.datalen == converted.datalen) {
        bytes = frame_pass(session, &frame, sent, room);
        writer->relabelled = frame.codec != NULL;
    } else {
        convert(&converted, &frame);
        bytes = frame_pass(session, &converted, sent, room);
    }
    pthread_mutex_unlock(&session->codec_write_lock);
    return bytes;
}
