#define _GNU_SOURCE
#include "service.h"

#include "closed_streams.h"
#include "config.h"
#include "digits.h"
#include "event.h"
#include "executor.h"
#include "hold.h"
#include "interface.h"
#include "late_open.h"
#include "link_streams.h"
#include "links.h"
#include "log.h"
#include "monotonic.h"
#include "queued_application.h"
#include "requests.h"
#include "stream.h"
#include "watch.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 250            /* pace of reconnection */
#define USELESS_AFTER_MS 10000 /* a link without streams whose engine never says that it is idle */
#define LEARN_WITHIN_MS 250    /* of loading, where an engine runs: the console completes from the first moment on */
#define LEARN_POLL_NS (2 * 1000 * 1000)
#define LEARN_AGAIN_MS 10000   /* an engine that has not told what the module offers may be of another kind */
#define SUBCLASS_LIMIT 32u

static struct {
    pthread_t thread;
    atomic_bool stopping;

    /* The service thread's own. */
    struct stream *pending; /* closed, but OPENED is not said yet */
    struct link *graveyard; /* dropped during this turn: their events may still be in the batch */
    uint64_t learn_ms;      /* when to ask for the interface again */
} service;

static void service_event(struct link *link, const struct message *message)
{
    struct wire_value body = wire_find(message->body, message->header.body_bytes, "body");
    struct wire_value subclass = wire_find(message->body, message->header.body_bytes, "subclass");
    struct wire_value name = wire_find(message->body, message->header.body_bytes, "name");
    char subclass_text[SUBCLASS_LIMIT];
    char name_text[STREAM_NAME_LIMIT + 1];
    const switch_event_t *template;

    if (!wire_copy(subclass, subclass_text, sizeof(subclass_text)) || !subclass_text[0]) {
        return;
    }
    wire_copy(name, name_text, sizeof(name_text));
    pthread_mutex_lock(&link->lock);
    template = link->template;
    pthread_mutex_unlock(&link->lock);
    event_fire(link->uuid, template, subclass_text, name_text, body.bytes ? body.bytes : "", body.size);
}

static void service_log(struct link *link, const struct message *message)
{
    struct wire_value text = wire_find(message->body, message->header.body_bytes, "text");
    uint32_t level = wire_to_number(wire_find(message->body, message->header.body_bytes, "level"), SWITCH_LOG_INFO);

    if (text.bytes) {
        LOG(link->uuid, level <= SWITCH_LOG_DEBUG ? (switch_log_level_t)level : SWITCH_LOG_INFO, "%.*s",
            (int)text.size, text.bytes);
    }
}

static void service_interface(struct link *link, const struct message *message)
{
    interface_take(message->body, message->header.body_bytes);
    /* The link that was made for this has served its purpose. */
    if (!link->uuid[0]) {
        pthread_mutex_lock(&link->lock);
        link->idle = true;
        pthread_mutex_unlock(&link->lock);
    }
}

static void service_handle(struct link *link, const struct message *message)
{
    switch (message->header.type) {
    case WIRE_EVENT:
        service_event(link, message);
        break;
    case WIRE_LOG:
        service_log(link, message);
        break;
    case WIRE_OPEN:
        requests_refuse_open(link, message);
        break;
    case WIRE_CLOSE:
        requests_close(link, message);
        break;
    case WIRE_KEEP:
        requests_keep(link, message);
        break;
    case WIRE_INTERFACE:
        service_interface(link, message);
        break;
    case WIRE_EXECUTE:
        executor_add(link, message);
        break;
    default:
        break; /* IDLE is noted by the link; a reply that nobody waits for; what a later version may send */
    }
}

static void service_drop(struct link *link, bool force)
{
    if (links_drop(link, force)) {
        link->next = service.graveyard;
        service.graveyard = link;
    }
}

static void service_fire_loss(struct link *link, struct stream *stream, enum interface_loss loss)
{
    const char *body;
    char *subclass = interface_loss(loss, &body);

    if (subclass) {
        event_fire(link->uuid, link->template, subclass, stream->name, body, strlen(body));
    }
    free(subclass);
}

/* What the engine can't say any more. */
static void service_engine_died(struct link *link, struct stream *stream)
{
    uint32_t before = atomic_fetch_and(&stream->memory->control,
                                       ~(uint32_t)(STREAM_EXPECTING | STREAM_CONNECTED | STREAM_SPEAKING));

    if (before & STREAM_SPEAKING) {
        service_fire_loss(link, stream, LOST_SPEAKING);
    }
    service_fire_loss(link, stream, before & STREAM_CONNECTED ? LOST_CONNECTED : LOST_UNCONNECTED);
}

static void service_link_lost(struct link *link)
{
    struct stream **streams;
    size_t count;

    link_disconnect(link);
    streams = link_open_streams(link, &count);
    if (count > 0) {
        LOG(link->uuid, SWITCH_LOG_ERROR, "Engine is not running; the call goes on, trying to reach it again");
    }
    for (size_t i = 0; i < count; i++) {
        service_engine_died(link, streams[i]);
        stream_unreference(streams[i]);
    }
    free(streams);
    service_drop(link, false);
}

