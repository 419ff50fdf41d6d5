/*
 * packetizer.c -- caller audio as messages of a fixed length: resampled, cut, companded, and on request sent.
 *
 * Python feeds it and takes the messages, or lends it a way to send them. While it is lent, a frame goes from the ring to
 * the socket in one go: this is done fifty times a second for each call, and in Python it would cost several times as
 * much. What is not the ordinary case (another rate, a failure) is not decided here: the lending ends, and Python looks.
 */
#include "packetizer.h"

#include "g711.h"
#include "resampler.h"
#include "stream_memory.h"

#include <string.h>

#define SLOT_LIMIT 16384u /* larger slots are Python's */
#define HEADROOM_BYTES 16 /* before a message, for the frame header of whoever sends it */
#define FIRST_BUFFER_BYTES 4096

typedef struct {
    PyObject_HEAD
    /* What comes in: other audio ends the lending. */
    uint32_t rate, channels;
    PyObject *resampler; /* NULL: samples pass as they are */
    /* What goes out. */
    size_t message_bytes;   /* of pcm16, before companding */
    const struct law *law;  /* NULL: pcm16 */
    unsigned char *pending; /* pcm16 at the outgoing rate, less than one message between calls; NULL while it is none */
    size_t used, room;
    uint64_t lost_slots;
    uint64_t sent_bytes; /* of pcm16, while lent */
    /* While lent. */
    PyObject *send, *opcode, *head, *tail, *encode;
} Packetizer;

static void packetizer_take_back(Packetizer *self)
{
    Py_CLEAR(self->send);
    Py_CLEAR(self->opcode);
    Py_CLEAR(self->head);
    Py_CLEAR(self->tail);
    Py_CLEAR(self->encode);
}

static int packetizer_traverse(PyObject *object, visitproc visit, void *arg)
{
    Packetizer *self = (Packetizer *)object;

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->resampler);
    Py_VISIT(self->send);
    Py_VISIT(self->encode);
    return 0;
}

static int packetizer_clear(PyObject *object)
{
    packetizer_take_back((Packetizer *)object);
    Py_CLEAR(((Packetizer *)object)->resampler);
    return 0;
}

static void packetizer_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    packetizer_clear(object);
    PyMem_Free(((Packetizer *)object)->pending);
    type->tp_free(object);
    Py_DECREF(type);
}

/* Room for so many bytes of pcm16. False with an exception set. */
static bool packetizer_make_room(Packetizer *self, size_t bytes)
{
    unsigned char *pending;

    if (bytes <= self->room) {
        return true;
    }
    pending = PyMem_Realloc(self->pending, bytes);
    if (pending == NULL) {
        PyErr_NoMemory();
        return false;
    }
    self->pending = pending;
    self->room = bytes;
    return true;
}

/* Append whole sample frames of what comes in. False with an exception set. */
static bool packetizer_append(Packetizer *self, const unsigned char *pcm, size_t bytes)
{
    size_t most = self->resampler != NULL ? resampler_most_bytes(self->resampler, bytes) : bytes;

    if (!packetizer_make_room(self, self->used + most)) {
        return false;
    }
    if (self->resampler == NULL) {
        memcpy(self->pending + self->used, pcm, bytes);
        self->used += bytes;
    } else {
        self->used += resampler_convert(self->resampler, (const int16_t *)(const void *)pcm, bytes,
                                        (int16_t *)(void *)(self->pending + self->used));
    }
    return true;
}

/* The audio of a message from `bytes` of pcm16 at `at`, which is pcm16 no more after that: to be read, and dropped. */
static const unsigned char *packetizer_audio(Packetizer *self, size_t at, size_t bytes, size_t *audio_bytes)
{
    unsigned char *audio = self->pending + at;

    *audio_bytes = bytes;
    if (self->law != NULL) {
        /* In place: a code word is written where its own sample, or one before, has been read. */
        g711_encode_samples(self->law, audio, bytes / 2, audio);
        *audio_bytes = bytes / 2;
    }
    return audio;
}

static void packetizer_drop(Packetizer *self, size_t bytes)
{
    self->used -= bytes;
    memmove(self->pending, self->pending + bytes, self->used);
}

/* -- for Python */

