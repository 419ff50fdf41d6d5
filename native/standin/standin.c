#include "standin.h"

#include "bug.h"
#include "clock.h"
#include "globals.h"
#include "module.h"

#include <stdlib.h>
#include <string.h>

static char *reason(const char *why)
{
    return why != NULL ? memory_strdup(why) : NULL;
}

char *standin_load(const char *path)
{
    return reason(module_load(path));
}

char *standin_unload(int force)
{
    return reason(module_unload(force != 0));
}

char *standin_api(const char *name, const char *arguments)
{
    return module_api(name, arguments);
}

int standin_application(struct call *call, const char *name, const char *data)
{
    struct session *session = call_session(call);
    bool found;

    if (session == NULL) {
        return CALL_GONE;
    }
    found = module_application(name, session, data);
    session_unlock(session);
    return found;
}

void standin_free(void *memory)
{
    free(memory);
}

void standin_set_config(const char *name, const char *value)
{
    config_set(name, value);
}

void standin_set_global(const char *name, const char *value)
{
    globals_set(name, value);
}

char *standin_completion(size_t index)
{
    return console_completion(index);
}

struct event *standin_event_take(const char *subclass, const char *uuid, uint64_t timeout_ns)
{
    return event_take(subclass, uuid, monotonic_ns() + timeout_ns);
}

void standin_event_free(struct event *event)
{
    event_free(event);
}

const char *standin_event_subclass(const struct event *event)
{
    return event->base.subclass_name != NULL ? event->base.subclass_name : "";
}

const char *standin_event_body(const struct event *event)
{
    return event->base.body != NULL ? event->base.body : "";
}

uint64_t standin_event_time_ns(const struct event *event)
{
    return event->time_ns;
}

int standin_event_header(const struct event *event, size_t index, const char **name, const char **value)
{
    const switch_event_header_t *header = event->base.headers;

    for (; header != NULL && index > 0; header = header->next) {
        index--;
    }
    if (header == NULL) {
        return 0;
    }
    *name = header->name;
    *value = header->value;
    return 1;
}

uint64_t standin_events_dropped(void)
{
    return event_dropped();
}

struct log_entry *standin_log_take(void)
{
    return log_take();
}

void standin_log_free(struct log_entry *entry)
{
    log_entry_free(entry);
}

int standin_clock_run(unsigned threads)
{
    return clock_run(threads);
}

void standin_clock_add(struct call *call)
{
    clock_add(call);
}

void standin_clock_halt(void)
{
    clock_halt();
}

static struct histogram *times_of(int which)
{
    switch (which) {
    case 0:
        return &media_times.read;
    case 1:
        return &media_times.write_replace;
    default:
        return &media_times.late;
    }
}

void standin_times(int which, uint64_t *count, uint64_t *sum_ns, uint64_t *max_ns, uint64_t *buckets)
{
    struct histogram *histogram = times_of(which);

    *count = atomic_load(&histogram->count);
    *sum_ns = atomic_load(&histogram->sum_ns);
    *max_ns = atomic_load(&histogram->max_ns);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        buckets[i] = atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
    }
}

void standin_times_reset(void)
{
    for (int which = 0; which < 3; which++) {
        histogram_reset(times_of(which));
    }
}
