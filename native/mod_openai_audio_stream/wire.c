#include "wire.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_HEADER_BYTES 6u

static bool wire_reserve(struct wire_buffer *buffer, size_t more)
{
    size_t wanted = buffer->used + more;
    size_t room = buffer->room ? buffer->room : 256;
    unsigned char *bytes;

    if (buffer->failed || wanted > WIRE_HEADER_BYTES + (size_t)WIRE_BODY_LIMIT) {
        buffer->failed = true;
        return false;
    }
    if (wanted <= buffer->room) {
        return true;
    }
    while (room < wanted) {
        room *= 2;
    }
    bytes = realloc(buffer->bytes, room);
    if (!bytes) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->room = room;
    return true;
}

static void wire_put(struct wire_buffer *buffer, const void *bytes, size_t size)
{
    if (size > 0 && wire_reserve(buffer, size)) {
        memcpy(buffer->bytes + buffer->used, bytes, size);
        buffer->used += size;
    }
}

static void wire_put_u16(struct wire_buffer *buffer, uint16_t value)
{
    uint16_t little = htole16(value);

    wire_put(buffer, &little, sizeof(little));
}

static void wire_put_u32(struct wire_buffer *buffer, uint32_t value)
{
    uint32_t little = htole32(value);

    wire_put(buffer, &little, sizeof(little));
}

static uint16_t wire_u16(const unsigned char *bytes)
{
    uint16_t little;

    memcpy(&little, bytes, sizeof(little));
    return le16toh(little);
}

static uint32_t wire_u32(const unsigned char *bytes)
{
    uint32_t little;

    memcpy(&little, bytes, sizeof(little));
    return le32toh(little);
}

void wire_begin(struct wire_buffer *buffer, enum wire_type type, uint32_t stream, uint32_t request)
{
    *buffer = (struct wire_buffer){0};
    wire_put_u32(buffer, 0); /* the size, known at the end */
    wire_put_u16(buffer, (uint16_t)type);
    wire_put_u16(buffer, 0);
    wire_put_u32(buffer, stream);
    wire_put_u32(buffer, request);
}

void wire_bytes(struct wire_buffer *buffer, const char *name, const void *value, size_t size)
{
    size_t name_bytes = strlen(name);

    if (name_bytes > UINT16_MAX || size > WIRE_BODY_LIMIT) {
        buffer->failed = true;
        return;
    }
    wire_put_u16(buffer, (uint16_t)name_bytes);
    wire_put_u32(buffer, (uint32_t)size);
    wire_put(buffer, name, name_bytes);
    wire_put(buffer, value, size);
}

void wire_text(struct wire_buffer *buffer, const char *name, const char *value)
{
    wire_bytes(buffer, name, value, strlen(value));
}

void wire_number(struct wire_buffer *buffer, const char *name, uint64_t value)
{
    char digits[24];
    int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);

    wire_bytes(buffer, name, digits, (size_t)size);
}

void wire_fields(struct wire_buffer *buffer, const void *fields, size_t size)
{
    wire_put(buffer, fields, size);
}

bool wire_end(struct wire_buffer *buffer)
{
    uint32_t little;

    if (buffer->failed) {
        return false;
    }
    little = htole32((uint32_t)(buffer->used - WIRE_HEADER_BYTES));
    memcpy(buffer->bytes, &little, sizeof(little));
    return true;
}

void wire_free(struct wire_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct wire_buffer){0};
}

bool wire_header(const unsigned char bytes[WIRE_HEADER_BYTES], struct wire_header *header)
{
    *header = (struct wire_header){
        .body_bytes = wire_u32(bytes),
        .type = wire_u16(bytes + 4),
        .stream = wire_u32(bytes + 8),
        .request = wire_u32(bytes + 12),
    };
    return header->body_bytes <= WIRE_BODY_LIMIT && wire_u16(bytes + 6) == 0;
}

/* The bytes of the field at `at`, or 0 if it does not fit into what is left. */
static size_t wire_field_bytes(const unsigned char *body, size_t size, size_t at)
{
    size_t name_bytes, value_bytes;

    if (size - at < FIELD_HEADER_BYTES) {
        return 0;
    }
    name_bytes = wire_u16(body + at);
    value_bytes = wire_u32(body + at + 2);
    /* No overflow: both are at most 32 bits wide, size_t has 64. */
    if (name_bytes + value_bytes > size - at - FIELD_HEADER_BYTES) {
        return 0;
    }
    return FIELD_HEADER_BYTES + name_bytes + value_bytes;
}

bool wire_valid(const unsigned char *body, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t field = wire_field_bytes(body, size, at);

        if (field == 0) {
            return false;
        }
        at += field;
    }
    return true;
}

struct wire_value wire_find(const unsigned char *body, size_t size, const char *name)
{
    size_t wanted = strlen(name);

    for (size_t at = 0; at < size;) {
        size_t field = wire_field_bytes(body, size, at);
        size_t name_bytes;

        if (field == 0) {
            break;
        }
        name_bytes = wire_u16(body + at);
        if (name_bytes == wanted && memcmp(body + at + FIELD_HEADER_BYTES, name, wanted) == 0) {
            return (struct wire_value){
                .bytes = (const char *)body + at + FIELD_HEADER_BYTES + name_bytes,
                .size = field - FIELD_HEADER_BYTES - name_bytes,
            };
        }
        at += field;
    }
    return (struct wire_value){0};
}

bool wire_equals(struct wire_value value, const char *text)
{
    return value.bytes && value.size == strlen(text) && memcmp(value.bytes, text, value.size) == 0;
}

bool wire_copy(struct wire_value value, char *to, size_t room)
{
    size_t size = value.size < room ? value.size : room - 1;

    if (size > 0) {
        memcpy(to, value.bytes, size);
    }
    to[size] = '\0';
    return size == value.size;
}

uint32_t wire_to_number(struct wire_value value, uint32_t otherwise)
{
    uint64_t number = 0;

    if (!value.bytes || value.size == 0 || value.size > 10) {
        return otherwise;
    }
    for (size_t i = 0; i < value.size; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9') {
            return otherwise;
        }
        number = number * 10 + (uint64_t)(value.bytes[i] - '0');
    }
    return number <= UINT32_MAX ? (uint32_t)number : otherwise;
}
