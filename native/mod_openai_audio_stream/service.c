#define _GNU_SOURCE
#include "service.h"

#include "command.h"
#include "digits.h"
#include "event.h"
#include "executor.h"
#include "hold.h"
#include "interface.h"
#include "late_open.h"
#include "links.h"
#include "log.h"
#include "monotonic.h"
#include "queued_application.h"
#include "stream.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#define TICK_MS 250            /* pace of reconnection */
#define USELESS_AFTER_MS 10000 /* a link without streams whose engine never says that it is idle */
#define LEARN_AGAIN_MS 10000   /* an engine that has not told what the module offers may be of another kind */
#define CALLBACK_POLL_NS (1000 * 1000)
#define SUBCLASS_LIMIT 32u

static struct {
    char engine_socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
    pthread_t thread;
    int epoll_fd;
    int wake_fd;
    atomic_bool stopping;
    atomic_bool review;
    _Atomic(struct stream *) closed; /* a stack that any thread pushes to and the service thread takes whole */
    atomic_uint closing;             /* threads inside service_stream_closed */

    /* The service thread's own. */
    struct stream *pending; /* closed, but OPENED is not said yet */
    struct link *graveyard; /* dropped during this turn: their events may still be in the batch */
    uint64_t learn_ms;      /* when to ask for the interface again */
} service;

const char *service_engine_socket(void)
{
    return service.engine_socket;
}

void service_wake(void)
{
    uint64_t one = 1;

    /* Can only fail when 2^64 - 2 wake-ups are waiting: then it is awake. */
    if (write(service.wake_fd, &one, sizeof(one)) < 0) {
        return;
    }
}

void service_review(void)
{
    atomic_store(&service.review, true);
    service_wake();
}

void service_stream_closed(struct stream *stream)
{
    struct stream *top;

    atomic_fetch_add(&service.closing, 1);
    top = atomic_load(&service.closed);
    do {
        stream->next_closed = top;
    } while (!atomic_compare_exchange_weak(&service.closed, &top, stream));
    service_wake();
    atomic_fetch_sub(&service.closing, 1);
}

bool service_watch(struct link *link, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};

    return epoll_ctl(service.epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void service_watch_writing(struct link *link, int fd, bool writing)
{
    struct epoll_event event = {.events = EPOLLIN | (writing ? EPOLLOUT : 0u), .data.ptr = link};

    epoll_ctl(service.epoll_fd, EPOLL_CTL_MOD, fd, &event);
}

/* Said, not left to close(): a child process between fork and exec holds a duplicate, which would keep it watched. */
void service_unwatch(int fd)
{
    epoll_ctl(service.epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

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

static void service_keep(struct link *link, const struct message *message)
{
    struct stream *stream = link_find_stream(link, message->header.stream);

    if (stream) {
        stream_keep(stream, message);
        stream_unreference(stream);
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
        command_refuse_open(link, message);
        break;
    case WIRE_CLOSE:
        command_close(link, message);
        break;
    case WIRE_KEEP:
        service_keep(link, message);
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
    struct stream *stream = atomic_exchange(&service.closed, NULL);

    service.pending = NULL;
    /* The older ones are tried again along with the new. */
    for (int list = 0; list < 2; list++, stream = pending) {
        while (stream) {
            struct stream *next = stream->next_closed;
            struct link *link = link_reference(stream->link);

            if (link_stream_closed(stream)) {
                digits_forget(link);
                if (link_is_executing(link)) {
                    queued_applications_review(link);
                }
                stream_unreference(stream);
                service_drop(link, false);
            } else {
                stream->next_closed = service.pending;
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
    if (link_connect(link, service.engine_socket, 0)) {
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
        link_connect(link, service.engine_socket, 0);
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

static void service_serve(const struct epoll_event *event)
{
    struct link *link = event->data.ptr;
    uint64_t wakes;

    if (!link) {
        if (read(service.wake_fd, &wakes, sizeof(wakes)) < 0) {
            return; /* another event of the batch had it */
        }
        return;
    }
    if (event->events & EPOLLOUT) {
        link_flush(link);
    }
    if (event->events & ~(uint32_t)EPOLLOUT) {
        if (link_receive(link, service_handle)) {
            service_drop(link, false);
        } else {
            service_link_lost(link);
        }
    }
}

static void *service_main(void *unused)
{
    struct epoll_event events[64];
    uint64_t next_tick_ms = monotonic_ms() + TICK_MS;

    (void)unused;
    service_learn_interface();
    while (!atomic_load(&service.stopping)) {
        int timeout_ms = late_opens_waiting() ? MEDIA_POLL_MS : links_count() > 0 || !interface_is_known() ? TICK_MS : -1;
        int count = epoll_wait(service.epoll_fd, events, 64, timeout_ms);
        uint64_t now;

        for (int i = 0; i < count; i++) {
            service_serve(&events[i]);
        }
        service_closed_streams();
        late_opens_try();
        now = monotonic_ms();
        if (now >= next_tick_ms) {
            service_learn_interface();
        }
        if (atomic_exchange(&service.review, false) || now >= next_tick_ms) {
            service_review_links();
            next_tick_ms = now + TICK_MS;
        }
        service_bury();
    }
    return NULL;
}

bool service_start(const char *engine_socket)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    sigset_t all, before;
    int failed;

    memset(&service, 0, sizeof(service));
    snprintf(service.engine_socket, sizeof(service.engine_socket), "%s", engine_socket);
    service.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    service.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (service.epoll_fd < 0 || service.wake_fd < 0 ||
        epoll_ctl(service.epoll_fd, EPOLL_CTL_ADD, service.wake_fd, &event) < 0) {
        goto failed;
    }
    /* Signals are FreeSWITCH's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&service.thread, NULL, service_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        goto failed;
    }
    pthread_setname_np(service.thread, "openai_stream");
    return true;

failed:
    if (service.epoll_fd >= 0) {
        close(service.epoll_fd);
    }
    if (service.wake_fd >= 0) {
        close(service.wake_fd);
    }
    return false;
}

void service_end(void)
{
    size_t count;
    struct link **links;

    atomic_store(&service.stopping, true);
    service_wake();
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
    /* The last CLOSE may have been let go before its thread was out of the callback. */
    while (atomic_load(&service.closing) > 0) {
        struct timespec pause = {.tv_nsec = CALLBACK_POLL_NS};

        nanosleep(&pause, NULL);
    }
    close(service.epoll_fd);
    close(service.wake_fd);
}
