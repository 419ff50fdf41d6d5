#include "unload.h"

#include "entrance.h"
#include "executor.h"
#include "link_streams.h"
#include "links.h"
#include "lookout.h"
#include "monotonic.h"
#include "queued_application.h"
#include "service.h"
#include "stream.h"

#include <stdlib.h>

#define COMMANDS_WITHIN_MS 10000   /* they may be waiting for early media */
#define BUGS_WITHIN_MS 5000
#define LAST_EVENTS_WITHIN_MS 1000 /* for the engine to say IDLE on every link */
#define POLL_NS (5 * 1000 * 1000)

static void unload_remove_streams(struct link *link)
{
    size_t count;
    struct stream **streams = link_open_streams(link, &count);

    for (size_t i = 0; i < count; i++) {
        stream_remove(streams[i], 0);
        stream_unreference(streams[i]);
    }
    free(streams);
}

static void unload_sweep(void (*visit)(struct link *link))
{
    size_t count;
    struct link **links = links_all(&count);

    for (size_t i = 0; i < count; i++) {
        visit(links[i]);
        link_unreference(links[i]);
    }
    free(links);
}

/* Until nothing is left to count, or the time is up; each time round, `visit` (if any) sees all links. */
static bool unload_wait(unsigned (*left)(void), void (*visit)(struct link *link), uint64_t within_ms)
{
    uint64_t deadline_ms = monotonic_ms() + within_ms;
    struct timespec pause = {.tv_nsec = POLL_NS};

    while (left() > 0) {
        if (monotonic_ms() >= deadline_ms) {
            return false;
        }
        if (visit) {
            unload_sweep(visit);
        }
        nanosleep(&pause, NULL);
    }
    return true;
}

bool unload_run(void)
{
    executor_forbid();
    /* In this order: what the engine has asked for may be a command; commands can add bugs; bugs call back into the module; streams that are let go leave the engine
     * with something to say, which only the service thread can hear. */
    if (!unload_wait(executor_count, link_cancel, COMMANDS_WITHIN_MS) ||
        !unload_wait(entrance_count, link_cancel, COMMANDS_WITHIN_MS) ||
        !unload_wait(stream_count, unload_remove_streams, BUGS_WITHIN_MS)) {
        return false;
    }
    queued_applications_end();
    executor_end();
    unload_wait(links_count, NULL, LAST_EVENTS_WITHIN_MS);
    service_end();
    lookout_end();
    return true;
}
