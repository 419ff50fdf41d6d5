/*
 * module.h -- the one module that is loaded: what it offers, and running it.
 */
#ifndef STANDIN_MODULE_H
#define STANDIN_MODULE_H

#include "session.h"

#pragma GCC visibility push(hidden)

/* Loads the module of this path as FreeSWITCH does. Returns NULL, or why not (constant text or dlerror's, to be read at
 * once on the same thread). */
const char *module_load(const char *path);
/* Calls shutdown and unloads. Fails while one of the module's functions runs; forced, waits 10 s for them and goes on
 * all the same. Returns NULL, or why not. */
const char *module_unload(bool force);

/* Runs an API command on the calling thread. Returns the text it printed, which the caller frees; what FreeSWITCH prints
 * for an unknown or failed command is in it. */
char *module_api(const char *name, const char *arguments);
/* The same, printed to what the module itself has given. */
switch_status_t module_api_to(const char *name, const char *arguments, switch_stream_handle_t *stream);
bool module_has_application(const char *name);
/* Runs a dialplan application on the calling thread, which plays the session's. False if there is none. */
bool module_application(const char *name, struct session *session, const char *data);

#pragma GCC visibility pop

#endif