static PyObject *packetizer_set_message(PyObject *object, PyObject *args)
{
    Packetizer *self = (Packetizer *)object;
    PyObject *name;
    Py_ssize_t bytes;
    const struct law *law = NULL;

    if (!PyArg_ParseTuple(args, "nO:set_message", &bytes, &name)) {
        return NULL;
    }
    if (bytes <= 0 || bytes % 2 != 0) {
        PyErr_SetString(PyExc_ValueError, "a message is a whole number of samples");
        return NULL;
    }
    if (name != Py_None && (law = g711_law_named(name)) == NULL) {
        return NULL;
    }
    self->message_bytes = (size_t)bytes;
    self->law = law;
    Py_RETURN_NONE;
}

static PyObject *packetizer_set_input(PyObject *object, PyObject *args)
{
    Packetizer *self = (Packetizer *)object;
    unsigned int rate, channels;
    PyObject *resampler;

    if (!PyArg_ParseTuple(args, "IIO:set_input", &rate, &channels, &resampler)) {
        return NULL;
    }
    if (resampler != Py_None && !resampler_check(resampler)) {
        PyErr_SetString(PyExc_TypeError, "a Resampler or None is wanted");
        return NULL;
    }
    if (resampler != Py_None && channels != 0 && channels != resampler_channels(resampler)) {
        PyErr_SetString(PyExc_ValueError, "the resampler is for another number of channels");
        return NULL;
    }
    self->rate = rate;
    self->channels = channels;
    Py_XSETREF(self->resampler, resampler != Py_None ? Py_NewRef(resampler) : NULL);
    Py_RETURN_NONE;
}

static PyObject *packetizer_feed(PyObject *object, PyObject *pcm)
{
    Packetizer *self = (Packetizer *)object;
    size_t frame_bytes = sizeof(int16_t) * (self->resampler != NULL ? resampler_channels(self->resampler) : 1);
    Py_buffer view;
    bool done = false;

    if (PyObject_GetBuffer(pcm, &view, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    if ((size_t)view.len % frame_bytes != 0 || (uintptr_t)view.buf % sizeof(int16_t) != 0) {
        PyErr_SetString(PyExc_ValueError, "pcm16 is a whole number of aligned sample frames");
    } else {
        done = packetizer_append(self, view.buf, (size_t)view.len);
    }
    PyBuffer_Release(&view);
    return done ? Py_NewRef(Py_None) : NULL;
}

static PyObject *packetizer_messages(Packetizer *self, bool all)
{
    PyObject *messages = PyList_New(0);
    size_t at = 0;

    while (messages != NULL && self->message_bytes > 0 &&
           (self->used - at >= self->message_bytes || (all && self->used > at))) {
        size_t left = self->used - at;
        size_t bytes = left < self->message_bytes ? left : self->message_bytes;
        size_t audio_bytes;
        const unsigned char *audio = packetizer_audio(self, at, bytes, &audio_bytes);
        PyObject *message = PyBytes_FromStringAndSize((const char *)audio, (Py_ssize_t)audio_bytes);

        if (message == NULL || PyList_Append(messages, message) != 0) {
            Py_CLEAR(messages);
        }
        Py_XDECREF(message);
        at += bytes;
    }
    if (messages != NULL && at > 0) {
        packetizer_drop(self, at);
    }
    return messages;
}

static PyObject *packetizer_take(PyObject *object, PyObject *Py_UNUSED(args))
{
    return packetizer_messages((Packetizer *)object, false);
}

static PyObject *packetizer_flush(PyObject *object, PyObject *Py_UNUSED(args))
{
    return packetizer_messages((Packetizer *)object, true);
}

static PyObject *packetizer_take_pending(PyObject *object, PyObject *Py_UNUSED(args))
{
    Packetizer *self = (Packetizer *)object;
    PyObject *pcm = PyBytes_FromStringAndSize((const char *)self->pending, (Py_ssize_t)self->used);

    if (pcm != NULL) {
        self->used = 0;
    }
    return pcm;
}

static PyObject *packetizer_lend(PyObject *object, PyObject *args)
{
    Packetizer *self = (Packetizer *)object;
    PyObject *send, *opcode, *head, *tail, *encode;

    if (!PyArg_ParseTuple(args, "OO!SSO:lend", &send, &PyLong_Type, &opcode, &head, &tail, &encode)) {
        return NULL;
    }
    packetizer_take_back(self);
    self->send = Py_NewRef(send);
    self->opcode = Py_NewRef(opcode);
    self->head = Py_NewRef(head);
    self->tail = Py_NewRef(tail);
    self->encode = encode != Py_None ? Py_NewRef(encode) : NULL;
    Py_RETURN_NONE;
}

static PyObject *packetizer_method_take_back(PyObject *object, PyObject *Py_UNUSED(args))
{
    packetizer_take_back((Packetizer *)object);
    Py_RETURN_NONE;
}

static PyObject *packetizer_lent(PyObject *object, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(packetizer_is_lent(object));
}

static PyObject *packetizer_pending(PyObject *object, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(((Packetizer *)object)->used);
}

static PyObject *packetizer_lost_slots(PyObject *object, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(((Packetizer *)object)->lost_slots);
}

static PyObject *packetizer_sent_bytes(PyObject *object, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(((Packetizer *)object)->sent_bytes);
}

/* -- for the poller */

bool packetizer_check(PyObject *object)
{
    return Py_TYPE(object)->tp_dealloc == packetizer_dealloc;
}

bool packetizer_is_lent(PyObject *object)
{
    return ((Packetizer *)object)->send != NULL;
}

/* The message lies at the end of the buffer, so that the buffer need not change its size with each. False with an
 * exception set. */
static bool packetizer_build(Packetizer *self, const char *body, size_t body_bytes, PyObject **buffer, Py_ssize_t *offset)
{
    size_t head = (size_t)PyBytes_GET_SIZE(self->head), tail = (size_t)PyBytes_GET_SIZE(self->tail);
    size_t needed = HEADROOM_BYTES + head + body_bytes + tail;
    size_t size = *buffer != NULL ? (size_t)PyByteArray_GET_SIZE(*buffer) : 0;
    char *to;

    if (needed > size) {
        size = needed > FIRST_BUFFER_BYTES ? needed : FIRST_BUFFER_BYTES;
        Py_XSETREF(*buffer, PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)size));
        if (*buffer == NULL) {
            return false;
        }
    }
    *offset = (Py_ssize_t)(size - head - body_bytes - tail);
    to = PyByteArray_AS_STRING(*buffer) + *offset;
    memcpy(to, PyBytes_AS_STRING(self->head), head);
    memcpy(to + head, body, body_bytes);
    memcpy(to + head + body_bytes, PyBytes_AS_STRING(self->tail), tail);
    return true;
}

