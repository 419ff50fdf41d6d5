/*
 * link_executions.c -- of a link: what the engine has asked FreeSWITCH for and has no answer to yet.
 */
#include "link.h"

#include "monotonic.h"
#include "watch.h"

uint32_t link_begin_execution(struct link *link, unsigned limit)
{
    uint32_t connection = 0;

    pthread_mutex_lock(&link->lock);
    if (link->executing < limit) {
        link->executing++;
        link->idle = false;
        connection = link->connection;
    }
    pthread_mutex_unlock(&link->lock);
    return connection;
}

void link_end_execution(struct link *link, uint32_t connection, struct wire_buffer *done)
{
    bool unused;

    pthread_mutex_lock(&link->lock);
    link->executing--;
    link->quiet_since_ms = monotonic_ms();
    unused = !link->executing && !link->streams && link->fd < 0;
    /* The numbers of another engine are its own. */
    if (connection == link->connection) {
        link_post(link, done, -1);
    } else {
        wire_free(done);
    }
    pthread_mutex_unlock(&link->lock);
    if (unused) {
        watch_review();
    }
}

bool link_is_executing(struct link *link)
{
    bool executing;

    pthread_mutex_lock(&link->lock);
    executing = link->executing > 0;
    pthread_mutex_unlock(&link->lock);
    return executing;
}

bool link_is_connected(struct link *link)
{
    bool connected;

    pthread_mutex_lock(&link->lock);
    connected = link->fd >= 0;
    pthread_mutex_unlock(&link->lock);
    return connected;
}
