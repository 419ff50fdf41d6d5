/* no text acts on a terminal once printable_string has had it, and a second time changes nothing. */
#include "fuzz.h"

#include "printable.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = malloc(size + 1), *again;
    size_t length;

    CHECK(text);
    memcpy(text, bytes, size);
    text[size] = '\0';
    length = strlen(text);
    printable_string(text);
    CHECK(strlen(text) <= length);
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        CHECK(*at >= 0x20 && *at != 0x7f && *at != 0xc0 && *at != 0xc1 && *at < 0xf5);
        CHECK(!(at[0] == 0xc2 && at[1] < 0xa0));                                          /* C1 */
        CHECK(!(at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0x8b && at[2] <= 0x8f));       /* marks of direction */
        CHECK(!(at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae));
        CHECK(!(at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa0 && at[2] <= 0xaf));
    }
    again = strdup(text);
    CHECK(again);
    printable_string(again);
    CHECK(strcmp(again, text) == 0);
    free(again);
    free(text);
    return 0;
}
