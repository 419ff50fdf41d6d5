/*
 * packetizer.c -- caller audio as messages of a fixed length: resampled, cut, companded, and sent.
 *
 * A gate says what becomes of it. Open: a frame goes from the ring to the socket in one go; this is done fifty times a
 * second for each call, and in Python it would cost several times as much. What is not the ordinary case (another rate, no
 * way to send, a failure) is left in the ring for Python, which looks at it on the same tick; the gate stays as it is.
 * Shut: it is passed over. Held: Python looks at all of it.
 */
#include "packetizer.h"

#include "capture_reader.h"
#include "g711.h"
#include "message_way.h"
#include "mixing.h"
#include "resampler.h"
#include "samples.h"
#include "stream_memory.h"

#include <string.h>

/* audio/gate.py has the same numbers. */
enum gate { GATE_SHUT, GATE_HELD, GATE_OPEN };

/* More than a ring has, and the silence of a pause with them; other streams wait. */
#define SLOTS_AT_ONCE 640u

typedef struct {
    PyObject_HEAD
    enum gate gate;
    struct capture_reader reader;
    /* What comes in: other audio is Python's. */
    uint32_t rate, channels;
    enum mixing mixing;
    PyObject *resampler; /* NULL: samples pass as they are */
    /* What goes out. */
    size_t message_bytes;   /* of pcm16, before companding */
    const struct law *law;  /* NULL: pcm16 */
    struct samples pending; /* pcm16 at the outgoing rate, less than one message between calls */
    uint64_t lost_slots;
    uint64_t sent_bytes; /* of pcm16, sent from here */
    struct message_way way;
} Packetizer;

static int packetizer_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"memory", "recorded", NULL};
    Packetizer *self = (Packetizer *)object;
    PyObject *memory;
    int recorded = 0;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|p:Packetizer", names, &memory, &recorded)) {
        return -1;
    }
    if (!stream_memory_check(memory)) {
        PyErr_SetString(PyExc_TypeError, "a StreamMemory is wanted");
        return -1;
    }
    Py_XSETREF(self->reader.memory, Py_NewRef(memory));
    if (recorded) {
        Py_XSETREF(self->reader.copies, PyList_New(0));
        return self->reader.copies != NULL ? 0 : -1;
    }
    return 0;
}

static int packetizer_traverse(PyObject *object, visitproc visit, void *arg)
{
    Packetizer *self = (Packetizer *)object;

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->resampler);
    Py_VISIT(self->way.send);
    Py_VISIT(self->way.encode);
    return 0;
}

static int packetizer_clear(PyObject *object)
{
    message_way_clear(&((Packetizer *)object)->way);
    Py_CLEAR(((Packetizer *)object)->resampler);
    return 0;
}

static void packetizer_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    packetizer_clear(object);
    capture_reader_clear(&((Packetizer *)object)->reader);
    samples_free(&((Packetizer *)object)->pending);
    type->tp_free(object);
    Py_DECREF(type);
}

/* Twice a slot is on its stack: it has a function of its own. */
static bool packetizer_append_mixed(Packetizer *self, const int16_t *pcm, size_t bytes)
{
    int16_t mixed[CAPTURE_SLOT_LIMIT];

    while (bytes > 0) {
        size_t part = bytes < CAPTURE_SLOT_LIMIT ? bytes : CAPTURE_SLOT_LIMIT;

        if (!samples_append(&self->pending, self->resampler, mixed, mixing_apply(self->mixing, pcm, part, mixed))) {
            return false;
        }
        pcm += part / sizeof(*pcm);
        bytes -= part;
    }
    return true;
}

/* Append whole sample frames of what comes in. False with an exception set. */
static bool packetizer_append(Packetizer *self, const int16_t *pcm, size_t bytes)
{
    return self->mixing == MIXING_NONE ? samples_append(&self->pending, self->resampler, pcm, bytes)
                                       : packetizer_append_mixed(self, pcm, bytes);
}

