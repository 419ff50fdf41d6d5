/*
 * resampler.c -- a streaming polyphase FIR resampler of pcm16.
 *
 * Sample for sample: what goes in comes out in the same call, so 20 ms in give 20 ms out, which a media clock needs.
 * The filter is designed in Python (stream/resampling.py); coefficients are Q14, sums 32 bits wide. The design keeps the
 * sum of a phase's magnitudes below 4, so no sum can overflow.
 */
#include "resampler.h"

#include <stdlib.h>
#include <string.h>

#define CHANNELS_MAX 2
#define TAPS_MULTIPLE 16u /* of a phase's coefficients, so that the loop has no rest */
#define USUAL_TAPS 48u    /* a phase of upsampling */
#define DOTS 4u           /* outputs that are computed at once */
#define BLOCK_FRAMES 960u /* input is worked off in blocks, so that memory stays small whatever is passed */

typedef struct {
    PyObject_HEAD
    uint32_t up, down, taps, channels;
    uint32_t skip;       /* output frames still to be dropped: the filter's delay, for an aligned start */
    uint32_t first_skip; /* the same at the start */
    uint32_t phase;      /* position of the next output between two inputs, in 1/up */
    int16_t *bank;       /* up phases of `taps` coefficients, oldest sample first */
    int16_t *line[CHANNELS_MAX]; /* taps - 1 samples of history, then the block */
} Resampler;

static void resampler_free(Resampler *self)
{
    free(self->bank);
    self->bank = NULL;
    for (int i = 0; i < CHANNELS_MAX; i++) {
        free(self->line[i]);
        self->line[i] = NULL;
    }
}

static int resampler_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"up", "down", "bank", "channels", "skip", NULL};
    Resampler *self = (Resampler *)object;
    unsigned int up, down, channels = 1, skip = 0;
    Py_buffer bank;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "IIy*|II:Resampler", names, &up, &down, &bank, &channels, &skip)) {
        return -1;
    }
    resampler_free(self);
    if (up == 0 || down == 0 || up > 64 || down > 64 || channels == 0 || channels > CHANNELS_MAX || bank.len == 0 ||
        bank.len % (Py_ssize_t)(up * TAPS_MULTIPLE * sizeof(int16_t)) != 0 || bank.len > 1 << 20) {
        PyBuffer_Release(&bank);
        PyErr_SetString(PyExc_ValueError, "resampler: up, down, bank or channels make no sense");
        return -1;
    }
    self->up = up;
    self->down = down;
    self->channels = channels;
    self->taps = (uint32_t)(bank.len / (Py_ssize_t)(up * sizeof(int16_t)));
    self->first_skip = self->skip = skip;
    self->phase = 0;
    self->bank = malloc((size_t)bank.len);
    if (self->bank != NULL) {
        memcpy(self->bank, bank.buf, (size_t)bank.len);
    }
    PyBuffer_Release(&bank);
    for (uint32_t i = 0; i < channels; i++) {
        self->line[i] = calloc(self->taps - 1 + BLOCK_FRAMES, sizeof(int16_t));
    }
    if (self->bank == NULL || self->line[0] == NULL || self->line[channels - 1] == NULL) {
        resampler_free(self);
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static void resampler_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    resampler_free((Resampler *)object);
    type->tp_free(object);
    Py_DECREF(type);
}

