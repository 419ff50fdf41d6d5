/*
 * audio_delta.c -- the audio of a message that is plainly an audio delta, found without building the message.
 *
 * Nearly all that a server sends are such messages: a flat JSON object, a few short values and one very long string. What
 * is anything else, or only might be, is left to a JSON parser: escapes, text that is not ASCII, objects and arrays inside,
 * a name that occurs twice.
 */
#include "audio_delta.h"

#include <string.h>

#define DIGITS_MAX 9 /* of a number, so that it fits */

struct scan {
    const char *at, *end;
};

static bool scan_take(struct scan *scan, char wanted)
{
    if (scan->at < scan->end && *scan->at == wanted) {
        scan->at++;
        return true;
    }
    return false;
}

static void scan_space(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r')) {
        scan->at++;
    }
}

/* A string of printable ASCII without escapes. */
static bool scan_string(struct scan *scan, struct text *text)
{
    if (!scan_take(scan, '"')) {
        return false;
    }
    text->at = scan->at;
    while (scan->at < scan->end && *scan->at >= 0x20 && *scan->at < 0x7f && *scan->at != '"' && *scan->at != '\\') {
        scan->at++;
    }
    text->length = (size_t)(scan->at - text->at);
    return scan_take(scan, '"');
}

/* A string of anything: the caller checks what is in it. */
static bool scan_long_string(struct scan *scan, struct text *text)
{
    const char *end;

    if (!scan_take(scan, '"') || (end = memchr(scan->at, '"', (size_t)(scan->end - scan->at))) == NULL) {
        return false;
    }
    *text = (struct text){scan->at, (size_t)(end - scan->at)};
    scan->at = end + 1;
    return true;
}

/* A whole number that is not negative. */
static bool scan_number(struct scan *scan, long *number)
{
    const char *start = scan->at;

    *number = 0;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9' && scan->at - start < DIGITS_MAX) {
        *number = 10 * *number + (*scan->at++ - '0');
    }
    return scan->at > start && (*start != '0' || scan->at - start == 1);
}

static bool scan_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0) {
        return false;
    }
    scan->at += length;
    return true;
}

static bool is(struct text text, const char *word)
{
    return text.length == strlen(word) && memcmp(text.at, word, text.length) == 0;
}

static bool scan_value(struct scan *scan, struct text name, struct audio_delta *delta)
{
    struct text *known = is(name, "type")          ? &delta->type
                         : is(name, "response_id") ? &delta->response_id
                         : is(name, "item_id")     ? &delta->item_id
                                                   : NULL;
    struct text other;
    long number;

    if (is(name, "delta")) {
        return delta->audio.at == NULL && scan_long_string(scan, &delta->audio);
    }
    if (known != NULL) {
        return known->at == NULL && scan_string(scan, known);
    }
    if (is(name, "content_index")) {
        bool first = !delta->has_content_index;

        delta->has_content_index = true;
        return first && scan_number(scan, &delta->content_index);
    }
    switch (scan->at < scan->end ? *scan->at : 0) {
    case '"':
        return scan_string(scan, &other);
    case 't':
        return scan_word(scan, "true");
    case 'f':
        return scan_word(scan, "false");
    case 'n':
        return scan_word(scan, "null");
    default:
        return scan_number(scan, &number);
    }
}

static bool scan_delta(struct scan *scan, struct audio_delta *delta)
{
    struct text name;

    scan_space(scan);
    if (!scan_take(scan, '{')) {
        return false;
    }
    do {
        scan_space(scan);
        if (!scan_string(scan, &name)) {
            return false;
        }
        scan_space(scan);
        if (!scan_take(scan, ':')) {
            return false;
        }
        scan_space(scan);
        if (!scan_value(scan, name, delta)) {
            return false;
        }
        scan_space(scan);
    } while (scan_take(scan, ','));
    if (!scan_take(scan, '}')) {
        return false;
    }
    scan_space(scan);
    return scan->at == scan->end && delta->audio.at != NULL && delta->type.at != NULL;
}

bool audio_delta_scan(const char *message, size_t bytes, struct audio_delta *delta)
{
    struct scan scan = {message, message + bytes};

    *delta = (struct audio_delta){0};
    return scan_delta(&scan, delta);
}

bool audio_delta_is_one_of(const struct audio_delta *delta, PyObject *names)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);

        if (PyBytes_Check(name) && (size_t)PyBytes_GET_SIZE(name) == delta->type.length &&
            memcmp(PyBytes_AS_STRING(name), delta->type.at, delta->type.length) == 0) {
            return true;
        }
    }
    return false;
}

PyObject *audio_delta_decode(const struct audio_delta *delta, PyObject *decode)
{
    PyObject *view = PyMemoryView_FromMemory((char *)delta->audio.at, (Py_ssize_t)delta->audio.length, PyBUF_READ);
    PyObject *audio = view != NULL ? PyObject_CallOneArg(decode, view) : NULL;

    Py_XDECREF(view);
    if (audio == NULL && PyErr_ExceptionMatches(PyExc_ValueError)) {
        PyErr_Clear();
    }
    return audio;
}
