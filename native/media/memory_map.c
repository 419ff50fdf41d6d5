/* memory_map.c -- see memory_map.h. */
#define _GNU_SOURCE
#include "memory_map.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Several times what the module makes of the largest frames that there are. */
#define MEMORY_BYTES_MAX (16u * 1024 * 1024)

static bool power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static bool slot_size_is_sound(uint32_t bytes)
{
    return bytes % 8 == 0 && bytes > SLOT_HEADER_BYTES && bytes <= SLOT_HEADER_BYTES + UINT16_MAX;
}

static bool ring_lies_within(uint32_t offset, uint64_t ring_bytes, uint64_t bytes)
{
    return offset % 64 == 0 && offset >= STREAM_MEMORY_HEADER_BYTES && offset + ring_bytes <= bytes;
}

/* The module is trusted to be ours, not to be without faults: everything is checked against the real size. */
static const char *layout_fault(const struct stream_memory *header, uint64_t bytes)
{
    uint64_t capture_bytes = (uint64_t)header->capture_slots * header->capture_slot_bytes;
    uint64_t playback_bytes = (uint64_t)header->playback_samples * sizeof(int16_t);
    uint64_t played_bytes = (uint64_t)header->played_slots * header->played_slot_bytes;

    if (header->magic != STREAM_MEMORY_MAGIC) {
        return "not a stream's memory";
    }
    if (header->version != STREAM_MEMORY_VERSION) {
        return "the module and the engine are of different versions";
    }
    if (header->total_bytes != bytes) {
        return "size differs from its header";
    }
    if (!power_of_two(header->capture_slots) || !power_of_two(header->playback_samples) ||
        !slot_size_is_sound(header->capture_slot_bytes) ||
        (header->played_slots != 0 &&
         (!power_of_two(header->played_slots) || !slot_size_is_sound(header->played_slot_bytes)))) {
        return "ring sizes make no sense";
    }
    if (!ring_lies_within(header->capture_offset, capture_bytes, bytes) ||
        !ring_lies_within(header->playback_offset, playback_bytes, bytes) ||
        (header->played_slots != 0 && !ring_lies_within(header->played_offset, played_bytes, bytes))) {
        return "a ring lies outside of it";
    }
    return NULL;
}

/* Whoever has the descriptor could otherwise shrink it, and reading it would be the end of this process (SIGBUS). */
static bool is_sealed(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS), wanted = F_SEAL_SHRINK | F_SEAL_GROW;

    return seals >= 0 && (seals & wanted) == wanted;
}

/* Before it is mapped; NULL: good. */
static const char *file_fault(int fd, off_t bytes)
{
    if (!is_sealed(fd)) {
        return "not sealed against growing and shrinking";
    }
    if (bytes < (off_t)STREAM_MEMORY_HEADER_BYTES) {
        return "too small";
    }
    return bytes > (off_t)MEMORY_BYTES_MAX ? "too large" : NULL;
}

struct stream_memory *memory_map(int fd, size_t *bytes, struct stream_memory *header)
{
    const char *fault;
    struct stat status;
    void *mapped;

    if (fstat(fd, &status) != 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return NULL;
    }
    fault = file_fault(fd, status.st_size);
    if (fault != NULL) {
        PyErr_Format(PyExc_ValueError, "stream memory: %s", fault);
        return NULL;
    }
    *bytes = (size_t)status.st_size;
    mapped = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (mapped == MAP_FAILED) {
        PyErr_SetFromErrno(PyExc_OSError);
        return NULL;
    }
    memcpy(header, mapped, sizeof(*header));
    fault = layout_fault(header, *bytes);
    if (fault != NULL) {
        PyErr_Format(PyExc_ValueError, "stream memory: %s", fault);
        memory_unmap(mapped, *bytes);
        return NULL;
    }
    return mapped;
}

void memory_unmap(struct stream_memory *memory, size_t bytes)
{
    munmap(memory, bytes);
}
