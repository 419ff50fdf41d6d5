/*
 * json_shape.c -- how deep a JSON text is nested, and how much there is in it to build: what a parser's time goes into,
 * known before anything is parsed. What is no JSON has a shape too; whether it is valid the parser tells.
 */
#include "extension.h"

#include <string.h>

#define SHORT_STRING 32 /* within which a look at each byte is quicker than a search */

enum kind { PLAIN, QUOTE, OPEN, CLOSE, BETWEEN };

static const unsigned char kinds[256] = {
    ['"'] = QUOTE, ['['] = OPEN, ['{'] = OPEN, [']'] = CLOSE, ['}'] = CLOSE, [','] = BETWEEN, [':'] = BETWEEN,
};

/* From behind a quote to behind the one that ends the string, or to the end of the text. */
static const unsigned char *string_end(const unsigned char *at, const unsigned char *end)
{
    while (at < end) {
        const unsigned char *stop = end - at > SHORT_STRING ? at + SHORT_STRING : end, *quote;
        size_t escapes = 0;

        while (at < stop) {
            if (*at == '"') {
                return at + 1;
            }
            at += *at == '\\' ? 2 : 1;
        }
        if (at >= end || (quote = memchr(at, '"', (size_t)(end - at))) == NULL) {
            break;
        }
        while (quote - escapes > at && *(quote - escapes - 1) == '\\') {
            escapes++;
        }
        at = quote + 1;
        if (escapes % 2 == 0) {
            return at;
        }
    }
    return end;
}

/* Stops where either limit is passed. */
static void measure(const unsigned char *at, const unsigned char *end, long deepest, long most, long *depth_max,
                    long *values)
{
    long depth = 0;

    *depth_max = 0;
    *values = 1;
    while (at < end && *depth_max <= deepest && *values <= most) {
        switch (kinds[*at++]) {
        case QUOTE:
            at = string_end(at, end);
            break;
        case OPEN:
            ++*values;
            if (++depth > *depth_max) {
                *depth_max = depth;
            }
            break;
        case CLOSE:
            --depth;
            break;
        case BETWEEN:
            ++*values;
            break;
        default:
            break;
        }
    }
}

static PyObject *json_shape(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer text;
    long deepest, most, depth, values;

    if (!PyArg_ParseTuple(args, "y*ll:json_shape", &text, &deepest, &most)) {
        return NULL;
    }
    measure(text.buf, (const unsigned char *)text.buf + text.len, deepest, most, &depth, &values);
    PyBuffer_Release(&text);
    return Py_BuildValue("(ll)", depth, values);
}

PyMethodDef media_json_shape_methods[] = {
    {"json_shape", json_shape, METH_VARARGS,
     "(text, deepest, most) -> (depth, values): how deep objects and arrays are nested, and how many values and names there\n"
     "are, at most; no further than to just above either limit."},
    {NULL, NULL, 0, NULL},
};
