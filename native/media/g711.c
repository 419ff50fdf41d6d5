/*
 * g711.c -- pcm16 to G.711 and back, by table.
 *
 * The tables come from the definition in ITU-T G.711 (11/1988): each sign has 128 intervals of magnitude, in eight
 * segments of sixteen; a code word stands for the middle of its interval. The standard's 14 bits (mu-law, tables 2a and
 * 2b) and 13 bits (A-law, tables 1a and 1b) are scaled to 16 here. A sample on the border of two intervals has the upper
 * one, and of the negative ones in A-law the lower, so that there the two signs have intervals of equal size.
 */
#include "g711.h"

#include <string.h>

struct law {
    const char *name;
    int32_t bias;     /* makes the segments of mu-law begin at powers of two */
    int32_t mirror;   /* a sample of magnitude m is, below zero, mirror - m */
    uint8_t zero;     /* code word of the first interval of the positive samples */
    uint8_t encoded[1 << 16]; /* by sample, taken as unsigned */
    int16_t decoded[1 << 8];
};

static struct law laws[] = {
    {.name = "pcmu", .bias = 132, .mirror = 0, .zero = 0xFF},
    {.name = "pcma", .bias = 0, .mirror = -1, .zero = 0xD5}, /* every other bit inverted */
};

static void law_build(struct law *law)
{
    int32_t magnitude = 0;

    for (int32_t interval = 0; interval < 128; interval++) {
        int32_t segment = interval / 16, step = interval % 16;
        int32_t begin = (16 + step) << (segment + 3), width = 8 << segment;
        uint8_t word = law->zero ^ (uint8_t)interval;

        if (law->bias == 0 && segment == 0) {
            /* A-law's first two segments have steps of one size, and the first begins at zero. */
            begin = step * 16;
            width = 16;
        }
        law->decoded[word] = (int16_t)(begin + width / 2 - law->bias);
        law->decoded[word ^ 0x80] = (int16_t)-law->decoded[word];
        for (; magnitude <= 32768 && (magnitude < begin + width - law->bias || interval == 127); magnitude++) {
            int32_t below = law->mirror - magnitude;

            if (magnitude <= INT16_MAX) {
                law->encoded[magnitude] = word;
            }
            if (below < 0 && below >= INT16_MIN) {
                law->encoded[(uint16_t)below] = word ^ 0x80;
            }
        }
    }
}

void media_g711_build(void)
{
    for (size_t i = 0; i < sizeof(laws) / sizeof(*laws); i++) {
        law_build(&laws[i]);
    }
}

const struct law *g711_law_named(PyObject *name)
{
    for (size_t i = 0; PyUnicode_Check(name) && i < sizeof(laws) / sizeof(*laws); i++) {
        if (PyUnicode_CompareWithASCIIString(name, laws[i].name) == 0) {
            return &laws[i];
        }
    }
    PyErr_SetString(PyExc_ValueError, "the law is 'pcmu' or 'pcma'");
    return NULL;
}

/* The arguments of both functions; `view` is the caller's to release. */
static const struct law *arguments(PyObject *const *args, Py_ssize_t count, Py_buffer *view)
{
    const struct law *law;

    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "audio and a law are wanted");
        return NULL;
    }
    law = g711_law_named(args[1]);
    return law != NULL && PyObject_GetBuffer(args[0], view, PyBUF_SIMPLE) == 0 ? law : NULL;
}

void g711_encode_samples(const struct law *law, const unsigned char *pcm, size_t samples, uint8_t *words)
{
    for (size_t i = 0; i < samples; i++) {
        uint16_t sample;

        memcpy(&sample, pcm + 2 * i, sizeof(sample));
        words[i] = law->encoded[sample];
    }
}

static PyObject *g711_encode(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    Py_buffer view;
    const struct law *law = arguments(args, count, &view);
    PyObject *words;

    if (law == NULL) {
        return NULL;
    }
    if (view.len % 2 != 0) {
        PyBuffer_Release(&view);
        PyErr_SetString(PyExc_ValueError, "pcm16 is a whole number of samples");
        return NULL;
    }
    words = PyBytes_FromStringAndSize(NULL, view.len / 2);
    if (words != NULL) {
        g711_encode_samples(law, view.buf, (size_t)view.len / 2, (uint8_t *)PyBytes_AS_STRING(words));
    }
    PyBuffer_Release(&view);
    return words;
}

PyObject *g711_samples(const struct law *law, const uint8_t *words, Py_ssize_t count)
{
    PyObject *pcm = count <= PY_SSIZE_T_MAX / 2 ? PyBytes_FromStringAndSize(NULL, 2 * count) : PyErr_NoMemory();

    for (Py_ssize_t i = 0; pcm != NULL && i < count; i++) {
        memcpy(PyBytes_AS_STRING(pcm) + 2 * i, &law->decoded[words[i]], sizeof(int16_t));
    }
    return pcm;
}

static PyObject *g711_decode(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    Py_buffer view;
    const struct law *law = arguments(args, count, &view);
    PyObject *pcm;

    if (law == NULL) {
        return NULL;
    }
    pcm = g711_samples(law, view.buf, view.len);
    PyBuffer_Release(&view);
    return pcm;
}

PyMethodDef media_g711_methods[] = {
    {"g711_encode", (PyCFunction)(void (*)(void))g711_encode, METH_FASTCALL,
     "(pcm16, 'pcmu' or 'pcma') -> code words, one a sample."},
    {"g711_decode", (PyCFunction)(void (*)(void))g711_decode, METH_FASTCALL,
     "(code words, 'pcmu' or 'pcma') -> pcm16."},
    {NULL, NULL, 0, NULL},
};
