/*
 * message_way.h -- how a message goes out: made of its audio in a buffer, and handed to a function that sends.
 */
#ifndef MEDIA_MESSAGE_WAY_H
#define MEDIA_MESSAGE_WAY_H

#include "extension.h"

#include <stdbool.h>
#include <stddef.h>

/* All NULL: there is none. `encode` may be NULL: the audio goes as it is. */
struct message_way {
    PyObject *send, *opcode, *head, *tail, *encode;
};

/* Whatever is called may take the way away: one's own references outlive that. */
struct message_way message_way_hold(const struct message_way *way);
void message_way_clear(struct message_way *way);

/* The message of this audio, at the end of `buffer`, which is another where the length is; what lies before `offset` is
 * for the header of its frame. False with an exception set. */
bool message_way_build(const struct message_way *way, const unsigned char *audio, size_t bytes, PyObject **buffer,
                       Py_ssize_t *offset);
/* False with an exception set. */
bool message_way_send(const struct message_way *way, PyObject *buffer, Py_ssize_t offset);

#endif
