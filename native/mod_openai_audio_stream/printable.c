#include "printable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LARGEST_CODE_POINT 0x10ffffu

/* Unicode's control characters, its separators of lines and paragraphs, and the format characters that belong to no
 * script: marks of direction, what has no width, tags. In order. */
static const struct {
    uint32_t first, last;
} hidden[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x180e, 0x180e},   {0x200b, 0x200f},
    {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
};

static bool printable_is_hidden(uint32_t code_point)
{
    for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden) && code_point >= hidden[i].first; i++) {
        if (code_point <= hidden[i].last) {
            return true;
        }
    }
    return false;
}

/* The bytes of the character at `text`, of RFC 3629; 0 if there is none. */
static size_t printable_decode(const unsigned char *text, size_t size, uint32_t *code_point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t bytes;

    if (text[0] < 0x80) {
        *code_point = text[0];
        return 1;
    }
    if (text[0] < 0xc2 || text[0] > 0xf4) {
        return 0;
    }
    bytes = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    if (bytes > size) {
        return 0;
    }
    *code_point = text[0] & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        *code_point = *code_point << 6 | (text[i] & 0x3fu);
    }
    if (*code_point < smallest[bytes] || *code_point > LARGEST_CODE_POINT ||
        (*code_point >= 0xd800 && *code_point <= 0xdfff)) {
        return 0;
    }
    return bytes;
}

void printable_string(char *text)
{
    size_t size = strlen(text);
    size_t to = 0;

    for (size_t from = 0; from < size;) {
        uint32_t code_point;
        size_t bytes = printable_decode((const unsigned char *)text + from, size - from, &code_point);

        if (bytes == 0 || printable_is_hidden(code_point)) {
            text[to++] = ' ';
        } else {
            memmove(text + to, text + from, bytes);
            to += bytes;
        }
        from += bytes ? bytes : 1;
    }
    text[to] = '\0';
}
