/*
 * application.h -- the dialplan applications: a stream, or an agent, for as long as the application runs.
 */
#ifndef MODULE_APPLICATION_H
#define MODULE_APPLICATION_H

#include "abi.h"

/* On the session's thread. `data`: all that follows `start` in the API command. Answers a channel that has no media,
 * starts the stream, and returns when it has ended or the channel has; how, is in the channel's variables
 * (docs/reference/application.md). */
void application_run_stream(switch_core_session_t *session, const char *data);
void application_run_agent(switch_core_session_t *session, const char *data);

#endif
