/*
 * config.h -- what openai_audio_stream.conf says: where the engine is, and the key of streams that have none.
 */
#ifndef MODULE_CONFIG_H
#define MODULE_CONFIG_H

#include "wire.h"

#include <stddef.h>

/* Reads it all. The path of the engine's socket: the configuration's, else OPENAI_REALTIME_SOCKET, else the usual place. */
void config_read(char *engine_socket, size_t room);
/* The key for a stream whose channel has none, and the hosts that may get it. May read a file. */
void config_add_key(struct wire_buffer *fields);

#endif
