/* What modules call to make and fire events. */
#include "event.h"

#include "pool.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_INUSE ((switch_status_t)10)

struct reservation {
    struct reservation *next;
    char *owner;
    char *subclass;
};

static pthread_mutex_t reservations_lock = PTHREAD_MUTEX_INITIALIZER;
static struct reservation *reservations; /* guarded by reservations_lock */

switch_status_t switch_event_reserve_subclass_detailed(const char *owner, const char *subclass)
{
    struct reservation *reservation;

    pthread_mutex_lock(&reservations_lock);
    for (reservation = reservations; reservation != NULL; reservation = reservation->next) {
        if (strcmp(reservation->subclass, subclass) == 0) {
            pthread_mutex_unlock(&reservations_lock);
            return STATUS_INUSE;
        }
    }
    reservation = memory_new(sizeof(*reservation));
    reservation->owner = memory_strdup(owner);
    reservation->subclass = memory_strdup(subclass);
    reservation->next = reservations;
    reservations = reservation;
    pthread_mutex_unlock(&reservations_lock);
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_event_free_subclass_detailed(const char *owner, const char *subclass)
{
    switch_status_t status = SWITCH_STATUS_FALSE;

    pthread_mutex_lock(&reservations_lock);
    for (struct reservation **link = &reservations; *link != NULL; link = &(*link)->next) {
        struct reservation *reservation = *link;

        /* Owners are told apart by name; the file name of the caller, by convention. */
        if (strcmp(reservation->subclass, subclass) == 0 && strcmp(reservation->owner, owner) == 0) {
            *link = reservation->next;
            free(reservation->owner);
            free(reservation->subclass);
            free(reservation);
            status = SWITCH_STATUS_SUCCESS;
            break;
        }
    }
    pthread_mutex_unlock(&reservations_lock);
    return status;
}

static struct event *event_new(switch_event_types_t id)
{
    struct event *event = memory_new(sizeof(*event));

    event->base.event_id = id;
    return event;
}

switch_status_t switch_event_create_subclass_detailed(const char *file, const char *func, int line,
                                                      switch_event_t **handle, switch_event_types_t id,
                                                      const char *subclass)
{
    struct event *event;

    (void)file;
    (void)func;
    (void)line;
    *handle = NULL;
    if (id != SWITCH_EVENT_CUSTOM && subclass != NULL) {
        return SWITCH_STATUS_GENERR;
    }
    event = event_new(id);
    if (id == SWITCH_EVENT_CUSTOM) {
        headers_add(&event->base, "Event-Name", "CUSTOM");
    }
    if (subclass != NULL) {
        event->base.subclass_name = memory_strdup(subclass);
        headers_add(&event->base, "Event-Subclass", subclass);
    }
    *handle = &event->base;
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_event_add_header_string(switch_event_t *event, switch_stack_t stack, const char *name,
                                               const char *value)
{
    (void)stack;
    if (value == NULL) {
        return SWITCH_STATUS_GENERR;
    }
    headers_add(event, name, value);
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_event_add_body(switch_event_t *handle, const char *format, ...)
{
    struct event *event = (struct event *)(void *)handle;
    va_list arguments;

    free(event->base.body);
    va_start(arguments, format);
    event->base.body = memory_vprintf(format, arguments);
    va_end(arguments);
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_event_dup(switch_event_t **copy, switch_event_t *original)
{
    struct event *event = event_new(original->event_id);

    headers_copy(&event->base, original);
    if (original->subclass_name != NULL) {
        event->base.subclass_name = memory_strdup(original->subclass_name);
    }
    if (original->body != NULL) {
        event->base.body = memory_strdup(original->body);
    }
    *copy = &event->base;
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_event_fire_detailed(const char *file, const char *func, int line, switch_event_t **event,
                                           void *user_data)
{
    (void)file;
    (void)func;
    (void)line;
    (void)user_data;
    event_push((struct event *)(void *)*event);
    *event = NULL;
    return SWITCH_STATUS_SUCCESS;
}

void switch_event_destroy(switch_event_t **event)
{
    if (*event != NULL) {
        event_free((struct event *)*event);
    }
    *event = NULL;
}
