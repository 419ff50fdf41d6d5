/* part.c -- see part.h. */
#include "part.h"

#include "audio_delta.h"

#include <string.h>

static bool is_id(PyObject *object)
{
    return object == Py_None || PyUnicode_Check(object);
}

bool part_set(struct part *part, struct part wanted)
{
    part_clear(part);
    if (!is_id(wanted.response_id) || !is_id(wanted.item_id)) {
        PyErr_SetString(PyExc_TypeError, "an id is str or None");
        return false;
    }
    Py_INCREF(wanted.decode);
    Py_INCREF(wanted.names);
    Py_INCREF(wanted.response_id);
    Py_INCREF(wanted.item_id);
    *part = wanted;
    return true;
}

void part_clear(struct part *part)
{
    Py_CLEAR(part->decode);
    Py_CLEAR(part->names);
    Py_CLEAR(part->response_id);
    Py_CLEAR(part->item_id);
}

/* The text of a message is ASCII, so that an id that is not has no equal. */
static bool is_same(struct text text, PyObject *id)
{
    if (id == Py_None || text.at == NULL) {
        return id == Py_None && text.at == NULL;
    }
    return PyUnicode_IS_ASCII(id) && (size_t)PyUnicode_GET_LENGTH(id) == text.length &&
           memcmp(PyUnicode_1BYTE_DATA(id), text.at, text.length) == 0;
}

/* Not of an odd number of bytes, which end within a sample, nor of none. NULL with or without an exception. */
static PyObject *samples_of(const struct law *law, PyObject *audio)
{
    Py_ssize_t bytes = PyBytes_Check(audio) ? PyBytes_GET_SIZE(audio) : 0;

    if (bytes == 0) {
        return NULL;
    }
    if (law != NULL) {
        return g711_samples(law, (const uint8_t *)PyBytes_AS_STRING(audio), bytes);
    }
    return bytes % (Py_ssize_t)sizeof(int16_t) == 0 ? Py_NewRef(audio) : NULL;
}

PyObject *part_audio(const struct part *part, const Py_buffer *message)
{
    struct audio_delta delta;
    PyObject *decode, *audio, *pcm = NULL;
    const struct law *law = part->law;

    if (part->decode == NULL || !audio_delta_scan(message->buf, (size_t)message->len, &delta) ||
        !audio_delta_is_one_of(&delta, part->names) || !is_same(delta.response_id, part->response_id) ||
        !is_same(delta.item_id, part->item_id) || delta.content_index != part->content_index) {
        return NULL;
    }
    decode = Py_NewRef(part->decode);
    audio = audio_delta_decode(&delta, decode);
    Py_DECREF(decode);
    if (audio != NULL) {
        pcm = samples_of(law, audio);
        Py_DECREF(audio);
    }
    return pcm;
}
