#include "capture_gaps.h"

#define SECOND_NS 1000000000u
/* Less than this is the jitter of a thread or a network; where the ring has lost frames, it is what they held. */
#define NOTICED_NS (200u * 1000000u)
#define NOTICED_OF_LOST_NS (60u * 1000000u)
#define NEVER_NS (UINT64_MAX / 2)
/* More than this in one piece is no pause: nobody read the channel. */
#define LONGEST_NS (5u * (uint64_t)SECOND_NS)
/* A telephone's clock is not ours: per duration of a slot, so much of it is taken for drift. Clocks differ by less. */
#define DRIFT 1024

static uint64_t frames_ns(uint64_t frames, uint32_t rate)
{
    return rate == 0 ? 0 : frames * SECOND_NS / rate;
}

static uint64_t slot_ns(const struct audio_slot *slot)
{
    return slot->channels == 0 ? 0 : frames_ns(slot->bytes / (slot->channels * sizeof(int16_t)), slot->rate);
}

/* How much audio is missing before `first`, which has just been read: as much as the least late of the frames that are
 * here is late, since a thread that was held up brings the rest in a burst. */
static int64_t capture_gaps_lateness(const struct capture_gaps *gaps, const struct slot_ring *ring,
                                     const struct audio_slot *first)
{
    int64_t least = (int64_t)(first->time_ns - gaps->due_ns);
    uint64_t head = atomic_load_explicit(ring->head, memory_order_acquire);
    uint64_t due_ns = gaps->due_ns + slot_ns(first);
    uint64_t frame = first->frame;

    /* The reading position is behind `first` already. */
    for (uint64_t at = ring->position; at < head && at - ring->position < ring->count; at++) {
        const struct audio_slot *slot = slot_ring_slot(ring, at);

        if (atomic_load_explicit(&slot->sequence, memory_order_acquire) != 2 * at + 2) {
            break; /* overwritten: a guess is good enough */
        }
        if (slot->frame != frame) {
            int64_t late = (int64_t)(slot->time_ns - due_ns);

            least = late < least ? late : least;
            frame = slot->frame;
        }
        due_ns += slot_ns(slot);
    }
    return least;
}

static uint32_t capture_gaps_silence(struct capture_gaps *gaps, const struct slot_ring *ring, void *pcm,
                                     struct audio_slot *header)
{
    uint32_t frame_bytes = gaps->after.channels * (uint32_t)sizeof(int16_t);
    uint64_t room = (ring->slot_bytes - SLOT_HEADER_BYTES) / frame_bytes;
    uint64_t frames = gaps->owed < room ? gaps->owed : room;

    *header = (struct audio_slot){
        .time_ns = gaps->after.time_ns - frames_ns(gaps->owed, gaps->after.rate),
        .rate = gaps->after.rate,
        .channels = gaps->after.channels,
        .bytes = (uint16_t)(frames * frame_bytes),
        .frame = gaps->after.frame,
    };
    memset(pcm, 0, header->bytes);
    gaps->owed -= frames;
    gaps->was_silence = true;
    return header->bytes;
}

static bool capture_gaps_are_possible(const struct capture_gaps *gaps)
{
    return atomic_load_explicit(gaps->pauses, memory_order_relaxed) != 0;
}

/* How late the slot just read has to be for something to be missing before it. */
static uint64_t capture_gaps_noticed_ns(const struct capture_gaps *gaps, const struct audio_slot *slot)
{
    if (slot->frame > gaps->frame + 1) {
        return NOTICED_OF_LOST_NS;
    }
    return capture_gaps_are_possible(gaps) ? NOTICED_NS : NEVER_NS;
}

/* The slot is taken: when is the one after it due? */
static void capture_gaps_follow(struct capture_gaps *gaps, const struct audio_slot *slot)
{
    int64_t late = (int64_t)(slot->time_ns - gaps->due_ns);
    int64_t duration = (int64_t)slot_ns(slot);
    int64_t most = duration / DRIFT;

    if (gaps->due_ns == 0 || late > (int64_t)LONGEST_NS || !capture_gaps_are_possible(gaps)) {
        gaps->due_ns = slot->time_ns;
        late = 0;
    } else if (slot->frame == gaps->frame) {
        late = 0; /* parts of a frame bear one time */
    }
    gaps->frame = slot->frame;
    late = late > most ? most : late < -most ? -most : late;
    gaps->due_ns = (uint64_t)((int64_t)gaps->due_ns + late + duration);
}

uint32_t capture_gaps_read(struct capture_gaps *gaps, struct slot_ring *ring, void *pcm, struct audio_slot *header,
                           uint64_t *lost)
{
    uint64_t noticed_ns;

    gaps->before.due_ns = gaps->due_ns;
    gaps->before.owed = gaps->owed;
    gaps->before.frame = gaps->frame;
    if (gaps->owed > 0) {
        return capture_gaps_silence(gaps, ring, pcm, header);
    }
    gaps->was_silence = false;
    if (slot_ring_read(ring, pcm, header, lost) == 0) {
        return 0;
    }
    noticed_ns = capture_gaps_noticed_ns(gaps, header);
    if (gaps->due_ns != 0 && header->time_ns > gaps->due_ns + noticed_ns) {
        int64_t late = capture_gaps_lateness(gaps, ring, header);

        if (late > (int64_t)noticed_ns) {
            uint64_t missing_ns = (uint64_t)late < LONGEST_NS ? (uint64_t)late : LONGEST_NS;

            gaps->owed = missing_ns * header->rate / SECOND_NS;
            gaps->due_ns += (uint64_t)late;
        }
        if (gaps->owed > 0) {
            slot_ring_unread(ring);
            gaps->after = *header;
            gaps->before.due_ns = gaps->due_ns;
            gaps->before.owed = gaps->owed;
            return capture_gaps_silence(gaps, ring, pcm, header);
        }
    }
    capture_gaps_follow(gaps, header);
    return header->bytes;
}

void capture_gaps_unread(struct capture_gaps *gaps, struct slot_ring *ring)
{
    gaps->due_ns = gaps->before.due_ns;
    gaps->owed = gaps->before.owed;
    gaps->frame = gaps->before.frame;
    if (!gaps->was_silence) {
        slot_ring_unread(ring);
    }
}

uint64_t capture_gaps_skip(struct capture_gaps *gaps, struct slot_ring *ring)
{
    gaps->due_ns = 0;
    gaps->owed = 0;
    return slot_ring_skip(ring);
}
