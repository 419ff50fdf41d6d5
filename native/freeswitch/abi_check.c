/*
 * abi_check.c -- does abi.h say what FreeSWITCH's own headers say?
 *
 * Compiled twice, and never linked: with ABI_CHECK_REAL against the headers of an installed FreeSWITCH, without it
 * against abi.h. Each size, offset and number below is a literal that must hold both times, so the two agree. With the
 * real headers, abi_functions.h is read after them: the compiler refuses any prototype that differs.
 */
#ifdef ABI_CHECK_REAL
#include <switch.h>
#pragma GCC diagnostic error "-Wincompatible-pointer-types"
#include "abi_functions.h"
#else
#include "abi.h"
#endif

#define AT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field)
#define IS(name, number) _Static_assert((long long)(name) == (number), #name)
#define FITS(type, bytes) _Static_assert(sizeof(type) <= (bytes), #type)

_Static_assert(sizeof(void *) == 8 && sizeof(long) == 8 && sizeof(time_t) == 8, "LP64");
_Static_assert(sizeof(switch_bool_t) == 4 && sizeof(switch_status_t) == 4 && sizeof(switch_payload_t) == 1, "scalars");
_Static_assert(sizeof(switch_media_bug_flag_t) == 4 && sizeof(switch_abc_type_t) == 4, "scalars");

IS(SWITCH_FALSE, 0);
IS(SWITCH_TRUE, 1);
IS(SWITCH_STATUS_SUCCESS, 0);
IS(SWITCH_STATUS_FALSE, 1);
IS(SWITCH_STATUS_MEMERR, 6);
IS(SWITCH_STATUS_GENERR, 9);
IS(SWITCH_STATUS_BREAK, 11);
IS(SWITCH_STATUS_NOUNLOAD, 16);
IS(SWITCH_STATUS_TERM, 21);
IS(SWITCH_MEDIA_TYPE_AUDIO, 0);
IS(SWITCH_LOG_CONSOLE, 0);
IS(SWITCH_LOG_ALERT, 1);
IS(SWITCH_LOG_CRIT, 2);
IS(SWITCH_LOG_ERROR, 3);
IS(SWITCH_LOG_WARNING, 4);
IS(SWITCH_LOG_NOTICE, 5);
IS(SWITCH_LOG_INFO, 6);
IS(SWITCH_LOG_DEBUG, 7);
IS(SWITCH_CHANNEL_ID_LOG, 0);
IS(SWITCH_STACK_BOTTOM, 1);
IS(SWITCH_EVENT_CUSTOM, 0);
IS(SWITCH_PRIORITY_NORMAL, 0);
IS(SWITCH_APPLICATION_INTERFACE, 4);
IS(SWITCH_API_INTERFACE, 5);
IS(CS_NEW, 0);
IS(CS_HANGUP, 10);
IS(SWITCH_CALL_DIRECTION_INBOUND, 0);
IS(SWITCH_CALL_DIRECTION_OUTBOUND, 1);
IS(CF_ANSWERED, 1);
IS(CF_EARLY_MEDIA, 3);
IS(CF_HOLD, 10);
IS(CCS_ACTIVE, 4);
IS(CCS_HELD, 5);
IS(SWITCH_ABC_TYPE_INIT, 0);
IS(SWITCH_ABC_TYPE_READ, 1);
IS(SWITCH_ABC_TYPE_WRITE, 2);
IS(SWITCH_ABC_TYPE_WRITE_REPLACE, 3);
IS(SWITCH_ABC_TYPE_CLOSE, 8);
IS(SMBF_READ_STREAM, 1);
IS(SMBF_WRITE_STREAM, 2);
IS(SMBF_WRITE_REPLACE, 4);
IS(SMBF_STEREO, 32);
IS(SMBF_NO_PAUSE, 1024);
IS(SMBF_FIRST, 67108864);
IS(SAF_SUPPORT_NOMEDIA, 1);
IS(SWITCH_CODEC_FLAG_ENCODE, 1);
IS(SWITCH_CODEC_FLAG_DECODE, 2);
IS(SWITCH_IO_FLAG_NONE, 0);
IS(SWITCH_INPUT_TYPE_DTMF, 0);
IS(SWITCH_INPUT_TYPE_EVENT, 1);
IS(SWITCH_API_VERSION, 5);
IS(SWITCH_DTMF_UNKNOWN, 0);
IS(SWITCH_DTMF_INBAND_AUDIO, 1);
IS(SWITCH_DTMF_RTP, 2);
IS(SWITCH_DTMF_ENDPOINT, 3);
IS(SWITCH_DTMF_APP, 4);
IS(SWITCH_DTMF_RECV, 0);

AT(switch_frame_t, codec, 0);
AT(switch_frame_t, source, 8);
AT(switch_frame_t, packet, 16);
AT(switch_frame_t, packetlen, 24);
AT(switch_frame_t, extra_data, 32);
AT(switch_frame_t, data, 40);
AT(switch_frame_t, datalen, 48);
AT(switch_frame_t, buflen, 52);
AT(switch_frame_t, samples, 56);
AT(switch_frame_t, rate, 60);
AT(switch_frame_t, channels, 64);
AT(switch_frame_t, payload, 68);
AT(switch_frame_t, timestamp, 72);
AT(switch_frame_t, seq, 76);
AT(switch_frame_t, ssrc, 80);
AT(switch_frame_t, m, 84);
AT(switch_frame_t, flags, 88);
FITS(switch_frame_t, 512);

