/*
 * command.h -- an API command: a round trip to the engine, which alone knows what it means.
 */
#ifndef MODULE_COMMAND_H
#define MODULE_COMMAND_H

#include "link.h"

/* Runs `command` (uuid and arguments, may be NULL) and prints the answer. Blocks the calling thread until the engine
 * has answered, at most some seconds, plus what the channel needs for early media. `api`: "openai" or "raw". */
void command_run(const char *api, const char *command, const char *syntax, switch_stream_handle_t *output);
/* At load. */
void command_allow(void);
/* At unload: later commands are refused. */
void command_forbid(void);
unsigned command_count(void); /* commands that are running */

/* What the engine asks of the module for no command that waits. */
void command_close(struct link *link, const struct message *close_message);
void command_refuse_open(struct link *link, const struct message *open);

#endif
