/* switch_side.c -- the switch's end of a stream's memory, for tests that step frames without a switch. */
#define _GNU_SOURCE
#include "extension.h"

#include "capture_ring.h"
#include "playback_ring.h"
#include "played_ring.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#define FRAME_SAMPLES_MAX 16384u

typedef struct {
    PyObject_HEAD
    struct stream_memory *memory;
    size_t bytes;
    int fd;
    struct slot_ring capture;
    struct playback_ring playback;
    struct slot_ring played;
} SwitchSide;

static int switch_side_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"capture_slots", "slot_payload_bytes", "playback_samples", "played_slots", NULL};
    SwitchSide *self = (SwitchSide *)object;
    unsigned int slots = 64, payload = 640, samples = 32768, played = 0;
    uint32_t slot_bytes, capture_offset = STREAM_MEMORY_HEADER_BYTES, playback_offset, played_offset;
    size_t total;
    void *mapped;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|IIII:SwitchSide", names, &slots, &payload, &samples, &played)) {
        return -1;
    }
    if (self->memory != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "already made");
        return -1;
    }
    slot_bytes = (SLOT_HEADER_BYTES + payload + 7u) & ~7u;
    playback_offset = (capture_offset + slots * slot_bytes + 63u) & ~63u;
    played_offset = (uint32_t)(playback_offset + samples * sizeof(int16_t) + 63u) & ~63u;
    total = played_offset + (size_t)played * slot_bytes;
    self->fd = memfd_create("stream", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (self->fd < 0 || ftruncate(self->fd, (off_t)total) != 0 ||
        fcntl(self->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    mapped = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
    if (mapped == MAP_FAILED) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    self->memory = mapped;
    self->bytes = total;
    self->memory->magic = STREAM_MEMORY_MAGIC;
    self->memory->version = STREAM_MEMORY_VERSION;
    self->memory->total_bytes = total;
    self->memory->capture_offset = capture_offset;
    self->memory->capture_slots = slots;
    self->memory->capture_slot_bytes = slot_bytes;
    self->memory->playback_offset = playback_offset;
    self->memory->playback_samples = samples;
    self->memory->played_offset = played_offset;
    self->memory->played_slots = played;
    self->memory->played_slot_bytes = slot_bytes;
    self->capture = capture_ring_of(self->memory, self->memory);
    self->played = played_ring_of(self->memory, self->memory);
    self->playback = playback_ring_of(self->memory, self->memory);
    return 0;
}

static PyObject *switch_side_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *object = PyType_GenericNew(type, args, kwargs);

    if (object != NULL) {
        ((SwitchSide *)object)->fd = -1;
    }
    return object;
}

static void switch_side_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    SwitchSide *self = (SwitchSide *)object;

    if (self->memory != NULL) {
        munmap(self->memory, self->bytes);
    }
    if (self->fd >= 0) {
        close(self->fd);
    }
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *switch_side_capture(PyObject *object, PyObject *args)
{
    SwitchSide *self = (SwitchSide *)object;
    unsigned long long time_ns = 0;
    unsigned int rate, channels = 1;
    int pauses = 0;
    Py_buffer pcm;

    if (!PyArg_ParseTuple(args, "y*I|IKp:capture", &pcm, &rate, &channels, &time_ns, &pauses)) {
        return NULL;
    }
    atomic_store_explicit(&self->memory->read_pauses, pauses != 0, memory_order_relaxed);
    slot_ring_write(&self->capture, pcm.buf, (uint32_t)pcm.len, rate, (uint16_t)channels, time_ns);
    PyBuffer_Release(&pcm);
    Py_RETURN_NONE;
}

static PyObject *switch_side_playback(PyObject *object, PyObject *args)
{
    SwitchSide *self = (SwitchSide *)object;
    unsigned long long time_ns = 0;
    unsigned int samples, rate;
    int on_hold = 0;
    int16_t frame[FRAME_SAMPLES_MAX];

    if (!PyArg_ParseTuple(args, "II|Kp:playback", &samples, &rate, &time_ns, &on_hold)) {
        return NULL;
    }
    if (samples > FRAME_SAMPLES_MAX) {
        PyErr_SetString(PyExc_ValueError, "a frame that long is not known");
        return NULL;
    }
    if (!playback_ring_read(&self->playback, frame, samples, rate, time_ns, on_hold != 0)) {
        Py_RETURN_NONE;
    }
    if (self->played.count != 0) {
        played_ring_write(&self->played, self->memory, frame, samples, rate, time_ns);
    }
    return PyBytes_FromStringAndSize((const char *)frame, (Py_ssize_t)(samples * sizeof(*frame)));
}

static PyObject *switch_side_fd(PyObject *object, void *Py_UNUSED(closure))
{
    return PyLong_FromLong(((SwitchSide *)object)->fd);
}

static PyGetSetDef switch_side_getset[] = {
    {"fd", switch_side_fd, NULL, "file descriptor of the memory, for StreamMemory", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef switch_side_methods[] = {
    {"capture", switch_side_capture, METH_VARARGS,
     "(pcm16, rate, channels=1, time_ns=0, pauses=False): one frame of caller audio."},
    {"playback", switch_side_playback, METH_VARARGS,
     "(samples, rate, time_ns=0, on_hold=False) -> pcm16 of one frame, or None where the channel sends its own audio."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot switch_side_slots[] = {
    {Py_tp_doc, "The switch's end of a stream's memory, made anew: what the media thread does, step by step."},
    {Py_tp_init, switch_side_init},
    {Py_tp_new, switch_side_new},
    {Py_tp_dealloc, switch_side_dealloc},
    {Py_tp_methods, switch_side_methods},
    {Py_tp_getset, switch_side_getset},
    {0, NULL},
};

PyType_Spec media_switch_side_spec = {
    .name = "mod_openai_realtime._media.SwitchSide",
    .basicsize = sizeof(SwitchSide),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = switch_side_slots,
};
