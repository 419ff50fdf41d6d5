/*
 * framing.c -- a client's WebSocket frames (RFC 6455, section 5.2), masked as section 5.3 wants it: by what nobody can
 * foresee.
 *
 * The WebSocket library makes frames too, but takes its masks from the C library's rand(), which gives itself away to
 * whoever has seen some thirty of them.
 */
#include "extension.h"

#include "frame_header.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#define MASKS_BYTES 256u /* at once: so much getrandom(2) gives whole */

enum { FIN = 0x80, RSV1 = 0x40, MASKED = 0x80 };

static struct {
    unsigned char bytes[MASKS_BYTES];
    size_t left;
} masks;

/* A process that is forked must not go on with its parent's. */
static void masks_drop(void)
{
    masks.left = 0;
}

static bool masks_take(unsigned char *mask)
{
    if (masks.left == 0) {
        if (getrandom(masks.bytes, sizeof(masks.bytes), 0) != (ssize_t)sizeof(masks.bytes)) {
            PyErr_SetFromErrno(PyExc_OSError);
            return false;
        }
        masks.left = sizeof(masks.bytes);
    }
    masks.left -= 4;
    memcpy(mask, masks.bytes + masks.left, 4);
    return true;
}

typedef uint32_t block __attribute__((vector_size(16)));

static void mask_block(unsigned char *at, block mask)
{
    block part;

    memcpy(&part, at, sizeof(part));
    part ^= mask;
    memcpy(at, &part, sizeof(part));
}

static void mask_payload(unsigned char *payload, size_t bytes, const unsigned char *mask)
{
    uint32_t word;
    block words;
    size_t at = 0;

    memcpy(&word, mask, sizeof(word));
    words = (block){word, word, word, word};
    for (; at + 2 * sizeof(block) <= bytes; at += 2 * sizeof(block)) {
        mask_block(payload + at, words);
        mask_block(payload + at + sizeof(block), words);
    }
    for (; at < bytes; at++) {
        payload[at] ^= mask[at % 4];
    }
}

/* A final frame of the payload, which is masked where it lies; its header lies before. NULL with an exception set. */
static unsigned char *frame_make(unsigned first, unsigned char *payload, size_t bytes)
{
    unsigned char *frame = payload - frame_header_bytes(bytes);
    unsigned length_bytes = bytes < LENGTH_16 ? 0 : bytes <= UINT16_MAX ? 2 : 8;

    if (!masks_take(payload - 4)) {
        return NULL;
    }
    frame[0] = (unsigned char)(FIN | first);
    frame[1] = (unsigned char)(MASKED | (length_bytes == 0 ? bytes : length_bytes == 2 ? LENGTH_16 : LENGTH_64));
    for (unsigned i = 0; i < length_bytes; i++) {
        frame[2 + i] = (unsigned char)((uint64_t)bytes >> 8 * (length_bytes - 1 - i));
    }
    mask_payload(payload, bytes, payload - 4);
    return frame;
}

typedef struct {
    PyObject_HEAD
    PyObject *write;
    PyObject *connection, *closing; /* nothing is written once this attribute is true: its descriptor, looked up once */
} Framing;

static int framing_init(PyObject *object, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    Framing *self = (Framing *)object;
    PyObject *write, *connection, *closing;

    if (!PyArg_ParseTuple(args, "OOO:Framing", &write, &connection, &closing)) {
        return -1;
    }
    if (Py_TYPE(closing)->tp_descr_get == NULL) {
        PyErr_SetString(PyExc_TypeError, "the attribute's descriptor is wanted");
        return -1;
    }
    Py_XSETREF(self->write, Py_NewRef(write));
    Py_XSETREF(self->connection, Py_NewRef(connection));
    Py_XSETREF(self->closing, Py_NewRef(closing));
    return 0;
}

static int framing_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((Framing *)object)->write);
    Py_VISIT(((Framing *)object)->connection);
    Py_VISIT(((Framing *)object)->closing);
    return 0;
}

static int framing_clear(PyObject *object)
{
    Py_CLEAR(((Framing *)object)->write);
    Py_CLEAR(((Framing *)object)->connection);
    Py_CLEAR(((Framing *)object)->closing);
    return 0;
}

static void framing_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    framing_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

/* 1: to be written; 0: no more; -1 with an exception set. */
static int framing_is_open(const Framing *self)
{
    PyObject *closing;
    int closed;

    if (self->write == NULL) {
        return 0;
    }
    closing = Py_TYPE(self->closing)->tp_descr_get(self->closing, self->connection, (PyObject *)Py_TYPE(self->connection));
    if (closing == NULL) {
        return -1;
    }
    closed = PyObject_IsTrue(closing);
    Py_DECREF(closing);
    return closed < 0 ? -1 : !closed;
}

