/*
 * resampler.c -- a streaming polyphase FIR resampler of pcm16.
 *
 * Sample for sample: what goes in comes out in the same call, so 20 ms in give 20 ms out, which a media clock needs.
 * The filter is designed in Python (audio/resampling.py); coefficients are Q14, sums 32 bits wide. The design keeps the
 * sum of a phase's magnitudes below 4, so no sum can overflow.
 */
#include "resampler.h"

#include <string.h>

#define CHANNELS_MAX 2
#define RATIO_MAX 640u /* 11,025 Hz to 48 kHz is 640 to 147 */
#define TAPS_MULTIPLE 16u /* of a phase's coefficients, so that the loop has no rest */
#define TAPS_MAX 4096u
#define USUAL_TAPS 48u    /* a phase of upsampling */
#define BLOCK_FRAMES 960u /* input is worked off in blocks, so that memory stays small whatever is passed */

typedef struct {
    PyObject_HEAD
    uint32_t up, down, taps, channels;
    uint32_t skip;       /* output frames still to be dropped: the filter's delay, for an aligned start */
    uint32_t first_skip; /* the same at the start */
    uint32_t phase;      /* position of the next output between two inputs, in 1/up */
    /* Shared with all resamplers between these rates, so that it is in the cache when this one's turn comes; what is its
     * own is small, for the same reason. */
    Py_buffer owner;
    const int16_t *bank; /* up phases of `taps` coefficients, oldest sample first */
    int16_t *history;    /* taps - 1 samples of each channel, one channel after the other */
} Resampler;

