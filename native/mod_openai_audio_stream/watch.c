#define _GNU_SOURCE
#include "watch.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct {
    int epoll_fd;
    int wake_fd;
    atomic_bool review;
} watch;

bool watch_start(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

    memset(&watch, 0, sizeof(watch));
    watch.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watch.epoll_fd < 0 || watch.wake_fd < 0 ||
        epoll_ctl(watch.epoll_fd, EPOLL_CTL_ADD, watch.wake_fd, &event) < 0) {
        watch_end();
        return false;
    }
    return true;
}

void watch_end(void)
{
    if (watch.epoll_fd >= 0) {
        close(watch.epoll_fd);
    }
    if (watch.wake_fd >= 0) {
        close(watch.wake_fd);
    }
}

bool watch_add(void *owner, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = owner};

    return epoll_ctl(watch.epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void watch_writing(void *owner, int fd, bool writing)
{
    struct epoll_event event = {.events = EPOLLIN | (writing ? EPOLLOUT : 0u), .data.ptr = owner};

    epoll_ctl(watch.epoll_fd, EPOLL_CTL_MOD, fd, &event);
}

/* Said, not left to close(): a child process between fork and exec holds a duplicate, which would keep it watched. */
void watch_remove(int fd)
{
    epoll_ctl(watch.epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

void watch_wake(void)
{
    uint64_t one = 1;

    /* Can only fail when 2^64 - 2 wake-ups are waiting: then it is awake. */
    if (write(watch.wake_fd, &one, sizeof(one)) < 0) {
        return;
    }
}

void watch_review(void)
{
    atomic_store(&watch.review, true);
    watch_wake();
}

bool watch_take_review(void)
{
    return atomic_exchange(&watch.review, false);
}

int watch_wait(struct watched watched[WATCHED_LIMIT], int timeout_ms)
{
    struct epoll_event events[WATCHED_LIMIT];
    int count = epoll_wait(watch.epoll_fd, events, WATCHED_LIMIT, timeout_ms);
    uint64_t wakes;
    int found = 0;

    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr) {
            watched[found++] = (struct watched){
                .owner = events[i].data.ptr,
                .readable = (events[i].events & ~(uint32_t)EPOLLOUT) != 0,
                .writable = (events[i].events & EPOLLOUT) != 0,
            };
        } else if (read(watch.wake_fd, &wakes, sizeof(wakes)) < 0) {
            continue;
        }
    }
    return found;
}
