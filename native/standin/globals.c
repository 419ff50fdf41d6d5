#include "globals.h"

#include "headers.h"
#include "pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static pthread_mutex_t globals_lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below */
static switch_event_t variables;
static switch_event_t completions; /* one header for each line that was added; the value is unused */

void globals_set(const char *name, const char *value)
{
    pthread_mutex_lock(&globals_lock);
    headers_set(&variables, name, value);
    pthread_mutex_unlock(&globals_lock);
}

/* The stand-in is like this version. */
const char *switch_version_minor(void)
{
    return "10";
}

const char *switch_version_micro(void)
{
    return "12";
}

char *switch_core_get_variable_dup(const char *name)
{
    const char *value;
    char *copy;

    if (name == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&globals_lock);
    value = headers_get(&variables, name);
    copy = value != NULL ? memory_strdup(value) : NULL;
    pthread_mutex_unlock(&globals_lock);
    return copy;
}

/* Do the words of `prefix` begin `line`? */
static bool begins(const char *line, const char *prefix)
{
    size_t length = strlen(prefix);

    return strncmp(line, prefix, length) == 0 && (line[length] == '\0' || line[length] == ' ');
}

static void completions_remove(const char *prefix)
{
    switch_event_t kept = {0};

    for (const switch_event_header_t *line = completions.headers; line != NULL; line = line->next) {
        if (strcmp(prefix, "*") != 0 && !begins(line->name, prefix)) {
            headers_add(&kept, line->name, "");
        }
    }
    headers_free(&completions);
    completions = kept;
}

switch_status_t switch_console_set_complete(const char *string)
{
    switch_status_t status = SWITCH_STATUS_SUCCESS;

    if (string == NULL) {
        return SWITCH_STATUS_FALSE;
    }
    pthread_mutex_lock(&globals_lock);
    if (strncasecmp(string, "add ", 4) == 0) {
        headers_add(&completions, string + 4, "");
    } else if (strncasecmp(string, "del ", 4) == 0) {
        completions_remove(string + 4);
    } else {
        status = SWITCH_STATUS_FALSE;
    }
    pthread_mutex_unlock(&globals_lock);
    return status;
}

char *console_completion(size_t index)
{
    const switch_event_header_t *line;
    char *copy;

    pthread_mutex_lock(&globals_lock);
    for (line = completions.headers; line != NULL && index > 0; line = line->next) {
        index--;
    }
    copy = line != NULL ? memory_strdup(line->name) : NULL;
    pthread_mutex_unlock(&globals_lock);
    return copy;
}
