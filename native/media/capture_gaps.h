/*
 * capture_gaps.h -- silence in place of caller audio that never came.
 *
 * Where a telephone sends nothing in a pause (DTX) and FreeSWITCH's jitter buffer is on, the channel is not read for some
 * 300 ms. What the server hears must last as long as what was said, or its turn detection measures something else; so
 * the slots' times are compared with how much audio has come. So they are where the ring has lost frames.
 *
 * Otherwise a frame that is late is late, and nothing is missing before it: FreeSWITCH reads one packet after the other
 * however long its thread was held up, and does not catch up. Silence there would be more than was said.
 */
#ifndef MEDIA_CAPTURE_GAPS_H
#define MEDIA_CAPTURE_GAPS_H

#include "slot_ring.h"

#include <stdbool.h>

/* Zeroed but for `pauses`: nothing has come yet, so that nothing can be missing. */
struct capture_gaps {
    const _Atomic uint32_t *pauses; /* of the memory: whether audio may be missing at all */
    uint64_t due_ns;         /* when the next slot comes if nothing is missing; 0: not known */
    uint64_t owed;           /* sample frames of silence that come before the next slot */
    uint64_t frame;          /* number of the frame that the last slot belongs to */
    struct audio_slot after; /* the header of the slot after the silence, while any is owed */
    struct {                 /* as it was before the last reading */
        uint64_t due_ns, owed, frame;
    } before;
    bool was_silence; /* what was read last */
};

/* The next slot, or as much of the silence before it as a slot holds: slot_ring_read with nothing missing. */
uint32_t capture_gaps_read(struct capture_gaps *gaps, struct slot_ring *ring, void *pcm, struct audio_slot *header,
                           uint64_t *lost);
/* What was read last will be read again. */
void capture_gaps_unread(struct capture_gaps *gaps, struct slot_ring *ring);
/* Forget all that is buffered; what comes next follows upon nothing. Returns the number of slots skipped. */
uint64_t capture_gaps_skip(struct capture_gaps *gaps, struct slot_ring *ring);

#endif
