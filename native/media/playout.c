/*
 * playout.c -- agent audio on its way to the caller: a queue of pcm16, resampled into the playback ring.
 *
 * The counterpart of packetizer.c, for the other direction. What is fed goes into the ring at once, as far as `high` ms
 * ahead of the media thread; the rest follows when less than `low` ms are ahead, which the poller sees to. A channel that
 * changes its rate gets what is not played again: the last of it as it was fed, what lies before from the ring.
 *
 * Audio is fed as it is, or in messages of one part (part.h).
 *
 * Two kinds of positions: `source` counts samples as they were fed, `ring` those of the playback ring. Within one run of
 * the resampler the two are proportional, exactly.
 */
#include "playout.h"

#include "part.h"
#include "pieces.h"
#include "playback_ring.h"
#include "resampler.h"
#include "stream_memory.h"

#define BLOCK_SAMPLES 4096u /* of the ring's, resampled at once */
/* Of what was passed on, this much is kept, and what the resampler holds back. More than any of our filters is long:
 * what is read back from the ring joins it where both are whole. */
#define KEEP_MS 10u

typedef struct {
    PyObject_HEAD
    /* What the poller looks at, each tick. */
    PyObject *memory;    /* StreamMemory */
    struct pieces queue; /* its positions come first */
    bool run_open;       /* the resampler holds back the end of what it was given */
    bool ended;          /* nothing follows what was fed last */
    bool active;         /* something was fed since clear() */
    PyObject *resampler; /* of the run; NULL: samples pass as they are */
    uint32_t low_ms, high_ms;
    uint32_t rate, write_rate; /* of what is fed, and of the ring */
    uint64_t run_source, run_ring; /* where the run started */
    struct part part;     /* what feed_message() takes */
    uint64_t most_queued; /* samples that may wait, of that */
} Playout;

static int playout_init(PyObject *object, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    Playout *self = (Playout *)object;
    PyObject *memory;
    unsigned int low_ms, high_ms;

    if (!PyArg_ParseTuple(args, "OII:Playout", &memory, &low_ms, &high_ms)) {
        return -1;
    }
    if (!stream_memory_check(memory)) {
        PyErr_SetString(PyExc_TypeError, "a StreamMemory is wanted");
        return -1;
    }
    Py_XSETREF(self->memory, Py_NewRef(memory));
    self->low_ms = low_ms;
    self->high_ms = high_ms;
    return 0;
}

static void playout_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    Playout *self = (Playout *)object;

    pieces_free(&self->queue);
    part_clear(&self->part);
    Py_XDECREF(self->resampler);
    Py_XDECREF(self->memory);
    type->tp_free(object);
    Py_DECREF(type);
}

/* NULL once the memory is closed. */
static struct playback_ring *playout_ring(const Playout *self)
{
    return self->memory != NULL ? stream_memory_playback(self->memory) : NULL;
}

/* The source position that the media thread has reached when it has taken everything before `ring`. */
static uint64_t playout_source_at(const Playout *self, uint64_t ring)
{
    return ring <= self->run_ring || self->write_rate == 0
               ? self->run_source
               : self->run_source + (ring - self->run_ring) * self->rate / self->write_rate;
}

/* Let go of what is in the ring, but for the last of it. */
static void playout_forget(Playout *self, const struct playback_ring *ring)
{
    uint64_t in_ring = playout_source_at(self, ring->position);
    uint64_t keep = (uint64_t)KEEP_MS * self->rate / 1000;

    pieces_forget(&self->queue, in_ring > keep ? in_ring - keep : 0);
}

/* Up to `samples` of the queue go into the ring, which has room for what becomes of them. */
static void playout_pass_on(Playout *self, struct playback_ring *ring, uint64_t samples)
{
    int16_t block[BLOCK_SAMPLES];
    size_t most = BLOCK_SAMPLES;

    while (self->resampler != NULL && resampler_most_bytes(self->resampler, most * sizeof(*block)) > sizeof(block)) {
        most /= 2;
    }
    while (samples > 0 && self->queue.source < self->queue.end) {
        size_t take;
        const int16_t *pcm = pieces_next(&self->queue, &take);

        take = take < most ? take : most;
        take = take < samples ? take : (size_t)samples;
        if (self->resampler == NULL) {
            playback_ring_write(ring, pcm, (uint32_t)take);
        } else {
            size_t bytes = resampler_convert(self->resampler, pcm, take * sizeof(*pcm), block);

            playback_ring_write(ring, block, (uint32_t)(bytes / sizeof(*block)));
        }
        pieces_pass(&self->queue, take);
        self->run_open = true;
        samples -= take;
    }
}

