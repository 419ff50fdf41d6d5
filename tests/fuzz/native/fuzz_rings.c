/*
 * both ends of the shared memory, step by step, where the other side writes into it what it likes. The input
 * is the script: who keeps no rules, then what happens.
 *
 * Between the rings lies memory that nobody may touch.
 */
#include "fuzz.h"

#include "capture_gaps.h"
#include "capture_ring.h"
#include "playback_ring.h"
#include "played_ring.h"

#include <sanitizer/asan_interface.h>

#define SLOTS 4u
#define SLOT_BYTES (SLOT_HEADER_BYTES + 64u)
#define PLAYBACK_SAMPLES 64u
#define FRAME_SAMPLES 96u
#define GUARD_BYTES 64u
#define CAPTURE_AT STREAM_MEMORY_HEADER_BYTES
#define PLAYBACK_AT (CAPTURE_AT + 512u)
#define PLAYED_AT (PLAYBACK_AT + 256u)
#define TOTAL_BYTES (PLAYED_AT + 512u)

_Static_assert(SLOTS * SLOT_BYTES + GUARD_BYTES <= 512u, "capture ring and a guard");
_Static_assert(PLAYBACK_SAMPLES * sizeof(int16_t) + GUARD_BYTES <= 256u, "playback ring and a guard");

static const uint32_t rates[] = {8000, 16000, 24000, 48000, 44000, 11000, 32000, 8001};

struct ends {
    struct stream_memory *memory;
    struct slot_ring capture_writer, capture_reader, played_writer, played_reader;
    struct playback_ring playback_writer, playback_reader;
    struct capture_gaps gaps;
    bool may_unread;
};

static void guard(unsigned char *memory, size_t from, size_t to)
{
    ASAN_POISON_MEMORY_REGION(memory + from, to - from);
}

static void begin(struct ends *ends)
{
    struct stream_memory *memory;

    CHECK(posix_memalign((void **)&memory, 64, TOTAL_BYTES) == 0);
    memset(memory, 0, TOTAL_BYTES);
    *memory = (struct stream_memory){
        .magic = STREAM_MEMORY_MAGIC,
        .version = STREAM_MEMORY_VERSION,
        .total_bytes = TOTAL_BYTES,
        .capture_offset = CAPTURE_AT,
        .capture_slots = SLOTS,
        .capture_slot_bytes = SLOT_BYTES,
        .playback_offset = PLAYBACK_AT,
        .playback_samples = PLAYBACK_SAMPLES,
        .played_offset = PLAYED_AT,
        .played_slots = SLOTS,
        .played_slot_bytes = SLOT_BYTES,
    };
    *ends = (struct ends){.memory = memory, .gaps.pauses = &memory->read_pauses};
    ends->capture_writer = ends->capture_reader = capture_ring_of(memory, memory);
    ends->played_writer = ends->played_reader = played_ring_of(memory, memory);
    ends->playback_writer = ends->playback_reader = playback_ring_of(memory, memory);
    guard((unsigned char *)memory, CAPTURE_AT + SLOTS * SLOT_BYTES, PLAYBACK_AT);
    guard((unsigned char *)memory, PLAYBACK_AT + PLAYBACK_SAMPLES * sizeof(int16_t), PLAYED_AT);
    guard((unsigned char *)memory, PLAYED_AT + SLOTS * SLOT_BYTES, TOTAL_BYTES);
}

static uint32_t take_rate(struct script *script)
{
    return rates[script_take(script, 1) % (sizeof(rates) / sizeof(*rates))];
}

/* Anything into what one side may write: its words of the header, from `from` up to `to`. */
static void scribble_header(struct ends *ends, struct script *script, size_t from, size_t to)
{
    size_t at = from + script_take(script, 1) * 4 % (to - from);
    uint64_t value = script_take(script, 8);

    memcpy((unsigned char *)ends->memory + at, &value, to - at < sizeof(value) ? to - at : sizeof(value));
}

static void scribble_slot(unsigned char *slots, struct script *script)
{
    size_t at = script_take(script, 2) % (SLOTS * SLOT_BYTES - 8);
    uint64_t value = script_take(script, 8);

    memcpy(slots + at, &value, sizeof(value));
}

static void scribble_of_switch(struct ends *ends, struct script *script)
{
    switch (script_take(script, 1) % 4) {
    case 0:
        scribble_header(ends, script, offsetof(struct stream_memory, capture_head), offsetof(struct stream_memory, capture_tail));
        break;
    case 1:
        scribble_header(ends, script, offsetof(struct stream_memory, playback_tail), offsetof(struct stream_memory, playback_head));
        break;
    case 2:
        scribble_slot(ends->capture_reader.slots, script);
        break;
    default:
        scribble_slot(ends->played_reader.slots, script);
        break;
    }
}

static void scribble_of_engine(struct ends *ends, struct script *script)
{
    if (script_take(script, 1) % 4 == 0) {
        scribble_header(ends, script, offsetof(struct stream_memory, capture_tail), offsetof(struct stream_memory, playback_tail));
    } else {
        scribble_header(ends, script, offsetof(struct stream_memory, playback_head), sizeof(struct stream_memory));
    }
}

