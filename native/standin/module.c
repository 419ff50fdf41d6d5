#include "module.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define INTERFACES_MAX 16u
#define FORCED_UNLOAD_WAIT_S 10
#define STATUS_NOUNLOAD ((switch_status_t)16)

struct module_interface {
    struct pool *pool;
    switch_api_interface_t *apis[INTERFACES_MAX];
    switch_application_interface_t *applications[INTERFACES_MAX];
    unsigned api_count;
    unsigned application_count;
};

/* Shared: one of the module's functions runs. Exclusive: it is unloaded. */
static pthread_rwlock_t module_lock = PTHREAD_RWLOCK_INITIALIZER;
/* One load or unload at a time; guards the next three. */
static pthread_mutex_t change_lock = PTHREAD_MUTEX_INITIALIZER;
static void *library; /* NULL when none is loaded */
static switch_loadable_module_function_table_t *functions;
static struct pool *module_pool;
/* Held only to look, as a module that is being unloaded may have threads that look. */
static pthread_mutex_t offer_lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by it. As in FreeSWITCH from the end of `load` to the beginning of `shutdown`, else NULL. */
static struct module_interface *offered;

/* The handle is as good as our own struct: a module only hands it back. */
switch_loadable_module_interface_t *switch_loadable_module_create_module_interface(switch_memory_pool_t *pool,
                                                                                   const char *name)
{
    struct module_interface *created = pool_alloc((struct pool *)pool, sizeof(*created));

    (void)name;
    created->pool = (struct pool *)pool;
    return (switch_loadable_module_interface_t *)created;
}

void *switch_loadable_module_create_interface(switch_loadable_module_interface_t *handle,
                                              switch_module_interface_name_t kind)
{
    struct module_interface *module = (struct module_interface *)handle;

    if (kind == SWITCH_API_INTERFACE && module->api_count < INTERFACES_MAX) {
        return module->apis[module->api_count++] = pool_alloc(module->pool, sizeof(switch_api_interface_t));
    }
    if (kind == SWITCH_APPLICATION_INTERFACE && module->application_count < INTERFACES_MAX) {
        return module->applications[module->application_count++] =
                   pool_alloc(module->pool, sizeof(switch_application_interface_t));
    }
    return NULL;
}

static const char *module_symbol(const char *path, char *symbol, size_t room)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = strstr(name, ".so");

    snprintf(symbol, room, "%.*s_module_interface", dot != NULL ? (int)(dot - name) : (int)strlen(name), name);
    return symbol;
}

static void module_offer(struct module_interface *interface)
{
    pthread_mutex_lock(&offer_lock);
    offered = interface;
    pthread_mutex_unlock(&offer_lock);
}

static const char *module_start(void *opened, const char *path)
{
    char symbol[256];
    switch_loadable_module_function_table_t *table = dlsym(opened, module_symbol(path, symbol, sizeof(symbol)));
    switch_loadable_module_interface_t *created = NULL;

    if (table == NULL) {
        return "The module has no function table";
    }
    if (table->switch_api_version != SWITCH_API_VERSION || table->load == NULL) {
        return "The module is for another API version";
    }
    module_pool = pool_new();
    if (table->load(&created, (switch_memory_pool_t *)module_pool) != SWITCH_STATUS_SUCCESS || created == NULL) {
        pool_free(module_pool);
        return "The module's load function failed";
    }
    functions = table;
    library = opened;
    module_offer((struct module_interface *)created);
    return NULL;
}

const char *module_load(const char *path)
{
    const char *why = "A module is loaded already";

    pthread_mutex_lock(&change_lock);
    if (library == NULL) {
        void *opened = dlopen(path, RTLD_NOW | RTLD_LOCAL);

        why = opened == NULL ? dlerror() : NULL;
        if (opened != NULL) {
            why = module_start(opened, path);
            if (why != NULL) {
                dlclose(opened);
            }
        }
    }
    pthread_mutex_unlock(&change_lock);
    return why;
}

static const char *module_stop(void)
{
    module_offer(NULL);
    if (functions->shutdown != NULL && functions->shutdown() == STATUS_NOUNLOAD) {
        return "The module does not let itself be unloaded";
    }
    dlclose(library);
    library = NULL;
    functions = NULL;
    pool_free(module_pool);
    return NULL;
}

/* Forced, FreeSWITCH waits a while for the functions that run, and then goes on all the same. */
static bool module_lock_users_out(bool force)
{
    struct timespec deadline;

    if (!force) {
        return pthread_rwlock_trywrlock(&module_lock) == 0;
    }
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += FORCED_UNLOAD_WAIT_S;
    return pthread_rwlock_timedwrlock(&module_lock, &deadline) == 0;
}

