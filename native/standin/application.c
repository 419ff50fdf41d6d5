#include "application.h"

#include "binding.h"
#include "event.h"
#include "histogram.h"
#include "log.h"
#include "module.h"
#include "session_queue.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RESPONSE "current_application_response"
#define POLL_NS (5 * 1000 * 1000)
#define FOREVER_MS (24u * 3600 * 1000)
#define SILENCE "silence_stream://"
/* Its flags are of no interest here, but that it has some. */
#define FLAGS 1

static void variable_set(struct session *session, const char *name, const char *value)
{
    switch_channel_set_variable_var_check((switch_channel_t *)session, name, value, SWITCH_FALSE);
}

/* The channel goes on as before, for so long, or until it is to do something else. */
static void application_pass(struct session *session, uint64_t ms)
{
    uint64_t end_ns = monotonic_ns() + ms * 1000 * 1000;

    while (monotonic_ns() < end_ns && atomic_load(&session->state) < CHANNEL_HANGUP &&
           !atomic_load(&session->transferring) && !atomic_exchange(&session->broken, false)) {
        application_run_queued(session);
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
}

static void application_set(struct session *session, const char *arguments)
{
    const char *equals = strchr(arguments, '=');
    char *name;

    if (equals != NULL) {
        name = memory_strdup(arguments);
        name[equals - arguments] = '\0';
        variable_set(session, name, equals + 1);
        free(name);
    }
}

static void application_sleep(struct session *session, const char *arguments)
{
    application_pass(session, strtoull(arguments, NULL, 10));
}

static void application_playback(struct session *session, const char *arguments)
{
    bool silence = strncmp(arguments, SILENCE, strlen(SILENCE)) == 0;

    application_pass(session, silence ? strtoull(arguments + strlen(SILENCE), NULL, 10) : FOREVER_MS);
    variable_set(session, RESPONSE, "FILE PLAYED");
}

/* The other party answers at once, and stays. */
static void application_bridge(struct session *session, const char *arguments)
{
    variable_set(session, "standin_bridged_to", arguments);
    variable_set(session, "originate_disposition", "SUCCESS");
    application_pass(session, FOREVER_MS);
    variable_set(session, RESPONSE, "SUCCESS");
}

static void application_hangup(struct session *session, const char *arguments)
{
    variable_set(session, "hangup_cause", arguments);
    session_mark_hangup(session);
}

static const struct {
    const char *name;
    void (*run)(struct session *session, const char *arguments);
    int flags;
} applications[] = {
    {"set", application_set, FLAGS},          {"sleep", application_sleep, FLAGS},
    {"playback", application_playback, 0},    {"bridge", application_bridge, FLAGS},
    {"hangup", application_hangup, FLAGS},
};
#define APPLICATIONS (sizeof(applications) / sizeof(*applications))

bool application_exists(const char *name)
{
    for (size_t i = 0; i < APPLICATIONS; i++) {
        if (strcmp(applications[i].name, name) == 0) {
            return true;
        }
    }
    return module_has_application(name);
}

static bool application_run(struct session *session, const char *name, const char *arguments)
{
    for (size_t i = 0; i < APPLICATIONS; i++) {
        if (strcmp(applications[i].name, name) == 0) {
            applications[i].run(session, arguments);
            return true;
        }
    }
    return module_application(name, session, arguments);
}

static void application_execute(struct session *session, const char *name, const char *arguments, const char *uuid)
{
    struct event *event;

    variable_set(session, RESPONSE, NULL);
    if (!application_run(session, name, arguments != NULL ? arguments : "")) {
        log_line(SWITCH_LOG_ERROR, session->uuid, "Invalid Application");
        session_mark_hangup(session);
        return;
    }
    event = memory_new(sizeof(*event));
    event->base.event_id = EVENT_EXECUTE_COMPLETE;
    headers_add(&event->base, "Unique-ID", session->uuid);
    headers_add(&event->base, "Application", name);
    pthread_mutex_lock(&session->profile_lock);
    headers_add(&event->base, "Application-Response",
                headers_get(&session->variables, RESPONSE) ? headers_get(&session->variables, RESPONSE) : "_none_");
    pthread_mutex_unlock(&session->profile_lock);
    headers_add(&event->base, "Application-UUID", uuid != NULL ? uuid : "");
    binding_deliver(&event->base);
    event_free(event);
}

void application_run_queued(struct session *session)
{
    struct event *event;

    while (atomic_load(&session->state) < CHANNEL_HANGUP && (event = session_queue_take(session)) != NULL) {
        const char *name = headers_get(&event->base, "execute-app-name");

        if (name != NULL) {
            application_execute(session, name, headers_get(&event->base, "execute-app-arg"),
                                headers_get(&event->base, "event-uuid"));
        }
        event->base.event_id = EVENT_PRIVATE_COMMAND;
        binding_deliver(&event->base);
        event_free(event);
    }
}

switch_status_t switch_core_session_get_app_flags(const char *name, int32_t *flags)
{
    *flags = 0;
    for (size_t i = 0; i < APPLICATIONS; i++) {
        if (strcmp(applications[i].name, name) == 0) {
            *flags = applications[i].flags;
        }
    }
    if (module_has_application(name)) {
        *flags = FLAGS;
    }
    return *flags != 0 ? SWITCH_STATUS_SUCCESS : SWITCH_STATUS_FALSE;
}
