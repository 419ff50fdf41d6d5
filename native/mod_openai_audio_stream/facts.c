#include "facts.h"

#include "abi.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VARIABLE_PREFIX "STREAM_"
#define VARIABLE_NAME_LIMIT 127u
/* More than 32,768 characters, which is what the engine takes, however many bytes they have: it has to see that a value
 * is too long, but need not be given all of it. */
#define VARIABLE_VALUE_LIMIT (4u * 32768 + 4)

static void facts_global(struct wire_buffer *fields, const char *name)
{
    char *value = switch_core_get_variable_dup(name);

    if (value) {
        wire_text(fields, name, value);
        free(value);
    }
}

static const char *facts_state(switch_channel_t *channel)
{
    if (switch_channel_test_flag(channel, CF_ANSWERED)) {
        return "answered";
    }
    return switch_channel_test_flag(channel, CF_EARLY_MEDIA) ? "early" : "none";
}

/* FreeSWITCH ignores the case of a variable's name; the engine doesn't, so it gets the one spelling. */
static void facts_variable(struct wire_buffer *fields, const switch_event_header_t *variable)
{
    char name[VARIABLE_NAME_LIMIT + 1];
    size_t size = strlen(variable->name);

    if (size > VARIABLE_NAME_LIMIT || strncasecmp(variable->name, VARIABLE_PREFIX, strlen(VARIABLE_PREFIX)) != 0) {
        return;
    }
    for (size_t i = 0; i <= size; i++) {
        name[i] = (char)toupper((unsigned char)variable->name[i]);
    }
    wire_bytes(fields, name, variable->value, strnlen(variable->value, VARIABLE_VALUE_LIMIT));
}

void facts_append(struct wire_buffer *fields, const char *uuid)
{
    switch_core_session_t *session = switch_core_session_perform_locate(uuid, __FILE_NAME__, __func__, __LINE__);
    switch_event_t *variables = NULL;
    switch_channel_t *channel;

    if (!session) {
        wire_text(fields, "channel", "0");
        return;
    }
    channel = switch_core_session_get_channel(session);
    wire_text(fields, "channel", "1");
    wire_text(fields, "state", facts_state(channel));
    facts_global(fields, "temp_dir");
    facts_global(fields, "recordings_dir");
    if (switch_channel_get_variables(channel, &variables) == SWITCH_STATUS_SUCCESS && variables) {
        for (const switch_event_header_t *header = variables->headers; header; header = header->next) {
            if (header->name && header->value) {
                facts_variable(fields, header);
            }
        }
        switch_event_destroy(&variables);
    }
    switch_core_session_rwunlock(session);
}
