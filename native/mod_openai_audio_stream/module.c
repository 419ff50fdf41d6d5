/*
 * module.c -- what FreeSWITCH sees: load, unload, the API commands, and the applications.
 */
#include "application.h"
#include "command.h"
#include "config.h"
#include "entrance.h"
#include "executor.h"
#include "hold.h"
#include "interface.h"
#include "log.h"
#include "lookout.h"
#include "queued_application.h"
#include "service.h"
#include "unload.h"

#include <stdio.h>
#include <string.h>

#define MODULE_NAME "mod_openai_audio_stream"
#define OPENAI_API "uuid_openai_audio_stream"
#define RAW_API "uuid_raw_audio_stream"
#define AGENT_API "uuid_openai_agent"
#define APPLICATION "openai_audio_stream"
#define AGENT_APPLICATION "openai_agent"
#define VERSION_MARK "@(#)mod_openai_realtime "

#define SYNTAX "<uuid> <verb> [argument ...]; without any of it: the usage, as the engine has it"
#define APPLICATION_SYNTAX "the arguments of the API command's start"

/* `native/__init__.py` finds it in the file, without loading it. */
static const char version[] = VERSION_MARK MODULE_VERSION;
static const struct interface_api apis[] = {{OPENAI_API, "openai"}, {RAW_API, "raw"}, {AGENT_API, "agent"}};

static switch_status_t module_openai(const char *command, switch_core_session_t *session,
                                     switch_stream_handle_t *output)
{
    (void)session; /* the channel is named in the command */
    command_run("openai", command, output);
    return SWITCH_STATUS_SUCCESS;
}

static switch_status_t module_raw(const char *command, switch_core_session_t *session, switch_stream_handle_t *output)
{
    (void)session;
    command_run("raw", command, output);
    return SWITCH_STATUS_SUCCESS;
}

static switch_status_t module_agent(const char *command, switch_core_session_t *session,
                                    switch_stream_handle_t *output)
{
    (void)session;
    command_run("agent", command, output);
    return SWITCH_STATUS_SUCCESS;
}

static bool module_offer(switch_loadable_module_interface_t *module, const char *name, const char *description,
                         switch_api_function_t function)
{
    switch_api_interface_t *api = switch_loadable_module_create_interface(module, SWITCH_API_INTERFACE);

    if (!api) {
        return false;
    }
    api->interface_name = name;
    api->desc = description;
    api->function = function;
    api->syntax = SYNTAX;
    return true;
}

static bool module_offer_application(switch_loadable_module_interface_t *module, const char *name,
                                     const char *description, switch_application_function_t function)
{
    switch_application_interface_t *application =
        switch_loadable_module_create_interface(module, SWITCH_APPLICATION_INTERFACE);

    if (!application) {
        return false;
    }
    application->interface_name = name;
    application->application_function = function;
    application->short_desc = description;
    application->long_desc = description;
    application->syntax = APPLICATION_SYNTAX;
    application->flags = SAF_SUPPORT_NOMEDIA; /* it answers */
    return true;
}

static switch_status_t module_load(switch_loadable_module_interface_t **module, switch_memory_pool_t *pool)
{
    *module = switch_loadable_module_create_module_interface(pool, MODULE_NAME);
    if (!*module ||
        !module_offer(*module, OPENAI_API, "Stream a channel's audio to a realtime endpoint", module_openai) ||
        !module_offer(*module, RAW_API, "Stream a channel's audio as binary WebSocket messages", module_raw) ||
        !module_offer(*module, AGENT_API, "Have an agent talk to a channel's caller", module_agent) ||
        !module_offer_application(*module, APPLICATION, "Talk to a realtime endpoint", application_run_stream) ||
        !module_offer_application(*module, AGENT_APPLICATION, "Have an agent talk to the caller",
                                  application_run_agent)) {
        return SWITCH_STATUS_TERM;
    }
    hold_init();
    config_read();
    interface_start(apis, sizeof(apis) / sizeof(*apis));
    executor_start();
    if (!queued_applications_start()) {
        LOG(NULL, SWITCH_LOG_ERROR, "Can't bind the events of applications");
        goto no_applications;
    }
    if (!lookout_start()) {
        LOG(NULL, SWITCH_LOG_ERROR, "Can't start the lookout's thread");
        goto no_lookout;
    }
    if (!service_start()) {
        LOG(NULL, SWITCH_LOG_ERROR, "Can't start the service thread");
        goto no_service;
    }
    entrance_open();
    LOG(NULL, SWITCH_LOG_INFO, "Version %s; the engine is expected at %s", version + strlen(VERSION_MARK),
        config_engine_socket());
    return SWITCH_STATUS_SUCCESS;

no_service:
    lookout_end();
no_lookout:
    queued_applications_end();
no_applications:
    interface_end();
    return SWITCH_STATUS_TERM;
}

static switch_status_t module_shutdown(void)
{
    if (executor_is_here()) {
        LOG(NULL, SWITCH_LOG_ERROR, "The engine can't have the module unloaded");
        return SWITCH_STATUS_NOUNLOAD;
    }
    entrance_close();
    if (!unload_run()) {
        LOG(NULL, SWITCH_LOG_CRIT, "Channels still use the module; it stays in memory until FreeSWITCH ends");
        return SWITCH_STATUS_NOUNLOAD;
    }
    interface_end();
    return SWITCH_STATUS_SUCCESS;
}

__attribute__((visibility("default"))) switch_loadable_module_function_table_t
    mod_openai_audio_stream_module_interface = {
        .switch_api_version = SWITCH_API_VERSION,
        .load = module_load,
        .shutdown = module_shutdown,
};
