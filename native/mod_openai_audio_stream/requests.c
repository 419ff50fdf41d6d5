#include "requests.h"

#include "link_streams.h"
#include "reasons.h"
#include "stream.h"

void requests_close(struct link *link, const struct message *close_message)
{
    struct stream *stream = link_find_stream(link, close_message->header.stream);

    if (stream) {
        stream_note_failure(stream, wire_find(close_message->body, close_message->header.body_bytes, "failure"));
        stream_remove(stream, close_message->header.request);
        stream_unreference(stream);
    } else {
        struct wire_buffer closed;

        /* It went by itself; the engine may have asked before it heard so. */
        wire_begin(&closed, WIRE_CLOSED, close_message->header.stream, close_message->header.request);
        wire_text(&closed, "cause", "removed");
        link_send(link, &closed, -1);
    }
}

void requests_refuse_open(struct link *link, const struct message *open)
{
    stream_send_open_failed(link, open, REASON_NO_COMMAND_WAITS);
}

void requests_keep(struct link *link, const struct message *keep)
{
    struct stream *stream = link_find_stream(link, keep->header.stream);

    if (stream) {
        stream_keep(stream, keep);
        stream_unreference(stream);
    }
}
