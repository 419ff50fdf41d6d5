/*
 * poller.c -- which streams have something to do.
 *
 * A worker has hundreds of streams and a tick every 10 ms; most of them have neither a new frame nor a ring that runs low.
 * Looking at their memory costs some nanoseconds here, and calling each of them some microseconds in Python.
 */
#include "media.h"
#include "stream_memory.h"

typedef struct {
    PyObject *memory;
    PyObject *stream;
} Entry;

typedef struct {
    PyObject_HEAD
    Entry *entries;
    Py_ssize_t count, room;
} Poller;

static void poller_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    Poller *self = (Poller *)object;

    for (Py_ssize_t i = 0; i < self->count; i++) {
        Py_DECREF(self->entries[i].memory);
        Py_DECREF(self->entries[i].stream);
    }
    PyMem_Free(self->entries);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *poller_add(PyObject *object, PyObject *args)
{
    Poller *self = (Poller *)object;
    PyObject *memory, *stream;

    if (!PyArg_ParseTuple(args, "OO:add", &memory, &stream)) {
        return NULL;
    }
    if (!stream_memory_check(memory)) {
        PyErr_SetString(PyExc_TypeError, "a StreamMemory is wanted");
        return NULL;
    }
    if (self->count == self->room) {
        Py_ssize_t room = self->room > 0 ? 2 * self->room : 16;
        Entry *entries = PyMem_Realloc(self->entries, (size_t)room * sizeof(*entries));

        if (entries == NULL) {
            return PyErr_NoMemory();
        }
        self->entries = entries;
        self->room = room;
    }
    self->entries[self->count++] = (Entry){Py_NewRef(memory), Py_NewRef(stream)};
    Py_RETURN_NONE;
}

static PyObject *poller_remove(PyObject *object, PyObject *memory)
{
    Poller *self = (Poller *)object;

    for (Py_ssize_t i = 0; i < self->count; i++) {
        if (self->entries[i].memory == memory) {
            Entry gone = self->entries[i];

            self->entries[i] = self->entries[--self->count];
            Py_DECREF(gone.memory);
            Py_DECREF(gone.stream);
            break;
        }
    }
    Py_RETURN_NONE;
}

static PyObject *poller_ready(PyObject *object, PyObject *Py_UNUSED(args))
{
    Poller *self = (Poller *)object;
    PyObject *ready = PyList_New(0);

    for (Py_ssize_t i = 0; ready != NULL && i < self->count; i++) {
        if (stream_memory_is_due(self->entries[i].memory) && PyList_Append(ready, self->entries[i].stream) != 0) {
            Py_CLEAR(ready);
        }
    }
    return ready;
}

static Py_ssize_t poller_length(PyObject *object)
{
    return ((Poller *)object)->count;
}

static PyMethodDef poller_methods[] = {
    {"add", poller_add, METH_VARARGS, "(memory, stream): have `stream` in ready() when its memory is due."},
    {"remove", poller_remove, METH_O, "Forget the stream of this memory, if it is known."},
    {"ready", poller_ready, METH_NOARGS,
     "-> the streams with caller audio to read, or playback at the position they watch."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot poller_slots[] = {
    {Py_tp_doc, "Finds, among many streams, those with something to do."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_dealloc, poller_dealloc},
    {Py_tp_methods, poller_methods},
    {Py_sq_length, poller_length},
    {0, NULL},
};

PyType_Spec media_poller_spec = {
    .name = "mod_openai_realtime._media.Poller",
    .basicsize = sizeof(Poller),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = poller_slots,
};
