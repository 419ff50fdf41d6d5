/*
 * callback.h -- the media bug's callback, on the channel's media thread.
 */
#ifndef MODULE_CALLBACK_H
#define MODULE_CALLBACK_H

#include "abi.h"

/*
 * `user_data` is the stream. FreeSWITCH calls with the session's bug lock held (shared for frames, exclusively for a
 * CLOSE at hangup) and the codec locks of the direction; so nothing here may block, allocate, log, take a lock of
 * ours or touch the bugs of the session. A frame is copied, and that is all; what else it gives rise to is the lookout's. Only
 * CLOSE, which comes once and with no frame, wakes the service thread.
 */
switch_bool_t callback_run(switch_media_bug_t *bug, void *user_data, switch_abc_type_t type);

#endif
