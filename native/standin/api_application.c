/* What modules call to have a session's thread run an application. */
#include "application.h"

#include "call.h"
#include "event.h"
#include "session_queue.h"

#include <stdlib.h>

/* The session's thread, of a channel that is parked. Where an application has it, that takes what is queued, and there is
 * nothing left to be done here once it has ended. */
static void *serve(void *of_call)
{
    struct call *call = of_call;
    struct session *session = call_session(call);

    if (session != NULL) {
        pthread_mutex_lock(&session->thread_lock);
        application_run_queued(session);
        atomic_store(&session->transferring, false);
        pthread_mutex_unlock(&session->thread_lock);
        session_unlock(session);
    }
    call_release(call);
    return NULL;
}

switch_status_t switch_core_session_queue_private_event(switch_core_session_t *handle, switch_event_t **event,
                                                        switch_bool_t priority)
{
    struct session *session = (struct session *)handle;
    pthread_t thread;

    (void)priority;
    if (!session_queue_add(session, (struct event *)(void *)*event)) {
        return SWITCH_STATUS_FALSE;
    }
    *event = NULL;
    if (pthread_create(&thread, NULL, serve, call_retain(session->call)) != 0) {
        abort();
    }
    pthread_detach(thread);
    return SWITCH_STATUS_SUCCESS;
}
