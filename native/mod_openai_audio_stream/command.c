#define _GNU_SOURCE
#include "command.h"

#include "config.h"
#include "entrance.h"
#include "facts.h"
#include "interface.h"
#include "late_open.h"
#include "link_streams.h"
#include "links.h"
#include "log.h"
#include "monotonic.h"
#include "printable.h"
#include "reasons.h"
#include "requests.h"
#include "stream_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_WITHIN_MS 500
#define REPLY_WITHIN_MS 5000
/* Commands of one channel run one after the other; one that finds more than this before it gives up. */
#define TURN_WITHIN_MS 10000
/* 8 MiB in base64, and the rest of the command; leaves room in a message for the channel's facts. */
#define ARGUMENTS_LIMIT (12u * 1024 * 1024)
/* Of a verb that takes no payload: a URI has 4,095 characters at most. */
#define PLAIN_ARGUMENTS_LIMIT (16u * 1024)

#define ERROR_PREFIX "-ERR "
#define NO_MEMORY (ERROR_PREFIX REASON_OUT_OF_MEMORY)
#define SELECTOR "stream="
#define DEFAULT_STREAM "default"
#define UUID_SIZE 36u
#define USAGE_POLL_NS (5 * 1000 * 1000)

/* Answers what comes for a command that is given up. */
static void command_put_off(struct link *link, const struct message *message)
{
    if (message->header.type == WIRE_OPEN) {
        requests_refuse_open(link, message);
    } else if (message->header.type == WIRE_CLOSE) {
        requests_close(link, message);
    }
}

/* And what came too late for it. */
static void command_settle(struct link *link)
{
    struct message *late = link_end(link);

    for (const struct message *message = late; message; message = message->next) {
        command_put_off(link, message);
    }
    message_free(late);
}

static void command_keep_reply(const struct message *reply, struct command_result *result)
{
    struct wire_value text = wire_find(reply->body, reply->header.body_bytes, "text");

    result->reply = strndup(text.bytes ? text.bytes : "", text.size);
    if (result->reply) {
        printable_string(result->reply); /* it goes to consoles */
    }
}

/* Media that is still to come is awaited elsewhere: this may be the very thread that brings it (api_on_media). An
 * application has waited for it before; where the channel has gone elsewhere since, its stream must not follow. */
static void command_open(struct link *link, const struct message *open, const struct wire_buffer *fields,
                         enum command_caller caller, struct command_result *result)
{
    struct stream *stream;

    switch (stream_open(link, open, fields, &stream)) {
    case STREAM_OPENED:
        if (result->opened) {
            stream_unreference(result->opened);
        }
        result->opened = stream;
        break;
    case STREAM_MEDIA_TO_COME:
        if (caller == COMMAND_OF_API) {
            late_open_add(link, open, fields);
        } else {
            stream_send_open_failed(link, open, REASON_NO_MEDIA);
        }
        break;
    case STREAM_REFUSED:
        break;
    }
}

/* Do what the engine asks until it replies. NULL: the result has the reply; otherwise the reason why there is none.
 *
 * The engine has REPLY_WITHIN_MS for all of it: one that asks again and again would hold the command, and the channel's
 * others behind it, for ever. Bringing a channel to early media is not its time. */
static const char *command_attend(struct link *link, const struct wire_buffer *fields, enum command_caller caller,
                                  struct command_result *result)
{
    const char *failure = NULL;
    uint64_t deadline_ms = monotonic_ms() + REPLY_WITHIN_MS;
    bool replied = false, asked = false;

    while (!replied && !failure) {
        struct message *message;
        enum link_answer answer = link_wait(link, deadline_ms, &message);
        uint64_t now_ms = monotonic_ms();

        if (answer == LINK_TIMEOUT) {
            failure = REASON_ENGINE_DID_NOT_ANSWER;
        } else if (answer == LINK_CANCELLED) {
            failure = REASON_UNLOADING;
        } else if (answer == LINK_LOST) {
            failure = REASON_ENGINE_NOT_RUNNING;
        } else if (now_ms >= deadline_ms && message->header.type != WIRE_REPLY) {
            command_put_off(link, message); /* more and more of them may wait */
            failure = REASON_ENGINE_DID_NOT_ANSWER;
        } else if (message->header.type == WIRE_OPEN && asked) {
            requests_refuse_open(link, message); /* a command starts one stream */
        } else if (message->header.type == WIRE_OPEN) {
            command_open(link, message, fields, caller, result);
            asked = true;
            deadline_ms += monotonic_ms() - now_ms;
        } else if (message->header.type == WIRE_CLOSE) {
            requests_close(link, message);
        } else {
            command_keep_reply(message, result);
            replied = true;
        }
        message_free(message);
    }
    if (failure && result->opened) {
        stream_remove(result->opened, 0); /* the start has failed, so there must be no stream */
    }
    command_settle(link);
    return failure;
}

