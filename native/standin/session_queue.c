#include "session_queue.h"

#include "event.h"

#define LENGTH 256u /* FreeSWITCH's */

bool session_queue_add(struct session *session, struct event *event)
{
    struct event **at;
    bool room;

    event->next = NULL;
    pthread_mutex_lock(&session->queue_lock);
    room = session->queue_length < LENGTH;
    if (room) {
        for (at = &session->queue; *at != NULL; at = &(*at)->next) {
        }
        *at = event;
        session->queue_length++;
    }
    pthread_mutex_unlock(&session->queue_lock);
    return room;
}

struct event *session_queue_take(struct session *session)
{
    struct event *event;

    pthread_mutex_lock(&session->queue_lock);
    event = session->queue;
    if (event != NULL) {
        session->queue = event->next;
        session->queue_length--;
    }
    pthread_mutex_unlock(&session->queue_lock);
    return event;
}

void session_queue_free(struct session *session)
{
    struct event *event;

    while ((event = session_queue_take(session)) != NULL) {
        event_free(event);
    }
}
