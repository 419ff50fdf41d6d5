/*
 * config.h -- what openai_audio_stream.conf says: where the engine is, and the key of streams that have none.
 */
#ifndef MODULE_CONFIG_H
#define MODULE_CONFIG_H

#include "wire.h"

/* Reads it all, at load. */
void config_read(void);
/* Its path: the configuration's, else OPENAI_REALTIME_SOCKET, else the usual place. */
const char *config_engine_socket(void);
/* The key for a stream whose channel has none, and the hosts that may get it. May read a file. */
void config_add_key(struct wire_buffer *fields);

#endif