/* With the link claimed. */
static const char *command_exchange(struct link *link, const struct wire_buffer *fields, enum command_caller caller,
                                    struct command_result *result)
{
    struct wire_buffer message;
    uint32_t request;

    if (!link_connect(link, config_engine_socket(), monotonic_ms() + CONNECT_WITHIN_MS, link_resume_streams)) {
        return stream_lacks_descriptors() ? REASON_TOO_MANY_FILES : REASON_ENGINE_NOT_RUNNING;
    }
    request = link_begin(link);
    wire_begin(&message, WIRE_COMMAND, 0, request);
    wire_fields(&message, fields->bytes, fields->used);
    /* If it can't be sent because the connection has just ended, the wait ends at once. */
    link_send(link, &message, -1);
    return command_attend(link, fields, caller, result);
}

static const char *command_on_channel(const char *uuid, const struct wire_buffer *fields, enum command_caller caller,
                                      struct command_result *result)
{
    uint64_t turn_ms = monotonic_ms() + TURN_WITHIN_MS;

    for (;;) {
        struct link *link = links_take(uuid);
        const char *failure = NULL;
        enum link_claim claim;

        if (!link) {
            return REASON_OUT_OF_MEMORY;
        }
        claim = link_claim(link, turn_ms);
        if (claim == LINK_CLAIMED) {
            failure = command_exchange(link, fields, caller, result);
            link_release(link);
        } else if (claim == LINK_BUSY) {
            failure = entrance_is_closed() ? REASON_UNLOADING : REASON_ENGINE_DID_NOT_ANSWER;
        }
        link_unreference(link);
        /* Gone: the link was closed between finding and claiming it. */
        if (claim != LINK_GONE) {
            return failure;
        }
    }
}

/* The stream that a command names, for the module's own replies; size 0 where it names none, or not a possible one. */
static struct wire_value command_selector(const char *arguments)
{
    struct wire_value none = {0};

    for (const char *word = arguments; *word; word += strcspn(word, " ")) {
        word += strspn(word, " ");
        if (strncmp(word, SELECTOR, strlen(SELECTOR)) == 0) {
            const char *name = word + strlen(SELECTOR);
            size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

            if (size == 0 || size > STREAM_NAME_LIMIT || (name[size] && name[size] != ' ')) {
                return none;
            }
            return (struct wire_value){.bytes = name, .size = size};
        }
    }
    return none;
}

/* A reply of the module's own, made as the engine makes its own. NULL: no memory. */
static char *command_own_reply(const char *reason, const char *arguments)
{
    struct wire_value selector = command_selector(arguments);
    int size = (int)selector.size;
    char *reply;

    if (size == 0 ? asprintf(&reply, ERROR_PREFIX "%s", reason) < 0
                  : asprintf(&reply, ERROR_PREFIX "%s [stream=%.*s]", reason, size, selector.bytes) < 0) {
        return NULL;
    }
    return reply;
}

/* No engine is to work through what no command is as long as. */
static bool command_is_too_long(const char *arguments, unsigned takes)
{
    size_t limit = takes & VERB_TAKES_PAYLOAD || !interface_is_known() ? ARGUMENTS_LIMIT : PLAIN_ARGUMENTS_LIMIT;

    return strnlen(arguments, limit + 1) > limit;
}

struct command_result command_execute(const char *api, const char *uuid, const char *arguments,
                                      enum command_caller caller)
{
    struct command_result result = {0};
    struct wire_buffer fields = {0};
    char verb[INTERFACE_NAME_LIMIT + 1];
    unsigned takes = interface_find_verb(api, arguments, verb);
    const char *failure;

