#include "config.h"

#include "abi.h"

#include <stdio.h>
#include <stdlib.h>

#define CONFIGURATION "openai_audio_stream.conf"
#define PARAMETER "engine-socket"
#define ENVIRONMENT "OPENAI_REALTIME_SOCKET"
#define USUAL_PLACE "/run/openai-realtime/engine.sock"

static void config_from_file(char *path, size_t room)
{
    switch_xml_t configuration = NULL, settings, parameter;
    switch_xml_t document = switch_xml_open_cfg(CONFIGURATION, &configuration, NULL);
    const char *value;

    if (!document) {
        return;
    }
    settings = configuration ? switch_xml_child(configuration, "settings") : NULL;
    parameter = settings ? switch_xml_find_child(settings, "param", "name", PARAMETER) : NULL;
    value = parameter ? switch_xml_attr_soft(parameter, "value") : NULL;
    if (value) {
        snprintf(path, room, "%s", value);
    }
    switch_xml_free(document);
}

void config_engine_socket(char *path, size_t room)
{
    const char *environment = getenv(ENVIRONMENT);

    path[0] = '\0';
    config_from_file(path, room);
    if (!path[0]) {
        snprintf(path, room, "%s", environment && *environment ? environment : USUAL_PLACE);
    }
}
