#include "digits.h"

#include "link_streams.h"
#include "links.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Under this name the session keeps its digits. The number changes with the struct, as that of the playout. */
#define DIGITS_KEY "openai_audio_stream_digits_1"
#define DIGITS_ROOM 64u /* while there is no engine; what comes then is lost */
#define SAMPLES_PER_MS 8u
/* Of the channel: digits are secret, and told to nobody. */
#define SENSITIVE_VARIABLE "sensitive_dtmf"

struct digit {
    char digit;
    uint32_t samples;
    switch_dtmf_source_t source;
};

/* In the session's memory, as the hook has nothing else to go by. */
struct digits {
    _Atomic uint32_t head; /* the hook's, which a lock of the channel's keeps to one thread at a time */
    _Atomic uint32_t tail; /* the lookout's */
    _Atomic uint32_t from; /* the service thread's: those before are of a time that is over */
    struct digit digits[DIGITS_ROOM];
};

static atomic_bool digits_came; /* on any channel */

static bool digits_is_digit(char digit)
{
    return digit != '\0' && strchr("0123456789*#ABCDabcd", digit) != NULL;
}

/* As FreeSWITCH takes a variable for true. */
static bool digits_are_sensitive(switch_channel_t *channel)
{
    static const char *const yes[] = {"yes", "on", "true", "t", "enabled", "active", "allow"};
    const char *value = switch_channel_get_variable_dup(channel, SENSITIVE_VARIABLE, SWITCH_TRUE, -1);

    for (size_t i = 0; value && i < sizeof(yes) / sizeof(*yes); i++) {
        if (strcasecmp(value, yes[i]) == 0) {
            return true;
        }
    }
    return value && atoi(value) != 0;
}

static switch_status_t digits_hook(switch_core_session_t *session, const switch_dtmf_t *dtmf,
                                   switch_dtmf_direction_t direction)
{
    switch_channel_t *channel = switch_core_session_get_channel(session);
    struct digits *digits = switch_channel_get_private(channel, DIGITS_KEY);
    uint32_t head;

    if (!digits || direction != SWITCH_DTMF_RECV || !digits_is_digit(dtmf->digit) || digits_are_sensitive(channel)) {
        return SWITCH_STATUS_SUCCESS;
    }
    head = atomic_load_explicit(&digits->head, memory_order_relaxed);
    if (head - atomic_load_explicit(&digits->tail, memory_order_acquire) < DIGITS_ROOM) {
        digits->digits[head % DIGITS_ROOM] = (struct digit){dtmf->digit, dtmf->duration, dtmf->source};
        atomic_store_explicit(&digits->head, head + 1, memory_order_release);
        atomic_store(&digits_came, true);
    }
    return SWITCH_STATUS_SUCCESS;
}

bool digits_watch(switch_core_session_t *session)
{
    switch_channel_t *channel = switch_core_session_get_channel(session);
    struct digits *digits = switch_channel_get_private(channel, DIGITS_KEY);

    if (!digits) {
        digits = switch_core_perform_session_alloc(session, sizeof(*digits), __FILE_NAME__, __func__, __LINE__);
        if (!digits) {
            return false;
        }
        memset(digits, 0, sizeof(*digits));
        if (switch_channel_set_private(channel, DIGITS_KEY, digits) != SWITCH_STATUS_SUCCESS) {
            return false;
        }
    }
    switch_core_event_hook_add_recv_dtmf(session, digits_hook); /* fails if it is there already */
    return true;
}

void digits_forget(struct link *link)
{
    switch_core_session_t *session;
    switch_channel_t *channel;
    struct digits *digits;

    if (link_has_streams(link)) {
        return;
    }
    session = switch_core_session_perform_locate(link->uuid, __FILE_NAME__, __func__, __LINE__);
    if (!session) {
        return; /* FreeSWITCH tells digits of a channel that has ended to nobody */
    }
    channel = switch_core_session_get_channel(session);
    switch_core_event_hook_remove_recv_dtmf(session, digits_hook);
    /* Returns when no thread is in the hook any more. */
    switch_channel_has_dtmf(channel);
    digits = switch_channel_get_private(channel, DIGITS_KEY);
    if (digits) {
        atomic_store(&digits->from, atomic_load(&digits->head));
    }
    /* Whoever opens a stream lists it first: if that was just now, the hook may be the one that is gone. */
    if (link_has_streams(link)) {
        switch_core_event_hook_add_recv_dtmf(session, digits_hook);
    }
    switch_core_session_rwunlock(session);
}

static void digits_send_one(struct link *link, const struct digit *digit)
{
    static const char *const sources[] = {
        [SWITCH_DTMF_UNKNOWN] = "unknown",   [SWITCH_DTMF_INBAND_AUDIO] = "inband", [SWITCH_DTMF_RTP] = "rtp",
        [SWITCH_DTMF_ENDPOINT] = "endpoint", [SWITCH_DTMF_APP] = "application",
    };
    const char *source = digit->source < sizeof(sources) / sizeof(*sources) ? sources[digit->source] : sources[0];
    char text[2] = {digit->digit, '\0'};
    struct wire_buffer dtmf;

    wire_begin(&dtmf, WIRE_DTMF, 0, 0);
    wire_text(&dtmf, "digit", text);
    wire_number(&dtmf, "duration_ms", digit->samples / SAMPLES_PER_MS);
    wire_text(&dtmf, "source", source);
    link_send(link, &dtmf, -1);
}

/* False: there are some, and no engine. */
static bool digits_send_of(struct link *link, switch_channel_t *channel)
{
    struct digits *digits = switch_channel_get_private(channel, DIGITS_KEY);
    uint32_t head, tail, from;

    if (!digits) {
        return true;
    }
    tail = atomic_load_explicit(&digits->tail, memory_order_relaxed);
    from = atomic_load(&digits->from);
    head = atomic_load_explicit(&digits->head, memory_order_acquire);
    if ((int32_t)(from - tail) > 0) {
        tail = from;
    }
    if (head != tail && !link_is_connected(link)) {
        return false;
    }
    for (; tail != head; tail++) {
        digits_send_one(link, &digits->digits[tail % DIGITS_ROOM]);
    }
    atomic_store_explicit(&digits->tail, head, memory_order_release);
    return true;
}

void digits_send(void)
{
    struct link **links;
    size_t count;

    if (!atomic_load_explicit(&digits_came, memory_order_relaxed) || !atomic_exchange(&digits_came, false)) {
        return;
    }
    links = links_all(&count);
    for (size_t i = 0; i < count; i++) {
        switch_core_session_t *session =
            switch_core_session_perform_locate(links[i]->uuid, __FILE_NAME__, __func__, __LINE__);

        if (session) {
            if (!digits_send_of(links[i], switch_core_session_get_channel(session))) {
                atomic_store(&digits_came, true); /* for later */
            }
            switch_core_session_rwunlock(session);
        }
        link_unreference(links[i]);
    }
    free(links);
}
