/* message_way.c -- see message_way.h. */
#include "message_way.h"

#include "frame_header.h"

#include <string.h>

struct message_way message_way_hold(const struct message_way *way)
{
    Py_XINCREF(way->send);
    Py_XINCREF(way->opcode);
    Py_XINCREF(way->head);
    Py_XINCREF(way->tail);
    Py_XINCREF(way->encode);
    return *way;
}

void message_way_clear(struct message_way *way)
{
    Py_CLEAR(way->send);
    Py_CLEAR(way->opcode);
    Py_CLEAR(way->head);
    Py_CLEAR(way->tail);
    Py_CLEAR(way->encode);
}

/* The buffer is as long as the frame, so that it can be sent as it is; most messages are of the same length. */
static bool way_put(const struct message_way *way, const char *body, size_t body_bytes, PyObject **buffer,
                    Py_ssize_t *offset)
{
    size_t head = (size_t)PyBytes_GET_SIZE(way->head), tail = (size_t)PyBytes_GET_SIZE(way->tail);
    size_t message = head + body_bytes + tail, header = frame_header_bytes(message);
    char *to;

    if (*buffer == NULL || (size_t)PyByteArray_GET_SIZE(*buffer) != header + message) {
        Py_XSETREF(*buffer, PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(header + message)));
        if (*buffer == NULL) {
            return false;
        }
    }
    *offset = (Py_ssize_t)header;
    to = PyByteArray_AS_STRING(*buffer) + *offset;
    memcpy(to, PyBytes_AS_STRING(way->head), head);
    memcpy(to + head, body, body_bytes);
    memcpy(to + head + body_bytes, PyBytes_AS_STRING(way->tail), tail);
    return true;
}

bool message_way_build(const struct message_way *way, const unsigned char *audio, size_t bytes, PyObject **buffer,
                       Py_ssize_t *offset)
{
    PyObject *view, *text;
    bool built = false;

    if (way->encode == NULL) {
        return way_put(way, (const char *)audio, bytes, buffer, offset);
    }
    view = PyMemoryView_FromMemory((char *)audio, (Py_ssize_t)bytes, PyBUF_READ);
    text = view != NULL ? PyObject_CallOneArg(way->encode, view) : NULL;
    if (text != NULL && PyBytes_Check(text)) {
        built = way_put(way, PyBytes_AS_STRING(text), (size_t)PyBytes_GET_SIZE(text), buffer, offset);
    } else if (text != NULL) {
        PyErr_SetString(PyExc_TypeError, "encode has to give bytes");
    }
    Py_XDECREF(text);
    Py_XDECREF(view);
    return built;
}

bool message_way_send(const struct message_way *way, PyObject *buffer, Py_ssize_t offset)
{
    PyObject *place = PyLong_FromSsize_t(offset), *result = NULL;

    if (place != NULL) {
        PyObject *arguments[] = {way->opcode, Py_NewRef(buffer), place};

        result = PyObject_Vectorcall(way->send, arguments, 3, NULL);
        Py_DECREF(arguments[1]);
    }
    Py_XDECREF(place);
    Py_XDECREF(result);
    return result != NULL;
}
