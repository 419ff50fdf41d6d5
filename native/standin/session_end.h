/*
 * session_end.h -- how a session ends.
 */
#ifndef STANDIN_SESSION_END_H
#define STANDIN_SESSION_END_H

#include "session.h"

#pragma GCC visibility push(hidden)

/* The session's thread, from hangup to the last reader's departure: closes the bugs, waits, closes what came meanwhile,
 * leaves the table. The session's memory stays until session_free. */
void session_end(struct session *session);

#pragma GCC visibility pop

#endif
