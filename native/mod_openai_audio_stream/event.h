/*
 * event.h -- CUSTOM events, with the channel's data also when the channel is gone.
 */
#ifndef MODULE_EVENT_H
#define MODULE_EVENT_H

#include "abi.h"

#include <stdbool.h>

#define EVENT_OWNER "mod_openai_audio_stream"
#define EVENT_PREFIX EVENT_OWNER "::" /* of the subclasses, which the engine names without it */

bool event_reserve(const char *name); /* false: another module has it */
void event_unreserve(const char *name);

/* The channel's data now, to fire events from when it is gone. NULL if there is no memory. */
switch_event_t *event_template(switch_core_session_t *session);

/* `subclass` after the module's prefix; `template` may be NULL. Not under a lock of ours. */
void event_fire(const char *uuid, const switch_event_t *template, const char *subclass, const char *stream_name,
                const char *body, size_t body_bytes);

#endif
