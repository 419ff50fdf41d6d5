/* extension.c -- the extension module `_media`. */
#include "extension.h"

static int media_exec(PyObject *module)
{
    PyType_Spec *specs[] = {&media_stream_memory_spec, &media_switch_side_spec, &media_resampler_spec,
                           &media_packetizer_spec, &media_playout_spec, &media_poller_spec,
                           &media_ticker_spec, &media_framing_spec};

    media_g711_build();
    media_resampler_choose();
    media_framing_prepare();
    if (PyModule_AddFunctions(module, media_json_grammar_methods) != 0 ||
        PyModule_AddFunctions(module, media_json_shape_methods) != 0 ||
        PyModule_AddFunctions(module, media_caller_voice_methods) != 0 ||
        PyModule_AddFunctions(module, media_stream_memory_methods) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
        PyObject *type = PyType_FromSpec(specs[i]);
        int failed;

        if (type == NULL) {
            return -1;
        }
        failed = PyModule_AddType(module, (PyTypeObject *)type);
        Py_DECREF(type);
        if (failed) {
            return -1;
        }
    }
    return 0;
}

static PyModuleDef_Slot media_slots[] = {{Py_mod_exec, media_exec}, {0, NULL}};

static struct PyModuleDef media_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_media",
    .m_doc = "The shared memory of a stream, a streaming resampler, G.711, and the media clock.",
    .m_methods = media_g711_methods,
    .m_slots = media_slots,
};

PyMODINIT_FUNC PyInit__media(void)
{
    return PyModuleDef_Init(&media_module);
}
