#include "log.h"

#include "printable.h"
#include "wire.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_LIMIT 4352u /* bytes; on the stack of a thread of FreeSWITCH's, which has 240 kB */

void log_line(const char *file, const char *function, int line, const char *uuid, switch_log_level_t level,
              const char *format, ...)
{
    char text[LINE_LIMIT];
    char id[WIRE_UUID_LIMIT + 1] = "";
    va_list arguments;

    va_start(arguments, format);
    if (vsnprintf(text, sizeof(text), format, arguments) < 0) {
        text[0] = '\0';
    }
    va_end(arguments);
    printable_string(text);
    if (uuid) {
        snprintf(id, sizeof(id), "%s", uuid);
        printable_string(id);
    }
    switch_log_printf(SWITCH_CHANNEL_ID_LOG, file, function, line, uuid ? id : NULL, level, "%s\n", text);
}
