/*
 * application.h -- the dialplan's applications: a few of FreeSWITCH's, and the module's.
 */
#ifndef STANDIN_APPLICATION_H
#define STANDIN_APPLICATION_H

#include "session.h"

#pragma GCC visibility push(hidden)

/* On the session's thread: runs what is queued. The end of each is told to whoever has bound it; an unknown application
 * ends the call, as in FreeSWITCH. */
void application_run_queued(struct session *session);
bool application_exists(const char *name);

#pragma GCC visibility pop

#endif
