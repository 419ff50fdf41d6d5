/*
 * headers.h -- an ordered list of names and values: an event's headers, a channel's variables.
 */
#ifndef STANDIN_HEADERS_H
#define STANDIN_HEADERS_H

#include "switch.h"

#pragma GCC visibility push(hidden)

/* In FreeSWITCH both are events: modules walk over the headers themselves. */
void headers_add(switch_event_t *event, const char *name, const char *value);
/* Replaces what has this name; NULL or "" takes it away. Names ignore case. */
void headers_set(switch_event_t *event, const char *name, const char *value);
const char *headers_get(const switch_event_t *event, const char *name);
void headers_copy(switch_event_t *to, const switch_event_t *from);
void headers_free(switch_event_t *event);

#pragma GCC visibility pop

#endif
