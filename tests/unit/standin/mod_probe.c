/*
 * A module that does what a test asks for, and tells through events what the switch did to it.
 *
 *   probe <uuid> add <read|write|stereo|replace|...> [option...]   adds a bug with these flags and options
 *   probe <uuid> remove                                           takes the last bug off
 *   probe <uuid> locate | facts                                   looks at the session
 *   probe - wait | go                                             keeps a command running, and lets it go on
 */
#include "abi.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "probe"
#define HERE __FILE__, __func__, __LINE__
#define FRAME_BYTES 8192
#define READ_BYTES (2 * FRAME_BYTES)

struct probe {
    switch_media_bug_t *bug;
    char uuid[64];
    int fill;       /* add this to each written sample; 0: leave it */
    bool refuse;    /* false from INIT */
    bool prune_read; /* false from the first READ */
    bool prune_write;
    bool quiet;     /* do not read in READ */
    bool replace;   /* hand over a frame of our own */
    int16_t samples[FRAME_BYTES / 2];
    switch_frame_room_t own;
};

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool open_gate;
static bool fail_load;

static void tell(const char *uuid, const char *what, const void *data, uint32_t bytes, const switch_frame_t *frame)
{
    static const char digits[] = "0123456789abcdef";
    switch_event_t *event;
    char *hex = calloc(1, 2 * (size_t)bytes + 1);
    char number[32];

    for (uint32_t i = 0; i < bytes; i++) {
        hex[2 * i] = digits[((const unsigned char *)data)[i] >> 4];
        hex[2 * i + 1] = digits[((const unsigned char *)data)[i] & 15];
    }
    switch_event_create_subclass_detailed(HERE, &event, SWITCH_EVENT_CUSTOM, what);
    switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "Unique-ID", uuid);
    if (frame != NULL) {
        snprintf(number, sizeof(number), "%u %u %u", frame->rate, frame->samples, frame->channels);
        switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "Frame", number);
    }
    switch_event_add_body(event, "%s", hex);
    switch_event_fire_detailed(HERE, &event, NULL);
    free(hex);
}

static switch_bool_t on_read(struct probe *probe, switch_media_bug_t *bug)
{
    unsigned char data[READ_BYTES];
    switch_frame_room_t room = {.frame = {.data = data, .buflen = sizeof(data)}};

    /* Once, not until it fails: without a write stream there is always one more frame, of 0xff bytes. */
    if (!probe->quiet && switch_core_media_bug_read(bug, &room.frame, SWITCH_FALSE) == SWITCH_STATUS_SUCCESS) {
        tell(probe->uuid, "probe::read", data, room.frame.datalen, &room.frame);
    }
    return !probe->prune_read;
}

static switch_bool_t on_write(struct probe *probe, switch_media_bug_t *bug)
{
    switch_frame_t *frame = switch_core_media_bug_get_write_replace_frame(bug);
    int16_t *samples = frame->data;

    tell(probe->uuid, "probe::write_replace", frame->data, frame->datalen, frame);
    if (probe->replace) {
        probe->own.frame = *frame;
        probe->own.frame.data = probe->samples;
        memcpy(probe->samples, samples, frame->datalen);
        samples = probe->samples;
        switch_core_media_bug_set_write_replace_frame(bug, &probe->own.frame);
    }
    for (uint32_t i = 0; i < frame->datalen / 2; i++) {
        samples[i] = (int16_t)(samples[i] + probe->fill);
    }
    return !probe->prune_write;
}

static switch_bool_t on_bug(switch_media_bug_t *bug, void *user_data, switch_abc_type_t type)
{
    struct probe *probe = user_data;

    switch (type) {
    case SWITCH_ABC_TYPE_INIT:
        tell(probe->uuid, "probe::init", NULL, 0, NULL);
        return !probe->refuse;
    case SWITCH_ABC_TYPE_READ:
        return on_read(probe, bug);
    case SWITCH_ABC_TYPE_WRITE:
        tell(probe->uuid, "probe::write", NULL, 0, NULL);
        return SWITCH_TRUE;
    case SWITCH_ABC_TYPE_WRITE_REPLACE:
        return on_write(probe, bug);
    case SWITCH_ABC_TYPE_CLOSE:
        tell(probe->uuid, "probe::close", NULL, 0, NULL);
        return SWITCH_TRUE;
    }
    return SWITCH_TRUE;
}

