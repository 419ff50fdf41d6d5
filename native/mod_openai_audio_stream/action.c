#include "action.h"

#include "api_reply.h"
#include "queued_application.h"
#include "reasons.h"

#include <stdlib.h>

static void action_run_api(struct execution *execution)
{
    struct api_reply reply;

    if (!api_reply_get(execution->name, execution->arguments, EXECUTION_TEXT_LIMIT, &reply)) {
        execution_fail(execution, REASON_OUT_OF_MEMORY);
        return;
    }
    if (reply.too_long) {
        execution_fail(execution, REASON_REPLY_TOO_LONG); /* it has been carried out */
    } else if (reply.ok) {
        execution_succeed(execution, reply.text);
    } else {
        execution_fail(execution, reply.text);
    }
    free(reply.text);
}

static void action_get(struct execution *execution, switch_channel_t *channel)
{
    execution_succeed(execution, switch_channel_get_variable_dup(channel, execution->name, SWITCH_TRUE, -1));
}

static void action_set(struct execution *execution, switch_channel_t *channel)
{
    /* Unchecked, as the value is the engine's own: FreeSWITCH refuses some that look like variables. */
    if (switch_channel_set_variable_var_check(channel, execution->name, execution->arguments, SWITCH_FALSE) !=
        SWITCH_STATUS_SUCCESS) {
        execution_fail(execution, REASON_VARIABLE_NOT_SET);
        return;
    }
    execution_succeed(execution, NULL);
}

static void action_on_variable(struct execution *execution, void (*act)(struct execution *, switch_channel_t *))
{
    switch_core_session_t *session =
        switch_core_session_perform_locate(execution->link->uuid, __FILE_NAME__, __func__, __LINE__);

    if (!session) {
        execution_fail(execution, REASON_CHANNEL_ENDED);
        return;
    }
    act(execution, switch_core_session_get_channel(session));
    switch_core_session_rwunlock(session);
}

void action_carry_out(struct execution *execution)
{
    switch (execution->kind) {
    case EXECUTION_APPLICATION:
        queued_application_add(execution);
        break;
    case EXECUTION_API:
        action_run_api(execution);
        break;
    case EXECUTION_GET:
        action_on_variable(execution, action_get);
        break;
    case EXECUTION_SET:
        action_on_variable(execution, action_set);
        break;
    }
}
