/*
 * service.h -- the service thread: one for all links. It reads what the engine sends, fires events, writes log lines,
 * closes links, lets closed streams go, and reaches a restarted engine.
 */
#ifndef MODULE_SERVICE_H
#define MODULE_SERVICE_H

#include <stdbool.h>

bool service_start(void);
void service_end(void); /* when no command and no media bug is left */

#endif
