/*
 * layout.h -- the memory that the module and the engine share for one stream.
 *
 * The module makes it (a sealed memfd), the engine maps it. Two rings lie in it, behind one header page, and a third
 * where the call is recorded:
 *
 *   capture   caller -> model   slots, one media frame (or a part of one) each; the media thread writes
 *   playback  model -> caller   a ring of pcm16 mono samples; the engine writes, the media thread reads
 *   played    as it was heard   slots: the frames that went out with agent audio; the media thread writes
 *
 * All are single-producer, single-consumer. Positions are 64-bit and only grow; index = position & (size - 1).
 * Each field has one writer, named below; all others only read it. Neither side believes the other: sizes are
 * taken from private copies made at set-up, and a position that makes no sense counts as a fault, never as an index.
 *
 * Changing anything here means a new STREAM_MEMORY_VERSION: module and engine may come from different installs.
 */
#ifndef RING_LAYOUT_H
#define RING_LAYOUT_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_MEMORY_MAGIC 0x4d52414fu /* "OARM" */
#define STREAM_MEMORY_VERSION 5u
#define STREAM_MEMORY_HEADER_BYTES 4096u

/* What the engine wants of the media thread, and what a restarted engine must know (writer: the engine; the module
 * may clear EXPECTING, CONNECTED and SPEAKING after the engine has died). */
enum stream_control {
    STREAM_PAUSED = 1u << 0,         /* playback keeps its place; the channel sends its own audio */
    STREAM_PLAYBACK_MUTED = 1u << 1, /* playback runs on at media speed, unheard */
    STREAM_CAPTURE_MUTED = 1u << 2,  /* kept for a restarted engine; the media thread ignores it */
    STREAM_EXPECTING = 1u << 3,      /* a response is under way: an empty ring is an underrun, filled with silence */
    STREAM_CONNECTED = 1u << 4,      /* the WebSocket is up: the module fires `disconnect` if the engine dies */
    STREAM_SPEAKING = 1u << 5,       /* openai_speech_start was fired: the module fires the stop if the engine dies */
    STREAM_ON_HOLD = 1u << 6,        /* the application was told; kept for a restarted engine, as CAPTURE_MUTED */
    STREAM_HUSHED = 1u << 7,         /* for a moment: playback keeps its place, and in its stead goes silence */
};

struct stream_memory {
    /* Constant once the module has passed the memory on. */
    uint32_t magic;
    uint32_t version;
    uint64_t total_bytes;
    uint32_t capture_offset;     /* bytes from the start of the memory */
    uint32_t capture_slots;      /* power of two */
    uint32_t capture_slot_bytes; /* header and payload of one slot; a multiple of 8 */
    uint32_t playback_offset;
    uint32_t playback_samples; /* capacity, power of two */
    uint32_t played_offset;
    uint32_t played_slots;      /* power of two; 0: the stream is not recorded, and there is no such ring */
    uint32_t played_slot_bytes; /* as capture_slot_bytes */

    /* Writer: the media thread that reads the channel (READ). */
    alignas(64) _Atomic uint64_t capture_head; /* slots written */
    _Atomic uint64_t capture_dropped;          /* slots overwritten before the engine had read them */
    _Atomic uint32_t read_pauses;              /* 1: the channel is not read for a while after a pause of the caller's,
                                                * so that audio between two frames may be missing; 0: it is only late */

    /* Writer: the engine. */
    alignas(64) _Atomic uint64_t capture_tail; /* slots read */

    /* Writer: the media thread that writes the channel (WRITE_REPLACE). */
    alignas(64) _Atomic uint64_t playback_tail; /* samples taken, played or skipped */
    _Atomic uint64_t played_samples;            /* samples that the channel really sent */
    _Atomic uint64_t cut_at;                    /* position where the last discard took effect: nothing from here on was heard */
    _Atomic uint64_t cut_until;                 /* discard_until of that discard; tells which one it answers */
    _Atomic uint64_t underruns;                 /* frames that ran short while EXPECTING was set */
    _Atomic uint64_t underrun_samples;
    _Atomic uint64_t write_frames;  /* WRITE_REPLACE callbacks: does the channel send at all? */
    _Atomic uint64_t write_time_ns; /* CLOCK_MONOTONIC of the last one */
    _Atomic uint64_t faults;        /* positions of the engine that made no sense */
    _Atomic uint32_t write_rate;    /* Hz, of the last frame written; the engine resamples to it */
    _Atomic uint64_t played_head;   /* slots written */
    _Atomic uint64_t played_dropped; /* slots overwritten before the engine had read them */

    /* Writer: the engine. */
    alignas(64) _Atomic uint64_t playback_head; /* samples written */
    _Atomic uint64_t discard_until;             /* barge-in: the media thread skips to here on its next frame */
    _Atomic uint32_t playback_rate;             /* Hz, of the samples from discard_until on */
    _Atomic uint32_t control;                   /* enum stream_control */
    _Atomic uint64_t engine_words[4];           /* the engine's own, kept for a restarted engine */
    _Atomic uint64_t played_tail;               /* slots read */
};

_Static_assert(sizeof(struct stream_memory) <= STREAM_MEMORY_HEADER_BYTES, "header page");

/* One frame of the caller's or the agent's audio, or a part of one that is larger than a slot. */
struct audio_slot {
    _Atomic uint64_t sequence; /* 2 * position + 1 while written, + 2 when complete */
    uint64_t time_ns;          /* CLOCK_MONOTONIC when the frame was read from the channel, or written to it */
    uint32_t rate;             /* Hz */
    uint16_t channels;         /* 1, or 2 interleaved */
    uint16_t bytes;            /* of pcm16 that follow */
    uint64_t frame;            /* which frame of the channel this belongs to, in its direction; parts share a number */
    unsigned char pcm[];
};

#define SLOT_HEADER_BYTES ((uint32_t)offsetof(struct audio_slot, pcm))

#endif