static inline int16_t rounded(int32_t sum)
{
    sum = (sum + (1 << 13)) >> 14;
    return (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
}

/* DOTS outputs at once: each is the sum of the products of `count` samples and coefficients, a multiple of
 * TAPS_MULTIPLE. This is nearly all that a resampler does. */
static void dots_portable(const int16_t *const samples[DOTS], const int16_t *const coefficients[DOTS], uint32_t count,
                          int16_t *to)
{
    for (uint32_t n = 0; n < DOTS; n++) {
        int32_t sum = 0;

        for (uint32_t i = 0; i < count; i++) {
            sum += (int32_t)samples[n][i] * (int32_t)coefficients[n][i];
        }
        to[n] = rounded(sum);
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"), always_inline)) static inline void
dots_avx2_of(const int16_t *const samples[DOTS], const int16_t *const coefficients[DOTS], uint32_t count, int16_t *to)
{
    __m256i sums[DOTS], pairs;
    __m128i four;

    for (uint32_t n = 0; n < DOTS; n++) {
        __m256i sum = _mm256_setzero_si256();

        for (uint32_t i = 0; i < count; i += TAPS_MULTIPLE) {
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_loadu_si256((const void *)(samples[n] + i)),
                                                          _mm256_loadu_si256((const void *)(coefficients[n] + i))));
        }
        sums[n] = sum;
    }
    /* Twice neighbours, then halves: the four sums side by side, rounded as rounded() does. */
    pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
    four = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    four = _mm_srai_epi32(_mm_add_epi32(four, _mm_set1_epi32(1 << 13)), 14);
    _mm_storel_epi64((void *)to, _mm_packs_epi32(four, four));
}

__attribute__((target("avx2"))) static void dots_avx2(const int16_t *const samples[DOTS],
                                                      const int16_t *const coefficients[DOTS], uint32_t count,
                                                      int16_t *to)
{
    /* What most ratios need, as a constant: a third less time than with a loop. */
    if (count == USUAL_TAPS) {
        dots_avx2_of(samples, coefficients, USUAL_TAPS, to);
    } else {
        dots_avx2_of(samples, coefficients, count, to);
    }
}
#endif

static void (*dots)(const int16_t *const samples[DOTS], const int16_t *const coefficients[DOTS], uint32_t count,
                    int16_t *to) = dots_portable;

void media_resampler_choose(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        dots = dots_avx2;
    }
#endif
}

/* Sample frames of history and block, sorted by channel. */
static void resampler_load(Resampler *self, const int16_t *from, uint32_t frames)
{
    uint32_t history = self->taps - 1, channels = self->channels;

    for (uint32_t c = 0; c < channels; c++) {
        int16_t *block = self->line[c] + history;

        if (from == NULL) {
            memset(block, 0, frames * sizeof(*block));
        } else if (channels == 1) {
            memcpy(block, from, frames * sizeof(*block));
        } else {
            for (uint32_t i = 0; i < frames; i++) {
                block[i] = from[i * channels + c];
            }
        }
    }
}

/* One block through the filter; returns output frames written to `to`. */
static uint32_t resampler_block(Resampler *self, const int16_t *from, uint32_t frames, int16_t *to)
{
    uint32_t history = self->taps - 1, channels = self->channels;
    uint32_t index = self->phase / self->up, phase = self->phase % self->up;
    uint32_t index_step = self->down / self->up, phase_step = self->down % self->up;
    const int16_t *samples[DOTS], *coefficients[DOTS];
    uint32_t waiting = 0, written = 0;

    resampler_load(self, from, frames);
    while (index < frames) {
        if (self->skip > 0) {
            self->skip--;
        } else {
            for (uint32_t c = 0; c < channels; c++) {
                samples[waiting] = self->line[c] + index;
                coefficients[waiting] = self->bank + phase * self->taps;
                if (++waiting == DOTS) {
                    dots(samples, coefficients, self->taps, to + written);
                    written += DOTS;
                    waiting = 0;
                }
            }
        }
        /* No division: it would take longer than the products. */
        index += index_step;
        phase += phase_step;
        if (phase >= self->up) {
            phase -= self->up;
            index++;
        }
    }
    if (waiting > 0) {
        int16_t last[DOTS];

        for (uint32_t n = waiting; n < DOTS; n++) {
            samples[n] = samples[0];
            coefficients[n] = coefficients[0];
        }
        dots(samples, coefficients, self->taps, last);
        memcpy(to + written, last, waiting * sizeof(*to));
        written += waiting;
    }
    self->phase = (index - frames) * self->up + phase;
    for (uint32_t c = 0; c < channels; c++) {
        memmove(self->line[c], self->line[c] + frames, history * sizeof(int16_t));
    }
    return written / channels;
}

static size_t resampler_frames(Resampler *self, const int16_t *from, size_t frames, int16_t *to)
{
    size_t written = 0;

    while (frames > 0) {
        uint32_t block = frames < BLOCK_FRAMES ? (uint32_t)frames : BLOCK_FRAMES;

        written += resampler_block(self, from, block, to + written * self->channels);
        frames -= block;
        from = from != NULL ? from + (size_t)block * self->channels : NULL;
    }
    return written;
}

