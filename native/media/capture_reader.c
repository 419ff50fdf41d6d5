/* capture_reader.c -- see capture_reader.h. */
#include "capture_reader.h"

#include "stream_memory.h"

/* Slots of one run: as many as fit here at once; a backlog takes several calls. */
#define RUN_BYTES 16384u
/* A slot that comes so much later than those before it last belongs to another run, with a time of its own. */
#define RUN_GAP_NS 30000000u
/* More than a ring can be read in; a writer that keeps no rules does not keep the reader. */
#define RUNS_AT_ONCE 640u
/* 100 ms usually: what an engine that dies has not written is no more than a second. */
#define COPIES 5

void capture_reader_clear(struct capture_reader *reader)
{
    Py_CLEAR(reader->memory);
    Py_CLEAR(reader->copies);
}

/* NULL once the memory is closed. */
static struct slot_ring *reader_ring(const struct capture_reader *reader, struct capture_gaps **gaps)
{
    return reader->memory != NULL ? stream_memory_capture(reader->memory, gaps) : NULL;
}

bool capture_reader_is_sound(const struct capture_reader *reader)
{
    struct capture_gaps *gaps;
    const struct slot_ring *ring = reader_ring(reader, &gaps);

    return ring == NULL || ring->slot_bytes <= CAPTURE_SLOT_LIMIT;
}

uint32_t capture_reader_read(const struct capture_reader *reader, void *pcm, struct audio_slot *header, uint64_t *lost)
{
    struct capture_gaps *gaps;
    struct slot_ring *ring = reader_ring(reader, &gaps);

    return ring != NULL ? capture_gaps_read(gaps, ring, pcm, header, lost) : 0;
}

void capture_reader_unread(struct capture_reader *reader, uint64_t lost)
{
    struct capture_gaps *gaps;
    struct slot_ring *ring = reader_ring(reader, &gaps);

    if (ring != NULL) {
        capture_gaps_unread(gaps, ring);
        reader->lost += lost;
    }
}

static PyObject *reader_tuple(const void *pcm, uint32_t bytes, const struct audio_slot *header, uint64_t lost)
{
    return Py_BuildValue("(y#IIKK)", (const char *)pcm, (Py_ssize_t)bytes, (unsigned int)header->rate,
                         (unsigned int)header->channels, (unsigned long long)header->time_ns,
                         (unsigned long long)lost);
}

bool capture_reader_copy(struct capture_reader *reader, const void *pcm, const struct audio_slot *header, uint64_t lost)
{
    PyObject *copy;
    bool done;

    if (reader->copies == NULL) {
        return true;
    }
    copy = reader_tuple(pcm, header->bytes, header, lost);
    done = copy != NULL && PyList_Append(reader->copies, copy) == 0;
    Py_XDECREF(copy);
    return done;
}

bool capture_reader_is_full(const struct capture_reader *reader)
{
    return reader->copies != NULL && PyList_GET_SIZE(reader->copies) >= COPIES;
}

static uint64_t run_ns(uint32_t bytes, const struct audio_slot *header)
{
    return header->rate == 0 || header->channels == 0
               ? 0
               : (uint64_t)bytes * 1000000000u / (2u * header->channels * (uint64_t)header->rate);
}

PyObject *capture_reader_run(struct capture_reader *reader)
{
    unsigned char run[RUN_BYTES];
    struct audio_slot header = {0}, first = {0};
    struct capture_gaps *gaps;
    struct slot_ring *ring = reader_ring(reader, &gaps);
    uint32_t used = 0;
    uint64_t lost = 0;
    PyObject *tuple;

    if (ring == NULL) {
        PyErr_SetString(PyExc_ValueError, "stream memory is closed");
        return NULL;
    }
    while (used + ring->slot_bytes <= RUN_BYTES) {
        uint32_t bytes = capture_gaps_read(gaps, ring, run + used, &header, &reader->lost);

        if (bytes == 0) {
            break;
        }
        if (used > 0 && (header.rate != first.rate || header.channels != first.channels || reader->lost > 0 ||
                         header.time_ns > first.time_ns + run_ns(used, &first) + RUN_GAP_NS)) {
            /* A codec change, or a gap: another run. Hand this slot out next time. */
            capture_gaps_unread(gaps, ring);
            break;
        }
        if (used == 0) {
            first = header;
            lost = reader->lost;
            reader->lost = 0;
        }
        used += bytes;
    }
    if (used == 0) {
        Py_RETURN_NONE;
    }
    tuple = reader_tuple(run, used, &first, lost);
    if (tuple != NULL && reader->copies != NULL && PyList_Append(reader->copies, tuple) != 0) {
        Py_CLEAR(tuple);
    }
    return tuple;
}

bool capture_reader_skip(struct capture_reader *reader, uint64_t *skipped)
{
    struct capture_gaps *gaps;
    struct slot_ring *ring = reader_ring(reader, &gaps);

    *skipped = 0;
    if (ring != NULL && reader->copies == NULL) {
        *skipped = capture_gaps_skip(gaps, ring);
    }
    for (unsigned runs = 0; ring != NULL && reader->copies != NULL && runs < RUNS_AT_ONCE; runs++) {
        PyObject *run = capture_reader_run(reader);

        if (run == NULL) {
            return false;
        }
        Py_DECREF(run);
        if (run == Py_None) {
            break;
        }
        *skipped += 1;
    }
    return true;
}

PyObject *capture_reader_take_copies(struct capture_reader *reader)
{
    PyObject *copies = reader->copies, *rest = PyList_New(0);

    if (rest == NULL || copies == NULL) {
        return rest;
    }
    reader->copies = rest;
    return copies;
}
