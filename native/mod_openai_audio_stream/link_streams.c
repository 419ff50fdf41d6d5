/*
 * link_streams.c -- the streams of a link, and the two messages that must not overtake each other.
 */
#include "link.h"

#include "monotonic.h"
#include "service.h"
#include "stream.h"

#include <stdlib.h>

void link_count_late(struct link *link, int change)
{
    pthread_mutex_lock(&link->lock);
    link->late += (unsigned)change;
    pthread_mutex_unlock(&link->lock);
}

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
    for (at = &link->streams; *at; at = &(*at)->next) {
    }
    *at = stream;
    pthread_mutex_unlock(&link->lock);
}

struct stream *link_find_stream(struct link *link, uint32_t id)
{
    struct stream *found = NULL;

    pthread_mutex_lock(&link->lock);
    for (struct stream *stream = link->streams; stream && !found; stream = stream->next) {
        if (stream->id == id && stream->opened) {
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
    for (struct stream *stream = link->streams; stream; stream = stream->next) {
        found += stream->opened;
    }
    if (found > 0) {
        streams = calloc(found, sizeof(*streams));
    }
    *count = streams ? found : 0;
    found = 0;
    for (struct stream *stream = link->streams; stream && streams; stream = stream->next) {
        if (stream->opened) {
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
    for (struct stream **at = &link->streams; *at; at = &(*at)->next) {
        if (*at == stream) {
            *at = stream->next;
            stream->next = NULL;
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
    stream->opened = true;
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
    opened = stream->opened;
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
