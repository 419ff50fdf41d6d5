/* stream_memory.c -- the engine's end of one stream's memory. */
#include "stream_memory.h"

#include "capture_ring.h"
#include "memory_map.h"
#include "playback_ring.h"
#include "played_ring.h"

typedef struct {
    PyObject_HEAD
    struct stream_memory *memory; /* NULL once closed */
    size_t bytes;
    struct slot_ring capture;
    struct capture_gaps gaps;
    struct playback_ring playback;
    struct slot_ring played;
    uint64_t watched_tail; /* due when the media thread has taken this much; 0: at once, UINT64_MAX: never */
    uint32_t watched_rate; /* due when the channel writes at another rate; 0: whatever it does */
} StreamMemory;

static void stream_memory_unmap(StreamMemory *self)
{
    if (self->memory != NULL) {
        memory_unmap(self->memory, self->bytes);
        self->memory = NULL;
    }
}

static int stream_memory_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"fd", NULL};
    StreamMemory *self = (StreamMemory *)object;
    struct stream_memory header;
    int fd;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "i:StreamMemory", names, &fd)) {
        return -1;
    }
    if (self->memory != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "already made");
        return -1;
    }
    self->memory = memory_map(fd, &self->bytes, &header);
    if (self->memory == NULL) {
        return -1;
    }
    self->capture = capture_ring_of(self->memory, &header);
    self->capture.position = atomic_load_explicit(&self->memory->capture_tail, memory_order_relaxed);
    self->gaps = (struct capture_gaps){.pauses = &self->memory->read_pauses};
    self->played = played_ring_of(self->memory, &header);
    self->played.position = atomic_load_explicit(&self->memory->played_tail, memory_order_relaxed);
    self->playback = playback_ring_of(self->memory, &header);
    self->playback.position = atomic_load_explicit(&self->memory->playback_head, memory_order_relaxed);
    return 0;
}

static void stream_memory_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    stream_memory_unmap((StreamMemory *)object);
    type->tp_free(object);
    Py_DECREF(type);
}

static StreamMemory *opened(PyObject *object)
{
    StreamMemory *self = (StreamMemory *)object;

    if (self->memory == NULL) {
        PyErr_SetString(PyExc_ValueError, "stream memory is closed");
        return NULL;
    }
    return self;
}

static PyObject *stream_memory_close(PyObject *object, PyObject *Py_UNUSED(args))
{
    stream_memory_unmap((StreamMemory *)object);
    Py_RETURN_NONE;
}

/* One slot at a time: silence between two frames of agent audio must be seen. */
static PyObject *stream_memory_read_played(PyObject *object, PyObject *Py_UNUSED(args))
{
    StreamMemory *self = opened(object);
    struct audio_slot header = {0};
    uint64_t lost = 0;
    uint32_t bytes;
    PyObject *pcm;

    if (self == NULL) {
        return NULL;
    }
    pcm = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(self->played.count != 0 ? self->played.slot_bytes : 0));
    if (pcm == NULL) {
        return NULL;
    }
    bytes = self->played.count != 0 ? slot_ring_read(&self->played, PyBytes_AS_STRING(pcm), &header, &lost) : 0;
    if (bytes == 0) {
        Py_DECREF(pcm);
        Py_RETURN_NONE;
    }
    if (_PyBytes_Resize(&pcm, (Py_ssize_t)bytes) != 0) {
        return NULL;
    }
    return Py_BuildValue("(NIKK)", pcm, (unsigned int)header.rate, (unsigned long long)header.time_ns,
                         (unsigned long long)header.frame);
}

