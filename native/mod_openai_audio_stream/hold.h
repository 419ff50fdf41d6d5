/*
 * hold.h -- a channel on hold: what is written to it does not reach the caller, and what is read is not speech.
 *
 * A hold comes from either side. The peer's (a re-INVITE with sendonly or inactive) has FreeSWITCH go on as before, but
 * for the packets: they are dropped behind the media bugs. Our own (uuid_hold) lets no frame pass either way, and no bug
 * is called. WRITE_REPLACE finds the first kind out with each frame, and leaves a word of it in the stream: the lookout tells
 * the engine, and looks for the hold's end, of either kind. The service thread looks for both kinds, with each of its
 * rounds.
 */
#ifndef MODULE_HOLD_H
#define MODULE_HOLD_H

#include "stream.h"

#include <stdbool.h>

/* Before all else. */
void hold_init(void);
/* From WRITE_REPLACE, for hold_drops: on hold, or until just now. */
bool hold_drops_still(struct stream *stream, bool held);
/* Note the channel's state for all streams of the link, and tell the engine where it has changed. Never in a media
 * callback, nor under a lock of ours. */
void hold_note(struct link *link, switch_channel_t *channel);
/* The same for a link whose channel has to be found. */
void hold_review(struct link *link);

/* From WRITE_REPLACE: whether what the channel writes now is dropped. Here, since each frame asks. */
static inline bool hold_drops(struct stream *stream)
{
    bool held = switch_channel_get_callstate(stream->writes.channel) == CCS_HELD;
    bool before = atomic_load_explicit(&stream->writes.on_hold, memory_order_relaxed);

    return (held || before) && hold_drops_still(stream, held);
}

#endif