static void check_slot(const struct audio_slot *header, uint32_t bytes, uint64_t before, const struct slot_ring *ring)
{
    if (bytes > 0) {
        CHECK(bytes <= SLOT_BYTES - SLOT_HEADER_BYTES && header->bytes == bytes);
        CHECK((header->channels == 1 || header->channels == 2) && bytes % (2u * header->channels) == 0);
        CHECK(sound_rate(header->rate));
    }
    CHECK(ring->position >= before || ring->position == before - 1); /* what follows silence is read again */
}

static void read_capture(struct ends *ends)
{
    uint64_t before = ends->capture_reader.position, lost = 0;
    unsigned char *pcm = malloc(SLOT_BYTES - SLOT_HEADER_BYTES);
    struct audio_slot header = {0};
    uint32_t bytes = capture_gaps_read(&ends->gaps, &ends->capture_reader, pcm, &header, &lost);

    check_slot(&header, bytes, before, &ends->capture_reader);
    CHECK(ends->gaps.owed <= 5u * 48000u);
    ends->may_unread = bytes > 0;
    free(pcm);
}

static void read_played(struct ends *ends)
{
    uint64_t before = ends->played_reader.position, lost = 0;
    unsigned char *pcm = malloc(SLOT_BYTES - SLOT_HEADER_BYTES);
    struct audio_slot header = {0};

    check_slot(&header, slot_ring_read(&ends->played_reader, pcm, &header, &lost), before, &ends->played_reader);
    free(pcm);
}

static void write_frame(struct ends *ends, struct script *script)
{
    int16_t *frame = calloc(FRAME_SAMPLES, sizeof(*frame));
    uint16_t channels = (uint16_t)(1 + script_take(script, 1) % 2);
    uint32_t bytes = (uint32_t)(script_take(script, 1) % FRAME_SAMPLES) * 2u / (2u * channels) * (2u * channels);

    atomic_store(&ends->memory->read_pauses, script_take(script, 1) % 2);
    slot_ring_write(&ends->capture_writer, frame, bytes, take_rate(script), channels, script_take(script, 8));
    free(frame);
}

static void play_frame(struct ends *ends, struct script *script)
{
    uint32_t samples = 1 + (uint32_t)(script_take(script, 1) % FRAME_SAMPLES);
    int16_t *frame = malloc(samples * sizeof(*frame));
    uint32_t rate = take_rate(script);
    uint64_t time_ns = script_take(script, 2);

    if (playback_ring_read(&ends->playback_reader, frame, samples, rate, time_ns, script_take(script, 1) % 8 == 0)) {
        played_ring_write(&ends->played_writer, ends->memory, frame, samples, rate, time_ns);
    }
    free(frame);
}

static void write_playback(struct ends *ends, struct script *script)
{
    uint32_t samples = (uint32_t)(script_take(script, 1) % (2 * PLAYBACK_SAMPLES));
    int16_t *audio = calloc(samples ? samples : 1, sizeof(*audio));

    CHECK(playback_ring_write(&ends->playback_writer, audio, samples) <= samples);
    free(audio);
}

static void step(struct ends *ends, struct script *script, unsigned hostile)
{
    switch (script_take(script, 1) % 12) {
    case 0:
        write_frame(ends, script);
        break;
    case 1:
    case 2:
        read_capture(ends);
        break;
    case 3:
        if (ends->may_unread) {
            capture_gaps_unread(&ends->gaps, &ends->capture_reader);
            ends->may_unread = false;
        }
        break;
    case 4:
        capture_gaps_skip(&ends->gaps, &ends->capture_reader);
        ends->may_unread = false;
        break;
    case 5:
        play_frame(ends, script);
        break;
    case 6:
        write_playback(ends, script);
        break;
    case 7:
        playback_ring_discard(&ends->playback_writer, take_rate(script));
        break;
    case 8:
        atomic_store(&ends->memory->control, (uint32_t)script_take(script, 1));
        break;
    case 9:
        read_played(ends);
        break;
    default:
        if (hostile == 1) {
            scribble_of_switch(ends, script);
        } else if (hostile == 2) {
            scribble_of_engine(ends, script);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct script script = {.bytes = bytes, .size = size};
    unsigned hostile = (unsigned)script_take(&script, 1) % 3;
    struct ends ends;

    begin(&ends);
    for (unsigned steps = 0; steps < 500 && !script_over(&script); steps++) {
        step(&ends, &script, hostile);
    }
    if (hostile == 0) {
        CHECK(ends.capture_reader.faults <= ends.capture_writer.position && ends.played_reader.faults <= ends.played_writer.position);
        CHECK(atomic_load(&ends.memory->faults) == 0);
        CHECK(atomic_load(&ends.memory->playback_tail) <= atomic_load(&ends.memory->playback_head));
    }
    ASAN_UNPOISON_MEMORY_REGION(ends.memory, TOTAL_BYTES);
    free(ends.memory);
    return 0;
}