static const char *add(switch_core_session_t *session, const char *uuid, char *options)
{
    struct probe *probe = switch_core_perform_session_alloc(session, sizeof(*probe), HERE);
    switch_channel_t *channel = switch_core_session_get_channel(session);
    switch_media_bug_flag_t flags = 0;
    char *rest = NULL;

    snprintf(probe->uuid, sizeof(probe->uuid), "%s", uuid);
    for (char *word = strtok_r(options, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        flags |= strcmp(word, "read") == 0 ? SMBF_READ_STREAM : 0;
        flags |= strcmp(word, "write") == 0 ? SMBF_WRITE_STREAM : 0;
        flags |= strcmp(word, "stereo") == 0 ? SMBF_STEREO : 0;
        flags |= strcmp(word, "replace") == 0 ? SMBF_WRITE_REPLACE : 0;
        flags |= strcmp(word, "unknown") == 0 ? 1u << 20 : 0;
        probe->refuse |= strcmp(word, "refuse") == 0;
        probe->prune_read |= strcmp(word, "prune_read") == 0;
        probe->prune_write |= strcmp(word, "prune_write") == 0;
        probe->quiet |= strcmp(word, "quiet") == 0;
        probe->replace |= strcmp(word, "own_frame") == 0;
        probe->fill += strncmp(word, "add=", 4) == 0 ? atoi(word + 4) : 0;
    }
    if (switch_core_media_bug_add(session, NAME, NULL, on_bug, probe, 0, flags, &probe->bug) !=
        SWITCH_STATUS_SUCCESS) {
        return "-ERR not added";
    }
    switch_channel_set_private(channel, NAME, probe);
    return "+OK";
}

static const char *take_off(switch_core_session_t *session)
{
    switch_channel_t *channel = switch_core_session_get_channel(session);
    struct probe *probe = switch_channel_get_private(channel, NAME);

    if (probe == NULL || switch_core_media_bug_remove(session, &probe->bug) != SWITCH_STATUS_SUCCESS) {
        return "-ERR not removed";
    }
    switch_channel_set_private(channel, NAME, NULL);
    return "+OK";
}

static void facts(switch_core_session_t *session, switch_stream_handle_t *stream)
{
    switch_channel_t *channel = switch_core_session_get_channel(session);
    switch_codec_implementation_room_t read, write;
    switch_event_t *variables;

    switch_core_session_get_read_impl(session, &read.impl);
    switch_core_session_get_write_impl(session, &write.impl);
    stream->write_function(stream, "read=%u write=%u ptime=%d bytes=%u channels=%u answered=%u early=%u ready=%d",
                           read.impl.actual_samples_per_second, write.impl.actual_samples_per_second,
                           read.impl.microseconds_per_packet, read.impl.decoded_bytes_per_packet,
                           read.impl.number_of_channels, switch_channel_test_flag(channel, CF_ANSWERED),
                           switch_channel_test_flag(channel, CF_EARLY_MEDIA),
                           switch_channel_test_ready(channel, SWITCH_TRUE, SWITCH_TRUE));
    switch_channel_get_variables(channel, &variables);
    for (switch_event_header_t *header = variables->headers; header != NULL; header = header->next) {
        stream->write_function(stream, " %s=%s", header->name, header->value);
    }
    switch_event_destroy(&variables);
}

static void wait_for_go(void)
{
    pthread_mutex_lock(&gate);
    tell("-", "probe::waiting", NULL, 0, NULL);
    while (!open_gate) {
        pthread_cond_wait(&opened, &gate);
    }
    open_gate = false;
    pthread_mutex_unlock(&gate);
}

static void go(void)
{
    pthread_mutex_lock(&gate);
    open_gate = true;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&gate);
}

