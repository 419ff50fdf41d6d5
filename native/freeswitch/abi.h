/*
 * abi.h -- the slice of FreeSWITCH's module ABI that this module uses, in our own declarations.
 *
 * With it the module builds where FreeSWITCH's headers are not. Only what does not differ from FreeSWITCH 1.8 to 1.11
 * is declared: opaque pointers, the leading fields of a few structs, and the numbers of the enumerators in use (the
 * enumerations themselves have more members). The module never takes the size of a struct that FreeSWITCH allocates,
 * and gives those that FreeSWITCH fills more room than any version needs.
 *
 * abi_check.c holds the numbers against FreeSWITCH's own headers. LP64 Linux only, as asserted there.
 */
#ifndef FREESWITCH_ABI_H
#define FREESWITCH_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Opaque: only ever handled by address. */
typedef struct switch_core_session switch_core_session_t;
typedef struct switch_channel switch_channel_t;
typedef struct switch_media_bug switch_media_bug_t;
typedef struct switch_rtp switch_rtp_t;
typedef struct switch_jb_s switch_jb_t;
typedef struct switch_event_node switch_event_node_t;
typedef int64_t switch_time_t; /* microseconds */
typedef struct switch_loadable_module_interface switch_loadable_module_interface_t;
typedef struct apr_pool_t switch_memory_pool_t;
typedef struct switch_xml *switch_xml_t;
typedef struct switch_codec switch_codec_t;
typedef struct switch_codec_settings switch_codec_settings_t;

typedef size_t switch_size_t;
typedef uint8_t switch_payload_t;

typedef enum { SWITCH_FALSE = 0, SWITCH_TRUE = 1 } switch_bool_t;

typedef enum {
    SWITCH_STATUS_SUCCESS = 0,
    SWITCH_STATUS_FALSE = 1,
    SWITCH_STATUS_MEMERR = 6,
    SWITCH_STATUS_GENERR = 9,
    SWITCH_STATUS_BREAK = 11,
    SWITCH_STATUS_NOUNLOAD = 16, /* from shutdown: keep the module in memory */
    SWITCH_STATUS_TERM = 21,     /* from load: the module cannot be used */
} switch_status_t;

/* The level of a log line; the engine sends the same numbers. */
typedef enum {
    SWITCH_LOG_CONSOLE = 0,
    SWITCH_LOG_ALERT = 1,
    SWITCH_LOG_CRIT = 2,
    SWITCH_LOG_ERROR = 3,
    SWITCH_LOG_WARNING = 4,
    SWITCH_LOG_NOTICE = 5,
    SWITCH_LOG_INFO = 6,
    SWITCH_LOG_DEBUG = 7,
} switch_log_level_t;

/* With this one, switch_log_printf takes a channel's uuid as `userdata`, or NULL. */
typedef enum { SWITCH_CHANNEL_ID_LOG = 0 } switch_text_channel_t;

/* Which end of an event's headers to add to. */
typedef enum { SWITCH_STACK_BOTTOM = 1 } switch_stack_t;

typedef enum { SWITCH_EVENT_CUSTOM = 0 } switch_event_types_t;

typedef enum { SWITCH_PRIORITY_NORMAL = 0 } switch_priority_t;

/* Kinds of interface that a module can offer. */
typedef enum { SWITCH_APPLICATION_INTERFACE = 4, SWITCH_API_INTERFACE = 5 } switch_module_interface_name_t;

/* From CS_HANGUP on a channel is gone. */
typedef enum { CS_NEW = 0, CS_HANGUP = 10 } switch_channel_state_t;

/* Who placed the call, from FreeSWITCH's side. */
typedef enum { SWITCH_CALL_DIRECTION_INBOUND = 0, SWITCH_CALL_DIRECTION_OUTBOUND = 1 } switch_call_direction_t;

/* The facts of a channel's media. Of the later flags the numbers differ between versions. */
typedef enum { CF_ANSWERED = 1, CF_EARLY_MEDIA = 3, CF_HOLD = 10 } switch_channel_flag_t;

/* What a call looks like to the people in it. */
typedef enum { CCS_ACTIVE = 4, CCS_HELD = 5 } switch_channel_callstate_t;

/* Their numbers differ between versions: see hold.c. */
typedef int switch_rtp_flag_t;

typedef enum { SWITCH_MEDIA_TYPE_AUDIO = 0 } switch_media_type_t;

