/*
 * driver.c -- what libFuzzer does, as far as it is needed here, for a compiler that has no libFuzzer (gcc).
 *
 *     target SECONDS SEED ARTIFACT CORPUS...
 *
 * Runs every file of the corpus folders, then changes of them until the time is over. An input that takes a new way
 * through the code (gcc's -fsanitize-coverage=trace-pc) is kept and changed further. Constants that the code compares
 * with (trace-cmp) find their way into inputs. The same seed makes the same inputs, as far as time allows.
 *
 * An input that ends the process, or takes longer than HANG_CPU_S, is written to ARTIFACT. This file itself is compiled
 * without coverage.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define HANG_CPU_S 10
#define INPUT_LIMIT 65536u  /* bytes; of a corpus file, too */
#define USUAL_LIMIT 4096u   /* of what is made here: short inputs run often */
#define KEPT_LIMIT 8192u
#define EDGES 65536u
#define CONSTANTS 1024u

struct input {
    unsigned char *bytes;
    size_t size;
};

static struct input kept[KEPT_LIMIT];
static size_t kept_count;
static unsigned char counts[EDGES], seen[EDGES]; /* of this run; hit counts by class, of all */
static uint32_t touched[EDGES];
static size_t touched_count, edge_count;
static uintptr_t previous;
static uint64_t constants[CONSTANTS];
static size_t constant_count;
static uint64_t state;
static unsigned long executions;
static const unsigned char *current;
static size_t current_size;
static const char *artifact;

/* -- what the compiler calls */

void __sanitizer_cov_trace_pc(void)
{
    uintptr_t here = (uintptr_t)__builtin_return_address(0);
    uint32_t edge = (uint32_t)((here ^ (here >> 16) * 31 ^ previous) % EDGES);

    previous = (here << 1) ^ here >> 7;
    if (counts[edge] == 0) {
        touched[touched_count++] = edge;
    }
    counts[edge] += counts[edge] < 255;
}

static void note_constant(uint64_t value)
{
    if (value > 255) {
        constants[constant_count++ % CONSTANTS] = value;
    }
}

#define COMPARISON(name, type) \
    void name(type a, type b); \
    void name(type a, type b) \
    { \
        note_constant((uint64_t)a); \
        note_constant((uint64_t)b); \
    }
COMPARISON(__sanitizer_cov_trace_cmp1, uint8_t)
COMPARISON(__sanitizer_cov_trace_cmp2, uint16_t)
COMPARISON(__sanitizer_cov_trace_cmp4, uint32_t)
COMPARISON(__sanitizer_cov_trace_cmp8, uint64_t)
COMPARISON(__sanitizer_cov_trace_const_cmp1, uint8_t)
COMPARISON(__sanitizer_cov_trace_const_cmp2, uint16_t)
COMPARISON(__sanitizer_cov_trace_const_cmp4, uint32_t)
COMPARISON(__sanitizer_cov_trace_const_cmp8, uint64_t)
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_cmpf(float a, float b);
void __sanitizer_cov_trace_cmpd(double a, double b);
void __sanitizer_cov_trace_switch(uint64_t value, void *table);
void __sanitizer_cov_trace_cmpf(float a, float b)
{
    (void)a;
    (void)b;
}
void __sanitizer_cov_trace_cmpd(double a, double b)
{
    (void)a;
    (void)b;
}
void __sanitizer_cov_trace_switch(uint64_t value, void *table)
{
    const uint64_t *cases = table; /* their number, their width, themselves */

    (void)value;
    for (uint64_t i = 0; i < cases[0]; i++) {
        note_constant(cases[2 + i]);
    }
}

/* -- running */

/* Also from a signal handler: only what is allowed there. */
static void save_current(void)
{
    static volatile sig_atomic_t saved;
    int fd;

    if (!current || saved) {
        return;
    }
    saved = 1;
    fd = open(artifact, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0 && write(fd, current, current_size) == (ssize_t)current_size) {
        close(fd);
    }
}

static void on_signal(int number)
{
    static const char hang[] = "an input takes too long\n";

    if (number == SIGPROF && write(STDERR_FILENO, hang, sizeof(hang) - 1) < 0) {
        _exit(3);
    }
    save_current();
    _exit(2);
}

static unsigned char class_of(unsigned char count)
{
    return count < 4 ? (unsigned char)(1 << (count - 1)) : count < 8 ? 8 : count < 16 ? 16 : count < 32 ? 32 : count < 128 ? 64 : 128;
}

/* True: it took a new way. The bytes lie in memory of just their size, so that the sanitizer sees a read past them. */
static bool run(const unsigned char *bytes, size_t size)
{
    struct itimerval limit = {.it_value.tv_sec = HANG_CPU_S}, off = {0};
    unsigned char *exact = malloc(size ? size : 1);
    bool is_new = false;

    memcpy(exact, bytes, size);
    current = exact;
    current_size = size;
    touched_count = 0;
    previous = 0;
    if (executions % 64 == 0) {
        setitimer(ITIMER_PROF, &limit, NULL);
    }
    LLVMFuzzerTestOneInput(exact, size);
    current = NULL;
    if (executions++ % 64 == 63) {
        setitimer(ITIMER_PROF, &off, NULL);
    }
    free(exact);
    for (size_t i = 0; i < touched_count; i++) {
        uint32_t edge = touched[i];
        unsigned char class = class_of(counts[edge]);

        counts[edge] = 0;
        edge_count += seen[edge] == 0;
        is_new = is_new || (seen[edge] & class) == 0;
        seen[edge] |= class;
    }
    return is_new;
}

