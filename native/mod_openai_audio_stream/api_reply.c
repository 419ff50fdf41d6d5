#define _GNU_SOURCE
#include "api_reply.h"

#include "abi.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 1024u

/* FreeSWITCH knows its leading part, and hands it back to the functions below. */
struct printed {
    switch_stream_handle_room_t stream;
    size_t limit;
    bool too_long;
};

static switch_status_t api_reply_add(switch_stream_handle_t *stream, const char *bytes, size_t size)
{
    struct printed *printed = (struct printed *)(void *)stream;

    if (size > printed->limit - stream->data_len) {
        size = printed->limit - stream->data_len;
        printed->too_long = true;
    }
    if (stream->data_len + size + 1 > stream->data_size) {
        size_t room = 2 * (stream->data_len + size + 1);
        char *grown = realloc(stream->data, room);

        if (!grown) {
            printed->too_long = true;
            return SWITCH_STATUS_MEMERR;
        }
        stream->data = grown;
        stream->data_size = room;
    }
    memcpy((char *)stream->data + stream->data_len, bytes, size);
    stream->data_len += size;
    stream->end = (char *)stream->data + stream->data_len;
    *(char *)stream->end = '\0';
    return SWITCH_STATUS_SUCCESS;
}

static switch_status_t api_reply_print(switch_stream_handle_t *stream, const char *format, ...)
{
    switch_status_t status;
    va_list arguments;
    char *text;
    int size;

    va_start(arguments, format);
    size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0) {
        return SWITCH_STATUS_MEMERR;
    }
    status = api_reply_add(stream, text, (size_t)size);
    free(text);
    return status;
}

static switch_status_t api_reply_write(switch_stream_handle_t *stream, uint8_t *bytes, switch_size_t size)
{
    return api_reply_add(stream, (const char *)bytes, size);
}

bool api_reply_get(const char *command, const char *arguments, size_t limit, struct api_reply *reply)
{
    struct printed printed = {.limit = limit};
    switch_stream_handle_t *stream = &printed.stream.handle;

    stream->write_function = api_reply_print;
    stream->raw_write_function = api_reply_write;
    stream->data = calloc(1, FIRST_ROOM);
    stream->end = stream->data;
    stream->data_size = FIRST_ROOM;
    stream->alloc_len = FIRST_ROOM;
    stream->alloc_chunk = FIRST_ROOM;
    if (!stream->data) {
        return false;
    }
    reply->ok = switch_api_execute(command, arguments, NULL, stream) == SWITCH_STATUS_SUCCESS;
    reply->too_long = printed.too_long;
    reply->text = stream->data;
    return true;
}
