#define _GNU_SOURCE
#include "interface.h"

#include "event.h"
#include "log.h"
#include "printable.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAMES 32u        /* verbs, or events */
#define TEXT_LIMIT 8192u /* of any text */
#define BLANKS " \t\r\n"

static const char *const losses[INTERFACE_LOSSES] = {
    [LOST_SPEAKING] = "lost_speaking",
    [LOST_CONNECTED] = "lost_connected",
    [LOST_UNCONNECTED] = "lost_unconnected",
};

struct names {
    unsigned count;
    char names[NAMES][INTERFACE_NAME_LIMIT + 1];
};

struct interface {
    char name[INTERFACE_NAME_LIMIT + 1];
    struct names verbs[INTERFACE_APIS];
    char usage[INTERFACE_APIS][TEXT_LIMIT];
    struct names payload_verbs, key_verbs, events;
    char losses[INTERFACE_LOSSES][TEXT_LIMIT];
};

static pthread_mutex_t interface_lock = PTHREAD_MUTEX_INITIALIZER; /* nothing of FreeSWITCH's is called with it held */
static struct interface *current;                                 /* guarded by it; NULL: none is known */

/* Constant while the module is loaded. */
static const struct interface_api *apis;
static unsigned api_count;

/* NULL: the verbs are not known, the channels are. */
static void interface_complete(const struct interface *interface)
{
    char line[160];

    for (unsigned i = 0; i < api_count; i++) {
        snprintf(line, sizeof(line), "del %s", apis[i].name);
        switch_console_set_complete(line);
        if (!interface) {
            snprintf(line, sizeof(line), "add %s ::console::list_uuid", apis[i].name);
            switch_console_set_complete(line);
        }
        for (unsigned j = 0; interface && j < interface->verbs[i].count; j++) {
            snprintf(line, sizeof(line), "add %s ::console::list_uuid %s", apis[i].name, interface->verbs[i].names[j]);
            switch_console_set_complete(line);
        }
    }
}

void interface_start(const struct interface_api *all, unsigned count)
{
    apis = all;
    api_count = count < INTERFACE_APIS ? count : INTERFACE_APIS;
    interface_complete(NULL);
}

/* INTERFACE_APIS: there is none of this word. */
static unsigned interface_find_api(const char *word)
{
    for (unsigned i = 0; i < api_count; i++) {
        if (strcmp(apis[i].word, word) == 0) {
            return i;
        }
    }
    return INTERFACE_APIS;
}

/* A name that FreeSWITCH's console and events can take. */
static bool interface_is_name(const char *name)
{
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

    return size > 0 && !name[size];
}

/* Divides at blanks. False: too many, too long, or no names. */
static bool interface_read_names(const unsigned char *body, size_t size, const char *field, struct names *names)
{
    struct wire_value value = wire_find(body, size, field);
    size_t at = 0;

    while (at < value.size) {
        const char *blank = memchr(value.bytes + at, ' ', value.size - at);
        size_t bytes = blank ? (size_t)(blank - value.bytes) - at : value.size - at;
        struct wire_value name = {.bytes = value.bytes + at, .size = bytes};

        if (names->count == NAMES || !wire_copy(name, names->names[names->count], sizeof(*names->names)) ||
            !interface_is_name(names->names[names->count])) {
            return false;
        }
        names->count++;
        at += bytes + 1;
    }
    return true;
}

static bool interface_read_text(const unsigned char *body, size_t size, const char *field, char *text, size_t room)
{
    struct wire_value value = wire_find(body, size, field);

    return value.size > 0 && wire_copy(value, text, room) && strlen(text) == value.size;
}

static bool interface_read(struct interface *interface, const unsigned char *body, size_t size)
{
    bool good = interface_read_text(body, size, "interface", interface->name, sizeof(interface->name)) &&
                interface_is_name(interface->name) &&
                interface_read_names(body, size, "payload_verbs", &interface->payload_verbs) &&
                interface_read_names(body, size, "key_verbs", &interface->key_verbs) &&
                interface_read_names(body, size, "events", &interface->events);

    for (unsigned i = 0; i < api_count && good; i++) {
        char field[INTERFACE_NAME_LIMIT + 1];

        /* An engine that offers nothing for a command says nothing of it. */
        snprintf(field, sizeof(field), "verbs_%s", apis[i].word);
        good = interface_read_names(body, size, field, &interface->verbs[i]);
        snprintf(field, sizeof(field), "usage_%s", apis[i].word);
        if (interface_read_text(body, size, field, interface->usage[i], TEXT_LIMIT)) {
            printable_string(interface->usage[i]); /* it goes to consoles */
        }
    }
    for (int loss = 0; loss < INTERFACE_LOSSES && good; loss++) {
        good = interface_read_text(body, size, losses[loss], interface->losses[loss], TEXT_LIMIT);
    }
    return good;
}

