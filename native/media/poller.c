/*
 * poller.c -- which streams have something to do.
 *
 * A worker has hundreds of streams and a tick every 10 or 20 ms; most of them have neither a new frame nor a ring that runs low.
 * Looking at their memory costs some nanoseconds here, and calling each of them some microseconds in Python. Caller audio
 * is sent right here where the gate is open, and a ring of agent audio that runs low is refilled.
 */
#include "poller.h"

#include "packetizer.h"
#include "playout.h"
#include "stream_memory.h"

typedef struct {
    PyObject *memory;
    PyObject *stream;
    PyObject *packetizer; /* or NULL */
    PyObject *playout;    /* or NULL */
} Entry;

typedef struct {
    PyObject_HEAD
    Entry *entries;
    Py_ssize_t count, room;
    struct packetizer_workspace workspace;
} Poller;

static void entry_release(Entry *entry)
{
    Py_DECREF(entry->memory);
    Py_DECREF(entry->stream);
    Py_XDECREF(entry->packetizer);
    Py_XDECREF(entry->playout);
}

static void poller_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    Poller *self = (Poller *)object;

    for (Py_ssize_t i = 0; i < self->count; i++) {
        entry_release(&self->entries[i]);
    }
    PyMem_Free(self->entries);
    packetizer_workspace_clear(&self->workspace);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *poller_add(PyObject *object, PyObject *args)
{
    Poller *self = (Poller *)object;
    PyObject *memory, *stream, *packetizer = Py_None, *playout = Py_None;

    if (!PyArg_ParseTuple(args, "OO|OO:add", &memory, &stream, &packetizer, &playout)) {
        return NULL;
    }
    if (!stream_memory_check(memory) || (packetizer != Py_None && !packetizer_check(packetizer)) ||
        (playout != Py_None && !playout_check(playout))) {
        PyErr_SetString(PyExc_TypeError, "a StreamMemory is wanted, a Packetizer or None, and a Playout or None");
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
    self->entries[self->count++] = (Entry){
        .memory = Py_NewRef(memory),
        .stream = Py_NewRef(stream),
        .packetizer = packetizer != Py_None ? Py_NewRef(packetizer) : NULL,
        .playout = playout != Py_None ? Py_NewRef(playout) : NULL,
    };
    Py_RETURN_NONE;
}

static PyObject *poller_remove(PyObject *object, PyObject *memory)
{
    Poller *self = (Poller *)object;

    for (Py_ssize_t i = 0; i < self->count; i++) {
        if (self->entries[i].memory == memory) {
            Entry gone = self->entries[i];

            self->entries[i] = self->entries[--self->count];
            entry_release(&gone);
            break;
        }
    }
    Py_RETURN_NONE;
}

/* Whether caller audio is left that Python has to look at. What is sent may call anything, also add() and remove(). */
static bool poller_capture_is_due(Poller *self, const Entry *entry)
{
    if (!stream_memory_has_capture(entry->memory)) {
        return false;
    }
    return entry->packetizer == NULL || !packetizer_drain(entry->packetizer, &self->workspace);
}

/* -- for the ticker */

bool poller_check(PyObject *object)
{
    return Py_TYPE(object)->tp_dealloc == poller_dealloc;
}

PyObject *poller_poll(PyObject *object)
{
    Poller *self = (Poller *)object;
    PyObject *ready = PyList_New(0);

    for (Py_ssize_t i = 0; ready != NULL && i < self->count; i++) {
        Entry entry = self->entries[i];

        Py_INCREF(entry.memory);
        Py_INCREF(entry.stream);
        Py_XINCREF(entry.packetizer);
        Py_XINCREF(entry.playout);
        if (entry.playout != NULL) {
            playout_tend(entry.playout);
        }
        if ((poller_capture_is_due(self, &entry) || stream_memory_is_due(entry.memory)) &&
            PyList_Append(ready, entry.stream) != 0) {
            Py_CLEAR(ready);
        }
        entry_release(&entry);
    }
    return ready;
}

static PyObject *poller_ready(PyObject *object, PyObject *Py_UNUSED(args))
{
    return poller_poll(object);
}

static Py_ssize_t poller_length(PyObject *object)
{
    return ((Poller *)object)->count;
}

static PyMethodDef poller_methods[] = {
    {"add", poller_add, METH_VARARGS,
     "(memory, stream, packetizer=None, playout=None): have `stream` in ready() when its memory is due."},
    {"remove", poller_remove, METH_O, "Forget the stream of this memory, if it is known."},
    {"ready", poller_ready, METH_NOARGS,
     "Do with caller audio what the gates say, refill the rings of agent audio; -> the streams with caller audio that is\n"
     "theirs to read, or playback at the position they watch."},
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
