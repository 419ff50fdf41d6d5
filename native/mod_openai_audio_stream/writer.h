/*
 * writer.h -- writing to channels that send nothing by themselves, while there is agent audio for them.
 *
 * Agent audio goes out in place of what a channel sends; one that is parked, sleeps or waits for a digit sends
 * nothing. The frames written here give it something to replace (docs/topics/playout.md). A channel has a thread for
 * this only as long as that lasts; one more, that sleeps otherwise, starts and joins them.
 */
#ifndef MODULE_WRITER_H
#define MODULE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

struct stream;

bool writers_start(void);
/* When no stream is left. */
void writers_end(void);

/* Of a stream that plays: have its channel written to, if it is silent and there is something to be heard. Callable
 * from a media callback: a few loads, and hardly ever a wake-up. */
void writer_consider(struct stream *stream, uint64_t now_ns);

#endif
