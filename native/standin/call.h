/*
 * call.h -- one call as the outside drives it: what the caller says, what the channel sends, step by step.
 *
 * A call outlives its session: after the hangup its counters and what it sent can still be read.
 */
#ifndef STANDIN_CALL_H
#define STANDIN_CALL_H

#include "fifo.h"
#include "frame.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Audio that is fed frame by frame; silence after its end. */
struct source {
    unsigned char *pcm;
    size_t bytes;
    size_t position;
    bool loop;
};

struct call {
    _Atomic unsigned references; /* the driver's, and the clock's */

    pthread_mutex_t gate; /* held for a whole step; guards all below but the atomics */
    struct session *session; /* NULL once destroyed */
    struct source caller;    /* what the real clock feeds to READ */
    struct source channel;   /* what the channel would send by itself */
    bool sends;              /* false: the channel sends nothing by itself, as when parked */
    struct writer writer;    /* what sends it */
    uint64_t steps;
    uint64_t began_us, elapsed_us; /* by the switch's clock; what all steps that the driver made have taken */
    pthread_cond_t stepped; /* CLOCK_MONOTONIC */

    pthread_mutex_t sent_lock; /* guards the next two; nothing is called with it held */
    struct fifo sent;          /* what it really sent under the real clock; its limit 0: not kept */
    uint64_t sent_dropped;     /* bytes that did not fit */

    _Atomic bool clocked; /* the real clock has it; otherwise time stands still between two steps */
    _Atomic uint64_t late_max_ns;
    _Atomic uint64_t skipped; /* steps that the real clock gave up, being too late */
};

enum {
    CALL_NOTHING_SENT = -1,
    CALL_GONE = -2, /* hung up */
    CALL_BAD_FRAME = -3,
};

/* The size of the largest frame there can be: 48 kHz, 40 ms, stereo. */
#define CALL_FRAME_ROOM 8192u

struct call *call_new(struct session *session, size_t sent_limit);
struct call *call_retain(struct call *call);
void call_release(struct call *call);

/* One ptime. `pcm_in` NULL: no packet came (FreeSWITCH hands comfort noise to the bugs); `channel_audio` NULL: the
 * channel sends nothing. `sent` has CALL_FRAME_ROOM bytes. Returns the bytes sent, or one of the values above. */
int call_step(struct call *call, const void *pcm_in, uint32_t in_bytes, const void *channel_audio,
              uint32_t channel_bytes, void *sent);
/* The same, from and to the call's own buffers. Returns the step's ptime in ms, 0 when the call is gone. */
uint32_t call_step_fed(struct call *call);
/* Changing formats, between two steps; what writes to the channel goes on in the format that it has, or is begun anew.
 * False when the call is gone. */
bool call_set_formats(struct call *call, struct media_format read_format, struct media_format write_format,
                      bool same_writer);
void call_set_source(struct call *call, struct source *source, const void *pcm, size_t bytes, bool loop);
/* Behind what is left of it, which is no loop any more. Returns how much was left. */
size_t call_add_to_source(struct call *call, struct source *source, const void *pcm, size_t bytes);
/* Returns once the call has made `steps` steps in all, is gone (false), or at the deadline (false). */
bool call_wait_steps(struct call *call, uint64_t steps, uint64_t deadline_ns);
uint64_t call_steps(struct call *call);
/* Keeps what was sent under the real clock, within the bound. */
void call_keep_sent(struct call *call, const void *pcm, int bytes);
void call_hangup(struct call *call);

/* Shared lock on the session, or NULL once hung up; release with session_unlock. */
struct session *call_session(struct call *call);

#pragma GCC visibility pop

#endif
