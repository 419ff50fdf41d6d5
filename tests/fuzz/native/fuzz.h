/* fuzz.h -- what a fuzz target has: libFuzzer's entry, checks, and a reader of its input. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

/* The input as a script of what to do; past its end it is all zero. */
struct script {
    const uint8_t *bytes;
    size_t size, at;
};

static inline bool script_over(const struct script *script)
{
    return script->at >= script->size;
}

static inline uint64_t script_take(struct script *script, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes && !script_over(script); i++) {
        value |= (uint64_t)script->bytes[script->at++] << (8 * i);
    }
    return value;
}

#endif
