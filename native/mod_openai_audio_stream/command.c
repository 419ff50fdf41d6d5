#include "command.h"

#include "facts.h"
#include "links.h"
#include "log.h"
#include "monotonic.h"
#include "service.h"
#include "stream.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_WITHIN_MS 500
#define REPLY_WITHIN_MS 5000
/* Commands of one channel run one after the other; one that finds more than this before it gives up. */
#define TURN_WITHIN_MS 10000
/* Leaves room in a message for the channel's facts. */
#define ARGUMENTS_LIMIT (12u * 1024 * 1024)

#define NOT_RUNNING "-ERR Engine is not running"
#define NO_ANSWER "-ERR Engine did not answer"
#define UNLOADING "-ERR Module is unloading"
#define NO_MEMORY "-ERR Out of memory"

static atomic_uint running;
static atomic_bool forbidden;

void command_allow(void)
{
    atomic_store(&forbidden, false);
}

void command_forbid(void)
{
    atomic_store(&forbidden, true);
}

unsigned command_count(void)
{
    return atomic_load(&running);
}

void command_close(struct link *link, const struct message *close_message)
{
    struct stream *stream = link_find_stream(link, close_message->header.stream);

    if (stream) {
        stream_remove(stream, close_message->header.request);
        stream_unreference(stream);
    } else {
        struct wire_buffer closed;

        /* It went by itself; the engine may have asked before it heard so. */
        wire_begin(&closed, WIRE_CLOSED, close_message->header.stream, close_message->header.request);
        wire_text(&closed, "cause", "removed");
        link_send(link, &closed, -1);
    }
}

void command_refuse_open(struct link *link, const struct message *open)
{
    stream_send_open_failed(link, open, "No command is waiting for this stream");
}

/* Answers what came after the command was given up. */
static void command_settle(struct link *link)
{
    struct message *late = link_end(link);

    for (const struct message *message = late; message; message = message->next) {
        if (message->header.type == WIRE_OPEN) {
            command_refuse_open(link, message);
        } else if (message->header.type == WIRE_CLOSE) {
            command_close(link, message);
        }
    }
    message_free(late);
}

static void command_print_reply(const struct message *reply, switch_stream_handle_t *output)
{
    struct wire_value text = wire_find(reply->body, reply->header.body_bytes, "text");
    int size = text.size <= INT_MAX ? (int)text.size : INT_MAX;

    output->write_function(output, "%.*s\n", size, text.bytes ? text.bytes : "");
}

/* Do what the engine asks until it replies. NULL: the reply is printed; otherwise what to print. */
static const char *command_attend(struct link *link, const struct wire_buffer *fields, switch_stream_handle_t *output)
{
    struct stream *opened = NULL;
    const char *failure = NULL;
    bool replied = false;

    while (!replied && !failure) {
        struct message *message;
        /* From the last step on: bringing a channel to early media is not the engine's time. */
        enum link_answer answer = link_wait(link, monotonic_ms() + REPLY_WITHIN_MS, &message);

        if (answer == LINK_TIMEOUT) {
            failure = NO_ANSWER;
        } else if (answer == LINK_CANCELLED) {
            failure = UNLOADING;
        } else if (answer == LINK_LOST) {
            failure = NOT_RUNNING;
            if (opened) {
                stream_remove(opened, 0); /* the start has failed, so there must be no stream to resume */
            }
        } else if (message->header.type == WIRE_OPEN) {
            if (opened) {
                stream_unreference(opened);
            }
            opened = stream_open(link, message, fields);
        } else if (message->header.type == WIRE_CLOSE) {
            command_close(link, message);
        } else {
            command_print_reply(message, output);
            replied = true;
        }
        message_free(message);
    }
    if (opened) {
        stream_unreference(opened);
    }
    command_settle(link);
    return failure;
}

/* With the link claimed. */
static const char *command_exchange(struct link *link, const struct wire_buffer *fields,
                                    switch_stream_handle_t *output)
{
    struct wire_buffer message;
    uint32_t request;

    if (!link_connect(link, service_engine_socket(), monotonic_ms() + CONNECT_WITHIN_MS)) {
        return NOT_RUNNING;
    }
    request = link_begin(link);
    wire_begin(&message, WIRE_COMMAND, 0, request);
    wire_fields(&message, fields->bytes, fields->used);
    /* If it can't be sent because the connection has just ended, the wait ends at once. */
    link_send(link, &message, -1);
    return command_attend(link, fields, output);
}

static const char *command_on_channel(const char *uuid, const struct wire_buffer *fields,
                                      switch_stream_handle_t *output)
{
    uint64_t turn_ms = monotonic_ms() + TURN_WITHIN_MS;

    for (;;) {
        struct link *link = links_take(uuid);
        const char *failure = NULL;
        enum link_claim claim;

        if (!link) {
            return NO_MEMORY;
        }
        claim = link_claim(link, turn_ms);
        if (claim == LINK_CLAIMED) {
            failure = command_exchange(link, fields, output);
            link_release(link);
        } else if (claim == LINK_BUSY) {
            failure = atomic_load(&forbidden) ? UNLOADING : NO_ANSWER;
        }
        link_unreference(link);
        /* Gone: the link was closed between finding and claiming it. */
        if (claim != LINK_GONE) {
            return failure;
        }
    }
}

static const char *command_send(const char *api, const char *uuid, const char *arguments,
                                switch_stream_handle_t *output)
{
    struct wire_buffer fields = {0};
    const char *failure;

    wire_text(&fields, "api", api);
    wire_text(&fields, "arguments", arguments);
    facts_append(&fields, uuid);
    failure = fields.failed ? NO_MEMORY : command_on_channel(uuid, &fields, output);
    wire_free(&fields);
    return failure;
}

void command_run(const char *api, const char *command, const char *syntax, switch_stream_handle_t *output)
{
    char uuid[LINK_UUID_LIMIT + 1];
    const char *failure;
    size_t size;

    command = command ? command + strspn(command, " ") : "";
    if (!*command) {
        output->write_function(output, "USAGE %s\n", syntax);
        return;
    }
    size = strcspn(command, " ");
    if (size > LINK_UUID_LIMIT) {
        output->write_function(output, "-ERR Channel not found\n");
        return;
    }
    memcpy(uuid, command, size);
    uuid[size] = '\0';
    command += size;
    command += strspn(command, " ");
    if (strlen(command) > ARGUMENTS_LIMIT) {
        output->write_function(output, "-ERR Command is too long\n");
        return;
    }

    /* Counted before the look at `forbidden`, so that the unloading thread sees one or the other. */
    atomic_fetch_add(&running, 1);
    failure = atomic_load(&forbidden) ? UNLOADING : command_send(api, uuid, command, output);
    if (failure) {
        output->write_function(output, "%s\n", failure);
    }
    atomic_fetch_sub(&running, 1);
}
