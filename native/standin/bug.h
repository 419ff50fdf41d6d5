/*
 * bug.h -- media bugs: the taps that a module puts on a session.
 */
#ifndef STANDIN_BUG_H
#define STANDIN_BUG_H

#include "fifo.h"
#include "session.h"

#pragma GCC visibility push(hidden)

/* A bug's buffers hold this many bytes; what does not fit is lost, as in FreeSWITCH. */
#define BUG_BUFFER_BYTES (1024u * 512u)

/* What the stand-in mirrors; a bug with any other flag is refused. */
#define BUG_FLAGS \
    ((uint32_t)(SMBF_READ_STREAM | SMBF_WRITE_STREAM | SMBF_WRITE_REPLACE | SMBF_STEREO | SMBF_NO_PAUSE | SMBF_FIRST))
/* FreeSWITCH's own mark of a bug to be taken off. */
#define BUG_PRUNE (1u << 9)

struct bug {
    struct bug *next; /* guarded by the session's bug_rwlock */
    struct session *session;
    switch_media_bug_callback_t callback;
    void *user_data;
    time_t stop_time;
    _Atomic uint32_t flags;
    _Atomic bool ready;

    pthread_mutex_t read_lock; /* recursive; held during READ; guards read_buffer */
    struct fifo read_buffer;
    pthread_mutex_t write_lock; /* recursive; guards write_buffer */
    struct fifo write_buffer;

    /* The media thread's, during a WRITE_REPLACE callback. */
    switch_frame_t *write_replace_in;
    switch_frame_t *write_replace_out;
};

static inline bool bug_has(const struct bug *bug, uint32_t flag)
{
    return (atomic_load_explicit(&bug->flags, memory_order_relaxed) & flag) != 0;
}

/* All bugs, CLOSE called with the session's bug_rwlock held exclusively: the hangup. */
void bug_remove_all(struct session *session);
/* Those that a callback asked to be taken off, CLOSE called without a lock. */
void bug_prune(struct session *session);
/* Those not to be pruned. */
unsigned bug_count(struct session *session);

#pragma GCC visibility pop

#endif