/* The audio of a message from `bytes` of pcm16 at `at`, which is pcm16 no more after that: to be read, and dropped. */
static const unsigned char *packetizer_audio(Packetizer *self, size_t at, size_t bytes, size_t *audio_bytes)
{
    unsigned char *audio = self->pending.at + at;

    *audio_bytes = bytes;
    if (self->law != NULL) {
        /* In place: a code word is written where its own sample, or one before, has been read. */
        g711_encode_samples(self->law, audio, bytes / 2, audio);
        *audio_bytes = bytes / 2;
    }
    return audio;
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
    int mixing = MIXING_NONE;
    PyObject *resampler;

    if (!PyArg_ParseTuple(args, "IIO|i:set_input", &rate, &channels, &resampler, &mixing)) {
        return NULL;
    }
    if (resampler != Py_None && !resampler_check(resampler)) {
        PyErr_SetString(PyExc_TypeError, "a Resampler or None is wanted");
        return NULL;
    }
    if (!mixing_is_sound(mixing, channels)) {
        PyErr_SetString(PyExc_ValueError, "no such mixing of so many channels");
        return NULL;
    }
    if (resampler != Py_None && channels != 0 &&
        resampler_channels(resampler) != mixing_channels((enum mixing)mixing, channels)) {
        PyErr_SetString(PyExc_ValueError, "the resampler is for another number of channels");
        return NULL;
    }
    self->rate = rate;
    self->channels = channels;
    self->mixing = (enum mixing)mixing;
    Py_XSETREF(self->resampler, resampler != Py_None ? Py_NewRef(resampler) : NULL);
    Py_RETURN_NONE;
}

/* Of a sample frame of what is fed. Silence and what is fed again have the resampler's channels, where there is one. */
static size_t packetizer_frame_bytes(const Packetizer *self)
{
    size_t channels = self->mixing != MIXING_NONE    ? self->channels
                      : self->resampler != NULL ? resampler_channels(self->resampler)
                                                : 1;

    return channels * sizeof(int16_t);
}

static PyObject *packetizer_feed(PyObject *object, PyObject *pcm)
{
    Packetizer *self = (Packetizer *)object;
    Py_buffer view;
    bool done = false;

    if (PyObject_GetBuffer(pcm, &view, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    if ((size_t)view.len % packetizer_frame_bytes(self) != 0 || (uintptr_t)view.buf % sizeof(int16_t) != 0) {
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
           (self->pending.used - at >= self->message_bytes || (all && self->pending.used > at))) {
        size_t left = self->pending.used - at;
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
        samples_drop(&self->pending, at);
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
    PyObject *pcm = PyBytes_FromStringAndSize((const char *)self->pending.at, (Py_ssize_t)self->pending.used);

    if (pcm != NULL) {
        self->pending.used = 0;
    }
    return pcm;
}

static PyObject *packetizer_set_way(PyObject *object, PyObject *args)
{
    Packetizer *self = (Packetizer *)object;
    struct message_way way;

    if (!PyArg_ParseTuple(args, "OO!SSO:set_way", &way.send, &PyLong_Type, &way.opcode, &way.head, &way.tail,
                          &way.encode)) {
        return NULL;
    }
    way.encode = way.encode != Py_None ? way.encode : NULL;
    message_way_clear(&self->way);
    if (way.send != Py_None) {
        self->way = message_way_hold(&way);
    }
    Py_RETURN_NONE;
}

static PyObject *packetizer_read(PyObject *object, PyObject *Py_UNUSED(args))
{
    return capture_reader_run(&((Packetizer *)object)->reader);
}

static PyObject *packetizer_skip(PyObject *object, PyObject *Py_UNUSED(args))
{
    uint64_t skipped;

    return capture_reader_skip(&((Packetizer *)object)->reader, &skipped) ? PyLong_FromUnsignedLongLong(skipped) : NULL;
}

static PyObject *packetizer_take_copies(PyObject *object, PyObject *Py_UNUSED(args))
{
    return capture_reader_take_copies(&((Packetizer *)object)->reader);
}

static PyObject *packetizer_get_gate(PyObject *object, void *Py_UNUSED(closure))
{
    return PyLong_FromLong(((Packetizer *)object)->gate);
}

static int packetizer_set_gate(PyObject *object, PyObject *value, void *Py_UNUSED(closure))
{
    long gate = value != NULL ? PyLong_AsLong(value) : -1;

    if (gate < GATE_SHUT || gate > GATE_OPEN) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "no such gate");
        }
        return -1;
    }
    ((Packetizer *)object)->gate = (enum gate)gate;
    return 0;
}

