/*
 * watch.h -- the sockets that the service thread waits for, and how others wake it.
 */
#ifndef MODULE_WATCH_H
#define MODULE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

bool watch_start(void);
void watch_end(void);

/* Any thread. `owner` comes back with what happens. */
bool watch_add(void *owner, int fd);
void watch_writing(void *owner, int fd, bool writing);
void watch_remove(int fd);
void watch_wake(void);
void watch_review(void); /* wake, and have all links looked at: one may have become useless */

/* The service thread's. */
struct watched {
    void *owner;
    bool readable; /* or over */
    bool writable;
};
#define WATCHED_LIMIT 64
/* Returns how many, at most WATCHED_LIMIT; none where it was woken, or so many ms have passed (-1: no limit). */
int watch_wait(struct watched watched[WATCHED_LIMIT], int timeout_ms);
bool watch_take_review(void);

#endif
