/* resampler.h -- what the packetizer and the playout ask of a Resampler. */
#ifndef MEDIA_RESAMPLER_H
#define MEDIA_RESAMPLER_H

#include "extension.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the object is a Resampler that was made. The functions below take only such. */
bool resampler_check(PyObject *object);
uint32_t resampler_channels(PyObject *object);

/* How many sample frames of output it holds back: those that a flush gives. */
uint32_t resampler_delay(PyObject *object);

/* How many bytes `bytes` of input can become. */
size_t resampler_most_bytes(PyObject *object, size_t bytes);

/* Whole sample frames through the filter; returns the bytes written to `to`. */
size_t resampler_convert(PyObject *object, const int16_t *from, size_t bytes, int16_t *to);

/* What it holds back, as bytes; the next sample starts a new signal. NULL with an exception set. */
PyObject *resampler_tail(PyObject *object);

#endif