static switch_status_t on_api(const char *command, switch_core_session_t *unused, switch_stream_handle_t *stream)
{
    char uuid[64] = "", verb[32] = "", options[256] = "";
    switch_core_session_t *session;

    (void)unused;
    sscanf(command, "%63s %31s %255[^\n]", uuid, verb, options);
    if (strcmp(verb, "go") == 0) {
        go();
        return SWITCH_STATUS_SUCCESS;
    }
    if (strcmp(uuid, "-") == 0) {
        wait_for_go();
        return strcmp(verb, "fail") == 0 ? SWITCH_STATUS_FALSE : SWITCH_STATUS_SUCCESS;
    }
    session = switch_core_session_perform_locate(uuid, HERE);
    if (session == NULL) {
        stream->write_function(stream, "-ERR no such channel\n");
        return SWITCH_STATUS_SUCCESS;
    }
    if (strcmp(verb, "add") == 0) {
        stream->write_function(stream, "%s\n", add(session, uuid, options));
    } else if (strcmp(verb, "remove") == 0) {
        stream->write_function(stream, "%s\n", take_off(session));
    } else if (strcmp(verb, "facts") == 0) {
        facts(session, stream);
    } else if (strcmp(verb, "hold") == 0) {
        wait_for_go();
    } else if (strcmp(verb, "event") == 0) {
        switch_event_t *event;

        switch_event_create_subclass_detailed(HERE, &event, SWITCH_EVENT_CUSTOM, "probe::data");
        switch_channel_event_set_data(switch_core_session_get_channel(session), event);
        switch_event_fire_detailed(HERE, &event, NULL);
        switch_log_printf(SWITCH_CHANNEL_ID_LOG, HERE, uuid, SWITCH_LOG_WARNING, "%s %d\n", "line", 1);
    }
    switch_core_session_rwunlock(session);
    return SWITCH_STATUS_SUCCESS;
}

static void on_application(switch_core_session_t *session, const char *data)
{
    (void)session;
    tell("-", "probe::application", data, (uint32_t)strlen(data), NULL);
}

static switch_status_t load(switch_loadable_module_interface_t **module, switch_memory_pool_t *pool)
{
    switch_api_interface_t *api;
    switch_application_interface_t *application;
    switch_xml_t config, xml = switch_xml_open_cfg("openai_audio_stream.conf", &config, NULL);
    switch_xml_t settings = switch_xml_child(config, "settings");

    fail_load =
        strcmp(switch_xml_attr_soft(switch_xml_find_child(settings, "param", "name", "fail"), "value"), "yes") == 0;
    switch_xml_free(xml);
    if (fail_load) {
        return SWITCH_STATUS_TERM;
    }
    *module = switch_loadable_module_create_module_interface(pool, NAME);
    api = switch_loadable_module_create_interface(*module, SWITCH_API_INTERFACE);
    api->interface_name = NAME;
    api->function = on_api;
    application = switch_loadable_module_create_interface(*module, SWITCH_APPLICATION_INTERFACE);
    application->interface_name = NAME;
    application->application_function = on_application;
    switch_console_set_complete("add probe ::console::list_uuid add");
    switch_console_set_complete("add probe ::console::list_uuid ::[remove:facts");
    tell("-", "probe::load", NULL, 0, NULL);
    return SWITCH_STATUS_SUCCESS;
}

/* On a thread of the module's, which its shutdown waits for. */
static void *look_around(void *unused)
{
    int32_t flags;
    bool any = switch_core_session_get_app_flags("sleep", &flags) == SWITCH_STATUS_SUCCESS;
    bool own = switch_core_session_get_app_flags(NAME, &flags) == SWITCH_STATUS_SUCCESS;
    const char *seen = any ? own ? "both" : "the others" : "none";

    (void)unused;
    tell("-", "probe::shutdown", seen, (uint32_t)strlen(seen), NULL);
    return NULL;
}

static switch_status_t shutdown_module(void)
{
    pthread_t looker;

    switch_console_set_complete("del probe");
    pthread_create(&looker, NULL, look_around, NULL);
    pthread_join(looker, NULL);
    return SWITCH_STATUS_SUCCESS;
}

__attribute__((visibility("default"))) switch_loadable_module_function_table_t mod_probe_module_interface = {
    .switch_api_version = SWITCH_API_VERSION,
    .load = load,
    .shutdown = shutdown_module,
};
