#include "headers.h"

#include "pool.h"

#include <stdlib.h>
#include <strings.h>

void headers_add(switch_event_t *event, const char *name, const char *value)
{
    switch_event_header_t *header = memory_new(sizeof(*header));

    header->name = memory_strdup(name);
    header->value = memory_strdup(value);
    if (event->last_header != NULL) {
        event->last_header->next = header;
    } else {
        event->headers = header;
    }
    event->last_header = header;
}

static void header_free(switch_event_header_t *header)
{
    free(header->name);
    free(header->value);
    free(header);
}

static void headers_remove(switch_event_t *event, const char *name)
{
    switch_event_header_t *last = NULL;
    switch_event_header_t *next;

    for (switch_event_header_t *header = event->headers; header != NULL; header = next) {
        next = header->next;
        if (strcasecmp(header->name, name) != 0) {
            last = header;
            continue;
        }
        if (last != NULL) {
            last->next = next;
        } else {
            event->headers = next;
        }
        header_free(header);
    }
    event->last_header = last;
}

void headers_set(switch_event_t *event, const char *name, const char *value)
{
    headers_remove(event, name);
    if (value != NULL && value[0] != '\0') {
        headers_add(event, name, value);
    }
}

const char *headers_get(const switch_event_t *event, const char *name)
{
    for (const switch_event_header_t *header = event->headers; header != NULL; header = header->next) {
        if (strcasecmp(header->name, name) == 0) {
            return header->value;
        }
    }
    return NULL;
}

void headers_copy(switch_event_t *to, const switch_event_t *from)
{
    for (const switch_event_header_t *header = from->headers; header != NULL; header = header->next) {
        headers_add(to, header->name, header->value);
    }
}

void headers_free(switch_event_t *event)
{
    switch_event_header_t *next;

    for (switch_event_header_t *header = event->headers; header != NULL; header = next) {
        next = header->next;
        header_free(header);
    }
    event->headers = NULL;
    event->last_header = NULL;
}
