/* bodies of the link's messages: what wire_valid takes is found again, and made again as it was. */
#include "fuzz.h"

#include "wire.h"

static void check_numbers(struct wire_value value)
{
    char text[16], digits[24];
    uint32_t number = wire_to_number(value, 4242);

    wire_copy(value, text, sizeof(text));
    CHECK(strlen(text) < sizeof(text));
    snprintf(digits, sizeof(digits), "%u", number);
    CHECK(number == 4242 || strtoull(text, NULL, 10) == number);
}

static void check_body(const uint8_t *body, size_t size)
{
    struct wire_buffer again = {0};
    size_t at = 0;

    if (!wire_valid(body, size)) {
        return;
    }
    wire_begin(&again, WIRE_EVENT, 1, 2);
    while (at < size) {
        size_t name_bytes = body[at] | (size_t)body[at + 1] << 8;
        char *name = strndup((const char *)body + at + 6, name_bytes);
        struct wire_value first = wire_find(body, size, name);
        size_t value_bytes = body[at + 2] | (size_t)body[at + 3] << 8 | (size_t)body[at + 4] << 16 |
                             (size_t)body[at + 5] << 24;

        if (strlen(name) == name_bytes) {
            CHECK(first.bytes && (const uint8_t *)first.bytes >= body && (const uint8_t *)first.bytes + first.size <= body + size);
            check_numbers(first);
            wire_bytes(&again, name, body + at + 6 + name_bytes, value_bytes);
        } else {
            wire_fields(&again, body + at, 6 + name_bytes + value_bytes);
        }
        at += 6 + name_bytes + value_bytes;
        free(name);
    }
    CHECK(at == size);
    CHECK(wire_end(&again) && again.used == WIRE_HEADER_BYTES + size);
    CHECK(size == 0 || memcmp(again.bytes + WIRE_HEADER_BYTES, body, size) == 0);
    wire_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct wire_header header;

    wire_find(bytes, size, "text"); /* of a body that nobody has checked, too */
    check_body(bytes, size);
    if (size >= WIRE_HEADER_BYTES && wire_header(bytes, &header)) {
        CHECK(header.body_bytes <= WIRE_BODY_LIMIT);
        if (header.body_bytes == size - WIRE_HEADER_BYTES) {
            check_body(bytes + WIRE_HEADER_BYTES, header.body_bytes);
        }
    }
    return 0;
}
