#define _GNU_SOURCE
#include "stream.h"

#include "memory.h"
#include "monotonic.h"
#include "printable.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint streams_alive;

unsigned stream_count(void)
{
    return atomic_load(&streams_alive);
}

struct stream *stream_reference(struct stream *stream)
{
    atomic_fetch_add_explicit(&stream->references, 1, memory_order_relaxed);
    return stream;
}

void stream_unreference(struct stream *stream)
{
    struct link *link = stream->link;

    if (atomic_fetch_sub_explicit(&stream->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    memory_destroy(stream);
    wire_free(&stream->resume);
    wire_free(&stream->listed.kept);
    free(atomic_load(&stream->failure));
    free(stream);
    link_unreference(link);
    atomic_fetch_sub(&streams_alive, 1);
}

struct stream *stream_create(struct link *link, const struct message *open)
{
    struct stream *stream = aligned_alloc(alignof(struct stream), sizeof(*stream));
    struct wire_value capture = wire_find(open->body, open->header.body_bytes, "capture");

    if (!stream) {
        return NULL;
    }
    memset(stream, 0, offsetof(struct stream, reads.pcm));
    atomic_init(&stream->references, 1);
    atomic_fetch_add(&streams_alive, 1);
    stream->link = link_reference(link);
    stream->id = open->header.stream;
    stream->descriptor = -1;
    /* As if it had just written: whether it does is seen before anything is written for it. */
    atomic_init(&stream->writes.channel_write_ns, monotonic_ns());
    wire_copy(wire_find(open->body, open->header.body_bytes, "name"), stream->name, sizeof(stream->name));
    stream->playing = wire_equals(wire_find(open->body, open->header.body_bytes, "playback"), "1");
    stream->writes.recording =
        stream->playing && wire_equals(wire_find(open->body, open->header.body_bytes, "record"), "1");
    if (wire_equals(capture, "mono")) {
        stream->capturing = CAPTURE_MONO;
    } else if (wire_equals(capture, "mixed")) {
        stream->capturing = CAPTURE_MIXED;
    } else if (wire_equals(capture, "stereo")) {
        stream->capturing = CAPTURE_STEREO;
    }
    return stream;
}

void stream_note_failure(struct stream *stream, struct wire_value reason)
{
    char *text, *none = NULL;

    if (reason.size == 0) {
        return;
    }
    text = strndup(reason.bytes, reason.size);
    if (text) {
        printable_string(text); /* the log has it, and the channel's variables */
    }
    if (text && !atomic_compare_exchange_strong(&stream->failure, &none, text)) {
        free(text);
    }
}

void stream_remove(struct stream *stream, uint32_t request)
{
    switch_core_session_t *session =
        switch_core_session_perform_locate(stream->link->uuid, __FILE_NAME__, __func__, __LINE__);
    switch_media_bug_t *bug = stream->bug;

    if (!session) {
        return; /* it is being destroyed, and CLOSE comes with that */
    }
    atomic_store(&stream->remove_request, request);
    atomic_store(&stream->removing, true);
    /* False if the bug is off already: CLOSE has come, or is coming, on another thread. */
    switch_core_media_bug_remove(session, &bug);
    switch_core_session_rwunlock(session);
}

int stream_own_descriptor(const struct stream *stream)
{
    return fcntl(stream->descriptor, F_DUPFD_CLOEXEC, 3);
}

bool stream_lacks_descriptors(void)
{
    return errno == EMFILE || errno == ENFILE;
}

void stream_send_open_failed(struct link *link, const struct message *open, const char *reason)
{
    struct wire_buffer failed;

    wire_begin(&failed, WIRE_OPEN_FAILED, open->header.stream, open->header.request);
    wire_text(&failed, "reason", reason);
    link_send(link, &failed, -1);
}

void stream_resume_message(const struct stream *stream, struct wire_buffer *message)
{
    wire_begin(message, WIRE_RESUME, stream->id, 0);
    wire_fields(message, stream->resume.bytes, stream->resume.used);
    wire_fields(message, stream->listed.kept.bytes, stream->listed.kept.used);
}

void stream_keep(struct stream *stream, const struct message *keep)
{
    struct wire_buffer before, kept = {0};

    if (keep->header.body_bytes <= STREAM_KEPT_LIMIT) {
        wire_fields(&kept, keep->body, keep->header.body_bytes);
    }
    if (kept.failed) {
        wire_free(&kept); /* rather nothing than what is no longer so */
    }
    pthread_mutex_lock(&stream->link->lock);
    before = stream->listed.kept;
    stream->listed.kept = kept;
    pthread_mutex_unlock(&stream->link->lock);
    wire_free(&before);
}

void stream_closed_message(struct stream *stream, struct wire_buffer *message)
{
    bool removed = atomic_load(&stream->removing);

    wire_begin(message, WIRE_CLOSED, stream->id, removed ? atomic_load(&stream->remove_request) : 0);
    wire_text(message, "cause", removed ? "removed" : "hangup");
}
