/*
 * clock.h -- the real clock: media threads that step calls at their ptime.
 */
#ifndef STANDIN_CLOCK_H
#define STANDIN_CLOCK_H

#include "call.h"

#pragma GCC visibility push(hidden)

/* Starts `threads` media threads; calls given to the clock from now on are spread over them. False if it runs. */
bool clock_run(unsigned threads);
/* Takes a reference of its own, until the call is gone or the clock halts. Does nothing while the clock stands. */
void clock_add(struct call *call);
/* Stops and joins the threads. */
void clock_halt(void);

#pragma GCC visibility pop

#endif
