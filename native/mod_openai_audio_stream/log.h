/*
 * log.h -- FreeSWITCH's log, with the channel's uuid where there is one. Never from a media callback.
 */
#ifndef MODULE_LOG_H
#define MODULE_LOG_H

#include "abi.h"

/* One line, whose end is added. It may hold text of others: what could act on a terminal is taken out of it. Longer ones
 * are cut. */
#define LOG(uuid, level, ...) log_line(__FILE_NAME__, __func__, __LINE__, (uuid), (level), __VA_ARGS__)

void log_line(const char *file, const char *function, int line, const char *uuid, switch_log_level_t level,
              const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
