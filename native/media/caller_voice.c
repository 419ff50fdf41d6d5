/*
 * caller_voice.c -- whether what the caller's side sends sounds like a voice: what was captured last, and figures of it.
 *
 * A voice is periodic with 60 to 400 Hz: a frame is as periodic as the highest peak of its autocorrelation over those
 * lags, normalised by the energy of the two stretches that are compared. Noise, breath and a cough are far below it. This
 * is asked only while it is open whether a caller interrupts.
 */
#include "capture_reader.h"
#include "stream_memory.h"

#include <string.h>

/* At 8 kHz: a frame and the one before it, since a low voice has two periods in no less. */
#define FRAME 160
#define WINDOW (2 * FRAME)
#define LAG_MIN 20
#define LAG_MAX 133
#define FULL_SCALE 32768.0
#define LANES 8 /* summed side by side, as the processor does */

static PyObject *look_back(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *memory, *frames;
    unsigned long long position;
    struct capture_gaps *gaps;
    const struct slot_ring *ring;
    uint64_t head, faults = 0;

    if (!PyArg_ParseTuple(args, "OK:look_back", &memory, &position)) {
        return NULL;
    }
    if (!stream_memory_check(memory)) {
        PyErr_SetString(PyExc_TypeError, "a StreamMemory is wanted");
        return NULL;
    }
    frames = PyList_New(0);
    ring = stream_memory_capture(memory, &gaps);
    if (frames == NULL || ring == NULL || ring->slot_bytes > CAPTURE_SLOT_LIMIT) {
        return Py_BuildValue("(KN)", position, frames);
    }
    head = atomic_load_explicit(ring->head, memory_order_acquire);
    if (position > head || head - position > ring->count) {
        position = head > ring->count ? head - ring->count : 0;
    }
    for (; position < head; position++) {
        _Alignas(8) unsigned char pcm[CAPTURE_SLOT_LIMIT];
        struct audio_slot header = {0};
        uint32_t bytes = slot_ring_look(ring, position, pcm, &header, &faults);
        PyObject *frame;
        int failed;

        if (bytes == 0) {
            continue; /* overwritten meanwhile, or none */
        }
        frame = Py_BuildValue("(y#II)", (const char *)pcm, (Py_ssize_t)bytes, (unsigned int)header.rate,
                              (unsigned int)header.channels);
        failed = frame == NULL || PyList_Append(frames, frame) != 0;
        Py_XDECREF(frame);
        if (failed) {
            Py_DECREF(frames);
            return NULL;
        }
    }
    return Py_BuildValue("(KN)", (unsigned long long)position, frames);
}

/* The energy of `count` samples from which the mean is taken. */
static double centred(const int16_t *from, int count, float *to)
{
    double sum = 0, energy = 0;

    for (int i = 0; i < count; i++) {
        sum += from[i];
    }
    for (int i = 0; i < count; i++) {
        to[i] = (float)(from[i] - sum / count);
        energy += (double)to[i] * to[i];
    }
    return energy;
}

/* Squared, of the lag at which it is highest. */
static double periodicity(const float *samples, int *lag_found)
{
    double energy[WINDOW + 1] = {0}, highest = 0;

    for (int i = 0; i < WINDOW; i++) {
        energy[i + 1] = energy[i] + (double)samples[i] * samples[i];
    }
    *lag_found = 0;
    for (int lag = LAG_MIN; lag <= LAG_MAX; lag++) {
        double both = (energy[WINDOW] - energy[lag]) * energy[WINDOW - lag];
        float product = 0, sums[LANES] = {0};
        int at = 0;

        for (; at + LANES <= WINDOW - lag; at += LANES) {
            for (int i = 0; i < LANES; i++) {
                sums[i] += samples[at + i] * samples[at + i + lag];
            }
        }
        for (; at < WINDOW - lag; at++) {
            product += samples[at] * samples[at + lag];
        }
        for (int i = 0; i < LANES; i++) {
            product += sums[i];
        }
        if (product > 0 && (double)product * product > highest * both) {
            highest = (double)product * product / both;
            *lag_found = lag;
        }
    }
    return highest;
}

static PyObject *voice(PyObject *Py_UNUSED(module), PyObject *pcm)
{
    int16_t window[WINDOW];
    float samples[WINDOW];
    Py_buffer view;
    double power, periodic;
    size_t size;
    int lag;

    if (PyObject_GetBuffer(pcm, &view, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    if (view.len != (Py_ssize_t)sizeof(window) && view.len != (Py_ssize_t)sizeof(window) / 2) {
        PyBuffer_Release(&view);
        PyErr_SetString(PyExc_ValueError, "pcm16 of 20 or 40 ms at 8 kHz is wanted");
        return NULL;
    }
    size = (size_t)view.len / sizeof(*window);
    memcpy(window, view.buf, size * sizeof(*window));
    PyBuffer_Release(&view);
    power = centred(window + size - FRAME, FRAME, samples) / FRAME / (FULL_SCALE * FULL_SCALE);
    if (size < WINDOW) {
        return Py_BuildValue("(ddi)", power, 0.0, 0);
    }
    centred(window, WINDOW, samples);
    periodic = periodicity(samples, &lag);
    return Py_BuildValue("(ddi)", power, periodic, lag);
}

PyMethodDef media_caller_voice_methods[] = {
    {"look_back", look_back, METH_VARARGS,
     "(memory, position) -> (next position, [(pcm16, rate, channels), …]): the caller's frames from a position of\n"
     "capture_head on, as far as they are still there; nothing counts as read."},
    {"voice", voice, METH_O,
     "(pcm16 of 40 ms at 8 kHz, or of 20 ms, for its level alone) -> (mean square of the last 20 ms, 1 for full scale; the square of the autocorrelation of all\n"
     "of it, 0 to 1, where that is highest; and the lag there, in samples)."},
    {NULL, NULL, 0, NULL},
};
