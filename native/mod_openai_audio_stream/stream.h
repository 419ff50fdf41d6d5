/*
 * stream.h -- one stream: a media bug on the channel, and the memory it shares with the engine.
 *
 * Life: created and opened by the thread of the starting command; the media thread then works on the rings alone.
 * However it ends (stop, hangup, unload, a dead engine), FreeSWITCH calls back with CLOSE exactly once; that hands the
 * stream to the service thread, which says CLOSED and lets it go.
 */
#ifndef MODULE_STREAM_H
#define MODULE_STREAM_H

#include "abi.h"
#include "capture_ring.h"
#include "link.h"
#include "playback_ring.h"
#include "played_ring.h"

#define STREAM_NAME_LIMIT 64u
#define STREAM_PCM_LIMIT 8192u /* bytes of one frame; FreeSWITCH's own largest packet */
#define STREAM_CAPTURE_SLOTS 64u
#define STREAM_PLAYBACK_SAMPLES_MIN 8192u
#define STREAM_PLAYBACK_SAMPLES_MAX 32768u
#define STREAM_PLAYED_SLOTS 64u
#define STREAM_KEPT_LIMIT (2u * 1024 * 1024)

enum stream_capture { CAPTURE_NONE, CAPTURE_MONO, CAPTURE_MIXED, CAPTURE_STEREO };

/*
 * The frame that goes out in place of the channel's own. In the session's memory, because FreeSWITCH goes on with it
 * after the callback, when the stream may be gone already; one a channel, because only one stream plays, and
 * guarded by FreeSWITCH, which writes one frame at a time.
 */
struct stream_playout {
    switch_frame_room_t frame;
    int16_t pcm[STREAM_PCM_LIMIT / sizeof(int16_t)];
};

/* What the media thread that writes the channel works on: two lines are all that a frame touches. */
struct stream_writes {
    struct playback_ring playback;
    switch_core_session_t *session; /* constant; for callbacks alone, since the stream may outlive both */
    switch_channel_t *channel;
    struct stream_playout *playout; /* constant once open */
    /* The second is also read by the lookout. */
    alignas(64) _Atomic uint64_t channel_write_ns; /* CLOCK_MONOTONIC of the channel's own last frame, not the
                                                    * writer's; or of the opening */
    _Atomic uint64_t channel_frames;               /* how many there have been */
    bool writing;                /* guarded by the session's codec write lock: the frame is the writer's */
    bool recording;              /* constant: the engine wants to know what was played */
    atomic_bool on_hold;         /* of hold.c: the channel reads and sends nothing */
    _Atomic(switch_rtp_t *) rtp; /* of hold.c: the channel's, NULL where it has none */
    struct slot_ring played;
};

/* Of the media thread that reads it. */
struct stream_reads {
    struct slot_ring capture;
    switch_frame_room_t frame;
    /* FreeSWITCH interleaves two directions here without asking for room. Last, and most of it never used: what no
     * frame needs takes no memory. */
    unsigned char pcm[2 * STREAM_PCM_LIMIT];
};

/* Of the link's list, under the link's lock (link_streams.c). */
struct stream_listed {
    struct stream *next;
    bool opened;             /* OPENED is said */
    struct wire_buffer kept; /* fields: what the engine wants the one after it to be told */
};

/* Of the lookout. */
struct stream_looked_at {
    struct stream *next; /* of whoever adds it, then the lookout's (lookout.c) */
    /* Of writer.c, which gives a channel that sends nothing something to replace. */
    bool written_for;         /* there is a thread for it, to be joined */
    pthread_t writer;         /* then */
    atomic_bool writer_ended; /* then: it does nothing more */
};

/* Of the service thread. */
struct stream_service {
    struct stream *next; /* of the closed streams (closed_streams.c) */
};

struct stream {
    atomic_uint references; /* the media bug's, the lists' of the link and of lookout.c, and of each thread at work */

    /* Constant once open. */
    struct link *link;
    uint32_t id;
    char name[STREAM_NAME_LIMIT + 1];
    enum stream_capture capturing;
    bool playing;
    int descriptor;
    struct stream_memory *memory;
    size_t memory_bytes;
    switch_media_bug_t *bug;
    struct wire_buffer resume; /* fields: those of the command and of OPENED, for a restarted engine */

    atomic_bool closed;         /* CLOSE has come */
    atomic_bool removing;       /* we asked for it */
    atomic_uint remove_request; /* the command that asked */
    _Atomic(char *) failure;    /* why the engine ended it, where that is a failure: for the application; set once */

    struct stream_listed listed;
    struct stream_service service;
    struct stream_looked_at looked_at;
    alignas(64) struct stream_writes writes;
    alignas(64) struct stream_reads reads;
};

struct stream *stream_reference(struct stream *stream);
void stream_unreference(struct stream *stream);

/* A new one, with a reference, for an OPEN. NULL: no memory. */
struct stream *stream_create(struct link *link, const struct message *open);
/* Before the stream is removed. Empty: it has not failed. */
void stream_note_failure(struct stream *stream, struct wire_value reason);
/* Carries out a CLOSE, `request` 0 for none. CLOSED follows from the CLOSE callback. Never under a lock of ours. */
void stream_remove(struct stream *stream, uint32_t request);
/* How many have not been let go. */
unsigned stream_count(void);

/* A descriptor of the memory for somebody else to close. -1: there is none left, as errno says. */
int stream_own_descriptor(const struct stream *stream);
/* Whether the last failure, as errno has it, was a lack of descriptors. */
bool stream_lacks_descriptors(void);
void stream_send_open_failed(struct link *link, const struct message *open, const char *reason);
void stream_resume_message(const struct stream *stream, struct wire_buffer *message);
/* Carries out a KEEP, in place of the one before it. More than STREAM_KEPT_LIMIT is not kept. */
void stream_keep(struct stream *stream, const struct message *keep);
void stream_closed_message(struct stream *stream, struct wire_buffer *message);

#endif
