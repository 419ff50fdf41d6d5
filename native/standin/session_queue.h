/*
 * session_queue.h -- what a session's own thread is asked to do in between ("sendmsg"), not begun yet.
 */
#ifndef STANDIN_SESSION_QUEUE_H
#define STANDIN_SESSION_QUEUE_H

#include "session.h"

#pragma GCC visibility push(hidden)

/* False: it is full. */
bool session_queue_add(struct session *session, struct event *event);
/* NULL: it is empty. */
struct event *session_queue_take(struct session *session);
void session_queue_free(struct session *session);

#pragma GCC visibility pop

#endif
