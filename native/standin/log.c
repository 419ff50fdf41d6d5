#include "log.h"

#include "histogram.h"
#include "pool.h"
#include "switch.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below */
static struct log_entry *log_first;
static struct log_entry *log_last;
static size_t log_length;

void log_line(int level, const char *uuid, const char *text)
{
    struct log_entry *entry = memory_new(sizeof(*entry));
    size_t bytes = strlen(text);

    entry->level = level;
    entry->time_ns = monotonic_ns();
    entry->uuid = memory_strdup(uuid != NULL ? uuid : "");
    entry->text = memory_strdup(text);
    if (bytes > 0 && entry->text[bytes - 1] == '\n') {
        entry->text[bytes - 1] = '\0';
    }
    pthread_mutex_lock(&log_lock);
    if (log_length >= LOG_LENGTH) {
        log_entry_free(entry);
    } else {
        if (log_last != NULL) {
            log_last->next = entry;
        } else {
            log_first = entry;
        }
        log_last = entry;
        log_length++;
    }
    pthread_mutex_unlock(&log_lock);
}

struct log_entry *log_take(void)
{
    struct log_entry *entry;

    pthread_mutex_lock(&log_lock);
    entry = log_first;
    if (entry != NULL) {
        log_first = entry->next;
        log_last = log_first != NULL ? log_last : NULL;
        log_length--;
    }
    pthread_mutex_unlock(&log_lock);
    return entry;
}

void log_entry_free(struct log_entry *entry)
{
    free(entry->uuid);
    free(entry->text);
    free(entry);
}

void switch_log_printf(switch_text_channel_t channel, const char *file, const char *func, int line,
                       const char *user_data, switch_log_level_t level, const char *format, ...)
{
    va_list arguments;
    char *text;

    (void)channel; /* always the log's, where user_data is a uuid or NULL */
    (void)file;
    (void)func;
    (void)line;
    va_start(arguments, format);
    text = memory_vprintf(format, arguments);
    va_end(arguments);
    log_line((int)level, user_data, text);
    free(text);
}
