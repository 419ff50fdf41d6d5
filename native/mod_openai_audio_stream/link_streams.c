/*
 * link_streams.c -- the streams of a link, and the two messages that must not overtake each other.
 */
#include "link_streams.h"

#include "monotonic.h"
#include "stream.h"

#include <stdlib.h>

bool link_has_streams(struct link *link)
{
    bool any;

    pthread_mutex_lock(&link->lock);
    any = link->streams != NULL;
    pthread_mutex_unlock(&link->lock);
    return any;
}

void link_add_stream(struct link *link, struct stream *stream)
{
    struct stream **at;

    stream_reference(stream);
    pthread_mutex_lock(&link->lock);
    for (at = &link->streams; *at; at = &(*at)->listed.next) {
    }
    *at = stream;
    pthread_mutex_unlock(&link->lock);
}

struct stream *link_find_stream(struct link *link, uint32_t id)
{
    struct stream *found = NULL;

    pthread_mutex_lock(&link->lock);
    for (struct stream *stream = link->streams; stream && !found; stream = stream->listed.next) {
        if (stream->id == id && stream->listed.opened) {
            found = stream_reference(stream);
        }
    }
    pthread_mutex_unlock(&link->lock);
    return found;
}

struct stream **link_open_streams(struct link *link, size_t *count)
{
    struct stream **streams = NULL;
    size_t found = 0;

    pthread_mutex_lock(&link->lock);
    for (struct stream *stream = link->streams; stream; stream = stream->listed.next) {
        found += stream->listed.opened;
    }
    if (found > 0) {
        streams = calloc(found, sizeof(*streams));
    }
    *count = streams ? found : 0;
    found = 0;
    for (struct stream *stream = link->streams; stream && streams; stream = stream->listed.next) {
        if (stream->listed.opened) {
            streams[found++] = stream_reference(stream);
        }
    }
    pthread_mutex_unlock(&link->lock);
    return streams;
}

void link_add_on_hold(const struct link *link, struct wire_buffer *message)
{
    wire_text(message, "on_hold", link->on_hold ? "1" : "0");
}

void link_set_on_hold(struct link *link, bool on_hold)
{
    struct wire_buffer hold;

    if (on_hold == link->on_hold) {
        return;
    }
    link->on_hold = on_hold;
    wire_begin(&hold, WIRE_HOLD, 0, 0);
    link_add_on_hold(link, &hold);
    link_post(link, &hold, -1);
}

/* Under the lock. True: it was on the list, whose reference is now the caller's. */
static bool link_take_off(struct link *link, struct stream *stream)
{
    for (struct stream **at = &link->streams; *at; at = &(*at)->listed.next) {
        if (*at == stream) {
            *at = stream->listed.next;
            stream->listed.next = NULL;
            return true;
        }
    }
    return false;
}

bool link_stream_opened(struct stream *stream, struct wire_buffer *opened, int descriptor)
{
    struct link *link = stream->link;
    bool sent = false;

    pthread_mutex_lock(&link->lock);
    stream->listed.opened = true;
    link_add_on_hold(link, opened);
    sent = link_post(link, opened, descriptor);
    pthread_mutex_unlock(&link->lock);
    return sent;
}

void link_stream_failed(struct stream *stream)
{
    struct link *link = stream->link;
    bool listed;

    pthread_mutex_lock(&link->lock);
    listed = link_take_off(link, stream);
    pthread_mutex_unlock(&link->lock);
    if (listed) {
        stream_unreference(stream);
    }
}

bool link_stream_closed(struct stream *stream)
{
    struct link *link = stream->link;
    struct wire_buffer closed;
    bool opened, listed = false;

    pthread_mutex_lock(&link->lock);
    opened = stream->listed.opened;
    if (opened) {
        listed = link_take_off(link, stream);
        stream_closed_message(stream, &closed);
        link_post(link, &closed, -1);
        link->quiet_since_ms = monotonic_ms();
    }
    pthread_mutex_unlock(&link->lock);
    if (listed) {
        stream_unreference(stream);
    }
    return opened;
}

bool link_resume_streams(struct link *link)
{
    for (struct stream *stream = link->streams; stream; stream = stream->listed.next) {
        if (stream->listed.opened) {
            struct wire_buffer resume;
            int descriptor = stream_own_descriptor(stream);

            if (descriptor < 0) {
                return false;
            }
            stream_resume_message(stream, &resume);
            wire_number(&resume, "away_ms", monotonic_ms() - link->lost_ms);
            link_add_on_hold(link, &resume);
            if (!outbox_add(&link->outbox, &resume, descriptor)) {
                return false;
            }
        }
    }
    return true;
}
