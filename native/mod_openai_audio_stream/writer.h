/*
 * writer.h -- writing to channels that send nothing by themselves, while there is agent audio for them.
 *
 * Agent audio goes out in place of what a channel sends; one that is parked, sleeps or waits for a digit sends
 * nothing. The frames written here give it something to replace (docs/topics/playout.md). A channel has a thread for
 * this only as long as that lasts; the lookout (lookout.h) starts and joins it.
 */
#ifndef MODULE_WRITER_H
#define MODULE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

struct stream;

/* Both the lookout's. Of a stream that plays: have its channel written to, if it is silent and there is something to be
 * heard. False: the channel writes by itself. */
bool writer_consider(struct stream *stream, uint64_t now_ns);
/* Whether a thread writes for the stream. Of a closed one it ends by itself, a packet later. */
bool writer_runs(struct stream *stream);

#endif
