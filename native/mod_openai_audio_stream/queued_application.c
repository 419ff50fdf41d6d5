#define _GNU_SOURCE
#include "queued_application.h"

#include "api_reply.h"
#include "log.h"
#include "monotonic.h"
#include "reasons.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OWNER "mod_openai_audio_stream"
/* Names ours in FreeSWITCH's events; the number is `serial`. */
#define TAG_PREFIX "openai_audio_stream-"
#define TAG_LIMIT 64u
/* FreeSWITCH fires the end of an application before that of the event that asked for it, and may deliver them in another
 * order where it is so busy that several threads do it. */
#define LATE_END_MS 500u
#define NO_RESPONSE "_none_" /* FreeSWITCH's */
#define SHOW_LIMIT 4096u

static pthread_mutex_t applications_lock = PTHREAD_MUTEX_INITIALIZER; /* nothing is called with it held */
static struct execution *applications;                               /* guarded by it, as is the next */
static bool ended;

/* From the time of loading on: FreeSWITCH may still tell of what the module before this one has asked for. */
static _Atomic uint64_t next_serial;

static switch_event_types_t private_command;
static switch_event_node_t *complete_binding, *private_binding;

static struct execution *queued_application_take(uint64_t serial)
{
    struct execution *found = NULL;

    pthread_mutex_lock(&applications_lock);
    for (struct execution **at = &applications; *at && !found; at = &(*at)->next) {
        if ((*at)->serial == serial) {
            found = *at;
            *at = found->next;
            break;
        }
    }
    pthread_mutex_unlock(&applications_lock);
    return found;
}

/* 0: the event is about nothing of ours. */
static uint64_t queued_application_serial(switch_event_t *event, const char *header)
{
    const char *tag = switch_event_get_header_idx(event, header, -1);

    if (!tag || strncmp(tag, TAG_PREFIX, strlen(TAG_PREFIX)) != 0) {
        return 0;
    }
    return strtoull(tag + strlen(TAG_PREFIX), NULL, 10);
}

static void queued_application_complete(switch_event_t *event)
{
    uint64_t serial = queued_application_serial(event, "Application-UUID");
    struct execution *execution = serial ? queued_application_take(serial) : NULL;
    const char *response;

    if (execution) {
        response = switch_event_get_header_idx(event, "Application-Response", -1);
        execution_succeed(execution, response && strcmp(response, NO_RESPONSE) != 0 ? response : "");
    }
}

/* Also of one that FreeSWITCH would not run. */
static void queued_application_over(switch_event_t *event)
{
    uint64_t serial = queued_application_serial(event, "event-uuid");

    if (!serial) {
        return;
    }
    pthread_mutex_lock(&applications_lock);
    for (struct execution *execution = applications; execution; execution = execution->next) {
        if (execution->serial == serial) {
            execution->over_ms = monotonic_ms();
        }
    }
    pthread_mutex_unlock(&applications_lock);
}

bool queued_applications_start(void)
{
    switch_event_types_t complete;

    atomic_store(&next_serial, monotonic_ns());
    ended = false;
    complete_binding = private_binding = NULL;
    if (switch_name_event("CHANNEL_EXECUTE_COMPLETE", &complete) != SWITCH_STATUS_SUCCESS ||
        switch_name_event("PRIVATE_COMMAND", &private_command) != SWITCH_STATUS_SUCCESS) {
        return false;
    }
    if (switch_event_bind_removable(OWNER, complete, NULL, queued_application_complete, NULL, &complete_binding) !=
        SWITCH_STATUS_SUCCESS) {
        return false;
    }
    if (switch_event_bind_removable(OWNER, private_command, NULL, queued_application_over, NULL, &private_binding) !=
        SWITCH_STATUS_SUCCESS) {
        switch_event_unbind(&complete_binding);
        return false;
    }
    return true;
}

/* Fails all that `wanted` is true of. */
static void queued_applications_fail(bool (*wanted)(const struct execution *execution, const void *of), const void *of,
                                     const char *reason)
{
    struct execution *failed = NULL;

    pthread_mutex_lock(&applications_lock);
    for (struct execution **at = &applications; *at;) {
        struct execution *execution = *at;

        if (wanted(execution, of)) {
            *at = execution->next;
            execution->next = failed;
            failed = execution;
        } else {
            at = &execution->next;
        }
    }
    pthread_mutex_unlock(&applications_lock);
    while (failed) {
        struct execution *next = failed->next;

        execution_fail(failed, reason);
        failed = next;
    }
}

static bool queued_application_is_any(const struct execution *execution, const void *unused)
{
    (void)execution;
    (void)unused;
    return true;
}

