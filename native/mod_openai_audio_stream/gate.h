/*
 * gate.h -- around all that is to be over before the module may be unloaded: commands, applications, streams that open
 * late.
 */
#ifndef MODULE_GATE_H
#define MODULE_GATE_H

#include <stdbool.h>

void gate_open(void);  /* at load */
void gate_close(void); /* at unload: nobody enters any more */
bool gate_is_closed(void);
unsigned gate_count(void); /* who is inside */

/* False: the module is being unloaded. */
bool gate_enter(void);
void gate_leave(void);

#endif
