/*
 * frame.h -- one frame in, one frame out, through the bugs of a session, in FreeSWITCH's order and under its locks.
 */
#ifndef STANDIN_FRAME_H
#define STANDIN_FRAME_H

#include "session.h"

#pragma GCC visibility push(hidden)

/* One frame of the session's read format; NULL: no packet came. On hold it goes nowhere. */
void frame_read(struct session *session, const void *pcm);

/* One frame of an application or a module, with the session's codec write lock held. 0: nothing was sent. */
int frame_pass(struct session *session, switch_frame_t *frame, void *sent, uint32_t room);

/* What writes to a channel, with one frame that it fills again and again, in the format that it began with. */
struct writer {
    struct media_format format;
    bool relabelled; /* the frame bears the session's write codec now, instead of the writer's own */
};
/* One frame of the writer's format. Copies what is really sent, at most `room` bytes; returns its size. */
int frame_write(struct session *session, struct writer *writer, const void *pcm, void *sent, uint32_t room);

#pragma GCC visibility pop

#endif
