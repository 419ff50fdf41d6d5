/*
 * extension.h -- the engine's extension: the rings, the resampler, G.711, the packetizer and the playout, the media
 * clock, for Python; and what finds the audio in a message, measures one, and tells whether it is JSON.
 *
 * Everything here runs under the GIL on the engine's event loop; only the memory behind it is shared with the switch.
 */
#ifndef MEDIA_EXTENSION_H
#define MEDIA_EXTENSION_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

extern PyType_Spec media_stream_memory_spec;
extern PyType_Spec media_switch_side_spec;
extern PyType_Spec media_resampler_spec;
extern PyType_Spec media_packetizer_spec;
extern PyType_Spec media_playout_spec;
extern PyType_Spec media_poller_spec;
extern PyType_Spec media_ticker_spec;
extern PyType_Spec media_framing_spec;

extern PyMethodDef media_json_grammar_methods[];
extern PyMethodDef media_json_shape_methods[];
extern PyMethodDef media_stream_memory_methods[];
extern PyMethodDef media_g711_methods[];
extern PyMethodDef media_caller_voice_methods[];
/* Fills the tables; before the first call of a method. */
void media_g711_build(void);
/* Takes what suits the processor. */
void media_resampler_choose(void);
/* A forked process takes masks of its own. */
void media_framing_prepare(void);

#endif
