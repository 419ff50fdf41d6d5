/*
 * command.h -- an API command: a round trip to the engine, which alone knows what it means.
 */
#ifndef MODULE_COMMAND_H
#define MODULE_COMMAND_H

#include "link.h"

/* Runs `command` (uuid and arguments, may be NULL) and prints the answer. Blocks the calling thread until the engine
 * has answered, at most some seconds, plus what the channel needs for early media. `api`: "openai" or "raw". */
void command_run(const char *api, const char *command, switch_stream_handle_t *output);
/* The same on a thread that goes on with what has been started. An application waits for the stream that it starts, so
 * it is told why that ended; an API command is over by then. */
enum command_caller { COMMAND_OF_API, COMMAND_OF_APPLICATION };
struct command_result {
    char *reply;           /* one line; NULL: out of memory */
    struct stream *opened; /* the stream that a start has opened, with a reference, or NULL */
};
struct command_result command_execute(const char *api, const char *uuid, const char *arguments,
                                      enum command_caller caller);
/* The reason of an error reply, without what comes before it; NULL where the command has succeeded. */
const char *command_failure(const struct command_result *result);
void command_result_free(struct command_result *result);

#endif