/* Takes the reference to what is written. */
static PyObject *framing_write(const Framing *self, PyObject *frame)
{
    PyObject *write = Py_NewRef(self->write), *result = frame != NULL ? PyObject_CallOneArg(write, frame) : NULL;

    Py_DECREF(write);
    Py_XDECREF(frame);
    if (result == NULL) {
        return NULL;
    }
    Py_DECREF(result);
    Py_RETURN_NONE;
}

static bool is_opcode(long opcode)
{
    if (opcode < 0 || opcode > 0xF) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "no such opcode");
        }
        return false;
    }
    return true;
}

static PyObject *framing_send(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Framing *self = (Framing *)object;
    unsigned char *payload, *frame;
    Py_ssize_t offset, bytes;
    long opcode;
    int open;

    if (count != 3 || !PyByteArray_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "an opcode, a bytearray and an offset are wanted");
        return NULL;
    }
    opcode = PyLong_AsLong(args[0]);
    offset = PyLong_AsSsize_t(args[2]);
    bytes = PyByteArray_GET_SIZE(args[1]) - offset;
    if (!is_opcode(opcode) || bytes < 0 || offset < (Py_ssize_t)frame_header_bytes((size_t)bytes)) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "there is no room for a header, or no such offset");
        }
        return NULL;
    }
    open = framing_is_open(self);
    if (open <= 0) {
        return open == 0 ? Py_NewRef(Py_None) : NULL;
    }
    payload = (unsigned char *)PyByteArray_AS_STRING(args[1]) + offset;
    frame = frame_make((unsigned)opcode, payload, (size_t)bytes);
    if (frame == NULL) {
        return NULL;
    }
    if (frame == (unsigned char *)PyByteArray_AS_STRING(args[1])) {
        return framing_write(self, Py_NewRef(args[1])); /* as nearly always: for less than a view of it */
    }
    return framing_write(self, PyMemoryView_FromMemory((char *)frame, payload + bytes - frame, PyBUF_READ));
}

static PyObject *framing_send_message(PyObject *object, PyObject *args)
{
    Framing *self = (Framing *)object;
    PyObject *frame = NULL;
    Py_buffer message;
    int opcode, compressed = 0, open;

    if (!PyArg_ParseTuple(args, "iy*|p:send_message", &opcode, &message, &compressed)) {
        return NULL;
    }
    open = is_opcode(opcode) ? framing_is_open(self) : -1;
    if (open > 0) {
        size_t bytes = (size_t)message.len, header = frame_header_bytes(bytes);

        frame = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(header + bytes));
        if (frame != NULL) {
            unsigned char *payload = (unsigned char *)PyBytes_AS_STRING(frame) + header;

            memcpy(payload, message.buf, bytes);
            if (frame_make((unsigned)opcode | (compressed ? RSV1 : 0), payload, bytes) == NULL) {
                Py_CLEAR(frame);
            }
        }
    }
    PyBuffer_Release(&message);
    return open == 0 ? Py_NewRef(Py_None) : open > 0 ? framing_write(self, frame) : NULL;
}

void media_framing_prepare(void)
{
    static bool prepared;

    if (!prepared) {
        prepared = pthread_atfork(NULL, NULL, masks_drop) == 0;
    }
}

static PyMethodDef framing_methods[] = {
    {"send", (PyCFunction)(void (*)(void))framing_send, METH_FASTCALL,
     "(opcode, buffer, offset): the bytearray from `offset` on as one message, in one frame. It is masked where it lies, and\n"
     "what the header takes before it, up to 14 bytes, is written over. Raises what `write` raises."},
    {"send_message", framing_send_message, METH_VARARGS,
     "(opcode, message, compressed=False): a copy of it, in one frame. Raises what `write` raises."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot framing_slots[] = {
    {Py_tp_doc, "Framing(write, connection, closing): frames of a client. `write` copies what it can't send at once; nothing\n"
                "is written once the connection's attribute is true whose descriptor is `closing`. Raises TypeError for none."},
    {Py_tp_init, framing_init},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_dealloc, framing_dealloc},
    {Py_tp_traverse, framing_traverse},
    {Py_tp_clear, framing_clear},
    {Py_tp_methods, framing_methods},
    {0, NULL},
};

PyType_Spec media_framing_spec = {
    .name = "mod_openai_realtime._media.Framing",
    .basicsize = sizeof(Framing),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = framing_slots,
};
