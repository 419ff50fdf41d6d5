/*
 * unload.h -- leaving FreeSWITCH while calls are up.
 */
#ifndef MODULE_UNLOAD_H
#define MODULE_UNLOAD_H

#include <stdbool.h>

/* After command_forbid: wait for commands, remove all media bugs, let last events out, end the service thread. False:
 * media bugs are left that FreeSWITCH would still call; the module must stay in memory. */
bool unload_run(void);

#endif
