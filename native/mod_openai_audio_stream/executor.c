#define _GNU_SOURCE
#include "executor.h"

#include "action.h"
#include "reasons.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

/* Each may stand in an `originate` for a minute: enough for as many consultations as a busy switch has at a time. */
#define THREADS 64u
/* Of one channel: a command that takes long, another that ends it, and some more. */
#define RUNNING_PER_LINK 4u
#define STACK_BYTES (512u * 1024) /* twice what FreeSWITCH gives a session's thread */

static struct {
    pthread_mutex_t lock; /* guards all below; nothing is called with it held */
    pthread_cond_t changed;
    struct execution *first;
    struct execution **end;
    unsigned queued;
    unsigned running;
    unsigned idle; /* threads that wait */
    bool forbidden;
    bool ending;
    unsigned threads;
    pthread_t ids[THREADS];
} executor = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static _Thread_local bool here;

void executor_start(void)
{
    executor.first = NULL;
    executor.end = &executor.first;
    executor.queued = executor.running = executor.idle = executor.threads = 0;
    executor.forbidden = executor.ending = false;
}

bool executor_is_here(void)
{
    return here;
}

/* Under the lock: the oldest whose channel has not its share of threads already. NULL: there is none. */
static struct execution *executor_take(void)
{
    for (struct execution **at = &executor.first; *at; at = &(*at)->next) {
        struct execution *execution = *at;

        if (execution->link->running < RUNNING_PER_LINK) {
            *at = execution->next;
            if (!*at) {
                executor.end = at;
            }
            execution->next = NULL;
            execution->link->running++;
            executor.queued--;
            executor.running++;
            return execution;
        }
    }
    return NULL;
}

static void *executor_main(void *unused)
{
    struct execution *execution;

    (void)unused;
    here = true;
    pthread_mutex_lock(&executor.lock);
    while (!executor.ending) {
        execution = executor_take();
        if (execution) {
            struct link *link = link_reference(execution->link);

            pthread_mutex_unlock(&executor.lock);
            action_carry_out(execution);
            pthread_mutex_lock(&executor.lock);
            link->running--;
            executor.running--;
            pthread_mutex_unlock(&executor.lock);
            link_unreference(link);
            pthread_mutex_lock(&executor.lock);
        } else {
            executor.idle++;
            pthread_cond_wait(&executor.changed, &executor.lock);
            executor.idle--;
        }
    }
    pthread_mutex_unlock(&executor.lock);
    return NULL;
}

/* Under the lock. They stay until the module is unloaded: a thread that waits costs nothing. */
static void executor_add_thread(void)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    /* Signals are FreeSWITCH's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&executor.ids[executor.threads], &attributes, executor_main, NULL) == 0) {
        pthread_setname_np(executor.ids[executor.threads], "openai_executor");
        executor.threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

/* NULL: it is on the queue; otherwise why not. */
static const char *executor_queue(struct execution *execution)
{
    const char *reason = NULL;

    pthread_mutex_lock(&executor.lock);
    if (!executor.forbidden && executor.queued >= executor.idle && executor.threads < THREADS) {
        executor_add_thread();
    }
    if (executor.forbidden) {
        reason = REASON_UNLOADING;
    } else if (executor.threads == 0) {
        reason = REASON_TOO_MANY_THREADS;
    } else {
        *executor.end = execution;
        executor.end = &execution->next;
        executor.queued++;
        pthread_cond_signal(&executor.changed);
    }
    pthread_mutex_unlock(&executor.lock);
    return reason;
}

void executor_add(struct link *link, const struct message *execute)
{
    struct execution *execution = execution_create(link, execute);
    const char *reason = execution ? executor_queue(execution) : NULL;

    if (reason) {
        execution_fail(execution, reason);
    }
}

void executor_forbid(void)
{
    struct execution *refused;

    pthread_mutex_lock(&executor.lock);
    executor.forbidden = true;
    refused = executor.first;
    executor.first = NULL;
    executor.end = &executor.first;
    executor.queued = 0;
    pthread_mutex_unlock(&executor.lock);
    while (refused) {
        struct execution *next = refused->next;

        execution_fail(refused, REASON_UNLOADING);
        refused = next;
    }
}

unsigned executor_count(void)
{
    unsigned running;

    pthread_mutex_lock(&executor.lock);
    running = executor.running;
    pthread_mutex_unlock(&executor.lock);
    return running;
}

void executor_end(void)
{
    pthread_mutex_lock(&executor.lock);
    executor.ending = true;
    pthread_cond_broadcast(&executor.changed);
    pthread_mutex_unlock(&executor.lock);
    for (unsigned i = 0; i < executor.threads; i++) {
        pthread_join(executor.ids[i], NULL);
    }
}