const char *module_unload(bool force)
{
    const char *why;
    bool locked;

    pthread_mutex_lock(&change_lock);
    locked = module_lock_users_out(force);
    if (library == NULL) {
        why = "No module is loaded";
    } else if (!locked && !force) {
        why = "Module in use.";
    } else {
        why = module_stop();
    }
    if (locked) {
        pthread_rwlock_unlock(&module_lock);
    }
    pthread_mutex_unlock(&change_lock);
    return why;
}

/* What an API command prints to; the module sees the leading part. */
struct text_stream {
    switch_stream_handle_t base;
    char *text;
    size_t bytes;
};

static switch_status_t text_stream_write(switch_stream_handle_t *handle, const char *format, ...)
{
    struct text_stream *stream = (struct text_stream *)handle;
    va_list arguments;
    char *added;
    char *grown;
    size_t bytes;

    va_start(arguments, format);
    added = memory_vprintf(format, arguments);
    va_end(arguments);
    bytes = strlen(added);
    grown = memory_new(stream->bytes + bytes + 1);
    if (stream->text != NULL) {
        memcpy(grown, stream->text, stream->bytes);
    }
    memcpy(grown + stream->bytes, added, bytes);
    free(stream->text);
    free(added);
    stream->text = grown;
    stream->bytes += bytes;
    return SWITCH_STATUS_SUCCESS;
}

/* FreeSWITCH strips white space from both ends of what follows the command. */
static char *stripped(const char *text)
{
    const char *end;
    char *copy;

    text += strspn(text, " \t\r\n");
    end = text + strlen(text);
    while (end > text && strchr(" \t\r\n", end[-1]) != NULL) {
        end--;
    }
    copy = memory_strdup(text);
    copy[end - text] = '\0';
    return copy;
}

/* These two, under the lock: NULL if there is none of that name. */
static void *module_find_api(const char *name)
{
    for (unsigned i = 0; offered != NULL && i < offered->api_count; i++) {
        if (strcasecmp(offered->apis[i]->interface_name, name) == 0) {
            return offered->apis[i];
        }
    }
    return NULL;
}

static void *module_find_application(const char *name)
{
    for (unsigned i = 0; offered != NULL && i < offered->application_count; i++) {
        if (strcasecmp(offered->applications[i]->interface_name, name) == 0) {
            return offered->applications[i];
        }
    }
    return NULL;
}

/* What was found keeps the module from being unloaded until `module_release`. */
static void *module_use(void *(*find)(const char *name), const char *name)
{
    void *found;

    pthread_mutex_lock(&offer_lock);
    found = find(name);
    if (found != NULL && pthread_rwlock_tryrdlock(&module_lock) != 0) {
        found = NULL; /* its unloading has begun */
    }
    pthread_mutex_unlock(&offer_lock);
    return found;
}

static void module_release(void)
{
    pthread_rwlock_unlock(&module_lock);
}

switch_status_t module_api_to(const char *name, const char *arguments, switch_stream_handle_t *stream)
{
    switch_api_interface_t *api = module_use(module_find_api, name);
    switch_status_t status;
    char *given;

    if (api == NULL) {
        stream->write_function(stream, "INVALID COMMAND!\n");
        return SWITCH_STATUS_FALSE;
    }
    given = stripped(arguments);
    status = api->function(given, NULL, stream);
    if (status != SWITCH_STATUS_SUCCESS) {
        stream->write_function(stream, "COMMAND RETURNED ERROR!\n");
    }
    free(given);
    module_release();
    return status;
}

char *module_api(const char *name, const char *arguments)
{
    struct text_stream stream = {.base.write_function = text_stream_write};

    module_api_to(name, arguments, &stream.base);
    return stream.text != NULL ? stream.text : memory_strdup("");
}

bool module_has_application(const char *name)
{
    bool found;

    pthread_mutex_lock(&offer_lock);
    found = module_find_application(name) != NULL;
    pthread_mutex_unlock(&offer_lock);
    return found;
}

bool module_application(const char *name, struct session *session, const char *data)
{
    switch_application_interface_t *application = module_use(module_find_application, name);

    if (application == NULL) {
        return false;
    }
    pthread_mutex_lock(&session->thread_lock);
    /* FreeSWITCH forgets a break that nobody was there for. */
    atomic_store(&session->broken, false);
    atomic_store(&session->application, true);
    application->application_function((switch_core_session_t *)session, data);
    atomic_store(&session->application, false);
    atomic_store(&session->transferring, false);
    pthread_mutex_unlock(&session->thread_lock);
    module_release();
    return true;
}
