#include "config.h"

#include "abi.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define CONFIGURATION "openai_audio_stream.conf"
#define ENGINE_SOCKET "engine-socket"
#define API_KEY "openai-api-key"
#define API_KEY_FILE "openai-api-key-file"
#define API_KEY_HOSTS "openai-api-key-hosts"
#define ENVIRONMENT "OPENAI_REALTIME_SOCKET"
#define USUAL_PLACE "/run/openai-realtime/engine.sock"
#define USUAL_HOSTS "api.openai.com"
#define KEY_LIMIT 4096u
#define BLANKS " \t\r\n"

/* Set while the module is loaded, before a command can run, and constant from then on. */
static struct {
    char engine_socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
    char key[KEY_LIMIT + 1];
    char key_file[4096];
    char key_hosts[1024];
} config;

static void config_value(switch_xml_t settings, const char *name, char *text, size_t room)
{
    switch_xml_t parameter = settings ? switch_xml_find_child(settings, "param", "name", name) : NULL;
    const char *value = parameter ? switch_xml_attr_soft(parameter, "value") : NULL;

    snprintf(text, room, "%s", value ? value : "");
}

void config_read(void)
{
    const char *environment = getenv(ENVIRONMENT);
    switch_xml_t configuration = NULL, settings;
    switch_xml_t document = switch_xml_open_cfg(CONFIGURATION, &configuration, NULL);

    settings = document && configuration ? switch_xml_child(configuration, "settings") : NULL;
    config_value(settings, ENGINE_SOCKET, config.engine_socket, sizeof(config.engine_socket));
    config_value(settings, API_KEY, config.key, sizeof(config.key));
    config_value(settings, API_KEY_FILE, config.key_file, sizeof(config.key_file));
    config_value(settings, API_KEY_HOSTS, config.key_hosts, sizeof(config.key_hosts));
    if (document) {
        switch_xml_free(document);
    }
    if (!config.engine_socket[0]) {
        snprintf(config.engine_socket, sizeof(config.engine_socket), "%s",
                 environment && *environment ? environment : USUAL_PLACE);
    }
}

const char *config_engine_socket(void)
{
    return config.engine_socket;
}

/* Anew for each stream, so that a key can be replaced while calls are up. False: there is none, and the log says why. */
static bool config_key_from_file(char key[KEY_LIMIT + 1])
{
    int fd = open(config.key_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t size = fd >= 0 ? read(fd, key, KEY_LIMIT) : -1;

    if (size < 0) {
        LOG(NULL, SWITCH_LOG_ERROR, "Can't read the file of " API_KEY_FILE ": %s\n", strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    if (size < 0) {
        return false;
    }
    while (size > 0 && strchr(BLANKS, key[size - 1])) {
        size--;
    }
    key[size] = '\0';
    if (!key[0]) {
        LOG(NULL, SWITCH_LOG_ERROR, "The file of " API_KEY_FILE " is empty\n");
    }
    return key[0] != '\0';
}

void config_add_key(struct wire_buffer *fields)
{
    char from_file[KEY_LIMIT + 1];
    const char *key = config.key;

    if (config.key_file[0]) {
        key = config_key_from_file(from_file) ? from_file : "";
    }
    if (*key) {
        wire_text(fields, "openai_api_key", key);
        wire_text(fields, "openai_api_key_hosts", config.key_hosts[0] ? config.key_hosts : USUAL_HOSTS);
    }
}
