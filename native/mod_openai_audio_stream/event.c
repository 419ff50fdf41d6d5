#include "event.h"

#include "log.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SUBCLASS_LIMIT 64u

static void event_subclass(char subclass[sizeof(EVENT_PREFIX) + SUBCLASS_LIMIT], const char *name)
{
    snprintf(subclass, sizeof(EVENT_PREFIX) + SUBCLASS_LIMIT, EVENT_PREFIX "%s", name);
}

bool event_reserve(const char *name)
{
    char subclass[sizeof(EVENT_PREFIX) + SUBCLASS_LIMIT];

    event_subclass(subclass, name);
    return switch_event_reserve_subclass_detailed(EVENT_OWNER, subclass) == SWITCH_STATUS_SUCCESS;
}

void event_unreserve(const char *name)
{
    char subclass[sizeof(EVENT_PREFIX) + SUBCLASS_LIMIT];

    event_subclass(subclass, name);
    switch_event_free_subclass_detailed(EVENT_OWNER, subclass);
}

static switch_event_t *event_create(const char *subclass)
{
    switch_event_t *event = NULL;

    if (switch_event_create_subclass_detailed(__FILE_NAME__, __func__, __LINE__, &event, SWITCH_EVENT_CUSTOM,
                                              subclass) != SWITCH_STATUS_SUCCESS) {
        return NULL;
    }
    return event;
}

switch_event_t *event_template(switch_core_session_t *session)
{
    switch_event_t *template = event_create(NULL);

    if (template) {
        switch_channel_event_set_data(switch_core_session_get_channel(session), template);
    }
    return template;
}

/* Headers that belong to one event, not to the channel. */
static bool event_header_is_own(const char *name)
{
    return strncmp(name, "Event-", strlen("Event-")) == 0;
}

static void event_add_channel(switch_event_t *event, const char *uuid, const switch_event_t *template)
{
    switch_core_session_t *session = switch_core_session_perform_locate(uuid, __FILE_NAME__, __func__, __LINE__);

    if (session) {
        switch_channel_event_set_data(switch_core_session_get_channel(session), event);
        switch_core_session_rwunlock(session);
        return;
    }
    if (!template) {
        switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "Unique-ID", uuid);
        return;
    }
    for (const switch_event_header_t *header = template->headers; header; header = header->next) {
        if (header->name && header->value && !event_header_is_own(header->name)) {
            switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, header->name, header->value);
        }
    }
}

void event_fire(const char *uuid, const switch_event_t *template, const char *subclass, const char *stream_name,
                const char *body, size_t body_bytes)
{
    char name[sizeof(EVENT_PREFIX) + SUBCLASS_LIMIT];
    switch_event_t *event;

    event_subclass(name, subclass);
    event = event_create(name);
    if (!event) {
        LOG(uuid, SWITCH_LOG_ERROR, "Can't create the event %s", name);
        return;
    }
    switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "Stream-Name", stream_name);
    event_add_channel(event, uuid, template);
    if (body_bytes > 0 && body_bytes <= INT_MAX) {
        switch_event_add_body(event, "%.*s", (int)body_bytes, body);
    }
    switch_event_fire_detailed(__FILE_NAME__, __func__, __LINE__, &event, NULL);
}
