#include "binding.h"

#include "headers.h"
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct switch_event_node {
    struct switch_event_node *next;
    switch_event_types_t event;
    switch_event_callback_t callback;
};

static pthread_rwlock_t bindings_lock = PTHREAD_RWLOCK_INITIALIZER; /* shared while callbacks run */
static switch_event_node_t *bindings;

switch_status_t switch_name_event(const char *name, switch_event_types_t *type)
{
    static const struct {
        const char *name;
        switch_event_types_t type;
    } names[] = {
        {"CUSTOM", SWITCH_EVENT_CUSTOM},
        {"CHANNEL_EXECUTE_COMPLETE", EVENT_EXECUTE_COMPLETE},
        {"PRIVATE_COMMAND", EVENT_PRIVATE_COMMAND},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(names[i].name, name) == 0) {
            *type = names[i].type;
            return SWITCH_STATUS_SUCCESS;
        }
    }
    return SWITCH_STATUS_FALSE;
}

switch_status_t switch_event_bind_removable(const char *id, switch_event_types_t event, const char *subclass,
                                            switch_event_callback_t callback, void *user_data,
                                            switch_event_node_t **handle)
{
    switch_event_node_t *node = memory_new(sizeof(*node));

    (void)id;
    (void)subclass;
    (void)user_data;
    node->event = event;
    node->callback = callback;
    pthread_rwlock_wrlock(&bindings_lock);
    node->next = bindings;
    bindings = node;
    pthread_rwlock_unlock(&bindings_lock);
    *handle = node;
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_event_unbind(switch_event_node_t **handle)
{
    switch_status_t status = SWITCH_STATUS_FALSE;

    pthread_rwlock_wrlock(&bindings_lock);
    for (switch_event_node_t **at = &bindings; *at != NULL; at = &(*at)->next) {
        if (*at == *handle) {
            *at = (*handle)->next;
            free(*handle);
            *handle = NULL;
            status = SWITCH_STATUS_SUCCESS;
            break;
        }
    }
    pthread_rwlock_unlock(&bindings_lock);
    return status;
}

void binding_deliver(switch_event_t *event)
{
    pthread_rwlock_rdlock(&bindings_lock);
    for (switch_event_node_t *node = bindings; node != NULL; node = node->next) {
        if (node->event == event->event_id) {
            node->callback(event);
        }
    }
    pthread_rwlock_unlock(&bindings_lock);
}

char *switch_event_get_header_idx(switch_event_t *event, const char *name, int index)
{
    (void)index;
    return (char *)headers_get(event, name);
}
