/*
 * executor.h -- the threads that carry out what the engine asks for, so that neither the service thread nor one that
 * handles audio does.
 *
 * An API command may take minutes (`originate` waits for an answer). So there are threads as needed, up to a bound; one
 * channel can have some of them, and what it asks for beyond that waits without holding up others. What one channel
 * asks for at a time is carried out in no certain order.
 */
#ifndef MODULE_EXECUTOR_H
#define MODULE_EXECUTOR_H

#include "execution.h"

#include <stdbool.h>

void executor_start(void); /* at load */
/* The service thread's: never blocks. */
void executor_add(struct link *link, const struct message *execute);

/* At unload, in this order: what has not begun is refused from now on; how many are being carried out; when there are
 * none, the threads' end. */
void executor_forbid(void);
unsigned executor_count(void);
void executor_end(void);
/* Whether the calling thread is one of these: an engine that has FreeSWITCH unload the module can't be waited for. */
bool executor_is_here(void);

#endif
