#define _GNU_SOURCE
#include "memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOT_PAYLOAD_MIN_BYTES 320u /* 20 ms at 8 kHz; a longer frame, after a change of codec, takes several slots */
#define PAGE_BYTES 4096u

static uint32_t round_up(uint32_t value, uint32_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

static uint32_t slot_bytes_for(uint32_t frame_bytes)
{
    uint32_t payload = frame_bytes > SLOT_PAYLOAD_MIN_BYTES ? frame_bytes : SLOT_PAYLOAD_MIN_BYTES;

    return round_up(SLOT_HEADER_BYTES + payload, 8);
}

/* A second of agent audio, or of the highest rates two thirds. The engine keeps 400 ms ahead at most; after a
 * change to a higher rate in mid-call, less. */
static uint32_t playback_samples_for(uint32_t write_rate)
{
    uint32_t samples = STREAM_PLAYBACK_SAMPLES_MIN;

    while (samples < write_rate && samples < STREAM_PLAYBACK_SAMPLES_MAX) {
        samples *= 2;
    }
    return samples;
}

bool memory_create(struct stream *stream, uint32_t frame_bytes, uint32_t played_bytes, uint32_t write_rate)
{
    uint32_t playback_samples = stream->playing ? playback_samples_for(write_rate) : 1;
    uint32_t capture_slots = stream->capturing != CAPTURE_NONE ? STREAM_CAPTURE_SLOTS : 1;
    uint32_t slot_bytes = slot_bytes_for(frame_bytes);
    uint32_t played_slots = stream->writes.recording ? STREAM_PLAYED_SLOTS : 0;
    uint32_t played_slot_bytes = slot_bytes_for(played_bytes);
    uint32_t playback_offset = round_up(STREAM_MEMORY_HEADER_BYTES + capture_slots * slot_bytes, 64);
    uint32_t played_offset = round_up(playback_offset + playback_samples * (uint32_t)sizeof(int16_t), 64);
    uint32_t total = round_up(played_offset + played_slots * played_slot_bytes, PAGE_BYTES);
    struct stream_memory *memory;
    void *mapped;

    stream->descriptor = memfd_create("openai_audio_stream", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (stream->descriptor < 0 || ftruncate(stream->descriptor, total) < 0) {
        return false;
    }
    /* Unsealed, an engine at fault could shrink it, and the media thread would die of SIGBUS. */
    if (fcntl(stream->descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        return false;
    }
    /* Populated now: a page fault on the media thread would be a system call in disguise. */
    mapped = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, stream->descriptor, 0);
    if (mapped == MAP_FAILED) {
        return false;
    }
    memory = mapped;
    stream->memory = memory;
    stream->memory_bytes = total;
    memory->magic = STREAM_MEMORY_MAGIC;
    memory->version = STREAM_MEMORY_VERSION;
    memory->total_bytes = total;
    memory->capture_offset = STREAM_MEMORY_HEADER_BYTES;
    memory->capture_slots = capture_slots;
    memory->capture_slot_bytes = slot_bytes;
    memory->playback_offset = playback_offset;
    memory->playback_samples = playback_samples;
    memory->played_offset = played_offset;
    memory->played_slots = played_slots;
    memory->played_slot_bytes = played_slot_bytes;
    stream->reads.capture = capture_ring_of(memory, memory);
    stream->writes.played = played_ring_of(memory, memory);
    stream->writes.playback = playback_ring_of(memory, memory);
    return true;
}

void memory_destroy(struct stream *stream)
{
    if (stream->memory) {
        munmap(stream->memory, stream->memory_bytes);
    }
    if (stream->descriptor >= 0) {
        close(stream->descriptor);
    }
}