static void keep(const unsigned char *bytes, size_t size)
{
    struct input *input = kept_count < KEPT_LIMIT ? &kept[kept_count] : NULL;

    if (input && (input->bytes = malloc(size ? size : 1)) != NULL) {
        memcpy(input->bytes, bytes, size);
        input->size = size;
        kept_count++;
    }
}

static void run_corpus(const char *folder)
{
    static unsigned char bytes[INPUT_LIMIT];
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);

    if (count < 0) {
        perror(folder);
        exit(1);
    }
    for (int i = 0; i < count; i++) {
        char path[4096];
        struct stat status;
        int fd;

        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
            ssize_t size = read(fd, bytes, sizeof(bytes));

            if (size >= 0) {
                run(bytes, (size_t)size);
                keep(bytes, (size_t)size);
            }
        }
        if (fd >= 0) {
            close(fd);
        }
        free(entries[i]);
    }
    free(entries);
}

/* -- changing */

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static size_t below(size_t limit)
{
    return limit ? (size_t)(next_random() % limit) : 0;
}

static uint64_t telling_number(void)
{
    static const uint64_t numbers[] = {0,          1,          2,          7,          8,          15,       16,
                                       31,         32,         63,         64,         127,        128,      255,
                                       256,        4095,       4096,       32767,      32768,      65535,    65536,
                                       0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32, 1ull << 63, UINT64_MAX};

    if (constant_count && below(2)) {
        size_t there = constant_count < CONSTANTS ? constant_count : CONSTANTS;

        return constants[below(there)] + (below(4) == 0 ? below(3) - 1 : 0);
    }
    return numbers[below(sizeof(numbers) / sizeof(*numbers))];
}

static size_t replace(unsigned char *bytes, size_t size, size_t at, size_t cut, const unsigned char *with, size_t more)
{
    if (size - cut + more > INPUT_LIMIT) {
        return size;
    }
    memmove(bytes + at + more, bytes + at + cut, size - at - cut);
    memcpy(bytes + at, with, more);
    return size - cut + more;
}

static size_t change(unsigned char *bytes, size_t size)
{
    unsigned char piece[256];
    size_t at = below(size + 1), rest = size - at, length = 1 + below(below(4) ? 8 : 200);
    const struct input *other = &kept[below(kept_count)];
    uint64_t number = telling_number();

    switch (below(9)) {
    case 0:
        if (rest) {
            bytes[at] ^= (unsigned char)(1u << below(8));
        }
        return size;
    case 1:
        if (rest) {
            bytes[at] = (unsigned char)next_random();
        }
        return size;
    case 2: /* a number, in place */
    case 3: /* or put in */
        length = 1u << below(4);
        memcpy(piece, &number, sizeof(number));
        return replace(bytes, size, at, below(2) && length <= rest ? length : 0, piece, length);
    case 4: /* something left out */
        return replace(bytes, size, at, length < rest ? length : rest, piece, 0);
    case 5: /* something twice, or elsewhere */
        length = length < rest ? length : rest;
        memcpy(piece, bytes + at, length);
        return replace(bytes, size, below(size + 1), 0, piece, length);
    case 6: /* a piece of another */
        if (other->size) {
            size_t from = below(other->size);

            length = length < other->size - from ? length : other->size - from;
            memcpy(piece, other->bytes + from, length);
            return replace(bytes, size, at, below(2) ? (length < rest ? length : rest) : 0, piece, length);
        }
        return size;
    case 7:
        for (size_t i = 0; i < length; i++) {
            piece[i] = (unsigned char)(below(2) ? next_random() : ' ' + below(95));
        }
        return replace(bytes, size, at, 0, piece, length);
    default:
        return below(8) ? size : at; /* cut short */
    }
}

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void search(double seconds)
{
    static unsigned char bytes[INPUT_LIMIT + 256];
    double end = seconds_now() + seconds;

    while (executions % 256 || seconds_now() < end) {
        /* The newest more often: they lead on. */
        size_t pick = below(2) ? below(kept_count) : kept_count - 1 - below(kept_count < 32 ? kept_count : 32);
        size_t size = kept[pick].size;

        memcpy(bytes, kept[pick].bytes, size);
        for (size_t changes = 1 + below(below(2) ? 3 : 12); changes; changes--) {
            size = change(bytes, size);
        }
        if (size > USUAL_LIMIT && size > kept[pick].size) {
            size = kept[pick].size > USUAL_LIMIT ? kept[pick].size : USUAL_LIMIT;
        }
        if (run(bytes, size)) {
            keep(bytes, size);
        }
    }
}

int main(int count, char **arguments)
{
    struct sigaction action = {.sa_handler = on_signal};

    if (count < 5) {
        fprintf(stderr, "usage: %s SECONDS SEED ARTIFACT CORPUS...\n", arguments[0]);
        return 1;
    }
    artifact = arguments[3];
    state = strtoull(arguments[2], NULL, 10) * 0x9e3779b97f4a7c15u | 1;
    sigaction(SIGABRT, &action, NULL);
    sigaction(SIGPROF, &action, NULL);
    for (int i = 4; i < count; i++) {
        run_corpus(arguments[i]);
    }
    if (kept_count == 0) {
        keep((const unsigned char *)"", 0);
    }
    search(strtod(arguments[1], NULL));
    printf("executions %lu, kept %zu, edges %zu\n", executions, kept_count, edge_count);
    return 0;
}
