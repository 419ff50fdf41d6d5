/* followed.c -- see followed.h. */
#include "followed.h"

#include "audio_delta.h"

#include <string.h>

static bool is_id(PyObject *object)
{
    return object == Py_None || PyUnicode_Check(object);
}

bool followed_set(struct followed *followed, struct followed wanted)
{
    followed_clear(followed);
    if (!is_id(wanted.response_id) || !is_id(wanted.item_id)) {
        PyErr_SetString(PyExc_TypeError, "an id is str or None");
        return false;
    }
    Py_INCREF(wanted.decode);
    Py_INCREF(wanted.names);
    Py_INCREF(wanted.response_id);
    Py_INCREF(wanted.item_id);
    *followed = wanted;
    return true;
}

void followed_clear(struct followed *followed)
{
    Py_CLEAR(followed->decode);
    Py_CLEAR(followed->names);
    Py_CLEAR(followed->response_id);
    Py_CLEAR(followed->item_id);
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

PyObject *followed_audio(const struct followed *followed, const Py_buffer *message)
{
    struct audio_delta delta;
    PyObject *decode, *audio;

    if (followed->decode == NULL || !audio_delta_scan(message->buf, (size_t)message->len, &delta) ||
        !audio_delta_is_one_of(&delta, followed->names) || !is_same(delta.response_id, followed->response_id) ||
        !is_same(delta.item_id, followed->item_id) || delta.content_index != followed->content_index) {
        return NULL;
    }
    decode = Py_NewRef(followed->decode);
    audio = audio_delta_decode(&delta, decode);
    Py_DECREF(decode);
    if (audio != NULL && (!PyBytes_Check(audio) || PyBytes_GET_SIZE(audio) == 0 ||
                          PyBytes_GET_SIZE(audio) % (Py_ssize_t)sizeof(int16_t) != 0)) {
        Py_CLEAR(audio);
    }
    return audio;
}
