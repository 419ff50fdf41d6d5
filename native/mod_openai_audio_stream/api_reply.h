/*
 * api_reply.h -- an API command of FreeSWITCH's, and what it printed.
 */
#ifndef MODULE_API_REPLY_H
#define MODULE_API_REPLY_H

#include <stdbool.h>
#include <stddef.h>

struct api_reply {
    bool ok;       /* FreeSWITCH has the command, and it returned success: what that says is in the text */
    bool too_long; /* cut */
    char *text;    /* terminated, never NULL; to be freed */
};

/* Runs it on the calling thread, for as long as it takes. At most `limit` bytes of what it prints are kept. False: there
 * is no memory, and it has not been run. */
bool api_reply_get(const char *command, const char *arguments, size_t limit, struct api_reply *reply);

#endif
