/*
 * stream_open.h -- opening a stream: the memory, and the media bug on the channel.
 */
#ifndef MODULE_STREAM_OPEN_H
#define MODULE_STREAM_OPEN_H

#include "stream.h"

/*
 * Carries out an OPEN. `command` holds the fields of the COMMAND. The answer is sent, but where media is to come: the
 * channel is answered, or in early media, and its codec is not set yet. With STREAM_OPENED, `*opened` is the stream,
 * with a reference. Can take as long as the channel needs for early media.
 */
enum stream_opening { STREAM_OPENED, STREAM_REFUSED, STREAM_MEDIA_TO_COME };
enum stream_opening stream_open(struct link *link, const struct message *open, const struct wire_buffer *command,
                                struct stream **opened);
#endif
