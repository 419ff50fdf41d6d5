/*
 * hold.h -- a channel on hold: what is written to it does not reach the caller, and what is read is not speech.
 *
 * A hold comes from either side. The peer's (a re-INVITE with sendonly or inactive) has FreeSWITCH go on as before, but
 * for the packets: they are dropped behind the media bugs. Our own (uuid_hold) lets no frame pass either way, and no bug
 * is called. Media callbacks find the first kind out with each frame, and the service thread both, with each of its
 * rounds; it tells the engine.
 */
#ifndef MODULE_HOLD_H
#define MODULE_HOLD_H

#include "abi.h"

#include <stdbool.h>

struct link;
struct stream;

/* Before all else. */
void hold_init(void);
/* From a media callback: whether what the channel writes now is dropped. A change wakes the service thread, once. */
bool hold_seen(struct stream *stream, switch_core_session_t *session);
/* Note the channel's state for all streams of the link, and tell the engine where it has changed. Never in a media
 * callback, nor under a lock of ours. */
void hold_note(struct link *link, switch_channel_t *channel);
/* The service thread's: the same for a link whose channel has to be found. */
void hold_review(struct link *link);

#endif
