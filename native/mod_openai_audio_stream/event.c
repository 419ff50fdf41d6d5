#include "event.h"

#include "log.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define OWNER "mod_openai_audio_stream"
#define PREFIX OWNER "::"
#define SUBCLASS_LIMIT 64u

static const char *const subclasses[] = {
    PREFIX "json", PREFIX "connect",           PREFIX "disconnect", PREFIX "error",
    PREFIX "play", PREFIX "openai_speech_start", PREFIX "openai_speech_stop", PREFIX "turn",
    PREFIX "hold", PREFIX "summary", PREFIX "restored",
};
#define SUBCLASSES (sizeof(subclasses) / sizeof(*subclasses))

static void event_free_first(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        switch_event_free_subclass_detailed(OWNER, subclasses[i]);
    }
}

bool event_reserve(void)
{
    for (size_t i = 0; i < SUBCLASSES; i++) {
        if (switch_event_reserve_subclass_detailed(OWNER, subclasses[i]) != SWITCH_STATUS_SUCCESS) {
            LOG(NULL, SWITCH_LOG_ERROR, "Can't reserve the event %s", subclasses[i]);
            event_free_first(i);
            return false;
        }
    }
    return true;
}

void event_free(void)
{
    event_free_first(SUBCLASSES);
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
    switch_event_t *template = event_create(PREFIX "disconnect");

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
    char name[sizeof(PREFIX) + SUBCLASS_LIMIT];
    switch_event_t *event;

    snprintf(name, sizeof(name), PREFIX "%s", subclass);
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