static bool queued_application_is_of(const struct execution *execution, const void *link)
{
    return execution->link == link;
}

static bool queued_application_was_not_run(const struct execution *execution, const void *now_ms)
{
    return execution->over_ms && *(const uint64_t *)now_ms > execution->over_ms + LATE_END_MS;
}

void queued_applications_end(void)
{
    pthread_mutex_lock(&applications_lock);
    ended = true;
    pthread_mutex_unlock(&applications_lock);
    switch_event_unbind(&private_binding);
    switch_event_unbind(&complete_binding);
    queued_applications_fail(queued_application_is_any, NULL, REASON_UNLOADING);
}

void queued_applications_review(struct link *link)
{
    switch_core_session_t *session =
        switch_core_session_perform_locate(link->uuid, __FILE_NAME__, __func__, __LINE__);
    uint64_t now_ms = monotonic_ms();

    if (session) {
        switch_core_session_rwunlock(session);
        queued_applications_fail(queued_application_was_not_run, &now_ms, REASON_APPLICATION_NOT_RUN);
    } else {
        queued_applications_fail(queued_application_is_of, link, REASON_CHANNEL_ENDED);
    }
}

/* FreeSWITCH hangs up a channel that is to run an application that there isn't. It says for which it has flags; of the
 * others its list is asked, and where that can't be had the application is taken to be there. */
static bool queued_application_exists(const char *name)
{
    char arguments[sizeof("application ") + EXECUTION_NAME_LIMIT];
    struct api_reply reply;
    const char *line;
    int32_t flags;
    bool exists;

    if (switch_core_session_get_app_flags(name, &flags) == SWITCH_STATUS_SUCCESS) {
        return true;
    }
    snprintf(arguments, sizeof(arguments), "application %s", name);
    if (!api_reply_get("show", arguments, SHOW_LIMIT, &reply)) {
        return false;
    }
    exists = !reply.ok || reply.text[0] == '-';
    for (line = reply.text; line && !exists; line = strchr(line, '\n')) {
        line += *line == '\n';
        exists = strncasecmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ',';
    }
    free(reply.text);
    return exists;
}

static switch_event_t *queued_application_event(const struct execution *execution)
{
    switch_event_t *event = NULL;
    char tag[TAG_LIMIT];

    if (switch_event_create_subclass_detailed(__FILE_NAME__, __func__, __LINE__, &event, private_command, NULL) !=
        SWITCH_STATUS_SUCCESS) {
        return NULL;
    }
    snprintf(tag, sizeof(tag), TAG_PREFIX "%" PRIu64, execution->serial);
    switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "call-command", "execute");
    switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "execute-app-name", execution->name);
    if (execution->arguments) {
        switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "execute-app-arg", execution->arguments);
    }
    switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "event-uuid", tag);
    return event;
}

/* False: the module is being unloaded. */
static bool queued_application_list(struct execution *execution)
{
    bool listed;

    pthread_mutex_lock(&applications_lock);
    listed = !ended;
    if (listed) {
        execution->next = applications;
        applications = execution;
    }
    pthread_mutex_unlock(&applications_lock);
    return listed;
}

/* NULL: it has been queued, and may have been answered and be gone by now; otherwise why not. */
static const char *queued_application_queue(switch_core_session_t *session, struct execution *execution)
{
    uint64_t serial = execution->serial = atomic_fetch_add(&next_serial, 1);
    switch_event_t *event = queued_application_event(execution);
    const char *reason = NULL;

    if (!event) {
        return REASON_OUT_OF_MEMORY;
    }
    if (!queued_application_list(execution)) {
        reason = REASON_UNLOADING;
    } else if (switch_core_session_queue_private_event(session, &event, SWITCH_FALSE) != SWITCH_STATUS_SUCCESS &&
               queued_application_take(serial)) {
        reason = REASON_TOO_MANY_APPLICATIONS;
    }
    if (event) {
        switch_event_destroy(&event);
    }
    return reason;
}

void queued_application_add(struct execution *execution)
{
    switch_core_session_t *session;
    const char *reason = REASON_CHANNEL_ENDED;

    if (!queued_application_exists(execution->name)) {
        execution_fail(execution, REASON_UNKNOWN_APPLICATION);
        return;
    }
    session = switch_core_session_perform_locate(execution->link->uuid, __FILE_NAME__, __func__, __LINE__);
    if (session) {
        reason = queued_application_queue(session, execution);
        switch_core_session_rwunlock(session);
    }
    if (reason) {
        execution_fail(execution, reason);
    }
}