static void resampler_free(Resampler *self)
{
    if (self->bank != NULL) {
        self->bank = NULL;
        PyBuffer_Release(&self->owner);
    }
    PyMem_Free(self->history);
    self->history = NULL;
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
    if (up == 0 || down == 0 || up > RATIO_MAX || down > RATIO_MAX || channels == 0 || channels > CHANNELS_MAX || bank.len == 0 ||
        bank.len % (Py_ssize_t)(up * TAPS_MULTIPLE * sizeof(int16_t)) != 0 ||
        bank.len > (Py_ssize_t)(up * TAPS_MAX * sizeof(int16_t)) || (uintptr_t)bank.buf % sizeof(int16_t) != 0) {
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
    self->owner = bank;
    self->bank = bank.buf;
    self->history = PyMem_Calloc((size_t)channels * (self->taps - 1), sizeof(int16_t));
    if (self->history == NULL) {
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

/*
 * One phase of the filter: `count` outputs, `to_step` samples apart. Each is the sum of the products of the coefficients
 * and as many samples, those of the next `step` further on. This is nearly all that a resampler does.
 */
struct phase {
    const int16_t *coefficients;
    uint32_t taps; /* a multiple of TAPS_MULTIPLE */
    uint32_t step, count, to_step;
};

static void filter_portable(const struct phase *phase, const int16_t *samples, int16_t *to)
{
    for (uint32_t n = 0; n < phase->count; n++) {
        int32_t sum = 0;

        for (uint32_t i = 0; i < phase->taps; i++) {
            sum += (int32_t)samples[i] * (int32_t)phase->coefficients[i];
        }
        *to = rounded(sum);
        samples += phase->step;
        to += phase->to_step;
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define DOTS 4u /* outputs that are computed at once */

/* `taps` is the phase's, as a constant where it can be one: the loop over them is unrolled then. */
__attribute__((target("avx2"), always_inline)) static inline void
filter_avx2_of(const struct phase *phase, uint32_t taps, const int16_t *samples, int16_t *to)
{
    for (uint32_t n = 0; n < phase->count; n += DOTS) {
        uint32_t left = phase->count - n < DOTS ? phase->count - n : DOTS;
        __m256i sums[DOTS] = {0}, pairs;
        __m128i four;
        const int16_t *rows[DOTS];
        int16_t outputs[2 * DOTS];

        for (uint32_t k = 0; k < DOTS; k++) {
            /* The last group may be short: it takes its first samples again, and what comes of it is not kept. */
            rows[k] = samples + (k < left ? k * (size_t)phase->step : 0);
        }
        for (uint32_t i = 0; i < taps; i += TAPS_MULTIPLE) {
            __m256i coefficients = _mm256_loadu_si256((const void *)(phase->coefficients + i));

            for (uint32_t k = 0; k < DOTS; k++) {
                sums[k] = _mm256_add_epi32(
                    sums[k], _mm256_madd_epi16(_mm256_loadu_si256((const void *)(rows[k] + i)), coefficients));
            }
        }
        /* Twice neighbours, then halves: the four sums side by side, rounded as rounded() does. */
        pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
        four = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
        four = _mm_srai_epi32(_mm_add_epi32(four, _mm_set1_epi32(1 << 13)), 14);
        _mm_storeu_si128((void *)outputs, _mm_packs_epi32(four, four));
        for (uint32_t k = 0; k < left; k++) {
            *to = outputs[k];
            to += phase->to_step;
        }
        samples += DOTS * (size_t)phase->step;
    }
}

__attribute__((target("avx2"))) static void filter_avx2(const struct phase *phase, const int16_t *samples, int16_t *to)
{
    if (phase->taps == USUAL_TAPS) {
        filter_avx2_of(phase, USUAL_TAPS, samples, to);
    } else {
        filter_avx2_of(phase, phase->taps, samples, to);
    }
}
#endif

static void (*filter)(const struct phase *phase, const int16_t *samples, int16_t *to) = filter_portable;

void media_resampler_choose(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        filter = filter_avx2;
    }
#endif
}

/* The samples of a channel, `channels` apart; NULL is silence. */
static void resampler_load(const int16_t *from, uint32_t channels, uint32_t frames, int16_t *block)
{
    if (from == NULL) {
        memset(block, 0, frames * sizeof(*block));
    } else if (channels == 1) {
        memcpy(block, from, frames * sizeof(*block));
    } else {
        for (uint32_t i = 0; i < frames; i++) {
            block[i] = from[i * channels];
        }
    }
}

/*
 * One block through the filter; returns output frames written to `to`. Outputs of the same phase are done together: they
 * are `up` outputs and `down` inputs apart.
 */
static uint32_t resampler_block(Resampler *self, const int16_t *from, uint32_t frames, int16_t *to)
{
    uint32_t up = self->up, down = self->down, channels = self->channels, past = self->taps - 1, end = frames * up;
    uint32_t outputs = self->phase < end ? (end - self->phase + down - 1) / down : 0;
    uint32_t skipped = self->skip < outputs ? self->skip : outputs;
    uint32_t first = self->phase + skipped * down;
    int16_t line[TAPS_MAX + BLOCK_FRAMES]; /* history, then the block */

    self->phase += outputs * down - end;
    self->skip -= skipped;
    outputs -= skipped;
    for (uint32_t c = 0; c < channels; c++) {
        int16_t *history = self->history + (size_t)c * past;

        memcpy(line, history, past * sizeof(*line));
        resampler_load(from != NULL ? from + c : NULL, channels, frames, line + past);
        for (uint32_t n = 0, at = first; n < up && n < outputs; n++, at += down) {
            struct phase phase = {
                .coefficients = self->bank + at % up * self->taps,
                .taps = self->taps,
                .step = down,
                .count = (outputs - n + up - 1) / up,
                .to_step = up * channels,
            };

            filter(&phase, line + at / up, to + n * channels + c);
        }
        memcpy(history, line + frames, past * sizeof(*line));
    }
    return outputs;
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

uint32_t resampler_delay(PyObject *object)
{
    return ((Resampler *)object)->first_skip;
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

PyObject *resampler_tail(PyObject *object)
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
    memset(self->history, 0, (size_t)self->channels * (self->taps - 1) * sizeof(int16_t));
    self->phase = 0;
    self->skip = self->first_skip;
    return tail;
}

static PyObject *resampler_flush(PyObject *object, PyObject *Py_UNUSED(args))
{
    return resampler_tail(object);
}

static PyMethodDef resampler_methods[] = {
    {"process", resampler_process, METH_O, "pcm16 in -> pcm16 out, all that can be computed from it."},
    {"flush", resampler_flush, METH_NOARGS, "-> the filter's tail; the next sample starts a new signal."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot resampler_slots[] = {
    {Py_tp_doc, "Resampler(up, down, bank, channels=1, skip=0): streaming, pcm16; see audio/resampling.py."},
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