static struct interface *interface_exchange(struct interface *next)
{
    struct interface *before;

    pthread_mutex_lock(&interface_lock);
    before = current;
    current = next;
    pthread_mutex_unlock(&interface_lock);
    return before;
}

/* Nothing is lost where it fails: a name that is not reserved can be fired all the same. */
static void interface_reserve(const struct names *events, bool reserve)
{
    for (unsigned i = 0; i < events->count; i++) {
        if (reserve && !event_reserve(events->names[i])) {
            LOG(NULL, SWITCH_LOG_ERROR, "Another module has the event " EVENT_PREFIX "%s", events->names[i]);
        } else if (!reserve) {
            event_unreserve(events->names[i]);
        }
    }
}

void interface_take(const unsigned char *body, size_t size)
{
    struct interface *interface = calloc(1, sizeof(*interface));
    struct interface *before;

    if (!interface || !interface_read(interface, body, size)) {
        LOG(NULL, SWITCH_LOG_ERROR, "The engine has told an interface that makes no sense");
        free(interface);
        return;
    }
    before = interface_exchange(interface);
    if (before && strcmp(before->name, interface->name) == 0) {
        free(before); /* of two links at a time */
        return;
    }
    if (before) {
        interface_reserve(&before->events, false);
        free(before);
    }
    interface_reserve(&interface->events, true);
    interface_complete(interface);
}

void interface_end(void)
{
    struct interface *before = interface_exchange(NULL);
    char line[160];

    for (unsigned i = 0; i < api_count; i++) {
        snprintf(line, sizeof(line), "del %s", apis[i].name);
        switch_console_set_complete(line);
    }
    if (before) {
        interface_reserve(&before->events, false);
        free(before);
    }
}

const char *interface_api_name(const char *word)
{
    unsigned api = interface_find_api(word);

    return api < INTERFACE_APIS ? apis[api].name : "";
}

bool interface_is_known(void)
{
    bool known;

    pthread_mutex_lock(&interface_lock);
    known = current != NULL;
    pthread_mutex_unlock(&interface_lock);
    return known;
}

void interface_add_name(struct wire_buffer *hello)
{
    pthread_mutex_lock(&interface_lock);
    wire_text(hello, "interface", current ? current->name : "");
    pthread_mutex_unlock(&interface_lock);
}

char *interface_usage(const char *word)
{
    unsigned api = interface_find_api(word);
    char *usage;

    pthread_mutex_lock(&interface_lock);
    usage = current && api < INTERFACE_APIS && current->usage[api][0] ? strdup(current->usage[api]) : NULL;
    pthread_mutex_unlock(&interface_lock);
    return usage;
}

static bool interface_has(const struct names *names, const char *name)
{
    for (unsigned i = 0; i < names->count; i++) {
        if (strcmp(names->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

unsigned interface_find_verb(const char *word, const char *arguments, char verb[INTERFACE_NAME_LIMIT + 1])
{
    size_t size = strcspn(arguments, BLANKS);
    unsigned api = interface_find_api(word);
    unsigned takes = 0;

    verb[0] = '\0';
    if (size > INTERFACE_NAME_LIMIT || api == INTERFACE_APIS) {
        return 0;
    }
    for (size_t i = 0; i < size; i++) {
        verb[i] = (char)tolower((unsigned char)arguments[i]);
    }
    verb[size] = '\0';
    pthread_mutex_lock(&interface_lock);
    if (current ? !interface_has(&current->verbs[api], verb) : verb[strspn(verb, "abcdefghijklmnopqrstuvwxyz_")] != '\0') {
        verb[0] = '\0';
    } else if (current) {
        takes |= interface_has(&current->payload_verbs, verb) ? VERB_TAKES_PAYLOAD : 0;
        takes |= interface_has(&current->key_verbs, verb) ? VERB_TAKES_KEY : 0;
    }
    pthread_mutex_unlock(&interface_lock);
    return takes;
}

char *interface_loss(enum interface_loss loss, const char **body)
{
    char *text;

    pthread_mutex_lock(&interface_lock);
    text = current ? strdup(current->losses[loss]) : NULL;
    pthread_mutex_unlock(&interface_lock);
    if (text) {
        char *blank = strchr(text, ' ');

        *body = blank ? blank + 1 : "";
        if (blank) {
            *blank = '\0';
        }
    }
    return text;
}
