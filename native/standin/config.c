/* The configuration of the module: <configuration><settings><param name= value=/>...</settings></configuration>. */
#include "globals.h"

#include "headers.h"
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The file is the module's own; a module that opens any other gets none. */
#define CONFIG_FILE "openai_audio_stream.conf"

struct switch_xml {
    const char *name;
    char *attributes[5]; /* name, value, name, value, NULL */
    struct switch_xml *next; /* of the same name */
    struct switch_xml *child;
};

static pthread_mutex_t params_lock = PTHREAD_MUTEX_INITIALIZER;
static switch_event_t params; /* guarded by params_lock */

void config_set(const char *name, const char *value)
{
    pthread_mutex_lock(&params_lock);
    headers_set(&params, name, value);
    pthread_mutex_unlock(&params_lock);
}

static struct switch_xml *element_new(const char *name)
{
    struct switch_xml *element = memory_new(sizeof(*element));

    element->name = name;
    return element;
}

static struct switch_xml *param_new(const char *name, const char *value)
{
    struct switch_xml *param = element_new("param");

    param->attributes[0] = memory_strdup("name");
    param->attributes[1] = memory_strdup(name);
    param->attributes[2] = memory_strdup("value");
    param->attributes[3] = memory_strdup(value);
    return param;
}

switch_xml_t switch_xml_open_cfg(const char *file_path, switch_xml_t *node, switch_event_t *event)
{
    struct switch_xml *settings;
    struct switch_xml **last;

    (void)event;
    *node = NULL;
    if (strcmp(file_path, CONFIG_FILE) != 0) {
        return NULL;
    }
    settings = element_new("settings");
    last = &settings->child;
    pthread_mutex_lock(&params_lock);
    for (const switch_event_header_t *param = params.headers; param != NULL; param = param->next) {
        *last = param_new(param->name, param->value);
        last = &(*last)->next;
    }
    pthread_mutex_unlock(&params_lock);
    *node = element_new("configuration");
    (*node)->child = settings;
    return *node;
}

/* A child is found by its kind; all siblings here are of one kind. */
switch_xml_t switch_xml_child(switch_xml_t xml, const char *name)
{
    struct switch_xml *child = xml != NULL ? xml->child : NULL;

    return child != NULL && strcmp(child->name, name) == 0 ? child : NULL;
}

static const char *element_attribute(const struct switch_xml *element, const char *name)
{
    for (size_t i = 0; element != NULL && element->attributes[i] != NULL; i += 2) {
        if (strcmp(element->attributes[i], name) == 0) {
            return element->attributes[i + 1];
        }
    }
    return NULL;
}

switch_xml_t switch_xml_find_child(switch_xml_t node, const char *child, const char *attribute, const char *value)
{
    struct switch_xml *found;

    if (child == NULL || attribute == NULL || value == NULL) {
        return node;
    }
    for (found = switch_xml_child(node, child); found != NULL; found = found->next) {
        const char *has = element_attribute(found, attribute);

        if (has != NULL && strcasecmp(has, value) == 0) {
            break;
        }
    }
    return found;
}

const char *switch_xml_attr_soft(switch_xml_t xml, const char *attribute)
{
    const char *value = element_attribute(xml, attribute);

    return value != NULL ? value : "";
}

void switch_xml_free(switch_xml_t xml)
{
    while (xml != NULL) {
        struct switch_xml *next = xml->next;

        switch_xml_free(xml->child);
        for (size_t i = 0; xml->attributes[i] != NULL; i++) {
            free(xml->attributes[i]);
        }
        free(xml);
        xml = next;
    }
}