static void service_closed_streams(void)
{
    struct stream *pending = service.pending;
    struct stream *stream = closed_streams_take();

    service.pending = NULL;
    /* The older ones are tried again along with the new. */
    for (int list = 0; list < 2; list++, stream = pending) {
        while (stream) {
            struct stream *next = stream->service.next;
            struct link *link = link_reference(stream->link);

            if (link_stream_closed(stream)) {
                digits_forget(link);
                if (link_is_executing(link)) {
                    queued_applications_review(link);
                }
                stream_unreference(stream);
                service_drop(link, false);
            } else {
                stream->service.next = service.pending;
                service.pending = stream;
            }
            link_unreference(link);
            stream = next;
        }
    }
}

static void service_reattach(struct link *link)
{
    if (link_claim(link, 0) != LINK_CLAIMED) {
        return; /* a command has it, and connects by itself */
    }
    if (link_connect(link, config_engine_socket(), 0, link_resume_streams)) {
        LOG(link->uuid, SWITCH_LOG_NOTICE, "The engine is back; streams are resumed");
    }
    link_release(link);
}

/* On a link that is no channel's: an engine tells its interface to whoever says HELLO. One that has not by the next tick
 * is asked again later, so that it is not kept from what it does. */
static void service_learn_interface(void)
{
    bool due = !interface_is_known() && monotonic_ms() >= service.learn_ms;
    struct link *link = due ? links_take("") : NULL;

    if (!link) {
        return;
    }
    if (link_is_connected(link)) {
        service.learn_ms = monotonic_ms() + LEARN_AGAIN_MS;
        service_drop(link, true);
    } else if (link_claim(link, 0) == LINK_CLAIMED) {
        link_connect(link, config_engine_socket(), 0, link_resume_streams);
        link_release(link);
    }
    link_unreference(link);
}

static void service_review_links(void)
{
    size_t count;
    struct link **links = links_all(&count);
    uint64_t now = monotonic_ms();

    for (size_t i = 0; i < count; i++) {
        struct link *link = links[i];
        bool cut_off, useless, streams, executing;

        pthread_mutex_lock(&link->lock);
        cut_off = link->fd < 0 && link->streams && !link->claimed && !link->cancelled;
        streams = link->streams;
        executing = link->executing;
        useless = !link->streams && !link->claimed && !link->executing && now - link->quiet_since_ms > USELESS_AFTER_MS;
        pthread_mutex_unlock(&link->lock);
        /* Of a hold that no media callback has noticed: the switch's own, or one while nobody writes to the channel. */
        if (streams) {
            hold_review(link);
        }
        if (executing) {
            queued_applications_review(link);
        }
        if (cut_off) {
            service_reattach(link);
        } else {
            service_drop(link, useless);
        }
        link_unreference(link);
    }
    free(links);
}

static void service_bury(void)
{
    while (service.graveyard) {
        struct link *link = service.graveyard;

        service.graveyard = link->next;
        link_unreference(link);
    }
}

static void service_serve(const struct watched *watched)
{
    struct link *link = watched->owner;

    if (watched->writable) {
        link_flush(link);
    }
    if (watched->readable) {
        if (link_receive(link, service_handle)) {
            service_drop(link, false);
        } else {
            service_link_lost(link);
        }
    }
}

static void *service_main(void *unused)
{
    struct watched watched[WATCHED_LIMIT];
    uint64_t next_tick_ms = monotonic_ms() + TICK_MS;

    (void)unused;
    while (!atomic_load(&service.stopping)) {
        int timeout_ms = late_opens_waiting() ? MEDIA_POLL_MS : links_count() > 0 || !interface_is_known() ? TICK_MS : -1;
        int count = watch_wait(watched, timeout_ms);
        uint64_t now;

        for (int i = 0; i < count; i++) {
            service_serve(&watched[i]);
        }
        service_closed_streams();
        late_opens_try();
        now = monotonic_ms();
        if (now >= next_tick_ms) {
            service_learn_interface();
        }
        if (watch_take_review() || now >= next_tick_ms) {
            service_review_links();
            next_tick_ms = now + TICK_MS;
        }
        service_bury();
    }
    return NULL;
}

/* Returns when an engine that runs has told its interface, and its link is closed; or in time. */
static void service_await_interface(void)
{
    uint64_t deadline_ms = monotonic_ms() + LEARN_WITHIN_MS;
    struct timespec pause = {.tv_nsec = LEARN_POLL_NS};

    while (links_count() > 0 && monotonic_ms() < deadline_ms) {
        nanosleep(&pause, NULL);
    }
}

bool service_start(void)
{
    sigset_t all, before;
    int failed;

    memset(&service, 0, sizeof(service));
    closed_streams_start();
    if (!watch_start()) {
        return false;
    }
    /* Here, as long as this thread is the service thread: without an engine nothing is waited for. */
    service_learn_interface();
    service_review_links();
    service_bury();
    /* Signals are FreeSWITCH's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&service.thread, NULL, service_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        watch_end();
        return false;
    }
    pthread_setname_np(service.thread, "openai_stream");
    service_await_interface();
    return true;
}

void service_end(void)
{
    size_t count;
    struct link **links;

    atomic_store(&service.stopping, true);
    watch_wake();
    pthread_join(service.thread, NULL);
    /* From here on this thread is the service thread. */
    late_opens_end();
    links = links_all(&count);
    for (size_t i = 0; i < count; i++) {
        service_drop(links[i], true);
        link_unreference(links[i]);
    }
    free(links);
    service_bury();
    closed_streams_end();
    watch_end();
}