/* What the resampler holds back. False with an exception set. */
static bool playout_flush_run(Playout *self, struct playback_ring *ring)
{
    PyObject *tail;

    if (!self->run_open) {
        return true;
    }
    self->run_open = false;
    if (self->resampler == NULL) {
        return true;
    }
    tail = resampler_tail(self->resampler);
    if (tail == NULL) {
        return false;
    }
    playback_ring_write(ring, (const int16_t *)(const void *)PyBytes_AS_STRING(tail),
                        (uint32_t)((size_t)PyBytes_GET_SIZE(tail) / sizeof(int16_t)));
    Py_DECREF(tail);
    return true;
}

/* Silence of ours, where the ring runs dry, only if more is to come: not after the last word. */
static void playout_set_expecting(const Playout *self, struct stream_memory *memory)
{
    uint32_t control = atomic_load_explicit(&memory->control, memory_order_relaxed);
    bool expecting = self->active && !(self->ended && self->queue.source == self->queue.end);
    uint32_t wanted = expecting ? control | STREAM_EXPECTING : control & ~(uint32_t)STREAM_EXPECTING;

    if (wanted != control) {
        atomic_store_explicit(&memory->control, wanted, memory_order_release);
    }
}

static uint64_t playout_ring_samples(const Playout *self, uint32_t ms)
{
    return (uint64_t)ms * self->write_rate / 1000;
}

/* Fill the ring if less than `ms` are ahead. False with an exception set. */
static bool playout_fill_below(Playout *self, uint32_t ms)
{
    struct playback_ring *ring = playout_ring(self);
    uint64_t tail, discarded, ahead;
    uint32_t write_rate;
    bool done = true;

    if (ring == NULL || !self->active || self->rate == 0) {
        return true;
    }
    write_rate = sound_write_rate(ring->memory);
    if (write_rate != 0 && write_rate != self->write_rate) {
        return true; /* the channel's codec has changed: a new run has to begin first */
    }
    tail = atomic_load_explicit(&ring->memory->playback_tail, memory_order_acquire);
    discarded = atomic_load_explicit(&ring->memory->discard_until, memory_order_relaxed);
    /* Right after a barge-in the media thread has yet to skip what was discarded: that is nothing ahead. */
    ahead = ring->position - (tail > discarded ? tail : discarded);
    if (ahead < playout_ring_samples(self, ms)) {
        uint64_t high = playout_ring_samples(self, self->high_ms);
        /* The ring is never so full that a flush would not fit any more. */
        uint64_t taken = ring->position - tail + 1 + (self->resampler != NULL ? resampler_delay(self->resampler) : 0);
        uint64_t room = taken < ring->count ? ring->count - taken : 0;
        uint64_t wanted = high - ahead < room ? high - ahead : room;

        playout_pass_on(self, ring, wanted * self->rate / self->write_rate);
        playout_forget(self, ring);
    }
    if (self->ended && self->queue.source == self->queue.end) {
        done = playout_flush_run(self, ring);
    }
    playout_set_expecting(self, ring->memory);
    return done;
}

/* Queue it, and fill the ring. False with an exception set. */
static bool playout_take(Playout *self, PyObject *pcm)
{
    if (PyBytes_GET_SIZE(pcm) > 0) {
        if (!pieces_append(&self->queue, pcm)) {
            return false;
        }
        self->active = true;
        self->ended = false;
    }
    return playout_fill_below(self, self->high_ms);
}

/* -- for Python */

static PyObject *playout_start_run(PyObject *object, PyObject *args)
{
    Playout *self = (Playout *)object;
    struct playback_ring *ring = playout_ring(self);
    unsigned int rate, write_rate;
    PyObject *resampler;

    if (!PyArg_ParseTuple(args, "IIO:start_run", &rate, &write_rate, &resampler)) {
        return NULL;
    }
    if (rate == 0 || write_rate == 0 || (resampler != Py_None && !resampler_check(resampler))) {
        PyErr_SetString(PyExc_ValueError, "rates are above 0, and a Resampler or None is wanted");
        return NULL;
    }
    self->rate = rate;
    self->write_rate = write_rate;
    Py_XSETREF(self->resampler, resampler != Py_None ? Py_NewRef(resampler) : NULL);
    self->run_source = self->queue.source;
    self->run_ring = ring != NULL ? ring->position : 0;
    self->run_open = false;
    Py_RETURN_NONE;
}