    if (command_is_too_long(arguments, takes)) {
        result.reply = command_own_reply(REASON_COMMAND_TOO_LONG, arguments);
        return result;
    }
    wire_text(&fields, "api", api);
    wire_text(&fields, "arguments", arguments);
    wire_text(&fields, "application", caller == COMMAND_OF_APPLICATION ? "1" : "0");
    facts_append(&fields, uuid);
    /* The first engine that ever runs gets it with any command: it has not said with which. */
    if (takes & VERB_TAKES_KEY || !interface_is_known()) {
        config_add_key(&fields);
    }
    failure = fields.failed ? REASON_OUT_OF_MEMORY : command_on_channel(uuid, &fields, caller, &result);
    wire_free(&fields);
    if (failure) {
        result.reply = command_own_reply(failure, arguments);
    }
    return result;
}

const char *command_failure(const struct command_result *result)
{
    const char *reply = result->reply ? result->reply : NO_MEMORY;

    return strncmp(reply, ERROR_PREFIX, strlen(ERROR_PREFIX)) == 0 ? reply + strlen(ERROR_PREFIX) : NULL;
}

void command_result_free(struct command_result *result)
{
    free(result->reply);
    if (result->opened) {
        stream_unreference(result->opened);
    }
}

/* Whether what stands in a uuid's place may be repeated: it looks like one, or a channel has it. */
static bool command_names_channel(const char *uuid)
{
    switch_core_session_t *session;

    if (strlen(uuid) == UUID_SIZE && strspn(uuid, "0123456789abcdefABCDEF-") == UUID_SIZE) {
        return true;
    }
    session = switch_core_session_perform_locate(uuid, __FILE_NAME__, __func__, __LINE__);
    if (!session) {
        return false;
    }
    switch_core_session_rwunlock(session);
    return true;
}

/* Whoever sent the command may not look at the reply: a dialplan hardly ever does. */
static void command_log_failure(const char *api, const char *uuid, const char *arguments, const char *reason)
{
    struct wire_value name = command_selector(arguments);
    char verb[INTERFACE_NAME_LIMIT + 1];

    interface_find_verb(api, arguments, verb);
    if (name.size == 0) {
        name = (struct wire_value){.bytes = DEFAULT_STREAM, .size = strlen(DEFAULT_STREAM)};
    }
    LOG(command_names_channel(uuid) ? uuid : NULL, SWITCH_LOG_WARNING,
        "openai_audio_stream %.*s: %s failed: %s", (int)name.size, name.bytes, *verb ? verb : "command", reason);
}

static void command_answer(const char *api, const char *uuid, const char *arguments, const char *reply,
                           switch_stream_handle_t *output)
{
    output->write_function(output, "%s\n", reply);
    if (strncmp(reply, ERROR_PREFIX, strlen(ERROR_PREFIX)) == 0) {
        command_log_failure(api, uuid, arguments, reply + strlen(ERROR_PREFIX));
    }
}

/* An engine that runs has told the usage, or is about to. */
static void command_print_usage(const char *api, switch_stream_handle_t *output)
{
    uint64_t deadline_ms = monotonic_ms() + CONNECT_WITHIN_MS;
    struct timespec pause = {.tv_nsec = USAGE_POLL_NS};
    char *usage;

    while (!interface_is_known() && !entrance_is_closed() && monotonic_ms() < deadline_ms) {
        nanosleep(&pause, NULL);
    }
    usage = interface_usage(api);
    if (usage) {
        output->write_function(output, "USAGE %s\n", usage);
    } else {
        output->write_function(output, "USAGE %s <uuid> <verb> [argument ...] (%s; it knows the verbs)\n",
                               interface_api_name(api), REASON_ENGINE_NOT_RUNNING);
    }
    free(usage);
}

void command_run(const char *api, const char *command, switch_stream_handle_t *output)
{
    char uuid[WIRE_UUID_LIMIT + 1] = "";
    size_t size;

    command = command ? command + strspn(command, " ") : "";
    if (!*command) {
        command_print_usage(api, output);
        return;
    }
    size = strcspn(command, " ");
    if (size <= WIRE_UUID_LIMIT) {
        memcpy(uuid, command, size);
    }
    command += size;
    command += strspn(command, " ");
    if (!*uuid) {
        command_answer(api, uuid, command, ERROR_PREFIX REASON_CHANNEL_NOT_FOUND, output);
    } else if (entrance_enter()) {
        struct command_result result = command_execute(api, uuid, command, COMMAND_OF_API);

        command_answer(api, uuid, command, result.reply ? result.reply : NO_MEMORY, output);
        command_result_free(&result);
        entrance_leave();
    } else {
        command_answer(api, uuid, command, ERROR_PREFIX REASON_UNLOADING, output);
    }
}
