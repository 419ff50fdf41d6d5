/*
 * Reading from a bug: one frame of what the channel reads (caller only), that summed with what it writes, or both side by side.
 *
 * The rules are FreeSWITCH's, odd ones too: the frame's size is that of the read codec, a write buffer that is more
 * than two frames ahead loses one, and a stream that is missing is 0xff bytes (samples of -1) when the other has a frame.
 */
#include "bug.h"

#include "log.h"

#include <string.h>

#define BUG_FRAME_ROOM 8192u

static size_t locked_used(pthread_mutex_t *lock, struct fifo *buffer)
{
    size_t used;

    pthread_mutex_lock(lock);
    used = buffer->used;
    pthread_mutex_unlock(lock);
    return used;
}

void switch_core_media_bug_inuse(switch_media_bug_t *handle, switch_size_t *readp, switch_size_t *writep)
{
    struct bug *bug = (struct bug *)handle;

    *readp = bug_has(bug, SMBF_READ_STREAM) ? locked_used(&bug->read_lock, &bug->read_buffer) : 0;
    *writep = bug_has(bug, SMBF_WRITE_STREAM) ? locked_used(&bug->write_lock, &bug->write_buffer) : 0;
}

/* Takes one frame, or fills it when there is none; silence of a stream that the bug does not have. */
static void locked_take(pthread_mutex_t *lock, struct fifo *buffer, void *to, size_t bytes, bool has, bool missing)
{
    if (!has || missing) {
        memset(to, has ? 0xff : 0, bytes);
        return;
    }
    pthread_mutex_lock(lock);
    fifo_read(buffer, to, bytes);
    pthread_mutex_unlock(lock);
}

static int16_t mix(int16_t a, int16_t b)
{
    int32_t sum = (int32_t)a + b;

    if (sum > INT16_MAX || sum < INT16_MIN) {
        sum += a / 2 + b / 2;
    }
    return (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
}

static void interleave(int16_t *to, const int16_t *left, const int16_t *right, size_t samples)
{
    for (size_t i = 0; i < samples; i++) {
        to[2 * i] = left[i];
        to[2 * i + 1] = right[i];
    }
}

/* What the two buffers have for this read. */
struct supply {
    size_t bytes; /* of one frame */
    bool has_read, has_write;
    bool read_missing, write_missing;
};

/* False: nothing to be read now. */
static bool bug_supply(struct bug *bug, struct supply *supply, bool fill)
{
    size_t read = supply->has_read ? locked_used(&bug->read_lock, &bug->read_buffer) : 0;
    size_t write = supply->has_write ? locked_used(&bug->write_lock, &bug->write_buffer) : 0;

    if (write > read && write > 2 * supply->bytes) {
        pthread_mutex_lock(&bug->write_lock);
        fifo_read(&bug->write_buffer, NULL, supply->bytes);
        write = bug->write_buffer.used;
        pthread_mutex_unlock(&bug->write_lock);
    }
    supply->read_missing = supply->has_read && read == 0;
    supply->write_missing = supply->has_write && write == 0;
    if ((read > 0 && read < supply->bytes) || (write > 0 && write < supply->bytes)) {
        return false;
    }
    if (supply->read_missing && supply->write_missing) {
        return false;
    }
    /* Yes: asked to fill, FreeSWITCH gives nothing unless both streams have a frame. */
    return !(fill && (supply->read_missing || supply->write_missing));
}

switch_status_t switch_core_media_bug_read(switch_media_bug_t *handle, switch_frame_t *frame, switch_bool_t fill)
{
    struct bug *bug = (struct bug *)handle;
    struct media_format format = session_read_format(bug->session);
    int16_t read[BUG_FRAME_ROOM / 2];
    int16_t write[BUG_FRAME_ROOM / 2];
    struct supply supply = {
        .bytes = media_format_bytes(format),
        .has_read = bug_has(bug, SMBF_READ_STREAM),
        .has_write = bug_has(bug, SMBF_WRITE_STREAM),
    };
    size_t samples = supply.bytes / 2;

    if (frame->buflen < supply.bytes) {
        log_line(SWITCH_LOG_ERROR, bug->session->uuid, "The frame to read a bug into is too small");
        return SWITCH_STATUS_FALSE;
    }
    if (!supply.has_read && !supply.has_write) {
        log_line(SWITCH_LOG_ERROR, bug->session->uuid, "The bug has no stream to read");
        return SWITCH_STATUS_FALSE;
    }
    frame->flags = 0;
    frame->datalen = 0;
    if (!bug_supply(bug, &supply, fill)) {
        return SWITCH_STATUS_FALSE;
    }
    locked_take(&bug->read_lock, &bug->read_buffer, read, supply.bytes, supply.has_read, supply.read_missing);
    locked_take(&bug->write_lock, &bug->write_buffer, write, supply.bytes, supply.has_write, supply.write_missing);
    if (bug_has(bug, SMBF_STEREO)) {
        /* Twice the bytes that were checked above: as in FreeSWITCH, the room is the caller's to know. */
        interleave(frame->data, read, write, samples);
    } else {
        for (size_t i = 0; i < samples; i++) {
            ((int16_t *)frame->data)[i] = mix(read[i], write[i]);
        }
    }
    frame->samples = (uint32_t)(samples / format.channels);
    frame->rate = format.rate;
    frame->codec = NULL;
    frame->channels = bug_has(bug, SMBF_STEREO) ? 2 : format.channels;
    frame->datalen = (uint32_t)(bug_has(bug, SMBF_STEREO) ? 2 * supply.bytes : supply.bytes);
    return SWITCH_STATUS_SUCCESS;
}
