/*
 * abi_functions.h -- every FreeSWITCH function that the module imports.
 *
 * The names are those of the symbols: many that module authors know are macros over them. Apart from the types, so
 * that abi_check.c can have the compiler compare each prototype with FreeSWITCH's own.
 */
#ifndef FREESWITCH_ABI_FUNCTIONS_H
#define FREESWITCH_ABI_FUNCTIONS_H

/* Loading: register the module and what it offers. */
switch_loadable_module_interface_t *switch_loadable_module_create_module_interface(switch_memory_pool_t *pool,
                                                                                   const char *name);
void *switch_loadable_module_create_interface(switch_loadable_module_interface_t *mod,
                                              switch_module_interface_name_t iname);
switch_status_t switch_console_set_complete(const char *string); /* "add <words>" and "del <words>" */

/* Configuration: <param name= value=> under <settings> of our file. Children are found, never freed, by themselves. */
switch_xml_t switch_xml_open_cfg(const char *file_path, switch_xml_t *node, switch_event_t *params);
switch_xml_t switch_xml_child(switch_xml_t xml, const char *name);
switch_xml_t switch_xml_find_child(switch_xml_t node, const char *childname, const char *attrname, const char *value);
const char *switch_xml_attr_soft(switch_xml_t xml, const char *attr);
void switch_xml_free(switch_xml_t xml);
char *switch_core_get_variable_dup(const char *varname); /* a global variable, to be freed with free() */

/* Channels: found by uuid, which takes a read lock on the session that rwunlock gives back. */
switch_core_session_t *switch_core_session_perform_locate(const char *uuid_str, const char *file, const char *func,
                                                          int line);
void switch_core_session_rwunlock(switch_core_session_t *session);
switch_channel_t *switch_core_session_get_channel(switch_core_session_t *session);
char *switch_core_session_get_uuid(switch_core_session_t *session);
switch_channel_state_t switch_channel_get_state(switch_channel_t *channel);
switch_call_direction_t switch_channel_direction(switch_channel_t *channel);
uint32_t switch_channel_test_flag(switch_channel_t *channel, switch_channel_flag_t flag);
int switch_channel_test_ready(switch_channel_t *channel, switch_bool_t check_ready, switch_bool_t check_media);
switch_status_t switch_channel_perform_pre_answer(switch_channel_t *channel, const char *file, const char *func,
                                                  int line);
switch_status_t switch_channel_perform_answer(switch_channel_t *channel, const char *file, const char *func, int line);
switch_status_t switch_channel_set_variable_var_check(switch_channel_t *channel, const char *varname,
                                                      const char *value, switch_bool_t var_check); /* NULL: unset */
switch_status_t switch_channel_get_variables(switch_channel_t *channel, switch_event_t **event); /* a copy of all */
const char *switch_channel_get_variable_dup(switch_channel_t *channel, const char *varname, switch_bool_t dup,
                                            int idx); /* as ${name}; a copy in the session's memory; NULL: not set */
/* What must live as long as the session: the pool ends with it, and a private pointer finds it again. */
void *switch_core_perform_session_alloc(switch_core_session_t *session, switch_size_t memory, const char *file,
                                        const char *func, int line);
switch_status_t switch_channel_set_private(switch_channel_t *channel, const char *key, const void *private_info);
void *switch_channel_get_private(switch_channel_t *channel, const char *key);

/* Of FreeSWITCH, in decimal: "10" and "12" of 1.10.12. */
const char *switch_version_minor(void);
const char *switch_version_micro(void);

/* FreeSWITCH's monotonic clock, in microseconds; no system call where there is a vDSO. */
switch_time_t switch_mono_micro_time_now(void);

/* Hold. The first two only read a field, without a lock; the last has the session's thread drop what has been received
 * and not been read. */
switch_channel_callstate_t switch_channel_get_callstate(switch_channel_t *channel);
uint32_t switch_rtp_test_flag(switch_rtp_t *rtp_session, switch_rtp_flag_t flags);
void switch_channel_perform_audio_sync(switch_channel_t *channel, const char *file, const char *func, int line);

/* The jitter buffer that the channel's audio goes through, NULL for none. Only reads fields, without a lock. */
switch_jb_t *switch_core_session_get_jb(switch_core_session_t *session, switch_media_type_t type);

/* Codecs: the current rates, channels and packet sizes of each direction. */
switch_status_t switch_core_session_get_read_impl(switch_core_session_t *session, switch_codec_implementation_t *impp);
switch_status_t switch_core_session_get_write_impl(switch_core_session_t *session,
                                                   switch_codec_implementation_t *impp);
switch_codec_t *switch_core_session_get_effective_write_codec(switch_core_session_t *session); /* only to compare */

/* Writing frames to a channel. The lock is recursive and shuts out other writers, whose frames are then dropped, and
 * changes of the codec. */
