/*
 * execution.h -- one thing that the engine asks FreeSWITCH to do, from EXECUTE to DONE.
 *
 * There is no channel in it: an application and a variable are those of the channel whose link it came on. An API
 * command is FreeSWITCH's, with all that it can do, as for a client of the Event Socket (docs/reference/link.md).
 */
#ifndef MODULE_EXECUTION_H
#define MODULE_EXECUTION_H

#include "link.h"

/* An engine that floods a link gets an error for what is more than this. */
#define EXECUTIONS_PER_LINK 32u
#define EXECUTION_NAME_LIMIT 128u
#define EXECUTION_ARGUMENTS_LIMIT (256u * 1024)
/* Of a reply. `show channels` of a few thousand; a message of the link may be 16 times that. */
#define EXECUTION_TEXT_LIMIT (1024u * 1024)

enum execution_kind { EXECUTION_APPLICATION, EXECUTION_API, EXECUTION_GET, EXECUTION_SET };

struct execution {
    struct execution *next; /* of whatever list it is on */
    struct link *link;      /* with a reference */
    uint32_t connection;    /* that the engine has asked on */
    uint32_t number;        /* the engine's */
    enum execution_kind kind;
    char *name;
    char *arguments; /* NULL: none */

    /* Of queued_application.c. */
    uint64_t serial;
    uint64_t over_ms; /* when FreeSWITCH was done with it, though it has not said how it ended; 0: it isn't */
};

/* NULL: it can't be, and DONE says why. */
struct execution *execution_create(struct link *link, const struct message *execute);
/* Says DONE, and frees it. `text` NULL: there is none. */
void execution_succeed(struct execution *execution, const char *text);
void execution_fail(struct execution *execution, const char *reason);

#endif