AT(switch_codec_implementation_t, codec_type, 0);
AT(switch_codec_implementation_t, ianacode, 4);
AT(switch_codec_implementation_t, iananame, 8);
AT(switch_codec_implementation_t, fmtp, 16);
AT(switch_codec_implementation_t, samples_per_second, 24);
AT(switch_codec_implementation_t, actual_samples_per_second, 28);
AT(switch_codec_implementation_t, bits_per_second, 32);
AT(switch_codec_implementation_t, microseconds_per_packet, 36);
AT(switch_codec_implementation_t, samples_per_packet, 40);
AT(switch_codec_implementation_t, decoded_bytes_per_packet, 44);
AT(switch_codec_implementation_t, encoded_bytes_per_packet, 48);
AT(switch_codec_implementation_t, number_of_channels, 52);
FITS(switch_codec_implementation_t, 512);

AT(switch_event_header_t, name, 0);
AT(switch_event_header_t, value, 8);
AT(switch_event_header_t, array, 16);
AT(switch_event_header_t, idx, 24);
AT(switch_event_header_t, hash, 32);
AT(switch_event_header_t, next, 40);
AT(switch_event_t, event_id, 0);
AT(switch_event_t, priority, 4);
AT(switch_event_t, owner, 8);
AT(switch_event_t, subclass_name, 16);
AT(switch_event_t, headers, 24);
AT(switch_event_t, last_header, 32);
AT(switch_event_t, body, 40);

AT(switch_stream_handle_t, read_function, 0);
AT(switch_stream_handle_t, write_function, 8);
AT(switch_stream_handle_t, raw_write_function, 16);
AT(switch_stream_handle_t, data, 24);
AT(switch_stream_handle_t, end, 32);
AT(switch_stream_handle_t, data_size, 40);
AT(switch_stream_handle_t, data_len, 48);
AT(switch_stream_handle_t, alloc_len, 56);
AT(switch_stream_handle_t, alloc_chunk, 64);
AT(switch_stream_handle_t, param_event, 72);
FITS(switch_stream_handle_t, 256);

AT(switch_dtmf_t, digit, 0);
AT(switch_dtmf_t, duration, 4);
AT(switch_dtmf_t, flags, 8);
AT(switch_dtmf_t, source, 12);
_Static_assert(sizeof(switch_dtmf_t) == 16, "digit");

AT(switch_input_args_t, input_callback, 0);
AT(switch_input_args_t, buf, 8);
AT(switch_input_args_t, buflen, 16);
AT(switch_input_args_t, read_frame_callback, 24);
AT(switch_input_args_t, user_data, 32);
AT(switch_input_args_t, dmachine, 40);
AT(switch_input_args_t, loops, 48);
_Static_assert(sizeof(switch_input_args_t) == 56, "input arguments");

AT(switch_api_interface_t, interface_name, 0);
AT(switch_api_interface_t, desc, 8);
AT(switch_api_interface_t, function, 16);
AT(switch_api_interface_t, syntax, 24);

AT(switch_application_interface_t, interface_name, 0);
AT(switch_application_interface_t, application_function, 8);
AT(switch_application_interface_t, long_desc, 16);
AT(switch_application_interface_t, short_desc, 24);
AT(switch_application_interface_t, syntax, 32);
AT(switch_application_interface_t, flags, 40);

AT(switch_loadable_module_function_table_t, switch_api_version, 0);
AT(switch_loadable_module_function_table_t, load, 8);
AT(switch_loadable_module_function_table_t, shutdown, 16);
AT(switch_loadable_module_function_table_t, runtime, 24);
AT(switch_loadable_module_function_table_t, flags, 32);
_Static_assert(sizeof(switch_loadable_module_function_table_t) == 40, "function table");

#ifdef ABI_CHECK_REAL
/* Opaque on our side, with room to spare. */
FITS(switch_codec_t, 512);
#endif

/* The types of what is called through pointers. */
#define SAME(type, as) _Static_assert(__builtin_types_compatible_p(type, as), #type)
SAME(switch_media_bug_callback_t, switch_bool_t (*)(switch_media_bug_t *, void *, switch_abc_type_t));
SAME(switch_api_function_t, switch_status_t (*)(const char *, switch_core_session_t *, switch_stream_handle_t *));
SAME(switch_application_function_t, void (*)(switch_core_session_t *, const char *));
SAME(switch_input_callback_function_t,
     switch_status_t (*)(switch_core_session_t *, void *, switch_input_type_t, void *, unsigned int));
SAME(switch_read_frame_callback_function_t, switch_status_t (*)(switch_core_session_t *, switch_frame_t *, void *));
SAME(switch_event_callback_t, void (*)(switch_event_t *));
SAME(switch_recv_dtmf_hook_t,
     switch_status_t (*)(switch_core_session_t *, const switch_dtmf_t *, switch_dtmf_direction_t));
SAME(switch_stream_handle_raw_write_function_t,
     switch_status_t (*)(switch_stream_handle_t *, uint8_t *, switch_size_t));
SAME(switch_stream_handle_write_function_t, switch_status_t (*)(switch_stream_handle_t *, const char *, ...));
SAME(__typeof__(((switch_loadable_module_function_table_t *)0)->load),
     switch_status_t (*)(switch_loadable_module_interface_t **, switch_memory_pool_t *));
SAME(__typeof__(((switch_loadable_module_function_table_t *)0)->shutdown), switch_status_t (*)(void));
