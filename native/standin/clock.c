#define _GNU_SOURCE
#include "clock.h"

#include "histogram.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define MS_NS 1000000u
/* A thread looks for new calls at least this often. */
#define LONGEST_SLEEP_NS (5u * MS_NS)
/* A call this late is not caught up with: a stopped machine must not be followed by a burst of frames. */
#define GIVE_UP_NS (1000u * (uint64_t)MS_NS)

struct entry {
    struct call *call;
    uint64_t deadline_ns;
};

struct media_thread {
    pthread_t thread;
    pthread_mutex_t lock; /* guards incoming */
    struct entry *incoming;
    size_t incoming_count;
    struct entry *entries; /* the thread's own */
    size_t count;
};

static pthread_mutex_t clock_lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below but running */
static struct media_thread *threads;
static unsigned thread_count;
static uint64_t added;
static _Atomic bool running;

static struct entry *entries_grow(struct entry *entries, size_t count)
{
    struct entry *grown = realloc(entries, count * sizeof(*entries));

    if (grown == NULL) {
        abort();
    }
    return grown;
}

static void media_thread_take_incoming(struct media_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    if (thread->incoming_count > 0) {
        thread->entries = entries_grow(thread->entries, thread->count + thread->incoming_count);
        for (size_t i = 0; i < thread->incoming_count; i++) {
            thread->entries[thread->count++] = thread->incoming[i];
        }
        thread->incoming_count = 0;
    }
    pthread_mutex_unlock(&thread->lock);
}

static void entry_count_lateness(struct entry *entry, uint64_t late_ns)
{
    histogram_add(&media_times.late, late_ns);
    if (late_ns > atomic_load_explicit(&entry->call->late_max_ns, memory_order_relaxed)) {
        atomic_store_explicit(&entry->call->late_max_ns, late_ns, memory_order_relaxed);
    }
}

/* False when the call is gone. */
static bool entry_step(struct entry *entry)
{
    uint64_t now = monotonic_ns();
    uint64_t late_ns = now > entry->deadline_ns ? now - entry->deadline_ns : 0;
    uint64_t ptime_ns;

    entry_count_lateness(entry, late_ns);
    ptime_ns = (uint64_t)call_step_fed(entry->call) * MS_NS;
    if (ptime_ns == 0) {
        return false;
    }
    entry->deadline_ns += ptime_ns;
    if (late_ns > GIVE_UP_NS) {
        uint64_t skip = late_ns / ptime_ns;

        entry->deadline_ns += skip * ptime_ns;
        atomic_fetch_add_explicit(&entry->call->skipped, skip, memory_order_relaxed);
    }
    return true;
}

static void *media_thread_main(void *argument)
{
    struct media_thread *thread = argument;

    while (atomic_load(&running)) {
        uint64_t wake_ns = monotonic_ns() + LONGEST_SLEEP_NS;
        struct timespec wake;
        size_t kept = 0;

        media_thread_take_incoming(thread);
        for (size_t i = 0; i < thread->count; i++) {
            struct entry entry = thread->entries[i];

            if (entry.deadline_ns <= monotonic_ns() && !entry_step(&entry)) {
                call_release(entry.call);
                continue;
            }
            if (entry.deadline_ns < wake_ns) {
                wake_ns = entry.deadline_ns;
            }
            thread->entries[kept++] = entry;
        }
        thread->count = kept;
        wake.tv_sec = (time_t)(wake_ns / 1000000000u);
        wake.tv_nsec = (long)(wake_ns % 1000000000u);
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL) == EINTR) {
        }
    }
    return NULL;
}

bool clock_run(unsigned wanted)
{
    bool started;

    pthread_mutex_lock(&clock_lock);
    started = threads == NULL;
    if (started) {
        atomic_store(&running, true);
        threads = memory_new(wanted * sizeof(*threads));
        thread_count = wanted;
        added = 0;
        for (unsigned i = 0; i < wanted; i++) {
            pthread_mutex_init(&threads[i].lock, NULL);
            if (pthread_create(&threads[i].thread, NULL, media_thread_main, &threads[i]) != 0) {
                abort();
            }
            pthread_setname_np(threads[i].thread, "standin_media");
        }
    }
    pthread_mutex_unlock(&clock_lock);
    return started;
}

void clock_add(struct call *call)
{
    pthread_mutex_lock(&clock_lock);
    if (threads != NULL) {
        struct media_thread *thread = &threads[added % thread_count];
        /* Whole milliseconds apart, as FreeSWITCH's timer ticks: calls do not all come due at the same one. */
        uint64_t phase_ns = added * 7u % 20u * MS_NS;
        uint64_t tick_ns = (monotonic_ns() / MS_NS + 1) * MS_NS;

        added++;
        atomic_store(&call->clocked, true);
        pthread_mutex_lock(&thread->lock);
        thread->incoming = entries_grow(thread->incoming, thread->incoming_count + 1);
        thread->incoming[thread->incoming_count++] =
            (struct entry){.call = call_retain(call), .deadline_ns = tick_ns + phase_ns};
        pthread_mutex_unlock(&thread->lock);
    }
    pthread_mutex_unlock(&clock_lock);
}

static void media_thread_free(struct media_thread *thread)
{
    for (size_t i = 0; i < thread->count; i++) {
        call_release(thread->entries[i].call);
    }
    for (size_t i = 0; i < thread->incoming_count; i++) {
        call_release(thread->incoming[i].call);
    }
    free(thread->entries);
    free(thread->incoming);
    pthread_mutex_destroy(&thread->lock);
}

void clock_halt(void)
{
    pthread_mutex_lock(&clock_lock);
    atomic_store(&running, false);
    for (unsigned i = 0; i < thread_count; i++) {
        pthread_join(threads[i].thread, NULL);
        media_thread_free(&threads[i]);
    }
    free(threads);
    threads = NULL;
    thread_count = 0;
    pthread_mutex_unlock(&clock_lock);
}