static PyObject *stream_memory_write_playback(PyObject *object, PyObject *pcm)
{
    StreamMemory *self = opened(object);
    Py_buffer view;
    uint32_t written;

    if (self == NULL || PyObject_GetBuffer(pcm, &view, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    if (view.len % (Py_ssize_t)sizeof(int16_t) != 0 || (uintptr_t)view.buf % sizeof(int16_t) != 0) {
        PyBuffer_Release(&view);
        PyErr_SetString(PyExc_ValueError, "pcm16 is a whole number of aligned samples");
        return NULL;
    }
    written = view.len / 2 > UINT32_MAX ? 0 : playback_ring_write(&self->playback, view.buf, (uint32_t)(view.len / 2));
    PyBuffer_Release(&view);
    return PyLong_FromUnsignedLong(written);
}

static PyObject *stream_memory_discard_playback(PyObject *object, PyObject *rate)
{
    StreamMemory *self = opened(object);
    unsigned long hertz = PyLong_AsUnsignedLong(rate);

    if (self == NULL || (hertz == (unsigned long)-1 && PyErr_Occurred())) {
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(playback_ring_discard(&self->playback, (uint32_t)hertz));
}

static PyObject *stream_memory_unplayed(PyObject *object, PyObject *position)
{
    StreamMemory *self = opened(object);
    uint64_t from = PyLong_AsUnsignedLongLong(position), tail, size;
    const struct playback_ring *ring;
    PyObject *pcm;

    if (self == NULL || (from == (uint64_t)-1 && PyErr_Occurred())) {
        return NULL;
    }
    ring = &self->playback;
    tail = atomic_load_explicit(&self->memory->playback_tail, memory_order_acquire);
    from = tail > from ? tail : from;
    /* The other side's word is not taken for how much that can be. */
    size = ring->position > from && ring->position - from <= ring->count ? ring->position - from : 0;
    pcm = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(size * sizeof(int16_t)));
    if (pcm == NULL) {
        return NULL;
    }
    playback_ring_copy_out(ring, from, (int16_t *)(void *)PyBytes_AS_STRING(pcm), (uint32_t)size);
    return Py_BuildValue("KN", (unsigned long long)from, pcm);
}

static PyObject *stream_memory_set_control(PyObject *object, PyObject *args)
{
    StreamMemory *self = opened(object);
    unsigned int set, clear;
    uint32_t control;

    if (self == NULL || !PyArg_ParseTuple(args, "II:set_control", &set, &clear)) {
        return NULL;
    }
    control = atomic_load_explicit(&self->memory->control, memory_order_relaxed);
    atomic_store_explicit(&self->memory->control, (control & ~clear) | set, memory_order_release);
    Py_RETURN_NONE;
}

static PyObject *stream_memory_watch(PyObject *object, PyObject *args)
{
    StreamMemory *self = (StreamMemory *)object;
    unsigned long long tail;
    unsigned int rate;

    if (!PyArg_ParseTuple(args, "KI:watch", &tail, &rate)) {
        return NULL;
    }
    self->watched_tail = tail;
    self->watched_rate = rate;
    Py_RETURN_NONE;
}

struct slot_ring *stream_memory_capture(PyObject *object, struct capture_gaps **gaps)
{
    StreamMemory *self = (StreamMemory *)object;

    *gaps = &self->gaps;
    return self->memory != NULL ? &self->capture : NULL;
}

struct playback_ring *stream_memory_playback(PyObject *object)
{
    StreamMemory *self = (StreamMemory *)object;

    return self->memory != NULL ? &self->playback : NULL;
}

bool stream_memory_has_capture(PyObject *object)
{
    StreamMemory *self = (StreamMemory *)object;

    return self->memory != NULL &&
           atomic_load_explicit(&self->memory->capture_head, memory_order_relaxed) > self->capture.position;
}

bool stream_memory_is_due(PyObject *object)
{
    StreamMemory *self = (StreamMemory *)object;
    const struct stream_memory *memory = self->memory;
    uint32_t rate;

    if (memory == NULL) {
        return false;
    }
    if (self->played.count != 0 &&
        atomic_load_explicit(&memory->played_head, memory_order_relaxed) > self->played.position) {
        return true;
    }
    if (self->watched_tail != UINT64_MAX &&
        atomic_load_explicit(&memory->playback_tail, memory_order_relaxed) >= self->watched_tail) {
        return true;
    }
    rate = sound_write_rate(memory);
    return self->watched_rate != 0 && rate != 0 && rate != self->watched_rate;
}

static PyObject *stream_memory_get_word(PyObject *object, PyObject *index)
{
    StreamMemory *self = opened(object);
    long at = PyLong_AsLong(index);

    if (self == NULL || (at == -1 && PyErr_Occurred())) {
        return NULL;
    }
    if (at < 0 || at > 3) {
        PyErr_SetString(PyExc_IndexError, "engine word");
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(
        atomic_load_explicit(&self->memory->engine_words[at], memory_order_relaxed));
}

static PyObject *stream_memory_set_word(PyObject *object, PyObject *args)
{
    StreamMemory *self = opened(object);
    unsigned long long value;
    int at;

    if (self == NULL || !PyArg_ParseTuple(args, "iK:set_word", &at, &value)) {
        return NULL;
    }
    if (at < 0 || at > 3) {
        PyErr_SetString(PyExc_IndexError, "engine word");
        return NULL;
    }
    atomic_store_explicit(&self->memory->engine_words[at], value, memory_order_relaxed);
    Py_RETURN_NONE;
}

/* The closure is the offset of the counter in the header. */
static PyObject *stream_memory_counter64(PyObject *object, void *offset)
{
    StreamMemory *self = opened(object);
    _Atomic uint64_t *counter;

    if (self == NULL) {
        return NULL;
    }
    counter = (_Atomic uint64_t *)(void *)((unsigned char *)self->memory + (uintptr_t)offset);
    return PyLong_FromUnsignedLongLong(atomic_load_explicit(counter, memory_order_acquire));
}

/* A count of the switch's, 0 where it makes no sense. */
static PyObject *stream_memory_count(PyObject *object, void *offset)
{
    StreamMemory *self = opened(object);
    _Atomic uint64_t *counter;

    if (self == NULL) {
        return NULL;
    }
    counter = (_Atomic uint64_t *)(void *)((unsigned char *)self->memory + (uintptr_t)offset);
    return PyLong_FromUnsignedLongLong(sound_count(atomic_load_explicit(counter, memory_order_acquire)));
}

/* A position that the switch has reached in the playback ring: never beyond what was written. */
static PyObject *stream_memory_reached(PyObject *object, void *offset)
{
    StreamMemory *self = opened(object);
    _Atomic uint64_t *position;
    uint64_t reached;

    if (self == NULL) {
        return NULL;
    }
    position = (_Atomic uint64_t *)(void *)((unsigned char *)self->memory + (uintptr_t)offset);
    reached = atomic_load_explicit(position, memory_order_acquire);
    return PyLong_FromUnsignedLongLong(reached < self->playback.position ? reached : self->playback.position);
}

static PyObject *stream_memory_faults(PyObject *object, void *Py_UNUSED(closure))
{
    StreamMemory *self = opened(object);

    if (self == NULL) {
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(
        sound_count(atomic_load_explicit(&self->memory->faults, memory_order_relaxed)) + self->capture.faults +
        self->played.faults);
}

static PyObject *stream_memory_write_rate(PyObject *object, void *Py_UNUSED(closure))
{
    StreamMemory *self = opened(object);

    return self == NULL ? NULL : PyLong_FromUnsignedLong(sound_write_rate(self->memory));
}

static PyObject *stream_memory_counter32(PyObject *object, void *offset)
{
    StreamMemory *self = opened(object);
    _Atomic uint32_t *counter;

    if (self == NULL) {
        return NULL;
    }
    counter = (_Atomic uint32_t *)(void *)((unsigned char *)self->memory + (uintptr_t)offset);
    return PyLong_FromUnsignedLong(atomic_load_explicit(counter, memory_order_acquire));
}

static PyObject *stream_memory_capacity(PyObject *object, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(((StreamMemory *)object)->playback.count);
}

#define COUNTER64(name, doc) {#name, stream_memory_counter64, NULL, doc, (void *)offsetof(struct stream_memory, name)}
#define COUNT(name, doc) {#name, stream_memory_count, NULL, doc, (void *)offsetof(struct stream_memory, name)}
#define REACHED(name, doc) {#name, stream_memory_reached, NULL, doc, (void *)offsetof(struct stream_memory, name)}
#define COUNTER32(name, doc) {#name, stream_memory_counter32, NULL, doc, (void *)offsetof(struct stream_memory, name)}

static PyGetSetDef stream_memory_getset[] = {
    COUNTER64(capture_head, "slots of caller audio written by the switch"),
    COUNT(capture_dropped, "slots overwritten before they were read"),
    COUNTER64(playback_head, "samples written by the engine"),
    REACHED(playback_tail, "samples taken by the switch, played or skipped"),
    COUNT(played_samples, "samples that the channel really sent"),
    REACHED(cut_at, "position where the last discard took effect"),
    REACHED(cut_until, "which discard that was"),
    COUNT(underruns, "frames that ran short in mid-response"),
    COUNT(underrun_samples, "samples of silence put in there"),
    COUNT(write_frames, "frames written to the channel"),
    COUNTER64(write_time_ns, "CLOCK_MONOTONIC of the last of them"),
    {"faults", stream_memory_faults, NULL, "positions and frames that made no sense, to the switch or to the engine", NULL},
    COUNT(played_dropped, "slots of played audio overwritten before they were read"),
    {"write_rate", stream_memory_write_rate, NULL, "Hz, of the last frame written to the channel; 0 before the first", NULL},
    COUNTER32(playback_rate, "Hz, of the samples now in the ring"),
    COUNTER32(control, "the STREAM_ bits"),
    {"playback_capacity", stream_memory_capacity, NULL, "samples that the playback ring holds", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef stream_memory_methods[] = {
    {"close", stream_memory_close, METH_NOARGS, "Unmap; idempotent."},
    {"read_played", stream_memory_read_played, METH_NOARGS,
     "-> (pcm16 mono, rate, time_ns, number of the frame), or None; parts of a frame share its number."},
    {"write_playback", stream_memory_write_playback, METH_O, "Append pcm16; -> samples that fitted."},
    {"discard_playback", stream_memory_discard_playback, METH_O,
     "Drop what is queued; what follows is at this rate in Hz. -> position discarded to."},
    {"unplayed", stream_memory_unplayed, METH_O,
     "(position) -> (position, pcm16): what lies in the playback ring from there on, without what the media thread has\n"
     "taken."},
    {"set_control", stream_memory_set_control, METH_VARARGS, "(bits to set, bits to clear)"},
    {"watch", stream_memory_watch, METH_VARARGS,
     "(tail, rate): be due once `tail` samples were taken, or the channel writes at another rate than `rate` Hz."},
    {"get_word", stream_memory_get_word, METH_O, "A word kept for a restarted engine."},
    {"set_word", stream_memory_set_word, METH_VARARGS, "(index, value)"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot stream_memory_slots[] = {
    {Py_tp_doc, "The engine's end of one stream's memory, mapped from a file descriptor (which stays the caller's)."},
    {Py_tp_init, stream_memory_init},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_dealloc, stream_memory_dealloc},
    {Py_tp_methods, stream_memory_methods},
    {Py_tp_getset, stream_memory_getset},
    {0, NULL},
};

static PyObject *is_sound_rate(PyObject *Py_UNUSED(module), PyObject *rate)
{
    int overflow;
    long hertz = PyLong_AsLongAndOverflow(rate, &overflow);

    if (hertz == -1 && PyErr_Occurred()) {
        return NULL;
    }
    return PyBool_FromLong(overflow == 0 && hertz >= 0 && hertz <= UINT32_MAX && sound_rate((uint32_t)hertz));
}

PyMethodDef media_stream_memory_methods[] = {
    {"is_sound_rate", is_sound_rate, METH_O, "Whether a channel can have this rate in Hz."},
    {NULL, NULL, 0, NULL},
};

bool stream_memory_check(PyObject *object)
{
    return Py_TYPE(object)->tp_dealloc == stream_memory_dealloc;
}

PyType_Spec media_stream_memory_spec = {
    .name = "mod_openai_realtime._media.StreamMemory",
    .basicsize = sizeof(StreamMemory),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = stream_memory_slots,
};
