#include "links.h"

#include "watch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUCKETS 512u

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct link *registry[BUCKETS];
static unsigned registry_count;

static struct link **links_bucket(const char *uuid)
{
    uint32_t hash = 2166136261u; /* FNV-1a, RFC 9923 */

    for (; *uuid; uuid++) {
        hash = (hash ^ (unsigned char)*uuid) * 16777619u;
    }
    return &registry[hash % BUCKETS];
}

struct link *links_take(const char *uuid)
{
    struct link **bucket = links_bucket(uuid);
    struct link *link;

    pthread_mutex_lock(&registry_lock);
    for (link = *bucket; link && strcmp(link->uuid, uuid) != 0; link = link->next) {
    }
    if (!link) {
        link = link_create(uuid);
        if (link) {
            link->next = *bucket;
            *bucket = link;
            registry_count++;
        }
    }
    if (link) {
        link_reference(link);
    }
    pthread_mutex_unlock(&registry_lock);
    return link;
}

unsigned links_count(void)
{
    unsigned count;

    pthread_mutex_lock(&registry_lock);
    count = registry_count;
    pthread_mutex_unlock(&registry_lock);
    return count;
}

struct link **links_all(size_t *count)
{
    struct link **links;
    size_t found = 0;

    pthread_mutex_lock(&registry_lock);
    links = registry_count ? calloc(registry_count, sizeof(*links)) : NULL;
    for (size_t i = 0; i < BUCKETS && links; i++) {
        for (struct link *link = registry[i]; link; link = link->next) {
            links[found++] = link_reference(link);
        }
    }
    pthread_mutex_unlock(&registry_lock);
    *count = found;
    return links;
}

bool links_drop(struct link *link, bool force)
{
    bool dropped = false;

    pthread_mutex_lock(&registry_lock);
    pthread_mutex_lock(&link->lock);
    if (!link->gone && !link->claimed && !link->streams && !link->late && (!link->executing || link->fd < 0) &&
        (force || link->fd < 0 || link->idle)) {
        struct link **at = links_bucket(link->uuid);

        while (*at != link) {
            at = &(*at)->next;
        }
        *at = link->next;
        registry_count--;
        link->gone = true;
        if (link->fd >= 0) {
            watch_remove(link->fd);
            close(link->fd);
            link->fd = -1;
        }
        pthread_cond_broadcast(&link->changed);
        dropped = true;
    }
    pthread_mutex_unlock(&link->lock);
    pthread_mutex_unlock(&registry_lock);
    return dropped;
}
