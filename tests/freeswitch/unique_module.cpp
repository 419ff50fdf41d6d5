// A C++ module of the same name, which stays in memory after it is unloaded.
//
// The static of an inline function is one object for all libraries of a process. Its symbol is STB_GNU_UNIQUE, and the
// loader never lets go of a library that such a symbol was bound to.
extern "C" {
#include "abi.h"
}

inline int &calls()
{
    static int count;
    return count;
}

static switch_status_t reply(const char *, switch_core_session_t *, switch_stream_handle_t *stream)
{
    stream->write_function(stream, "the C++ module, asked %d times\n", ++calls());
    return SWITCH_STATUS_SUCCESS;
}

static switch_status_t load(switch_loadable_module_interface_t **module, switch_memory_pool_t *pool)
{
    *module = switch_loadable_module_create_module_interface(pool, "mod_openai_audio_stream");
    auto *api = static_cast<switch_api_interface_t *>(
        switch_loadable_module_create_interface(*module, SWITCH_API_INTERFACE));
    api->interface_name = "uuid_openai_audio_stream";
    api->desc = "what was there before";
    api->syntax = "";
    api->function = reply;
    return SWITCH_STATUS_SUCCESS;
}

static switch_status_t shutdown() { return SWITCH_STATUS_SUCCESS; }

extern "C" {
switch_loadable_module_function_table_t mod_openai_audio_stream_module_interface = {
    SWITCH_API_VERSION, load, shutdown, nullptr, 0};
}
