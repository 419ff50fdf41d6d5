/*
 * event.h -- events, and the bounded queue of those that were fired.
 */
#ifndef STANDIN_EVENT_H
#define STANDIN_EVENT_H

#include "headers.h"

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* A full queue loses what is fired next, and counts it. */
#define EVENT_QUEUE_LENGTH 100000u

struct event {
    switch_event_t base; /* first: FreeSWITCH's handle is a pointer to it */
    struct event *next;
    uint64_t time_ns; /* CLOCK_MONOTONIC when it was fired */
};

void event_free(struct event *event);
/* Takes the event over. */
void event_push(struct event *event);
/* Takes the oldest event that has this subclass and Unique-ID (NULL: any), waiting for it until the deadline. NULL when
 * the deadline has passed. The caller frees it. */
struct event *event_take(const char *subclass, const char *uuid, uint64_t deadline_ns);
uint64_t event_dropped(void);

#pragma GCC visibility pop

#endif
