/*
 * session.h -- a session and its channel.
 *
 * A session lives in a pool of its own and dies with it, so that whoever uses it without holding its lock is seen by a
 * sanitizer. The lock order is FreeSWITCH's: table, session (shared), codec, bugs, a bug's buffer.
 */
#ifndef STANDIN_SESSION_H
#define STANDIN_SESSION_H

#include "switch.h"
#include "headers.h"
#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct bug;
struct call;
struct event;

enum channel_state {
    CHANNEL_RINGING, /* no media yet */
    CHANNEL_EARLY,   /* early media */
    CHANNEL_ANSWERED,
    CHANNEL_HANGUP, /* no new reader gets in; bugs are closed by the session's own thread */
};

enum leaving { LEAVES_NOT, LEAVES_BY_TRANSFER, LEAVES_BY_HANGUP };

/* One direction of the media, as a codec would describe it. */
struct media_format {
    uint32_t rate; /* Hz */
    uint32_t ptime_ms;
    uint32_t channels;
};

struct private_value {
    struct private_value *next;
    const char *key;
    const void *value;
};

struct session {
    struct session *next; /* guarded by the table's lock */
    struct pool *pool;
    const char *uuid;
    const char *name;
    struct call *call; /* outlives the session; constant once it has one */
    bool fail_pre_answer; /* constant */
    _Atomic bool outbound;   /* the switch has placed the call */
    _Atomic bool negotiated; /* the codecs are set; a channel can be answered before */

    pthread_rwlock_t rwlock;     /* shared: located; exclusive: about to be destroyed */
    pthread_mutex_t thread_lock; /* held by whoever plays the session's own thread: an application, the hangup */
    _Atomic int state;           /* enum channel_state */
    _Atomic bool early;    /* stays so when answered, and in hangup */
    _Atomic bool answered; /* stays so in hangup */
    _Atomic bool transferring;   /* the running application is to end, the channel goes on */
    _Atomic bool broken;         /* the same, by uuid_break; taken by the application */
    _Atomic int leaves_when_tapped; /* what happens to the channel as the next bug is added: enum leaving */
    _Atomic bool application;    /* one runs: it is what writes to the channel */
    _Atomic unsigned digits;     /* dialled, and not yet taken by an application */

    pthread_mutex_t digit_lock; /* held while a digit is told; guards the hook */
    switch_recv_dtmf_hook_t digit_hook;
    pthread_mutex_t queue_lock; /* guards the next two; nothing is called with it held */
    struct event *queue;        /* of what the session's thread is to do in between */
    unsigned queue_length;

    /* On hold: as the call counts; by the switch, which takes and gives no frames; by the caller, whose packets of the
     * RTP session are not sent. */
    _Atomic bool held;
    _Atomic bool suspended;
    struct rtp {
        _Atomic bool paused;
    } rtp;
    _Atomic bool ending; /* somebody plays session_end */
    _Atomic bool destroyed;

    pthread_mutex_t profile_lock; /* recursive; guards variables and privates */
    switch_event_t variables;
    struct private_value *privates;

    pthread_mutex_t codec_read_lock;  /* held during the read half of a step */
    pthread_mutex_t codec_write_lock; /* held during the write half */
    pthread_mutex_t format_lock;      /* guards the two formats; nothing is called with it held */
    struct media_format read_format;
    struct media_format write_format;

    pthread_rwlock_t bug_rwlock; /* guards the list of bugs; shared during callbacks */
    struct bug *_Atomic bugs;
};

/* FreeSWITCH's mutexes of a session are nested ones. */
void mutex_init_recursive(pthread_mutex_t *mutex);

/* Readable by API threads at once; NULL if there is one of this name. */
struct session *session_new(const char *uuid, enum channel_state state, bool fail_pre_answer,
                            struct media_format read_format, struct media_format write_format);

/* With a shared lock on it; NULL if there is none of this name, or it is being hung up. */
struct session *session_locate(const char *uuid);
void session_unlock(struct session *session);

bool session_media_ready(struct session *session);
/* Brings a ringing channel to early media. False when there is no media then. */
bool session_pre_answer(struct session *session);
/* False when it is too late. */
bool session_answer(struct session *session);
/* Who puts a channel on hold: the caller, by a re-INVITE, or the switch, by uuid_hold. Only an answered one can be. */
enum hold { HOLD_NONE, HOLD_BY_CALLER, HOLD_BY_SWITCH };
void session_set_hold(struct session *session, enum hold hold);
/* The switch itself takes it off hold as it goes elsewhere; the caller's phone has not, and gets no packets. */
void session_forget_hold(struct session *session);
/* Whether frames are read from the channel, and given to the media bugs that tap it. */
bool session_is_read(struct session *session);
/* Marks the end only; the rest is session_end's (session_end.h). */
void session_mark_hangup(struct session *session);

struct media_format session_read_format(struct session *session);
struct media_format session_write_format(struct session *session);
/* Stays the same through changes of the format, as in FreeSWITCH. All there is to it is its address. */
switch_codec_t *session_write_codec(struct session *session);
void session_set_formats(struct session *session, struct media_format read_format, struct media_format write_format);
/* Of decoded pcm16 in one frame. */
uint32_t media_format_bytes(struct media_format format);

/* What a module, or the switch itself, finds again under this key. */
void session_set_private(struct session *session, const char *key, const void *value);

/* Off the table. */
void session_forget(struct session *session);
void session_free(struct session *session);

#pragma GCC visibility pop

#endif
