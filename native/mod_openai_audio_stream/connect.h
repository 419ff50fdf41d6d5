/*
 * connect.h -- reach the engine's socket.
 */
#ifndef MODULE_CONNECT_H
#define MODULE_CONNECT_H

#include <stdint.h>

/* A connected, non-blocking socket whose other end is our own user or root, or -1. A full backlog is tried again until
 * the deadline (monotonic_ms); anything else fails at once. errno says whether there is a lack of descriptors. */
int connect_to_engine(const char *path, uint64_t deadline_ms);

#endif
