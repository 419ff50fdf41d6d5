#define _GNU_SOURCE
#include "execution.h"

#include "reasons.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {
    [EXECUTION_APPLICATION] = "application",
    [EXECUTION_API] = "api",
    [EXECUTION_GET] = "get",
    [EXECUTION_SET] = "set",
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static void execution_free(struct execution *execution)
{
    link_unreference(execution->link);
    free(execution->name);
    free(execution->arguments);
    free(execution);
}

static void execution_finish(struct execution *execution, bool ok, const char *text)
{
    struct wire_buffer done;

    wire_begin(&done, WIRE_DONE, 0, execution->number);
    wire_text(&done, "ok", ok ? "1" : "0");
    if (text) {
        wire_text(&done, "text", text);
    }
    link_end_execution(execution->link, execution->connection, &done);
    execution_free(execution);
}

void execution_succeed(struct execution *execution, const char *text)
{
    execution_finish(execution, true, text);
}

void execution_fail(struct execution *execution, const char *reason)
{
    execution_finish(execution, false, reason);
}

static bool execution_find_kind(struct wire_value value, enum execution_kind *kind)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (wire_equals(value, kinds[i])) {
            *kind = (enum execution_kind)i;
            return true;
        }
    }
    return false;
}

/* A word: nothing in it can be taken for arguments, or for FreeSWITCH's own marks ("application::arguments"). */
static bool execution_is_name(struct wire_value name)
{
    for (size_t i = 0; i < name.size; i++) {
        unsigned char byte = (unsigned char)name.bytes[i];

        if (!isalnum(byte) && byte != '_' && byte != '-' && byte != '.') {
            return false;
        }
    }
    return name.size > 0 && name.size <= EXECUTION_NAME_LIMIT;
}

/* NULL: it is good; otherwise why not. */
static const char *execution_read(struct execution *execution, const struct message *execute)
{
    struct wire_value name = wire_find(execute->body, execute->header.body_bytes, "name");
    struct wire_value arguments = wire_find(execute->body, execute->header.body_bytes, "arguments");

    if (!execution_find_kind(wire_find(execute->body, execute->header.body_bytes, "kind"), &execution->kind)) {
        return REASON_UNKNOWN_KIND;
    }
    if (!execution_is_name(name)) {
        return REASON_INVALID_NAME;
    }
    if (arguments.size > EXECUTION_ARGUMENTS_LIMIT) {
        return REASON_ARGUMENTS_TOO_LONG;
    }
    if (arguments.size > 0 && memchr(arguments.bytes, '\0', arguments.size)) {
        return REASON_ARGUMENTS_HAVE_NUL;
    }
    execution->name = strndup(name.bytes, name.size);
    execution->arguments = arguments.bytes ? strndup(arguments.bytes, arguments.size) : NULL;
    return execution->name && (execution->arguments || !arguments.bytes) ? NULL : REASON_OUT_OF_MEMORY;
}

static void execution_refuse(struct link *link, uint32_t number, const char *reason)
{
    struct wire_buffer done;

    wire_begin(&done, WIRE_DONE, 0, number);
    wire_text(&done, "ok", "0");
    wire_text(&done, "text", reason);
    link_send(link, &done, -1);
}

struct execution *execution_create(struct link *link, const struct message *execute)
{
    uint32_t number = execute->header.request;
    uint32_t connection = link_begin_execution(link, EXECUTIONS_PER_LINK);
    struct execution *execution = connection ? calloc(1, sizeof(*execution)) : NULL;
    const char *reason;

    if (!connection) {
        execution_refuse(link, number, REASON_TOO_MANY_EXECUTIONS);
        return NULL;
    }
    if (!execution) {
        struct wire_buffer none = {.failed = true};

        link_end_execution(link, connection, &none);
        return NULL;
    }
    execution->link = link_reference(link);
    execution->connection = connection;
    execution->number = number;
    reason = execution_read(execution, execute);
    if (reason) {
        execution_fail(execution, reason);
        return NULL;
    }
    return execution;
}
