/*
 * wire.h -- messages of the link: the header, and bodies made of named fields (docs/reference/link.md).
 */
#ifndef MODULE_WIRE_H
#define MODULE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_HEADER_BYTES 16u
#define WIRE_BODY_LIMIT (16u * 1024 * 1024)
#define WIRE_PROTOCOL "1"
#define WIRE_UUID_LIMIT 256u /* bytes of a channel's uuid */

enum wire_type {
    WIRE_HELLO = 1,
    WIRE_COMMAND = 2,
    WIRE_OPENED = 3,
    WIRE_OPEN_FAILED = 4,
    WIRE_CLOSED = 5,
    WIRE_RESUME = 6,
    WIRE_OPENING = 7,
    WIRE_HOLD = 8,
    WIRE_DONE = 9,
    WIRE_DTMF = 10,
    WIRE_OPEN = 16,
    WIRE_REPLY = 17,
    WIRE_EVENT = 18,
    WIRE_LOG = 19,
    WIRE_CLOSE = 20,
    WIRE_IDLE = 21,
    WIRE_KEEP = 22,
    WIRE_EXECUTE = 23,
    WIRE_INTERFACE = 24,
};

struct wire_header {
    uint32_t body_bytes;
    uint16_t type;
    uint32_t stream;
    uint32_t request;
};

/* A message, or a bare run of fields, while it is put together. `failed` is sticky: check it once, at the end. */
struct wire_buffer {
    unsigned char *bytes;
    size_t used;
    size_t room;
    bool failed;
};

/* A value inside a body; not terminated. `bytes` is NULL for a field that is not there. */
struct wire_value {
    const char *bytes;
    size_t size;
};

void wire_begin(struct wire_buffer *buffer, enum wire_type type, uint32_t stream, uint32_t request);
void wire_text(struct wire_buffer *buffer, const char *name, const char *value);
void wire_bytes(struct wire_buffer *buffer, const char *name, const void *value, size_t size);
void wire_number(struct wire_buffer *buffer, const char *name, uint64_t value);
void wire_fields(struct wire_buffer *buffer, const void *fields, size_t size); /* fields that are encoded already */
bool wire_end(struct wire_buffer *buffer); /* fills in the size; false: out of memory, or over the limit */
void wire_free(struct wire_buffer *buffer);

/* False: no header of this protocol. */
bool wire_header(const unsigned char bytes[WIRE_HEADER_BYTES], struct wire_header *header);
/* Whether a body is a run of whole fields. The functions below want one that is. */
bool wire_valid(const unsigned char *body, size_t size);
struct wire_value wire_find(const unsigned char *body, size_t size, const char *name);
bool wire_equals(struct wire_value value, const char *text);
/* A terminated copy, cut to the room. False if it had to be cut. */
bool wire_copy(struct wire_value value, char *to, size_t room);
uint32_t wire_to_number(struct wire_value value, uint32_t otherwise);

#endif