static bool packetizer_build_encoded(Packetizer *self, const unsigned char *audio, size_t bytes, PyObject **buffer,
                                     Py_ssize_t *offset)
{
    PyObject *view, *text;
    bool built = false;

    if (self->encode == NULL) {
        return packetizer_build(self, (const char *)audio, bytes, buffer, offset);
    }
    view = PyMemoryView_FromMemory((char *)audio, (Py_ssize_t)bytes, PyBUF_READ);
    text = view != NULL ? PyObject_CallOneArg(self->encode, view) : NULL;
    if (text != NULL && PyBytes_Check(text)) {
        built = packetizer_build(self, PyBytes_AS_STRING(text), (size_t)PyBytes_GET_SIZE(text), buffer, offset);
    } else if (text != NULL) {
        PyErr_SetString(PyExc_TypeError, "encode has to give bytes");
    }
    Py_XDECREF(text);
    Py_XDECREF(view);
    return built;
}

/* The first message of what is pending goes out, whatever becomes of it. False with an exception set. */
static bool packetizer_send(Packetizer *self, PyObject **buffer)
{
    PyObject *send = Py_NewRef(self->send), *opcode = Py_NewRef(self->opcode), *place = NULL, *result = NULL;
    size_t bytes = self->message_bytes, audio_bytes;
    const unsigned char *audio = packetizer_audio(self, 0, bytes, &audio_bytes);
    Py_ssize_t offset;
    bool built = packetizer_build_encoded(self, audio, audio_bytes, buffer, &offset);

    /* Before anything is called that might look at it. */
    packetizer_drop(self, bytes);
    if (built && (place = PyLong_FromSsize_t(offset)) != NULL) {
        PyObject *arguments[] = {opcode, Py_NewRef(*buffer), place};

        result = PyObject_Vectorcall(send, arguments, 3, NULL);
        Py_DECREF(arguments[1]);
    }
    if (result != NULL) {
        self->sent_bytes += bytes;
    }
    Py_XDECREF(result);
    Py_XDECREF(place);
    Py_DECREF(opcode);
    Py_DECREF(send);
    return result != NULL;
}

/* Memory for what is pending, while nothing is: that which the stream before has used, and has left in the cache. */
static void packetizer_borrow(Packetizer *self, struct packetizer_workspace *workspace)
{
    if (self->pending == NULL) {
        self->pending = workspace->pcm;
        self->room = workspace->room;
        workspace->pcm = NULL;
        workspace->room = 0;
    }
}

