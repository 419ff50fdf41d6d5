/*
 * json_grammar.c -- whether a text is one JSON value as RFC 8259 has it. Parsers refuse what they can't represent, lone
 * surrogates and large numbers, or take more than is allowed; and they build what nobody needs.
 */
#include "extension.h"

#include <stdbool.h>
#include <string.h>

#define DEEPEST_MAX 1024

enum expected { VALUE, VALUE_OR_END, NAME, NAME_OR_END, COLON, NEXT_OR_END };

static bool is_digit(unsigned char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex(unsigned char byte)
{
    return is_digit(byte) || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
}

/* The functions below return where what they skip ends, or NULL where it is none. */

static const unsigned char *skip_escape(const unsigned char *at, const unsigned char *end)
{
    if (at == end) {
        return NULL;
    }
    if (*at != 'u') {
        return *at != '\0' && strchr("\"\\/bfnrt", *at) != NULL ? at + 1 : NULL;
    }
    at++;
    return end - at >= 4 && is_hex(at[0]) && is_hex(at[1]) && is_hex(at[2]) && is_hex(at[3]) ? at + 4 : NULL;
}

/* From behind the first quote. */
static const unsigned char *skip_string(const unsigned char *at, const unsigned char *end)
{
    while (at != NULL && at < end) {
        unsigned char byte = *at++;

        if (byte == '"') {
            return at;
        }
        if (byte == '\\') {
            at = skip_escape(at, end);
        } else if (byte < ' ') {
            return NULL;
        }
    }
    return NULL;
}

static const unsigned char *skip_digits(const unsigned char *at, const unsigned char *end)
{
    if (at == end || !is_digit(*at)) {
        return NULL;
    }
    while (at < end && is_digit(*at)) {
        at++;
    }
    return at;
}

static const unsigned char *skip_number(const unsigned char *at, const unsigned char *end)
{
    if (at < end && *at == '-') {
        at++;
    }
    at = at < end && *at == '0' ? at + 1 : skip_digits(at, end);
    if (at != NULL && at < end && *at == '.') {
        at = skip_digits(at + 1, end);
    }
    if (at != NULL && at < end && (*at | 0x20) == 'e') {
        at++;
        at = skip_digits(at < end && (*at == '+' || *at == '-') ? at + 1 : at, end);
    }
    return at;
}

static const unsigned char *skip_word(const unsigned char *at, const unsigned char *end, const char *word)
{
    size_t size = strlen(word);

    return (size_t)(end - at) >= size && memcmp(at, word, size) == 0 ? at + size : NULL;
}

static const unsigned char *skip_scalar(const unsigned char *at, const unsigned char *end)
{
    switch (*at) {
    case '"':
        return skip_string(at + 1, end);
    case 't':
        return skip_word(at, end, "true");
    case 'f':
        return skip_word(at, end, "false");
    case 'n':
        return skip_word(at, end, "null");
    default:
        return skip_number(at, end);
    }
}

static bool is_one_value(const unsigned char *at, const unsigned char *end, long deepest)
{
    unsigned char ends[DEEPEST_MAX]; /* of what is open */
    long depth = 0;
    enum expected expected = VALUE;

    for (; at < end; at++) {
        unsigned char byte = *at;

        if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
            continue;
        }
        if ((byte == ']' || byte == '}') && depth > 0 && byte == ends[depth - 1] && expected != VALUE &&
            expected != NAME && expected != COLON) {
            depth--;
            expected = NEXT_OR_END;
        } else if (expected == COLON || expected == NEXT_OR_END) {
            if (byte != (expected == COLON ? ':' : ',') || depth == 0) {
                return false;
            }
            expected = expected == COLON || ends[depth - 1] == ']' ? VALUE : NAME;
        } else if (expected == NAME || expected == NAME_OR_END) {
            if (byte != '"' || (at = skip_string(at + 1, end)) == NULL) {
                return false;
            }
            at--;
            expected = COLON;
        } else if (byte == '[' || byte == '{') {
            if (depth == deepest) {
                return false;
            }
            ends[depth++] = byte == '[' ? ']' : '}';
            expected = byte == '[' ? VALUE_OR_END : NAME_OR_END;
        } else {
            if ((at = skip_scalar(at, end)) == NULL) {
                return false;
            }
            at--;
            expected = NEXT_OR_END;
        }
    }
    return expected == NEXT_OR_END && depth == 0;
}

static PyObject *is_json(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer text;
    long deepest;
    bool valid;

    if (!PyArg_ParseTuple(args, "y*l:is_json", &text, &deepest)) {
        return NULL;
    }
    if (deepest < 0 || deepest > DEEPEST_MAX) {
        PyBuffer_Release(&text);
        return PyErr_Format(PyExc_ValueError, "a depth is at most %d", DEEPEST_MAX);
    }
    valid = is_one_value(text.buf, (const unsigned char *)text.buf + text.len, deepest);
    PyBuffer_Release(&text);
    return PyBool_FromLong(valid);
}

PyMethodDef media_json_grammar_methods[] = {
    {"is_json", is_json, METH_VARARGS,
     "(text, deepest) -> whether it is one JSON value (RFC 8259), in which nothing is nested deeper than that, 1024 at most.\n"
     "That it is UTF-8 is not looked at."},
    {NULL, NULL, 0, NULL},
};