void switch_core_session_lock_codec_write(switch_core_session_t *session);
void switch_core_session_unlock_codec_write(switch_core_session_t *session);
switch_status_t switch_core_session_write_frame(switch_core_session_t *session, switch_frame_t *frame,
                                                switch_io_flag_t flags, int stream_id);
/* With a NULL pool the codec has one of its own, which ends with it. */
switch_status_t switch_core_codec_init_with_bitrate(switch_codec_t *codec, const char *codec_name, const char *fmtp,
                                                    const char *modname, uint32_t rate, int ms, int channels,
                                                    uint32_t bitrate, uint32_t flags,
                                                    const switch_codec_settings_t *codec_settings,
                                                    switch_memory_pool_t *pool);
switch_status_t switch_core_codec_destroy(switch_codec_t *codec);

/* Waiting, on the session's thread: reads frames, carries out what is asked of the channel, takes digits. Ends after
 * `ms` (success), on uuid_break (break), when the channel is to do something else or is gone (false). */
switch_status_t switch_ivr_sleep(switch_core_session_t *session, uint32_t ms, switch_bool_t sync,
                                 switch_input_args_t *args);

/* Commands and applications. An application is run by the session's own thread, which takes the event "execute" from
 * the session's queue when what it is doing comes to it; the event is FreeSWITCH's then. */
switch_status_t switch_api_execute(const char *cmd, const char *arg, switch_core_session_t *session,
                                   switch_stream_handle_t *stream);
switch_status_t switch_core_session_queue_private_event(switch_core_session_t *session, switch_event_t **event,
                                                        switch_bool_t priority);
/* Fails for an application that there isn't, and for one that has no flags. */
switch_status_t switch_core_session_get_app_flags(const char *app, int32_t *flags);

/* Digits. The hook is called with a lock of the channel's that has_dtmf waits for. */
switch_status_t switch_core_event_hook_add_recv_dtmf(switch_core_session_t *session,
                                                     switch_recv_dtmf_hook_t recv_dtmf);
switch_status_t switch_core_event_hook_remove_recv_dtmf(switch_core_session_t *session,
                                                        switch_recv_dtmf_hook_t recv_dtmf);
switch_size_t switch_channel_has_dtmf(switch_channel_t *channel);

/* Media bugs. */
switch_status_t switch_core_media_bug_add(switch_core_session_t *session, const char *function, const char *target,
                                          switch_media_bug_callback_t callback, void *user_data, time_t stop_time,
                                          switch_media_bug_flag_t flags, switch_media_bug_t **new_bug);
switch_status_t switch_core_media_bug_remove(switch_core_session_t *session, switch_media_bug_t **bug);
switch_status_t switch_core_media_bug_read(switch_media_bug_t *bug, switch_frame_t *frame, switch_bool_t fill);
/* Bytes that wait to be read, of what the channel reads and of what it writes; 0 of one that is not tapped. */
void switch_core_media_bug_inuse(switch_media_bug_t *bug, switch_size_t *readp, switch_size_t *writep);
switch_frame_t *switch_core_media_bug_get_write_replace_frame(switch_media_bug_t *bug);
void switch_core_media_bug_set_write_replace_frame(switch_media_bug_t *bug, switch_frame_t *frame);

/* Events. fire takes the event over; get_variables' and dup's are the caller's to destroy. */
switch_status_t switch_event_reserve_subclass_detailed(const char *owner, const char *subclass_name);
switch_status_t switch_event_free_subclass_detailed(const char *owner, const char *subclass_name);
switch_status_t switch_event_create_subclass_detailed(const char *file, const char *func, int line,
                                                      switch_event_t **event, switch_event_types_t event_id,
                                                      const char *subclass_name);
switch_status_t switch_event_dup(switch_event_t **event, switch_event_t *todup);
switch_status_t switch_event_add_header_string(switch_event_t *event, switch_stack_t stack, const char *header_name,
                                               const char *data);
switch_status_t switch_event_add_body(switch_event_t *event, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void switch_channel_event_set_data(switch_channel_t *channel, switch_event_t *event);
switch_status_t switch_event_fire_detailed(const char *file, const char *func, int line, switch_event_t **event,
                                           void *user_data);
void switch_event_destroy(switch_event_t **event);
switch_status_t switch_name_event(const char *name, switch_event_types_t *type); /* numbers differ between versions */
char *switch_event_get_header_idx(switch_event_t *event, const char *header_name, int idx); /* -1: all of it */
/* Unbinding returns when no callback runs any more. */
switch_status_t switch_event_bind_removable(const char *id, switch_event_types_t event, const char *subclass_name,
                                            switch_event_callback_t callback, void *user_data,
                                            switch_event_node_t **node);
switch_status_t switch_event_unbind(switch_event_node_t **node);

/* Log. */
void switch_log_printf(switch_text_channel_t channel, const char *file, const char *func, int line,
                       const char *userdata, switch_log_level_t level, const char *fmt, ...)
    __attribute__((format(printf, 7, 8)));

#endif
