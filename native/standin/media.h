/*
 * media.h -- one frame in, one frame out, through the bugs of a session, in FreeSWITCH's order and under its locks.
 */
#ifndef STANDIN_MEDIA_H
#define STANDIN_MEDIA_H

#include "session.h"

#pragma GCC visibility push(hidden)

/* One frame of the session's read format; NULL: no packet came. */
void media_read(struct session *session, const void *pcm);

/* The same for a frame of an application or a module, with the session's codec write lock held. */
int media_write_frame(struct session *session, switch_frame_t *frame, void *sent, uint32_t room);
/* One frame of the session's write format. Copies what is really sent, at most `room` bytes; returns its size. */
int media_write(struct session *session, const void *pcm, void *sent, uint32_t room);

#pragma GCC visibility pop

#endif
