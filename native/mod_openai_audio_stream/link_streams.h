/*
 * link_streams.h -- the streams of a link, guarded by its lock.
 */
#ifndef MODULE_LINK_STREAMS_H
#define MODULE_LINK_STREAMS_H

#include "link.h"

bool link_has_streams(struct link *link);
void link_add_stream(struct link *link, struct stream *stream);
struct stream *link_find_stream(struct link *link, uint32_t id); /* with a reference; only one that is open */
/* All that are open, with a reference each; free() the array. */
struct stream **link_open_streams(struct link *link, size_t *count);
/* Under the lock: say HOLD, if that is news. Streams that are opened or resumed later are told by their own message. */
void link_set_on_hold(struct link *link, bool on_hold);
void link_add_on_hold(const struct link *link, struct wire_buffer *message); /* under the lock */
/* The media bug is on: say OPENED, in the same breath, so that no CLOSED can come before it. */
bool link_stream_opened(struct stream *stream, struct wire_buffer *opened, int descriptor);
/* The media bug never came on. */
void link_stream_failed(struct stream *stream);
/* The media bug is off: say CLOSED. False: OPENED is not said yet, try again later. */
bool link_stream_closed(struct stream *stream);

/* A greeting of link_connect's: RESUME, for each that is open. */
bool link_resume_streams(struct link *link);

#endif
