/*
 * wire_test.c -- encoding and bounds-checked decoding of the link's messages. Exit status 0: all checks hold.
 */
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

static void encodes_what_it_decodes(void)
{
    struct wire_buffer buffer;
    struct wire_header header;
    const unsigned char *body;
    char text[8];

    wire_begin(&buffer, WIRE_COMMAND, 7, 0xfffffffe);
    wire_text(&buffer, "api", "openai");
    wire_text(&buffer, "empty", "");
    wire_number(&buffer, "rate", 4294967295u);
    wire_bytes(&buffer, "bytes", "a\0b", 3);
    CHECK(wire_end(&buffer));
    CHECK(wire_header(buffer.bytes, &header));
    CHECK(header.type == WIRE_COMMAND && header.stream == 7 && header.request == 0xfffffffe);
    CHECK(header.body_bytes == buffer.used - WIRE_HEADER_BYTES);
    body = buffer.bytes + WIRE_HEADER_BYTES;
    CHECK(wire_valid(body, header.body_bytes));
    CHECK(wire_equals(wire_find(body, header.body_bytes, "api"), "openai"));
    CHECK(wire_find(body, header.body_bytes, "empty").bytes && wire_find(body, header.body_bytes, "empty").size == 0);
    CHECK(!wire_find(body, header.body_bytes, "ap").bytes);
    CHECK(wire_to_number(wire_find(body, header.body_bytes, "rate"), 1) == 4294967295u);
    CHECK(wire_find(body, header.body_bytes, "bytes").size == 3);
    CHECK(wire_copy(wire_find(body, header.body_bytes, "api"), text, sizeof(text)) && strcmp(text, "openai") == 0);
    CHECK(!wire_copy(wire_find(body, header.body_bytes, "api"), text, 4) && strcmp(text, "ope") == 0);
    CHECK(wire_copy(wire_find(body, header.body_bytes, "none"), text, sizeof(text)) && text[0] == '\0');
    wire_free(&buffer);
}

static void writes_little_endian(void)
{
    static const unsigned char expected[] = {9, 0, 0, 0, 17, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0,
                                             1, 0, 2, 0, 0, 0, 'n', 'v', 'w'};
    struct wire_buffer buffer;

    wire_begin(&buffer, WIRE_REPLY, 1, 258);
    wire_text(&buffer, "n", "vw");
    CHECK(wire_end(&buffer));
    CHECK(buffer.used == sizeof(expected) && memcmp(buffer.bytes, expected, sizeof(expected)) == 0);
    wire_free(&buffer);
}

/* Each prefix in memory of just its size, so that the sanitizer sees a read past it. */
static void refuses_every_truncation(void)
{
    struct wire_buffer buffer;
    size_t size, whole;

    wire_begin(&buffer, WIRE_EVENT, 1, 0);
    wire_text(&buffer, "subclass", "json");
    whole = buffer.used - WIRE_HEADER_BYTES;
    wire_text(&buffer, "body", "{}");
    CHECK(wire_end(&buffer));
    size = buffer.used - WIRE_HEADER_BYTES;
    for (size_t cut = 0; cut < size; cut++) {
        unsigned char *part = malloc(cut ? cut : 1);

        CHECK(part);
        memcpy(part, buffer.bytes + WIRE_HEADER_BYTES, cut);
        CHECK(wire_valid(part, cut) == (cut == 0 || cut == whole));
        CHECK(!wire_find(part, cut, "body").bytes);
        free(part);
    }
    wire_free(&buffer);
}

static void refuses_sizes_that_overflow(void)
{
    unsigned char body[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'x'};
    unsigned char header[WIRE_HEADER_BYTES] = {0, 0, 0, 1};
    struct wire_header decoded;

    CHECK(!wire_valid(body, sizeof(body)));
    CHECK(wire_header(header, &decoded)); /* 16 MiB: the limit */
    header[0] = 1;
    CHECK(!wire_header(header, &decoded));
    header[0] = 0;
    header[6] = 1; /* must be zero */
    CHECK(!wire_header(header, &decoded));
}

static void fails_for_good_once_a_body_is_too_large(void)
{
    char *large = calloc(1, WIRE_BODY_LIMIT);
    struct wire_buffer buffer;

    CHECK(large);
    wire_begin(&buffer, WIRE_COMMAND, 0, 1);
    wire_bytes(&buffer, "x", large, WIRE_BODY_LIMIT - 7); /* 6 bytes and a name before it: just fits */
    CHECK(!buffer.failed && buffer.used == WIRE_HEADER_BYTES + WIRE_BODY_LIMIT);
    wire_text(&buffer, "y", "");
    CHECK(buffer.failed && !wire_end(&buffer));
    wire_free(&buffer);
    free(large);
}

static void takes_only_decimal_numbers(void)
{
    static const char *const refused[] = {"", "-1", "1x", " 1", "4294967296", "99999999999"};

    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct wire_value value = {.bytes = refused[i], .size = strlen(refused[i])};

        CHECK(wire_to_number(value, 42) == 42);
    }
}

int main(void)
{
    encodes_what_it_decodes();
    writes_little_endian();
    refuses_every_truncation();
    refuses_sizes_that_overflow();
    fails_for_good_once_a_body_is_too_large();
    takes_only_decimal_numbers();
    return 0;
}
