/*
 * config.h -- where the engine is.
 */
#ifndef MODULE_CONFIG_H
#define MODULE_CONFIG_H

#include <stddef.h>

/* The path of the engine's socket: openai_audio_stream.conf, else OPENAI_REALTIME_SOCKET, else the usual place. */
void config_engine_socket(char *path, size_t room);

#endif
