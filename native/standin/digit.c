/* Digits that a caller keys in, and what modules call to hear of them. */
#include "digit.h"

#include "call.h"

switch_status_t switch_core_event_hook_add_recv_dtmf(switch_core_session_t *handle, switch_recv_dtmf_hook_t hook)
{
    struct session *session = (struct session *)handle;
    switch_status_t status = SWITCH_STATUS_SUCCESS;

    pthread_mutex_lock(&session->digit_lock);
    if (session->digit_hook == hook) {
        status = SWITCH_STATUS_FALSE;
    }
    session->digit_hook = hook;
    pthread_mutex_unlock(&session->digit_lock);
    return status;
}

switch_status_t switch_core_event_hook_remove_recv_dtmf(switch_core_session_t *handle, switch_recv_dtmf_hook_t hook)
{
    struct session *session = (struct session *)handle;
    switch_status_t status = SWITCH_STATUS_FALSE;

    pthread_mutex_lock(&session->digit_lock);
    if (session->digit_hook == hook) {
        session->digit_hook = NULL;
        status = SWITCH_STATUS_SUCCESS;
    }
    pthread_mutex_unlock(&session->digit_lock);
    return status;
}

switch_size_t switch_channel_has_dtmf(switch_channel_t *channel)
{
    struct session *session = (struct session *)channel;

    pthread_mutex_lock(&session->digit_lock);
    pthread_mutex_unlock(&session->digit_lock);
    return atomic_load(&session->digits);
}

unsigned digit_key(struct session *session, const char *digits, uint32_t samples, switch_dtmf_source_t source)
{
    unsigned waiting = atomic_load(&session->digits);

    for (; *digits != '\0' && atomic_load(&session->state) < CHANNEL_HANGUP; digits++) {
        switch_dtmf_t dtmf = {.digit = *digits, .duration = samples, .source = source};

        pthread_mutex_lock(&session->digit_lock);
        if (session->digit_hook == NULL ||
            session->digit_hook((switch_core_session_t *)session, &dtmf, SWITCH_DTMF_RECV) == SWITCH_STATUS_SUCCESS) {
            waiting = atomic_fetch_add(&session->digits, 1) + 1;
        }
        pthread_mutex_unlock(&session->digit_lock);
    }
    return waiting;
}