static PyObject *playout_feed(PyObject *object, PyObject *pcm)
{
    return pieces_are_sound(pcm) && playout_take((Playout *)object, pcm) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *playout_set_part(PyObject *object, PyObject *args)
{
    Playout *self = (Playout *)object;
    struct part wanted = {0};
    unsigned long long most;
    PyObject *law;

    if (!PyArg_ParseTuple(args, "OO!OOlKO:set_part", &wanted.decode, &PyTuple_Type, &wanted.names, &wanted.response_id,
                          &wanted.item_id, &wanted.content_index, &most, &law) ||
        (law != Py_None && (wanted.law = g711_law_named(law)) == NULL) || !part_set(&self->part, wanted)) {
        return NULL;
    }
    self->most_queued = most;
    Py_RETURN_NONE;
}

static PyObject *playout_clear_part(PyObject *object, PyObject *Py_UNUSED(args))
{
    part_clear(&((Playout *)object)->part);
    Py_RETURN_NONE;
}

/* -1 with an exception set. */
static int playout_take_message(Playout *self, const Py_buffer *message)
{
    uint64_t waiting = self->queue.end - self->queue.source;
    PyObject *pcm = part_audio(&self->part, message);
    int taken = 0;

    if (pcm == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    if (self->queue.count < PIECES_LIMIT &&
        waiting + (size_t)PyBytes_GET_SIZE(pcm) / sizeof(int16_t) <= self->most_queued) {
        taken = playout_take(self, pcm) ? 1 : -1;
    }
    Py_DECREF(pcm);
    return taken;
}

static PyObject *playout_feed_message(PyObject *object, PyObject *message)
{
    Py_buffer view;
    int taken;

    if (PyObject_GetBuffer(message, &view, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    taken = playout_take_message((Playout *)object, &view);
    PyBuffer_Release(&view);
    return taken >= 0 ? PyBool_FromLong(taken) : NULL;
}

static PyObject *playout_finish(PyObject *object, PyObject *Py_UNUSED(args))
{
    Playout *self = (Playout *)object;

    self->ended = true;
    return playout_fill_below(self, self->low_ms) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *playout_fill(PyObject *object, PyObject *Py_UNUSED(args))
{
    Playout *self = (Playout *)object;

    return playout_fill_below(self, self->low_ms) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *playout_flush(PyObject *object, PyObject *Py_UNUSED(args))
{
    Playout *self = (Playout *)object;
    struct playback_ring *ring = playout_ring(self);

    return ring == NULL || playout_flush_run(self, ring) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *playout_clear(PyObject *object, PyObject *Py_UNUSED(args))
{
    Playout *self = (Playout *)object;
    struct playback_ring *ring = playout_ring(self);

    pieces_clear(&self->queue, self->queue.end);
    self->active = self->ended = false;
    if (ring != NULL) {
        playout_set_expecting(self, ring->memory);
    }
    Py_RETURN_NONE;
}

static PyObject *playout_rewind(PyObject *object, PyObject *position)
{
    Playout *self = (Playout *)object;
    uint64_t to = PyLong_AsUnsignedLongLong(position);

    if (to == (uint64_t)-1 && PyErr_Occurred()) {
        return NULL;
    }
    pieces_rewind(&self->queue, to);
    Py_RETURN_NONE;
}

static PyObject *playout_contents(PyObject *object, PyObject *Py_UNUSED(args))
{
    return pieces_contents(&((Playout *)object)->queue);
}

static PyObject *playout_replace(PyObject *object, PyObject *args)
{
    Playout *self = (Playout *)object;
    unsigned int rate;
    unsigned long long start, source, run_source;
    PyObject *pcm, *resampler;

    if (!PyArg_ParseTuple(args, "IOKKKO:replace", &rate, &resampler, &run_source, &start, &source, &pcm) ||
        !pieces_are_sound(pcm)) {
        return NULL;
    }
    if (rate == 0 || (resampler != Py_None && !resampler_check(resampler)) || source < start ||
        source - start > (size_t)PyBytes_GET_SIZE(pcm) / sizeof(int16_t)) {
        PyErr_SetString(PyExc_ValueError, "rate, resampler or positions make no sense");
        return NULL;
    }
    pieces_clear(&self->queue, start);
    if (!pieces_append(&self->queue, pcm)) {
        return NULL;
    }
    pieces_pass(&self->queue, (size_t)(source - start));
    self->rate = rate;
    self->run_source = run_source;
    Py_XSETREF(self->resampler, resampler != Py_None ? Py_NewRef(resampler) : NULL);
    Py_RETURN_NONE;
}

static PyObject *playout_method_source_at(PyObject *object, PyObject *position)
{
    uint64_t ring = PyLong_AsUnsignedLongLong(position);

    if (ring == (uint64_t)-1 && PyErr_Occurred()) {
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(playout_source_at((Playout *)object, ring));
}

static PyObject *playout_queued(PyObject *object, void *Py_UNUSED(closure))
{
    const struct pieces *queue = &((Playout *)object)->queue;

    return PyLong_FromUnsignedLongLong(queue->end - queue->source);
}

static PyObject *playout_full(PyObject *object, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(((Playout *)object)->queue.count >= PIECES_LIMIT);
}

static PyObject *playout_settled(PyObject *object, void *Py_UNUSED(closure))
{
    Playout *self = (Playout *)object;

    return PyBool_FromLong(self->queue.source == self->queue.end && !self->run_open);
}

/* The closure is the offset of the position. */
static PyObject *playout_position(PyObject *object, void *offset)
{
    return PyLong_FromUnsignedLongLong(*(const uint64_t *)(const void *)((const char *)object + (uintptr_t)offset));
}

/* -- for the poller */

bool playout_check(PyObject *object)
{
    return Py_TYPE(object)->tp_dealloc == playout_dealloc;
}

void playout_tend(PyObject *object)
{
    Playout *self = (Playout *)object;

    /* Looking at what the media thread writes takes a cache line from it: not where there is nothing to pass on. */
    if (self->queue.source == self->queue.end && !(self->ended && self->run_open)) {
        return;
    }
    if (!playout_fill_below(self, self->low_ms)) {
        PyErr_WriteUnraisable(object);
    }
}

#define POSITION(name, field, doc) {name, playout_position, NULL, doc, (void *)offsetof(Playout, field)}

static PyGetSetDef playout_getset[] = {
    {"queued", playout_queued, NULL, "samples that wait to be passed on", NULL},
    {"full", playout_full, NULL, "whether so many pieces wait that no more is to be fed", NULL},
    {"settled", playout_settled, NULL, "whether all that was fed is in the ring, the resampler's tail included", NULL},
    POSITION("start", queue.start, "source position of the first sample that is kept"),
    POSITION("source", queue.source, "source position up to which all is in the ring, or in the resampler"),
    POSITION("end", queue.end, "source position up to which all was fed"),
    POSITION("run_source", run_source, "source position where the resampler's run started"),
    POSITION("run_ring", run_ring, "the same in the ring"),
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef playout_methods[] = {
    {"start_run", playout_start_run, METH_VARARGS,
     "(rate, write_rate, resampler or None): what follows is a new signal, fed at `rate` Hz."},
    {"feed", playout_feed, METH_O, "Queue pcm16 (bytes), and fill the ring up to `high` ms."},
    {"set_part", playout_set_part, METH_VARARGS,
     "(decode, names, response_id or None, item_id or None, content_index, most_queued, law or None): feed_message() takes\n"
     "what belongs to this part, which what was fed last is of. `names`: of audio deltas, bytes. decode(base64) gives audio\n"
     "and raises ValueError for what is malformed; `most_queued` is how many samples may wait."},
    {"clear_part", playout_clear_part, METH_NOARGS, "It takes nothing."},
    {"feed_message", playout_feed_message, METH_O,
     "(message) -> whether it was an audio delta of the part, and was fed. If not, nothing has happened."},
    {"finish", playout_finish, METH_NOARGS, "Nothing follows what was fed last, until something does."},
    {"fill", playout_fill, METH_NOARGS, "Fill the ring if it runs low."},
    {"flush", playout_flush, METH_NOARGS, "Pass on what the resampler holds back."},
    {"clear", playout_clear, METH_NOARGS, "Drop what is queued; what is in the ring is the caller's to discard."},
    {"rewind", playout_rewind, METH_O, "Back to this source position, or as near as is kept: it is to be passed on again."},
    {"contents", playout_contents, METH_NOARGS, "-> the pcm16 from `start` to `end`."},
    {"replace", playout_replace, METH_VARARGS,
     "(rate, resampler or None, run_source, start, source, pcm16): in place of contents(), with all positions anew; the\n"
     "run goes on."},
    {"source_at", playout_method_source_at, METH_O, "(ring position) -> source position of what is played there."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot playout_slots[] = {
    {Py_tp_doc, "Playout(memory, low_ms, high_ms): agent audio, queued and resampled into the playback ring."},
    {Py_tp_init, playout_init},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_dealloc, playout_dealloc},
    {Py_tp_methods, playout_methods},
    {Py_tp_getset, playout_getset},
    {0, NULL},
};

PyType_Spec media_playout_spec = {
    .name = "mod_openai_realtime._media.Playout",
    .basicsize = sizeof(Playout),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = playout_slots,
};