/* Why a media bug's callback is called. */
typedef enum {
    SWITCH_ABC_TYPE_INIT = 0,          /* inside switch_core_media_bug_add, no lock held */
    SWITCH_ABC_TYPE_READ = 1,          /* a frame was read from the channel */
    SWITCH_ABC_TYPE_WRITE = 2,         /* a frame is about to be written; only with SMBF_WRITE_STREAM */
    SWITCH_ABC_TYPE_WRITE_REPLACE = 3, /* the same, and it can be replaced */
    SWITCH_ABC_TYPE_CLOSE = 8,         /* the last call; the bug is off the channel */
} switch_abc_type_t;

typedef uint32_t switch_media_bug_flag_t;
enum {
    SMBF_READ_STREAM = 1 << 0,   /* buffer what is read, call back with READ */
    SMBF_WRITE_STREAM = 1 << 1,  /* buffer what is written; reads of the bug then mix both */
    SMBF_WRITE_REPLACE = 1 << 2, /* call back with WRITE_REPLACE */
    SMBF_STEREO = 1 << 5,        /* reads of the bug interleave both instead of mixing them */
    SMBF_NO_PAUSE = 1 << 10,     /* not silenced by switch_core_media_bug_pause */
    SMBF_FIRST = 1 << 26,        /* before the bugs that are on already; older switches (1.8) append it all the same */
};

/* One packet of audio; leading fields. `data` is pcm16 in host order inside a media bug. */
typedef struct switch_frame {
    switch_codec_t *codec;
    const char *source;
    void *packet;
    uint32_t packetlen;
    void *extra_data;
    void *data;
    uint32_t datalen; /* bytes in use */
    uint32_t buflen;  /* bytes of room */
    uint32_t samples; /* per channel; not always set by writers */
    uint32_t rate;    /* Hz; not always set by writers */
    uint32_t channels;
    switch_payload_t payload;
    uint32_t timestamp;
    uint16_t seq;
    uint32_t ssrc;
    switch_bool_t m;
    uint32_t flags;
} switch_frame_t;

/* A frame of our own, with room for all the fields that any version has. */
typedef union {
    switch_frame_t frame;
    unsigned char room[512];
} switch_frame_room_t;

/* What a codec does to a packet; leading fields. */
typedef struct switch_codec_implementation {
    int codec_type;
    switch_payload_t ianacode;
    char *iananame;
    char *fmtp;
    uint32_t samples_per_second;        /* as negotiated; 8000 for G.722 */
    uint32_t actual_samples_per_second; /* of the pcm16, Hz */
    int bits_per_second;
    int microseconds_per_packet;
    uint32_t samples_per_packet;
    uint32_t decoded_bytes_per_packet;
    uint32_t encoded_bytes_per_packet;
    uint8_t number_of_channels;
} switch_codec_implementation_t;

/* switch_core_session_get_read_impl copies the whole struct, 144 bytes in 1.11. */
typedef union {
    switch_codec_implementation_t impl;
    unsigned char room[512];
} switch_codec_implementation_room_t;

/* A codec of our own, which FreeSWITCH initializes in place; 96 bytes in 1.11. */
typedef union {
    void *align;
    unsigned char room[512];
} switch_codec_room_t;
enum { SWITCH_CODEC_FLAG_ENCODE = 1 << 0, SWITCH_CODEC_FLAG_DECODE = 1 << 1 };

typedef uint32_t switch_io_flag_t;
enum { SWITCH_IO_FLAG_NONE = 0 };

/* What FreeSWITCH calls back with while it waits on a session's thread. `input` is a digit or an event. Anything but
 * success from a callback ends the wait and is its result. */
typedef enum { SWITCH_INPUT_TYPE_DTMF = 0, SWITCH_INPUT_TYPE_EVENT = 1 } switch_input_type_t;
typedef switch_status_t (*switch_input_callback_function_t)(switch_core_session_t *session, void *input,
                                                            switch_input_type_t input_type, void *buf,
                                                            unsigned int buflen);
typedef switch_status_t (*switch_read_frame_callback_function_t)(switch_core_session_t *session,
                                                                 switch_frame_t *frame, void *user_data);
typedef struct switch_ivr_dmachine switch_ivr_dmachine_t;
typedef struct {
    switch_input_callback_function_t input_callback;
    void *buf;
    uint32_t buflen;
    switch_read_frame_callback_function_t read_frame_callback;
    void *user_data; /* of read_frame_callback */
    switch_ivr_dmachine_t *dmachine;
    int loops;
} switch_input_args_t;

