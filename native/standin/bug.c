/*
 * Adding and taking off media bugs. What matters here is the order of FreeSWITCH and which locks it holds when it calls
 * back: INIT none, READ and WRITE_REPLACE the list's lock shared, CLOSE at a hangup the list's lock exclusively, CLOSE
 * by media_bug_remove or after a prune none.
 */
#include "bug.h"

#include "log.h"

static switch_bool_t bug_call(struct bug *bug, switch_abc_type_t type)
{
    return bug->callback((switch_media_bug_t *)bug, bug->user_data, type);
}

/* The bug itself is the pool's: a stale pointer to it stays readable until the session ends, as in FreeSWITCH. */
static void bug_destroy(struct bug *bug)
{
    fifo_free(&bug->read_buffer);
    fifo_free(&bug->write_buffer);
}

static void bug_close(struct bug *bug)
{
    if (bug->callback != NULL) {
        bug_call(bug, SWITCH_ABC_TYPE_CLOSE);
    }
    atomic_store(&bug->ready, false);
}

static void bug_link(struct session *session, struct bug *bug)
{
    struct bug *last;

    pthread_rwlock_wrlock(&session->bug_rwlock);
    if (session->bugs == NULL || (atomic_load(&bug->flags) & SMBF_FIRST)) {
        bug->next = session->bugs;
        session->bugs = bug;
    } else {
        for (last = session->bugs; last->next != NULL; last = last->next) {
        }
        last->next = bug;
    }
    pthread_rwlock_unlock(&session->bug_rwlock);
}

switch_status_t switch_core_media_bug_add(switch_core_session_t *handle, const char *function, const char *target,
                                          switch_media_bug_callback_t callback, void *user_data, time_t stop_time,
                                          switch_media_bug_flag_t flags, switch_media_bug_t **new_bug)
{
    struct session *session = (struct session *)handle;
    struct bug *bug;

    (void)function;
    (void)target;
    if (flags & ~BUG_FLAGS) {
        log_line(SWITCH_LOG_ERROR, session->uuid, "The stand-in does not know these flags of a bug");
        return SWITCH_STATUS_GENERR;
    }
    if (!session_media_ready(session) && !session_pre_answer(session)) {
        log_line(SWITCH_LOG_ERROR, session->uuid, "No media: the bug is not added");
        return SWITCH_STATUS_FALSE;
    }
    *new_bug = NULL;
    bug = pool_alloc(session->pool, sizeof(*bug));
    bug->session = session;
    bug->callback = callback;
    bug->user_data = user_data;
    bug->stop_time = stop_time;
    atomic_store(&bug->flags, flags != 0 ? (uint32_t)flags : (uint32_t)(SMBF_READ_STREAM | SMBF_WRITE_STREAM));
    mutex_init_recursive(&bug->read_lock);
    mutex_init_recursive(&bug->write_lock);
    fifo_init(&bug->read_buffer, BUG_BUFFER_BYTES);
    fifo_init(&bug->write_buffer, BUG_BUFFER_BYTES);

    if (callback != NULL && bug_call(bug, SWITCH_ABC_TYPE_INIT) == SWITCH_FALSE) {
        bug_destroy(bug);
        log_line(SWITCH_LOG_ERROR, session->uuid, "The bug refused to start");
        return SWITCH_STATUS_GENERR;
    }
    atomic_store(&bug->ready, true);
    bug_link(session, bug);
    *new_bug = (switch_media_bug_t *)bug;
    switch (atomic_load(&session->leaves_when_tapped)) {
    case LEAVES_BY_TRANSFER:
        atomic_store(&session->transferring, true);
        break;
    case LEAVES_BY_HANGUP:
        session_mark_hangup(session);
        break;
    }
    return SWITCH_STATUS_SUCCESS;
}

switch_status_t switch_core_media_bug_remove(switch_core_session_t *handle, switch_media_bug_t **wanted)
{
    struct session *session = (struct session *)handle;
    struct bug *bug = (struct bug *)*wanted;
    struct bug *found;
    struct bug *last = NULL;

    pthread_rwlock_wrlock(&session->bug_rwlock);
    for (found = session->bugs; found != NULL; found = found->next) {
        if (found == bug && atomic_load(&bug->ready)) {
            break;
        }
        last = found;
    }
    if (found != NULL && last != NULL) {
        last->next = found->next;
    } else if (found != NULL) {
        session->bugs = found->next;
    }
    pthread_rwlock_unlock(&session->bug_rwlock);
    if (found == NULL) {
        return SWITCH_STATUS_FALSE;
    }
    bug_close(bug);
    bug_destroy(bug);
    return SWITCH_STATUS_SUCCESS;
}

void bug_remove_all(struct session *session)
{
    struct bug *closed;
    struct bug *next;

    pthread_rwlock_wrlock(&session->bug_rwlock);
    closed = session->bugs;
    session->bugs = NULL;
    for (struct bug *bug = closed; bug != NULL; bug = bug->next) {
        bug_close(bug);
    }
    pthread_rwlock_unlock(&session->bug_rwlock);
    for (struct bug *bug = closed; bug != NULL; bug = next) {
        next = bug->next;
        bug_destroy(bug);
    }
}

/* Unlinks one bug that is to be pruned. */
static struct bug *bug_take_pruned(struct session *session)
{
    struct bug *last = NULL;
    struct bug *bug;

    pthread_rwlock_wrlock(&session->bug_rwlock);
    for (bug = session->bugs; bug != NULL && !bug_has(bug, BUG_PRUNE); bug = bug->next) {
        last = bug;
    }
    if (bug != NULL && last != NULL) {
        last->next = bug->next;
    } else if (bug != NULL) {
        session->bugs = bug->next;
    }
    pthread_rwlock_unlock(&session->bug_rwlock);
    return bug;
}

void bug_prune(struct session *session)
{
    for (struct bug *bug = bug_take_pruned(session); bug != NULL; bug = bug_take_pruned(session)) {
        bug_close(bug);
        bug_destroy(bug);
    }
}

unsigned bug_count(struct session *session)
{
    unsigned count = 0;

    pthread_rwlock_rdlock(&session->bug_rwlock);
    for (struct bug *bug = session->bugs; bug != NULL; bug = bug->next) {
        count += bug_has(bug, BUG_PRUNE) ? 0 : 1;
    }
    pthread_rwlock_unlock(&session->bug_rwlock);
    return count;
}

switch_frame_t *switch_core_media_bug_get_write_replace_frame(switch_media_bug_t *bug)
{
    return ((struct bug *)bug)->write_replace_in;
}

void switch_core_media_bug_set_write_replace_frame(switch_media_bug_t *bug, switch_frame_t *frame)
{
    ((struct bug *)bug)->write_replace_out = frame;
}