static PyObject *packetizer_pending(PyObject *object, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(((Packetizer *)object)->pending.used);
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

/* The first message of what is pending goes out, whatever becomes of it. False with an exception set. */
static bool packetizer_send(Packetizer *self, PyObject **buffer)
{
    struct message_way way = message_way_hold(&self->way);
    size_t bytes = self->message_bytes, audio_bytes;
    const unsigned char *audio = packetizer_audio(self, 0, bytes, &audio_bytes);
    Py_ssize_t offset;
    bool sent = message_way_build(&way, audio, audio_bytes, buffer, &offset);

    /* Before anything is called that might look at it. */
    samples_drop(&self->pending, bytes);
    sent = sent && message_way_send(&way, *buffer, offset);
    if (sent) {
        self->sent_bytes += bytes;
    }
    message_way_clear(&way);
    return sent;
}

/* Sends what is there. False where something is left that Python has to look at, also with an exception set. */
static bool packetizer_send_all(Packetizer *self, PyObject **buffer)
{
    _Alignas(8) unsigned char pcm[CAPTURE_SLOT_LIMIT];
    uint32_t slots = 0;

    /* Sending may run anything, so nothing is taken for granted after it. */
    while (self->gate == GATE_OPEN && self->way.send != NULL && self->message_bytes > 0) {
        struct audio_slot header = {0};
        uint64_t lost = 0;

        if (self->pending.used >= self->message_bytes) {
            if (!packetizer_send(self, buffer)) {
                return false;
            }
            continue;
        }
        if (!capture_reader_is_sound(&self->reader)) {
            return false;
        }
        if (slots++ > SLOTS_AT_ONCE || capture_reader_read(&self->reader, pcm, &header, &lost) == 0) {
            self->lost_slots += lost;
            return true; /* nothing more, or more than there can be: the rest waits */
        }
        if (header.rate != self->rate || header.channels != self->channels) {
            capture_reader_unread(&self->reader, lost);
            return false;
        }
        self->lost_slots += lost;
        if (!capture_reader_copy(&self->reader, pcm, &header, lost) ||
            !packetizer_append(self, (const int16_t *)(const void *)pcm, header.bytes)) {
            return false;
        }
    }
    return self->gate == GATE_SHUT;
}

bool packetizer_drain(PyObject *object, struct packetizer_workspace *workspace)
{
    Packetizer *self = (Packetizer *)object;
    uint64_t skipped;
    bool settled = false;

    if (self->gate == GATE_OPEN && self->way.send != NULL) {
        samples_borrow(&self->pending, &workspace->pcm);
        settled = packetizer_send_all(self, &workspace->message);
        samples_give_back(&self->pending, &workspace->pcm);
    }
    if (self->gate == GATE_SHUT) {
        settled = capture_reader_skip(&self->reader, &skipped);
    }
    if (PyErr_Occurred()) {
        PyErr_WriteUnraisable(object);
    }
    return settled && !capture_reader_is_full(&self->reader);
}

void packetizer_workspace_clear(struct packetizer_workspace *workspace)
{
    Py_CLEAR(workspace->message);
    samples_free(&workspace->pcm);
}

static PyGetSetDef packetizer_getset[] = {
    {"gate", packetizer_get_gate, packetizer_set_gate, "what becomes of caller audio: audio/gate.py", NULL},
    {"pending", packetizer_pending, NULL, "bytes of pcm16 that wait for the rest of a message", NULL},
    {"sent_bytes", packetizer_sent_bytes, NULL, "of pcm16, before companding, that Poller.ready() has sent", NULL},
    {"lost_slots", packetizer_lost_slots, NULL, "overwritten before Poller.ready() read them", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef packetizer_methods[] = {
    {"set_message", packetizer_set_message, METH_VARARGS,
     "(bytes of pcm16, 'pcmu', 'pcma' or None): what a message holds from now on, what is pending included."},
    {"set_input", packetizer_set_input, METH_VARARGS,
     "(rate, channels, resampler or None, mixing=0): what is fed from now on; rate 0: not known, so that what comes is\n"
     "Python's. `mixing`: how it gets the stream's number of channels, which is that of the resampler."},
    {"feed", packetizer_feed, METH_O, "Append pcm16."},
    {"take", packetizer_take, METH_NOARGS, "-> the audio of each message that is complete."},
    {"flush", packetizer_flush, METH_NOARGS, "-> the same and the rest, as long as it happens to be."},
    {"take_pending", packetizer_take_pending, METH_NOARGS, "-> the pcm16 that is pending, which is forgotten."},
    {"set_way", packetizer_set_way, METH_VARARGS,
     "(send or None, opcode, head, tail, encode or None): with the gate open, Poller.ready() sends what is complete as\n"
     "send(opcode, buffer, offset). The message is the bytearray from offset on: head, encode(audio), tail; what lies\n"
     "before is for the header of a client's WebSocket frame; the buffer is used again after the call."},
    {"read", packetizer_read, METH_NOARGS,
     "-> (pcm16, rate, channels, time_ns of its first frame, slots lost before it) of what has come, or None."},
    {"skip", packetizer_skip, METH_NOARGS, "Forget what has come; -> slots skipped (runs, where they are recorded)."},
    {"take_copies", packetizer_take_copies, METH_NOARGS, "-> what was read or skipped since the last call, if recorded."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot packetizer_slots[] = {
    {Py_tp_doc, "Packetizer(memory, recorded=False): caller audio as messages of a fixed length."},
    {Py_tp_init, packetizer_init},
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