/* Events are made and fired by FreeSWITCH; their headers are read to walk over a channel's variables. */
typedef struct switch_event_header {
    char *name;
    char *value;
    char **array;
    int idx;
    unsigned long hash;
    struct switch_event_header *next;
} switch_event_header_t;

typedef struct switch_event {
    switch_event_types_t event_id;
    switch_priority_t priority;
    char *owner;
    char *subclass_name;
    switch_event_header_t *headers;
    switch_event_header_t *last_header;
    char *body;
} switch_event_t;

/* Who has bound an event is called on one of FreeSWITCH's threads that deliver them, and holds up all others. */
typedef void (*switch_event_callback_t)(switch_event_t *event);

/* A digit that was keyed in. `duration` is in samples at 8 kHz. */
typedef enum {
    SWITCH_DTMF_UNKNOWN = 0,
    SWITCH_DTMF_INBAND_AUDIO = 1,
    SWITCH_DTMF_RTP = 2,
    SWITCH_DTMF_ENDPOINT = 3, /* signalled: SIP INFO */
    SWITCH_DTMF_APP = 4,
} switch_dtmf_source_t;
typedef enum { SWITCH_DTMF_RECV = 0 } switch_dtmf_direction_t;
typedef struct {
    char digit;
    uint32_t duration;
    int32_t flags;
    switch_dtmf_source_t source;
} switch_dtmf_t;
/* Anything but success keeps the digit from the channel. */
typedef switch_status_t (*switch_recv_dtmf_hook_t)(switch_core_session_t *session, const switch_dtmf_t *dtmf,
                                                   switch_dtmf_direction_t direction);

/* Where an API command prints its answer. Only our own are made here: `data` is never NULL then, and `param_event` is
 * FreeSWITCH's. */
typedef struct switch_stream_handle switch_stream_handle_t;
typedef uint8_t *(*switch_stream_handle_read_function_t)(switch_stream_handle_t *handle, int *len);
typedef switch_status_t (*switch_stream_handle_write_function_t)(switch_stream_handle_t *handle, const char *fmt, ...);
typedef switch_status_t (*switch_stream_handle_raw_write_function_t)(switch_stream_handle_t *handle, uint8_t *data,
                                                                     switch_size_t datalen);
struct switch_stream_handle {
    switch_stream_handle_read_function_t read_function;
    switch_stream_handle_write_function_t write_function;
    switch_stream_handle_raw_write_function_t raw_write_function;
    void *data;
    void *end;
    switch_size_t data_size;
    switch_size_t data_len;
    switch_size_t alloc_len;
    switch_size_t alloc_chunk;
    switch_event_t *param_event;
};
/* With room for the fields that a later version may add. */
typedef union {
    switch_stream_handle_t handle;
    unsigned char room[256];
} switch_stream_handle_room_t;

/* `cmd` is all after the command's name, or NULL; `session` is set where a dialplan expands the command. */
typedef switch_status_t (*switch_api_function_t)(const char *cmd, switch_core_session_t *session,
                                                 switch_stream_handle_t *stream);

/* Allocated by switch_loadable_module_create_interface; the module fills these fields in. */
typedef struct switch_api_interface {
    const char *interface_name;
    const char *desc;
    switch_api_function_t function;
    const char *syntax;
} switch_api_interface_t;

typedef void (*switch_application_function_t)(switch_core_session_t *session, const char *data);

/* Of an application that sees to media by itself; for others the channel is brought to early media first. */
enum { SAF_SUPPORT_NOMEDIA = 1 << 0 };
typedef struct switch_application_interface {
    const char *interface_name;
    switch_application_function_t application_function;
    const char *long_desc;
    const char *short_desc;
    const char *syntax;
    uint32_t flags;
} switch_application_interface_t;

/* False from a callback takes the bug off the channel. */
typedef switch_bool_t (*switch_media_bug_callback_t)(switch_media_bug_t *bug, void *user_data, switch_abc_type_t type);

/* The one symbol that FreeSWITCH looks up: <file name>_module_interface. */
#define SWITCH_API_VERSION 5
typedef struct switch_loadable_module_function_table {
    int switch_api_version;
    switch_status_t (*load)(switch_loadable_module_interface_t **module_interface, switch_memory_pool_t *pool);
    switch_status_t (*shutdown)(void);
    switch_status_t (*runtime)(void);
    uint32_t flags;
} switch_loadable_module_function_table_t;

#include "abi_functions.h"

#endif
