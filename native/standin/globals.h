/*
 * globals.h -- what is the switch's and no channel's: global variables, the module's configuration, console completion.
 */
#ifndef STANDIN_GLOBALS_H
#define STANDIN_GLOBALS_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

/* NULL takes the variable away. */
void globals_set(const char *name, const char *value);
/* One <param> under <settings> of the module's configuration; NULL takes it away. */
void config_set(const char *name, const char *value);

/* What was registered for completion, one line each, oldest first; NULL past the end. The caller frees it. */
char *console_completion(size_t index);

#pragma GCC visibility pop

#endif
