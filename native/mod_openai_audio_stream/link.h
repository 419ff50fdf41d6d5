/*
 * link.h -- the connection of one channel to the engine.
 *
 * Threads: any thread that runs a command *claims* the link, and is then its only connecter and the only one that
 * waits for replies. The service thread alone reads the socket and closes it. Anyone may send.
 *
 * `lock` is held for moments only, never across a FreeSWITCH call or anything that can block, and never taken in a
 * media callback. Order: the registry's lock (links.h) before this one.
 */
#ifndef MODULE_LINK_H
#define MODULE_LINK_H

#include "abi.h"
#include "outbox.h"
#include "wire.h"

#include <pthread.h>
#include <stdatomic.h>

struct stream;

/* What the engine sent. A NUL follows the body: FreeSWITCH's printf measures a "%.*s" to its end before it cuts. */
struct message {
    struct message *next;
    struct wire_header header;
    unsigned char body[];
};

struct link {
    atomic_uint references; /* the registry's, and one for each command and each stream */
    char uuid[WIRE_UUID_LIMIT + 1];

    pthread_mutex_t lock;
    pthread_cond_t changed; /* claimed, gone, inbox, lost, cancelled */
    bool claimed;
    bool gone;      /* off the registry: take a new one */
    bool cancelled; /* the module is being unloaded: whoever waits gives up */
    int fd;         /* -1: not connected. Set by the claimer, closed by the service thread */
    struct outbox outbox;
    bool wants_write;
    uint32_t request;    /* number of the last command */
    uint32_t waiting;    /* the command whose messages go to `inbox`, 0 for none */
    bool unanswered;     /* no REPLY to `request` has been read: an IDLE that comes now is older than the command */
    bool lost;           /* the connection ended under the waiting command */
    bool idle;           /* IDLE was read, and nothing was asked since */
    uint64_t quiet_since_ms;
    uint64_t lost_ms; /* when the last connection ended */
    struct message *inbox;
    struct stream *streams;
    unsigned late; /* streams to be opened once the channel has media (late_open.c) */
    unsigned executing;  /* what the engine has asked for and has no DONE yet (execution.c) */
    uint32_t connection; /* how many there have been: a DONE is for the engine that asked */
    bool on_hold;   /* the channel is, as the engine has been told */
    bool suspended; /* by the switch: nobody reads what the caller sends */
    unsigned holds_noted; /* how often the two were looked at (hold.c) */
    switch_event_t *template; /* the channel's data when its first stream started; set once, then constant */

    unsigned char *received; /* the service thread's: bytes that are no whole message yet */
    size_t received_bytes;
    size_t received_room;

    unsigned running; /* of `executing`, those that a thread is at; guarded by the executor's lock */

    struct link *next; /* guarded by the registry's lock */
};

struct link *link_create(const char *uuid); /* with one reference; NULL: out of memory */
struct link *link_reference(struct link *link);
void link_unreference(struct link *link);

/* Claiming: one command at a time on a channel, and no lock held while it runs. */
enum link_claim { LINK_CLAIMED, LINK_GONE, LINK_BUSY };
enum link_claim link_claim(struct link *link, uint64_t deadline_ms); /* a past deadline: don't wait */
void link_release(struct link *link);

/* The claimer's: connect if need be, then say HELLO and what `greet` adds to the outbox, under the lock. False: the engine
 * can't be reached, or, as errno says, it is descriptors that are wanting. */
typedef bool (*link_greeting)(struct link *link);
bool link_connect(struct link *link, const char *path, uint64_t deadline_ms, link_greeting greet);
/* The claimer's: the number of a new command, whose messages are kept for link_wait from now on. */
uint32_t link_begin(struct link *link);
enum link_answer { LINK_MESSAGE, LINK_LOST, LINK_TIMEOUT, LINK_CANCELLED };
enum link_answer link_wait(struct link *link, uint64_t deadline_ms, struct message **message);
/* Returns messages that came too late for link_wait, to be freed with message_free. */
struct message *link_end(struct link *link);
void link_cancel(struct link *link);

/* Takes the buffer and the descriptor (or -1) over. False: not connected, or the engine has stopped reading. */
bool link_send(struct link *link, struct wire_buffer *message, int descriptor);
bool link_post(struct link *link, struct wire_buffer *message, int descriptor); /* the same, under the lock */
void link_flush(struct link *link);

/* The service thread's. receive: messages for no waiting command go to `handle`. False: the connection is over. */
typedef void (*link_handle)(struct link *link, const struct message *message);
bool link_receive(struct link *link, link_handle handle);
/* Close what has ended; the streams stay. */
void link_disconnect(struct link *link);

/* What the engine asks of FreeSWITCH: counted from EXECUTE to DONE. begin: the connection that `end` wants; 0: so many
 * are not answered yet. end: takes the message over, and sends it if the connection is the same. */
uint32_t link_begin_execution(struct link *link, unsigned limit);
void link_end_execution(struct link *link, uint32_t connection, struct wire_buffer *done);
bool link_is_executing(struct link *link);
bool link_is_connected(struct link *link);

void link_count_late(struct link *link, int change); /* a link with late streams is not dropped */

void message_free(struct message *messages);

#endif
