/*
 * closed_streams.h -- streams whose media bug is off the channel, on their way to the service thread.
 */
#ifndef MODULE_CLOSED_STREAMS_H
#define MODULE_CLOSED_STREAMS_H

struct stream;

void closed_streams_start(void);
/* Hands the media bug's reference over. Callable from a media callback: no lock. Once for each stream. */
void closed_streams_add(struct stream *stream);
/* The service thread's: all there are, the latest first, linked by `service.next`. */
struct stream *closed_streams_take(void);
/* At unload: returns when no thread is in `add` any more. */
void closed_streams_end(void);

#endif
