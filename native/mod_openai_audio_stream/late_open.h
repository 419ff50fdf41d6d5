/*
 * late_open.h -- streams whose channel has media to come: answered or in early media, but without a codec yet.
 *
 * FreeSWITCH runs api_on_media, and more of the kind, on the thread that sets the codec next. A start from there must
 * return first; the media bug is added a moment later, by the service thread.
 */
#ifndef MODULE_LATE_OPEN_H
#define MODULE_LATE_OPEN_H

#include "link.h"

/* Whoever waits for the media of a channel, here or in the application: how long, and how often to look. */
#define MEDIA_WITHIN_MS 5000u
#define MEDIA_POLL_MS 20

/* Any thread: carry out `open` of a COMMAND with these fields when the media is there, if that is in time. Tells the engine
 * OPENING now, and OPENED or OPEN_FAILED then, with no command's number. */
void late_open_add(struct link *link, const struct message *open, const struct wire_buffer *command);

/* The service thread's. */
bool late_opens_waiting(void);
void late_opens_try(void);
void late_opens_end(void);

#endif
