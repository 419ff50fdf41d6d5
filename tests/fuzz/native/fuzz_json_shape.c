/* the shape of any text is what a plain walk over it finds, up to the limits. */
#include "fuzz.h"

#include "json_shape.c"

#include <limits.h>

static void walk(const uint8_t *at, const uint8_t *end, long *deepest, long *values)
{
    bool in_string = false;
    long depth = 0;

    *deepest = 0;
    *values = 1;
    for (; at < end; at++) {
        if (in_string && *at == '\\') {
            at++;
        } else if (*at == '"') {
            in_string = !in_string;
        } else if (!in_string && (*at == '[' || *at == '{')) {
            ++*values;
            depth++;
            *deepest = depth > *deepest ? depth : *deepest;
        } else if (!in_string && (*at == ']' || *at == '}')) {
            depth--;
        } else if (!in_string && (*at == ',' || *at == ':')) {
            ++*values;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    long depth, values, true_depth, true_values;

    walk(bytes, bytes + size, &true_depth, &true_values);
    measure(bytes, bytes + size, LONG_MAX - 1, LONG_MAX - 1, &depth, &values);
    CHECK(depth == true_depth && values == true_values);
    measure(bytes, bytes + size, 4, 16, &depth, &values);
    CHECK((depth > 4 || values > 16) == (true_depth > 4 || true_values > 16));
    CHECK(depth <= 5 && values <= 17);
    return 0;
}
