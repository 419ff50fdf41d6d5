#include "session_end.h"

#include "bug.h"

void session_end(struct session *session)
{
    session_mark_hangup(session);
    pthread_mutex_lock(&session->thread_lock);
    bug_remove_all(session);
    /* The one at the thread's end: a bug that an API thread was adding when the channel went down: it checked the state before. */
    bug_remove_all(session);
    pthread_mutex_unlock(&session->thread_lock);

    pthread_rwlock_wrlock(&session->rwlock);
    atomic_store(&session->destroyed, true);
    pthread_rwlock_unlock(&session->rwlock);

    bug_remove_all(session);
    session_forget(session);
}
