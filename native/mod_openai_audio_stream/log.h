/*
 * log.h -- FreeSWITCH's log, with the channel's uuid where there is one. Never from a media callback.
 */
#ifndef MODULE_LOG_H
#define MODULE_LOG_H

#include "abi.h"

#define LOG(uuid, level, ...) \
    switch_log_printf(SWITCH_CHANNEL_ID_LOG, __FILE_NAME__, __func__, __LINE__, (uuid), (level), __VA_ARGS__)

#endif