static size_t resampler_most_frames(const Resampler *self, size_t frames)
{
    return (frames * self->up + self->down - 1) / self->down + 1;
}

static PyObject *resampler_run(Resampler *self, const int16_t *from, size_t frames)
{
    size_t frame_bytes = self->channels * sizeof(int16_t);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(resampler_most_frames(self, frames) * frame_bytes));

    if (bytes != NULL) {
        size_t written = resampler_frames(self, from, frames, (int16_t *)(void *)PyBytes_AS_STRING(bytes));

        _PyBytes_Resize(&bytes, (Py_ssize_t)(written * frame_bytes));
    }
    return bytes;
}

bool resampler_check(PyObject *object)
{
    return Py_TYPE(object)->tp_dealloc == resampler_dealloc && ((Resampler *)object)->bank != NULL;
}

uint32_t resampler_channels(PyObject *object)
{
    return ((Resampler *)object)->channels;
}

size_t resampler_most_bytes(PyObject *object, size_t bytes)
{
    Resampler *self = (Resampler *)object;
    size_t frame_bytes = self->channels * sizeof(int16_t);

    return resampler_most_frames(self, bytes / frame_bytes) * frame_bytes;
}

size_t resampler_convert(PyObject *object, const int16_t *from, size_t bytes, int16_t *to)
{
    Resampler *self = (Resampler *)object;
    size_t frame_bytes = self->channels * sizeof(int16_t);

    return resampler_frames(self, from, bytes / frame_bytes, to) * frame_bytes;
}

static PyObject *resampler_process(PyObject *object, PyObject *pcm)
{
    Resampler *self = (Resampler *)object;
    PyObject *result = NULL;
    Py_buffer view;

    if (PyObject_GetBuffer(pcm, &view, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    if (self->bank == NULL || view.len % (Py_ssize_t)(self->channels * sizeof(int16_t)) != 0 ||
        (uintptr_t)view.buf % sizeof(int16_t) != 0) {
        PyErr_SetString(PyExc_ValueError, "pcm16 is a whole number of aligned sample frames");
    } else {
        result = resampler_run(self, view.buf, (size_t)view.len / (self->channels * sizeof(int16_t)));
    }
    PyBuffer_Release(&view);
    return result;
}

static PyObject *resampler_flush(PyObject *object, PyObject *Py_UNUSED(args))
{
    Resampler *self = (Resampler *)object;
    PyObject *tail;
    uint64_t frames;

    if (self->bank == NULL) {
        PyErr_SetString(PyExc_ValueError, "resampler was not made");
        return NULL;
    }
    /* As much silence as yields the frames that were skipped at the start, so that out / in is up / down exactly. */
    frames = self->skip < self->first_skip ? ((uint64_t)self->first_skip * self->down + self->up - 1) / self->up : 0;
    tail = resampler_run(self, NULL, (size_t)frames);
    if (tail != NULL) {
        size_t most = (size_t)self->first_skip * self->channels * sizeof(int16_t);

        if ((size_t)PyBytes_GET_SIZE(tail) > most) {
            _PyBytes_Resize(&tail, (Py_ssize_t)most);
        }
    }
    for (uint32_t c = 0; c < self->channels; c++) {
        memset(self->line[c], 0, (self->taps - 1) * sizeof(int16_t));
    }
    self->phase = 0;
    self->skip = self->first_skip;
    return tail;
}

static PyMethodDef resampler_methods[] = {
    {"process", resampler_process, METH_O, "pcm16 in -> pcm16 out, all that can be computed from it."},
    {"flush", resampler_flush, METH_NOARGS, "-> the filter's tail; the next sample starts a new signal."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot resampler_slots[] = {
    {Py_tp_doc, "Resampler(up, down, bank, channels=1, skip=0): streaming, pcm16; see stream/resampling.py."},
    {Py_tp_init, resampler_init},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_dealloc, resampler_dealloc},
    {Py_tp_methods, resampler_methods},
    {0, NULL},
};

PyType_Spec media_resampler_spec = {
    .name = "mod_openai_realtime._media.Resampler",
    .basicsize = sizeof(Resampler),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = resampler_slots,
};
