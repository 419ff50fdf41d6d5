/*
 * application.h -- the dialplan application: a stream for as long as the application runs.
 */
#ifndef MODULE_APPLICATION_H
#define MODULE_APPLICATION_H

#include "abi.h"

/* On the session's thread. `data`: all that follows `start` in the API command. Answers a channel that has no media,
 * starts the stream, and returns when it has ended or the channel has; how, is in the channel's variables
 * (docs/reference/application.md). */
void application_run(switch_core_session_t *session, const char *data);

#endif
