/*
 * entrance.h -- around all that is to be over before the module may be unloaded: commands, applications, streams that open
 * late.
 */
#ifndef MODULE_ENTRANCE_H
#define MODULE_ENTRANCE_H

#include <stdbool.h>

void entrance_open(void);  /* at load */
void entrance_close(void); /* at unload: nobody enters any more */
bool entrance_is_closed(void);
unsigned entrance_count(void); /* who is inside */

/* False: the module is being unloaded. */
bool entrance_enter(void);
void entrance_leave(void);

#endif
