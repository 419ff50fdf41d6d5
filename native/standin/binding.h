/*
 * binding.h -- who has bound which event, beside the queue of those of modules (event.h).
 */
#ifndef STANDIN_BINDING_H
#define STANDIN_BINDING_H

#include "switch.h"

#pragma GCC visibility push(hidden)

/* Of the events that FreeSWITCH itself makes, those that a module here may bind. */
#define EVENT_EXECUTE_COMPLETE ((switch_event_types_t)10)
#define EVENT_PRIVATE_COMMAND ((switch_event_types_t)49)

/* Calls all that have bound it, on this thread; FreeSWITCH has others for that. */
void binding_deliver(switch_event_t *event);

#pragma GCC visibility pop

#endif
