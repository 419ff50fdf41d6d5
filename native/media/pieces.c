/* pieces.c -- see pieces.h. */
#include "pieces.h"

#include <string.h>

#define FIRST_ROOM 8u /* a power of two */

/* The piece with this number, counted from the first. */
static PyObject *pieces_item(const struct pieces *pieces, size_t number)
{
    return pieces->items[(pieces->first + number) & (pieces->room - 1)];
}

static size_t samples_of(PyObject *piece)
{
    return (size_t)PyBytes_GET_SIZE(piece) / sizeof(int16_t);
}

static void pieces_drop_first(struct pieces *pieces)
{
    PyObject *piece = pieces_item(pieces, 0);

    pieces->start += samples_of(piece);
    pieces->first = (pieces->first + 1) & (pieces->room - 1);
    pieces->count--;
    Py_DECREF(piece);
}

static bool pieces_grow(struct pieces *pieces)
{
    size_t room = pieces->room > 0 ? 2 * pieces->room : FIRST_ROOM;
    PyObject **items = PyMem_Malloc(room * sizeof(*items));

    if (items == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (size_t i = 0; i < pieces->count; i++) {
        items[i] = pieces_item(pieces, i);
    }
    PyMem_Free(pieces->items);
    pieces->items = items;
    pieces->first = 0;
    pieces->room = room;
    return true;
}

bool pieces_are_sound(PyObject *pcm)
{
    if (!PyBytes_Check(pcm) || PyBytes_GET_SIZE(pcm) % (Py_ssize_t)sizeof(int16_t) != 0) {
        PyErr_SetString(PyExc_ValueError, "pcm16 is bytes, a whole number of samples");
        return false;
    }
    return true;
}

bool pieces_append(struct pieces *pieces, PyObject *pcm)
{
    if (PyBytes_GET_SIZE(pcm) == 0) {
        return true;
    }
    if (pieces->count == pieces->room && !pieces_grow(pieces)) {
        return false;
    }
    pieces->items[(pieces->first + pieces->count++) & (pieces->room - 1)] = Py_NewRef(pcm);
    pieces->end += samples_of(pcm);
    return true;
}

const int16_t *pieces_next(const struct pieces *pieces, size_t *samples)
{
    PyObject *piece;

    if (pieces->source == pieces->end) {
        *samples = 0;
        return NULL;
    }
    piece = pieces_item(pieces, pieces->piece);
    *samples = samples_of(piece) - pieces->offset;
    return (const int16_t *)(const void *)PyBytes_AS_STRING(piece) + pieces->offset;
}

void pieces_pass(struct pieces *pieces, size_t samples)
{
    pieces->source += samples;
    pieces->offset += samples;
    if (samples > 0 && pieces->offset == samples_of(pieces_item(pieces, pieces->piece))) {
        pieces->piece++;
        pieces->offset = 0;
    }
}

void pieces_forget(struct pieces *pieces, uint64_t position)
{
    while (pieces->piece > 0 && pieces->start + samples_of(pieces_item(pieces, 0)) <= position) {
        pieces_drop_first(pieces);
        pieces->piece--;
    }
}

void pieces_rewind(struct pieces *pieces, uint64_t position)
{
    uint64_t to = position < pieces->start ? pieces->start : position;

    if (to >= pieces->source) {
        return;
    }
    pieces->source = pieces->start;
    pieces->piece = pieces->offset = 0;
    while (pieces->source < to) {
        size_t length = samples_of(pieces_item(pieces, pieces->piece));

        if (pieces->source + length > to) {
            pieces->offset = (size_t)(to - pieces->source);
            pieces->source = to;
        } else {
            pieces->source += length;
            pieces->piece++;
        }
    }
}

PyObject *pieces_contents(const struct pieces *pieces)
{
    size_t bytes = (size_t)(pieces->end - pieces->start) * sizeof(int16_t);
    PyObject *pcm = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)bytes);
    char *to;

    if (pcm == NULL) {
        return NULL;
    }
    to = PyBytes_AS_STRING(pcm);
    for (size_t i = 0; i < pieces->count; i++) {
        PyObject *piece = pieces_item(pieces, i);

        memcpy(to, PyBytes_AS_STRING(piece), (size_t)PyBytes_GET_SIZE(piece));
        to += PyBytes_GET_SIZE(piece);
    }
    return pcm;
}

void pieces_clear(struct pieces *pieces, uint64_t position)
{
    while (pieces->count > 0) {
        pieces_drop_first(pieces);
    }
    pieces->piece = pieces->offset = 0;
    pieces->start = pieces->source = pieces->end = position;
}

void pieces_free(struct pieces *pieces)
{
    pieces_clear(pieces, 0);
    PyMem_Free(pieces->items);
    *pieces = (struct pieces){0};
}
