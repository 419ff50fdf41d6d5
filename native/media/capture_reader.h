/*
 * capture_reader.h -- the one reader of a stream's caller audio, who hands a recording its copy.
 *
 * What is read is counted as read in the memory that is shared with the switch, so that there cannot be two.
 */
#ifndef MEDIA_CAPTURE_READER_H
#define MEDIA_CAPTURE_READER_H

#include "extension.h"

#include "slot_ring.h"

#include <stdbool.h>

struct capture_reader {
    PyObject *memory; /* StreamMemory */
    PyObject *copies; /* a list of what was read, as capture_reader_run() gives it; NULL: nobody wants it */
    uint64_t lost;    /* slots, before what is read next */
};

void capture_reader_clear(struct capture_reader *reader);

/* Copy the next slot into `pcm`, which has room for CAPTURE_SLOT_LIMIT bytes. Returns its size, 0 with nothing to read.
 * `lost` grows by the slots that could not be read. capture_reader_unread() has it read again, with what was lost. */
uint32_t capture_reader_read(const struct capture_reader *reader, void *pcm, struct audio_slot *header, uint64_t *lost);
void capture_reader_unread(struct capture_reader *reader, uint64_t lost);
/* Whether no slot is larger than that, as none of ours is; nothing is to be read of a memory that is closed. */
#define CAPTURE_SLOT_LIMIT 16384u
bool capture_reader_is_sound(const struct capture_reader *reader);
/* The recording's copy of what was read. False with an exception set. */
bool capture_reader_copy(struct capture_reader *reader, const void *pcm, const struct audio_slot *header, uint64_t lost);
/* Whether so many copies wait that they should be taken. */
bool capture_reader_is_full(const struct capture_reader *reader);

/* As many slots of one rate, in one piece, as fit: (pcm16, rate, channels, time_ns of its first frame, slots lost before
 * it), or None. NULL with an exception set. */
PyObject *capture_reader_run(struct capture_reader *reader);
/* Forget what is there, but for the copies. False with an exception set. */
bool capture_reader_skip(struct capture_reader *reader, uint64_t *skipped);
PyObject *capture_reader_take_copies(struct capture_reader *reader);

#endif