static void packetizer_give_back(Packetizer *self, struct packetizer_workspace *workspace)
{
    if (self->used == 0) {
        PyMem_Free(workspace->pcm);
        workspace->pcm = self->pending;
        workspace->room = self->room;
        self->pending = NULL;
        self->room = 0;
    }
}

static void packetizer_send_all(Packetizer *self, PyObject *memory, PyObject **buffer)
{
    _Alignas(8) unsigned char pcm[SLOT_LIMIT];
    struct slot_ring *ring;
    struct capture_gaps *gaps;
    uint32_t slots = 0;

    /* Sending may run anything, so nothing is taken for granted after it. */
    while (self->send != NULL && (ring = stream_memory_capture(memory, &gaps)) != NULL) {
        struct audio_slot header = {0};
        uint32_t bytes;
        bool done;

        if (self->used >= self->message_bytes) {
            done = self->message_bytes > 0 && packetizer_send(self, buffer);
        } else if (ring->slot_bytes > SLOT_LIMIT) {
            done = false;
        } else if (slots > ring->count ||
                   (bytes = capture_gaps_read(gaps, ring, pcm, &header, &self->lost_slots)) == 0) {
            return; /* nothing more, or more than there can be: other streams wait */
        } else if (header.rate != self->rate || header.channels != self->channels) {
            capture_gaps_unread(gaps, ring);
            done = false;
        } else {
            slots += gaps->was_silence ? 0 : 1;
            done = packetizer_append(self, pcm, bytes);
        }
        if (!done) {
            packetizer_take_back(self);
        }
        if (PyErr_Occurred()) {
            PyErr_WriteUnraisable((PyObject *)self);
        }
    }
}

void packetizer_drain(PyObject *object, PyObject *memory, struct packetizer_workspace *workspace)
{
    Packetizer *self = (Packetizer *)object;

    packetizer_borrow(self, workspace);
    packetizer_send_all(self, memory, &workspace->message);
    packetizer_give_back(self, workspace);
}

void packetizer_workspace_clear(struct packetizer_workspace *workspace)
{
    Py_CLEAR(workspace->message);
    PyMem_Free(workspace->pcm);
    *workspace = (struct packetizer_workspace){0};
}

static PyGetSetDef packetizer_getset[] = {
    {"lent", packetizer_lent, NULL, "whether messages go out by themselves", NULL},
    {"pending", packetizer_pending, NULL, "bytes of pcm16 that wait for the rest of a message", NULL},
    {"sent_bytes", packetizer_sent_bytes, NULL, "of pcm16, before companding, that went out while lent", NULL},
    {"lost_slots", packetizer_lost_slots, NULL, "overwritten before they were read, while lent", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef packetizer_methods[] = {
    {"set_message", packetizer_set_message, METH_VARARGS,
     "(bytes of pcm16, 'pcmu', 'pcma' or None): what a message holds from now on, what is pending included."},
    {"set_input", packetizer_set_input, METH_VARARGS,
     "(rate, channels, resampler or None): what is fed from now on; channels 0: never without Python."},
    {"feed", packetizer_feed, METH_O, "Append pcm16."},
    {"take", packetizer_take, METH_NOARGS, "-> the audio of each message that is complete."},
    {"flush", packetizer_flush, METH_NOARGS, "-> the same and the rest, as long as it happens to be."},
    {"take_pending", packetizer_take_pending, METH_NOARGS, "-> the pcm16 that is pending, which is forgotten."},
    {"lend", packetizer_lend, METH_VARARGS,
     "(send, opcode, head, tail, encode or None): Poller.ready() may send what is complete, by itself, as\n"
     "send(opcode, buffer, offset). The message is the bytearray from offset on: head, encode(audio), tail; what lies\n"
     "before is free for a header, 16 bytes at least; the buffer is used again after the call."},
    {"take_back", packetizer_method_take_back, METH_NOARGS, "End the lending; idempotent."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot packetizer_slots[] = {
    {Py_tp_doc, "Caller audio as messages of a fixed length."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_dealloc, packetizer_dealloc},
    {Py_tp_traverse, packetizer_traverse},
    {Py_tp_clear, packetizer_clear},
    {Py_tp_methods, packetizer_methods},
    {Py_tp_getset, packetizer_getset},
    {0, NULL},
};

PyType_Spec media_packetizer_spec = {
    .name = "mod_openai_realtime._media.Packetizer",
    .basicsize = sizeof(Packetizer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = packetizer_slots,
};
