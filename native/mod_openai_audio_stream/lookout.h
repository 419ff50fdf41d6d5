/*
 * lookout.h -- one thread that looks at every stream 25 to 50 times a second, and does what media callbacks must not: give
 * a silent channel a writer, which takes a thread, and tell of a hold, which takes a socket. A callback leaves a word in
 * memory and goes on. It wakes nobody, since that would be a system call.
 */
#ifndef MODULE_LOOKOUT_H
#define MODULE_LOOKOUT_H

#include <stdbool.h>

struct stream;

bool lookout_start(void);
/* When no stream is left. */
void lookout_end(void);
/* From now on, until it is closed. Not from a media callback. */
void lookout_add(struct stream *stream);

#endif
