/*
 * facts.h -- what the engine is told about a channel with every command.
 */
#ifndef MODULE_FACTS_H
#define MODULE_FACTS_H

#include "wire.h"

/* Appends `channel`, and if the channel exists, its facts. */
void facts_append(struct wire_buffer *fields, const char *uuid);

#endif
