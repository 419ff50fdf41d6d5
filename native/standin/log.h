/*
 * log.h -- the lines that were logged, kept until they are read. A full log loses its newest lines.
 */
#ifndef STANDIN_LOG_H
#define STANDIN_LOG_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

#define LOG_LENGTH 100000u

struct log_entry {
    struct log_entry *next;
    int level; /* FreeSWITCH's, 0 to 7 */
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    char *uuid;       /* "" without a channel */
    char *text;
};

void log_line(int level, const char *uuid, const char *text);
/* Takes the oldest line, NULL if there is none; the caller frees it. */
struct log_entry *log_take(void);
void log_entry_free(struct log_entry *entry);

#pragma GCC visibility pop

#endif
