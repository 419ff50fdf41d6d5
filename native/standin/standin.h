/*
 * standin.h -- the stand-in switch, as its driver in Python sees it.
 *
 * These and the functions of abi.h are all that the library shows: it is loaded for all to see, and must not come
 * between a module and the module's own functions.
 *
 * All functions may be called from any thread. Texts are UTF-8. A returned `char *` or handle is the caller's, to be
 * freed with the function that is named.
 */
#ifndef STANDIN_H
#define STANDIN_H

#include "call.h"
#include "event.h"
#include "histogram.h"
#include "log.h"

#pragma GCC visibility push(default)

/* The module. NULL: done; else why not, to be freed with standin_free. */
char *standin_load(const char *path);
char *standin_unload(int force);
/* What the command printed, to be freed with standin_free. */
char *standin_api(const char *name, const char *arguments);
/* 1: done, 0: no such application, CALL_GONE. */
int standin_application(struct call *call, const char *name, const char *data);
void standin_free(void *memory);

/* Settings. A NULL value takes it away. */
void standin_set_config(const char *name, const char *value);
void standin_set_global(const char *name, const char *value);
/* NULL past the end; to be freed with standin_free. */
char *standin_completion(size_t index);

/* Calls; to be freed with standin_call_free, after the hangup. NULL: the uuid is taken. */
struct call *standin_call_new(const char *uuid, int state, int fail_pre_answer, const struct media_format *read_format,
                              const struct media_format *write_format, size_t sent_limit);
void standin_call_free(struct call *call);
void standin_call_hangup(struct call *call);
int standin_call_step(struct call *call, const void *pcm_in, uint32_t in_bytes, const void *channel_audio,
                      uint32_t channel_bytes, void *sent);
/* 0, or CALL_GONE. */
int standin_call_set_formats(struct call *call, const struct media_format *read_format,
                             const struct media_format *write_format, int same_writer);
/* As another module's bug, that could replace frames and is gone, leaves what writes to the channel. */
void standin_call_relabel_writer(struct call *call);
int standin_call_set_variable(struct call *call, const char *name, const char *value);
/* NULL: not set, or hung up; to be freed with standin_free. */
char *standin_call_variable(struct call *call, const char *name);
/* The call is one that the switch has placed; not negotiated: its codecs are not set yet. Before it is used. */
void standin_call_place(struct call *call, int negotiated);
int standin_call_negotiate(struct call *call);
int standin_call_answer(struct call *call);
/* Asks the running application to end: uuid_break, or a transfer. */
int standin_call_end_application(struct call *call, int transfer);
/* The same, or a hangup, but as soon as a media bug is on the channel: before whoever adds it can do anything more. */
int standin_call_leave_when_tapped(struct call *call, int transfer);
/* enum hold: from the next step on. 0, or CALL_GONE. */
int standin_call_hold(struct call *call, int hold);
/* Returns how many digits wait for an application to take them. */
int standin_call_dial(struct call *call, const char *digits, uint32_t duration_ms, int source);
int standin_call_bug_count(struct call *call);
/* enum channel_state; CHANNEL_HANGUP once hung up. */
int standin_call_state(struct call *call);
void standin_call_feed(struct call *call, int channel_side, const void *pcm, size_t bytes, int loop);
/* Behind what the caller was given to say. Returns how many bytes of that were left. */
size_t standin_call_feed_more(struct call *call, const void *pcm, size_t bytes);
void standin_call_set_sends(struct call *call, int sends);
size_t standin_call_sent_bytes(struct call *call);
size_t standin_call_take_sent(struct call *call, void *to, size_t room);
uint64_t standin_call_sent_dropped(struct call *call);
uint64_t standin_call_steps(struct call *call);
int standin_call_wait_steps(struct call *call, uint64_t steps, uint64_t timeout_ns);
uint64_t standin_call_late_max_ns(struct call *call);
uint64_t standin_call_skipped(struct call *call);

/* The real clock. 0: it runs already. */
int standin_clock_run(unsigned threads);
void standin_clock_add(struct call *call);
void standin_clock_halt(void);

/* Events: NULL after the timeout; to be freed with standin_event_free. */
struct event *standin_event_take(const char *subclass, const char *uuid, uint64_t timeout_ns);
void standin_event_free(struct event *event);
const char *standin_event_subclass(const struct event *event);
const char *standin_event_body(const struct event *event);
uint64_t standin_event_time_ns(const struct event *event);
/* False past the end. */
int standin_event_header(const struct event *event, size_t index, const char **name, const char **value);
uint64_t standin_events_dropped(void);

/* Log lines: NULL when there are no more; to be freed with standin_log_free. */
struct log_entry *standin_log_take(void);
void standin_log_free(struct log_entry *entry);

/* Times: 0 READ, 1 WRITE_REPLACE, 2 lateness. `buckets` has HISTOGRAM_BUCKETS entries. */
void standin_times(int which, uint64_t *count, uint64_t *sum_ns, uint64_t *max_ns, uint64_t *buckets);
void standin_times_reset(void);

#pragma GCC visibility pop

#endif
