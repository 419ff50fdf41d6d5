/* What modules call to run API commands: a few of FreeSWITCH's, and the module's own. */
#include "application.h"
#include "call.h"
#include "module.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define NO_CHANNEL "-ERR No such channel!\n"

/* Takes the next word of `*at`, "" if there is none. */
static char *next_word(char **at)
{
    char *word = *at + strspn(*at, " ");

    *at = word + strcspn(word, " ");
    if (**at != '\0') {
        *(*at)++ = '\0';
    }
    return word;
}

static void reply(switch_stream_handle_t *stream, const char *text)
{
    stream->write_function(stream, "%s", text);
}

static void command_echo(char *arguments, switch_stream_handle_t *stream)
{
    stream->write_function(stream, "%s", arguments);
}

static void command_msleep(char *arguments, switch_stream_handle_t *stream)
{
    long ms = strtol(arguments, NULL, 10);

    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
    reply(stream, "+OK\n");
}

static void command_show(char *arguments, switch_stream_handle_t *stream)
{
    const char *what = next_word(&arguments), *name = next_word(&arguments);

    if (strcmp(what, "application") != 0) {
        reply(stream, "-USAGE: show application <name>\n");
    } else if (application_exists(name)) {
        stream->write_function(stream, "name,description,syntax,ikey\n%s,,,standin\n\n1 total.\n", name);
    } else {
        reply(stream, "\n0 total.\n");
    }
}

static void command_exists(char *arguments, switch_stream_handle_t *stream)
{
    struct session *session = session_locate(next_word(&arguments));

    reply(stream, session != NULL ? "true" : "false");
    if (session != NULL) {
        session_unlock(session);
    }
}

static void command_getvar(struct session *session, char *arguments, switch_stream_handle_t *stream)
{
    const char *value;

    pthread_mutex_lock(&session->profile_lock);
    value = headers_get(&session->variables, next_word(&arguments));
    stream->write_function(stream, "%s", value != NULL ? value : "_undef_");
    pthread_mutex_unlock(&session->profile_lock);
}

static void command_setvar(struct session *session, char *arguments, switch_stream_handle_t *stream)
{
    const char *name = next_word(&arguments);

    switch_channel_set_variable_var_check((switch_channel_t *)session, name, arguments, SWITCH_FALSE);
    reply(stream, "+OK\n");
}

static void command_break(struct session *session, char *arguments, switch_stream_handle_t *stream)
{
    (void)arguments;
    atomic_store(&session->broken, true);
    reply(stream, "+OK\n");
}

static void command_transfer(struct session *session, char *arguments, switch_stream_handle_t *stream)
{
    switch_channel_set_variable_var_check((switch_channel_t *)session, "transfer_destination", arguments,
                                          SWITCH_FALSE);
    /* Nobody plays the session's thread: the channel is parked, and nothing has to end. */
    if (pthread_mutex_trylock(&session->thread_lock) == 0) {
        pthread_mutex_unlock(&session->thread_lock);
    } else {
        atomic_store(&session->transferring, true);
    }
    session_forget_hold(session);
    reply(stream, "+OK\n");
}

static void command_send_dtmf(struct session *session, char *arguments, switch_stream_handle_t *stream)
{
    switch_channel_set_variable_var_check((switch_channel_t *)session, "standin_sent_digits", next_word(&arguments),
                                          SWITCH_FALSE);
    reply(stream, "+OK\n");
}

static const struct {
    const char *name;
    void (*run)(char *arguments, switch_stream_handle_t *stream);
} commands[] = {
    {"echo", command_echo},
    {"msleep", command_msleep},
    {"show", command_show},
    {"uuid_exists", command_exists},
};

static const struct {
    const char *name;
    void (*run)(struct session *session, char *arguments, switch_stream_handle_t *stream);
} channel_commands[] = {
    {"uuid_getvar", command_getvar},     {"uuid_setvar", command_setvar},       {"uuid_break", command_break},
    {"uuid_transfer", command_transfer}, {"uuid_send_dtmf", command_send_dtmf},
};

/* Without a lock on the session: the hangup waits until nobody has one. */
static void command_kill(char *arguments, switch_stream_handle_t *stream)
{
    struct session *session = session_locate(next_word(&arguments));
    struct call *call;

    if (session == NULL) {
        reply(stream, NO_CHANNEL);
        return;
    }
    call = call_retain(session->call);
    session_unlock(session);
    call_hangup(call);
    call_release(call);
    reply(stream, "+OK\n");
}

static void command_hold(char *arguments, switch_stream_handle_t *stream)
{
    const char *word = next_word(&arguments);
    bool off = strcmp(word, "off") == 0;
    struct session *session = session_locate(off ? next_word(&arguments) : word);

    if (session == NULL) {
        reply(stream, NO_CHANNEL);
        return;
    }
    session_set_hold(session, off ? HOLD_NONE : HOLD_BY_SWITCH);
    session_unlock(session);
    reply(stream, "+OK Success\n");
}

/* False: it is none of these. */
static bool command_of_channel(const char *name, char *arguments, switch_stream_handle_t *stream)
{
    for (size_t i = 0; i < sizeof(channel_commands) / sizeof(*channel_commands); i++) {
        if (strcasecmp(channel_commands[i].name, name) == 0) {
            struct session *session = session_locate(next_word(&arguments));

            if (session == NULL) {
                reply(stream, NO_CHANNEL);
            } else {
                channel_commands[i].run(session, arguments, stream);
                session_unlock(session);
            }
            return true;
        }
    }
    return false;
}

static bool command_of_switch(const char *name, char *arguments, switch_stream_handle_t *stream)
{
    if (strcasecmp(name, "uuid_kill") == 0) {
        command_kill(arguments, stream);
        return true;
    }
    if (strcasecmp(name, "uuid_hold") == 0) {
        command_hold(arguments, stream);
        return true;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        if (strcasecmp(commands[i].name, name) == 0) {
            commands[i].run(arguments, stream);
            return true;
        }
    }
    return false;
}

switch_status_t switch_api_execute(const char *name, const char *arguments, switch_core_session_t *session,
                                   switch_stream_handle_t *stream)
{
    char *given = memory_strdup(arguments != NULL ? arguments : "");
    switch_status_t status = SWITCH_STATUS_SUCCESS;

    (void)session;
    if (!command_of_switch(name, given, stream) && !command_of_channel(name, given, stream)) {
        status = module_api_to(name, given, stream);
    }
    free(given);
    return status;
}
