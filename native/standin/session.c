#include "session.h"

#include <stdio.h>
#include <string.h>

/* FreeSWITCH's, for a channel's RTP session. */
#define RTP_KEY "__rtcp_audio_rtp_session"

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct session *table; /* guarded by table_lock */

void mutex_init_recursive(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static bool table_has(const char *uuid)
{
    for (struct session *session = table; session != NULL; session = session->next) {
        if (strcmp(session->uuid, uuid) == 0) {
            return true;
        }
    }
    return false;
}

struct session *session_new(const char *uuid, enum channel_state state, bool fail_pre_answer,
                            struct media_format read_format, struct media_format write_format)
{
    struct pool *pool = pool_new();
    struct session *session = pool_alloc(pool, sizeof(*session));
    char name[300];
    bool taken;

    snprintf(name, sizeof(name), "standin/%s", uuid);
    session->pool = pool;
    session->uuid = pool_strdup(pool, uuid);
    session->name = pool_strdup(pool, name);
    session->fail_pre_answer = fail_pre_answer;
    atomic_store(&session->negotiated, true);
    session->read_format = read_format;
    session->write_format = write_format;
    atomic_store(&session->state, state);
    atomic_store(&session->early, state == CHANNEL_EARLY);
    atomic_store(&session->answered, state == CHANNEL_ANSWERED);
    pthread_rwlock_init(&session->rwlock, NULL);
    pthread_rwlock_init(&session->bug_rwlock, NULL);
    pthread_mutex_init(&session->format_lock, NULL);
    pthread_mutex_init(&session->digit_lock, NULL);
    pthread_mutex_init(&session->queue_lock, NULL);
    mutex_init_recursive(&session->thread_lock);
    mutex_init_recursive(&session->profile_lock);
    session_set_private(session, RTP_KEY, &session->rtp);
    mutex_init_recursive(&session->codec_read_lock);
    mutex_init_recursive(&session->codec_write_lock);

    pthread_mutex_lock(&table_lock);
    taken = table_has(uuid);
    if (!taken) {
        session->next = table;
        table = session;
    }
    pthread_mutex_unlock(&table_lock);
    if (taken) {
        session_free(session);
        return NULL;
    }
    return session;
}

struct session *session_locate(const char *uuid)
{
    struct session *found = NULL;

    pthread_mutex_lock(&table_lock);
    for (struct session *session = table; session != NULL; session = session->next) {
        if (strcmp(session->uuid, uuid) != 0) {
            continue;
        }
        /* Tried, not waited for: a session that is being destroyed is not to be found. */
        if (pthread_rwlock_tryrdlock(&session->rwlock) == 0) {
            if (atomic_load(&session->destroyed) || atomic_load(&session->state) >= CHANNEL_HANGUP) {
                pthread_rwlock_unlock(&session->rwlock);
            } else {
                found = session;
            }
        }
        break;
    }
    pthread_mutex_unlock(&table_lock);
    return found;
}

void session_unlock(struct session *session)
{
    pthread_rwlock_unlock(&session->rwlock);
}

static bool session_has_media_flags(struct session *session)
{
    int state = atomic_load(&session->state);

    return state == CHANNEL_EARLY || state == CHANNEL_ANSWERED;
}

bool session_media_ready(struct session *session)
{
    return session_has_media_flags(session) && atomic_load(&session->negotiated);
}

bool session_pre_answer(struct session *session)
{
    int ringing = CHANNEL_RINGING;

    if (atomic_load(&session->state) == CHANNEL_RINGING && session->fail_pre_answer) {
        /* FreeSWITCH hangs up a channel that cannot reach early media. */
        session_mark_hangup(session);
        return false;
    }
    if (atomic_compare_exchange_strong(&session->state, &ringing, CHANNEL_EARLY)) {
        atomic_store(&session->early, true);
    }
    return session_has_media_flags(session);
}

bool session_answer(struct session *session)
{
    int state = atomic_load(&session->state);

    while (state < CHANNEL_ANSWERED && !atomic_compare_exchange_weak(&session->state, &state, CHANNEL_ANSWERED)) {
    }
    if (atomic_load(&session->state) != CHANNEL_ANSWERED) {
        return false;
    }
    atomic_store(&session->answered, true);
    return true;
}

void session_set_hold(struct session *session, enum hold hold)
{
    bool answered = atomic_load(&session->answered);

    /* In FreeSWITCH's order: packets are dropped before the channel counts as held, and not until it no longer does. */
    if (hold == HOLD_NONE) {
        atomic_store(&session->suspended, false);
        atomic_store(&session->held, false);
        atomic_store(&session->rtp.paused, false);
    } else if (answered) {
        atomic_store(hold == HOLD_BY_CALLER ? &session->rtp.paused : &session->suspended, true);
        atomic_store(&session->held, true);
    }
}

void session_forget_hold(struct session *session)
{
    atomic_store(&session->held, false);
}

bool session_is_read(struct session *session)
{
    return !atomic_load(&session->held) && !atomic_load(&session->suspended);
}

void session_mark_hangup(struct session *session)
{
    atomic_store(&session->state, CHANNEL_HANGUP);
}

struct media_format session_read_format(struct session *session)
{
    struct media_format format;

    pthread_mutex_lock(&session->format_lock);
    format = session->read_format;
    pthread_mutex_unlock(&session->format_lock);
    return format;
}

struct media_format session_write_format(struct session *session)
{
    struct media_format format;

    pthread_mutex_lock(&session->format_lock);
    format = session->write_format;
    pthread_mutex_unlock(&session->format_lock);
    return format;
}

switch_codec_t *session_write_codec(struct session *session)
{
    return (switch_codec_t *)(void *)&session->write_format;
}

void session_set_formats(struct session *session, struct media_format read_format, struct media_format write_format)
{
    pthread_mutex_lock(&session->codec_read_lock);
    pthread_mutex_lock(&session->codec_write_lock);
    pthread_mutex_lock(&session->format_lock);
    session->read_format = read_format;
    session->write_format = write_format;
    pthread_mutex_unlock(&session->format_lock);
    pthread_mutex_unlock(&session->codec_write_lock);
    pthread_mutex_unlock(&session->codec_read_lock);
}

uint32_t media_format_bytes(struct media_format format)
{
    return format.rate / 1000u * format.ptime_ms * format.channels * 2u;
}

void session_forget(struct session *session)
{
    struct session **link;

    pthread_mutex_lock(&table_lock);
    for (link = &table; *link != NULL; link = &(*link)->next) {
        if (*link == session) {
            *link = session->next;
            break;
        }
    }
    pthread_mutex_unlock(&table_lock);
}

void session_set_private(struct session *session, const char *key, const void *value)
{
    struct private_value *private;

    pthread_mutex_lock(&session->profile_lock);
    for (private = session->privates; private != NULL; private = private->next) {
        if (strcmp(private->key, key) == 0) {
            break;
        }
    }
    if (private == NULL) {
        private = pool_alloc(session->pool, sizeof(*private));
        private->key = pool_strdup(session->pool, key);
        private->next = session->privates;
        session->privates = private;
    }
    private->value = value;
    pthread_mutex_unlock(&session->profile_lock);
}

void session_free(struct session *session)
{
    struct pool *pool = session->pool;

    headers_free(&session->variables);
    pthread_rwlock_destroy(&session->rwlock);
    pthread_rwlock_destroy(&session->bug_rwlock);
    pthread_mutex_destroy(&session->format_lock);
    pthread_mutex_destroy(&session->digit_lock);
    pthread_mutex_destroy(&session->queue_lock);
    pthread_mutex_destroy(&session->thread_lock);
    pthread_mutex_destroy(&session->profile_lock);
    pthread_mutex_destroy(&session->codec_read_lock);
    pthread_mutex_destroy(&session->codec_write_lock);
    pool_free(pool);
}
