/*
 * ticker.c -- the media clock: every so often, over those streams of a worker that have something to do.
 *
 * Most ticks find nothing that Python has to see; then not a line of it runs. Between two ticks a machine that is busy
 * with calls has filled its caches with other things, and what is not touched need not be fetched again.
 *
 * Ticks are one interval apart, however late the one before was. Those that a stalled event loop missed are counted, not
 * made up.
 */
#include "monotonic.h"
#include "poller.h"

#include <errno.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define BOUNDS_MAX 16
#define NS_PER_S 1000000000u

typedef struct {
    PyObject_HEAD
    PyObject *poller;
    PyObject *work; /* called with the streams that are due, if there are any */
    int timer;      /* a timerfd, or -1 */
    uint64_t interval, next; /* ns */
    uint64_t ticks, missed;
    uint64_t lateness, worst; /* ns: the sum, and the most since worst was taken */
    size_t bounds_count;
    uint64_t bounds[BOUNDS_MAX];        /* ns, ascending */
    uint64_t histogram[BOUNDS_MAX + 1]; /* ticks by lateness: up to each bound, and beyond the last */
} Ticker;

static bool ticker_read_bounds(Ticker *self, PyObject *bounds)
{
    Py_ssize_t count = PyTuple_GET_SIZE(bounds);

    if (count > BOUNDS_MAX) {
        PyErr_Format(PyExc_ValueError, "at most %d bounds", BOUNDS_MAX);
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        uint64_t bound = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(bounds, i));

        if (bound == (uint64_t)-1 && PyErr_Occurred()) {
            return false;
        }
        self->bounds[i] = bound;
    }
    self->bounds_count = (size_t)count;
    return true;
}

static int ticker_init(PyObject *object, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    Ticker *self = (Ticker *)object;
    PyObject *poller, *work, *bounds;
    unsigned long long interval;

    if (!PyArg_ParseTuple(args, "OOKO!:Ticker", &poller, &work, &interval, &PyTuple_Type, &bounds)) {
        return -1;
    }
    if (!poller_check(poller) || interval == 0) {
        PyErr_SetString(PyExc_ValueError, "a Poller is wanted, and an interval above 0");
        return -1;
    }
    if (!ticker_read_bounds(self, bounds)) {
        return -1;
    }
    Py_XSETREF(self->poller, Py_NewRef(poller));
    Py_XSETREF(self->work, Py_NewRef(work));
    self->interval = interval;
    return 0;
}

static PyObject *ticker_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *object = PyType_GenericNew(type, args, kwargs);

    if (object != NULL) {
        ((Ticker *)object)->timer = -1;
    }
    return object;
}

static struct timespec ticker_timespec(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

/* From the next tick on. False with an exception set. */
static bool ticker_set_timer(const Ticker *self)
{
    struct itimerspec when = {ticker_timespec(self->interval), ticker_timespec(self->next)};

    if (timerfd_settime(self->timer, TFD_TIMER_ABSTIME, &when, NULL) != 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return false;
    }
    return true;
}

static void ticker_close_timer(Ticker *self)
{
    if (self->timer >= 0) {
        close(self->timer);
        self->timer = -1;
    }
}

static int ticker_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((Ticker *)object)->poller);
    Py_VISIT(((Ticker *)object)->work);
    return 0;
}

static int ticker_clear(PyObject *object)
{
    Py_CLEAR(((Ticker *)object)->poller);
    Py_CLEAR(((Ticker *)object)->work);
    return 0;
}

static void ticker_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    ticker_close_timer((Ticker *)object);
    ticker_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static void ticker_count(Ticker *self, uint64_t lateness, uint64_t missed)
{
    size_t bin = 0;

    while (bin < self->bounds_count && lateness > self->bounds[bin]) {
        bin++;
    }
    self->histogram[bin]++;
    self->ticks++;
    self->missed += missed;
    self->lateness += lateness;
    self->worst = lateness > self->worst ? lateness : self->worst;
}

/* False with an exception set. */
static bool ticker_tick(Ticker *self, uint64_t now)
{
    uint64_t lateness = now > self->next ? now - self->next : 0;
    uint64_t missed = lateness / self->interval;
    PyObject *ready, *result;

    ticker_count(self, lateness, missed);
    self->next += (missed + 1) * self->interval;
    ready = poller_poll(self->poller);
    if (ready == NULL) {
        return false;
    }
    result = PyList_GET_SIZE(ready) > 0 ? PyObject_CallOneArg(self->work, ready) : Py_NewRef(Py_None);
    Py_DECREF(ready);
    Py_XDECREF(result);
    return result != NULL;
}

/* -- for Python */

static PyObject *ticker_start(PyObject *object, PyObject *args)
{
    Ticker *self = (Ticker *)object;
    unsigned long long now;

    if (!PyArg_ParseTuple(args, "K:start", &now)) {
        return NULL;
    }
    self->next = now + self->interval;
    Py_RETURN_NONE;
}

static PyObject *ticker_arm(PyObject *object, PyObject *Py_UNUSED(args))
{
    Ticker *self = (Ticker *)object;

    ticker_close_timer(self);
    self->next = monotonic_ns() + self->interval;
    self->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (self->timer < 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    if (!ticker_set_timer(self)) {
        ticker_close_timer(self);
        return NULL;
    }
    return PyLong_FromLong(self->timer);
}

static PyObject *ticker_set_interval(PyObject *object, PyObject *interval)
{
    Ticker *self = (Ticker *)object;
    uint64_t interval_ns = PyLong_AsUnsignedLongLong(interval);

    if (interval_ns == (uint64_t)-1 && PyErr_Occurred()) {
        return NULL;
    }
    if (interval_ns == 0) {
        PyErr_SetString(PyExc_ValueError, "an interval is above 0");
        return NULL;
    }
    if (interval_ns != self->interval) {
        self->interval = interval_ns;
        if (self->timer >= 0 && !ticker_set_timer(self)) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static PyObject *ticker_disarm(PyObject *object, PyObject *Py_UNUSED(args))
{
    ticker_close_timer((Ticker *)object);
    Py_RETURN_NONE;
}

static PyObject *ticker_fire(PyObject *object, PyObject *Py_UNUSED(args))
{
    Ticker *self = (Ticker *)object;
    uint64_t expired;

    if (read(self->timer, &expired, sizeof(expired)) < 0) {
        return errno == EAGAIN || errno == EINTR ? Py_NewRef(Py_None) : PyErr_SetFromErrno(PyExc_OSError);
    }
    return ticker_tick(self, monotonic_ns()) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *ticker_method_tick(PyObject *object, PyObject *now)
{
    Ticker *self = (Ticker *)object;
    uint64_t now_ns = PyLong_AsUnsignedLongLong(now);

    if ((now_ns == (uint64_t)-1 && PyErr_Occurred()) || !ticker_tick(self, now_ns)) {
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(self->next);
}

static PyObject *ticker_take_worst(PyObject *object, PyObject *Py_UNUSED(args))
{
    Ticker *self = (Ticker *)object;
    uint64_t worst = self->worst;

    self->worst = 0;
    return PyLong_FromUnsignedLongLong(worst);
}

static PyObject *ticker_lateness(PyObject *object, void *Py_UNUSED(closure))
{
    Ticker *self = (Ticker *)object;
    PyObject *bins = PyList_New((Py_ssize_t)self->bounds_count + 1);

    for (size_t i = 0; bins != NULL && i <= self->bounds_count; i++) {
        PyObject *count = PyLong_FromUnsignedLongLong(self->histogram[i]);

        if (count == NULL) {
            Py_CLEAR(bins);
        } else {
            PyList_SET_ITEM(bins, (Py_ssize_t)i, count);
        }
    }
    return bins;
}

/* The closure is the offset of the number. */
static PyObject *ticker_number(PyObject *object, void *offset)
{
    return PyLong_FromUnsignedLongLong(*(const uint64_t *)(const void *)((const char *)object + (uintptr_t)offset));
}

#define NUMBER(name, field, doc) {name, ticker_number, NULL, doc, (void *)offsetof(Ticker, field)}

static PyGetSetDef ticker_getset[] = {
    NUMBER("ticks", ticks, "since it was made"),
    NUMBER("missed_ticks", missed, "that a stalled loop left out"),
    NUMBER("lateness_ns", lateness, "sum over all ticks"),
    {"lateness", ticker_lateness, NULL, "ticks by how late they were: up to each bound, and beyond the last", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef ticker_methods[] = {
    {"arm", ticker_arm, METH_NOARGS,
     "-> a file descriptor, readable when fire() is to be called: one interval from now, and so on. Raises OSError."},
    {"set_interval", ticker_set_interval, METH_O,
     "(interval_ns): ticks are so far apart, after the one that is next. Raises OSError, ValueError."},
    {"disarm", ticker_disarm, METH_NOARGS, "Close it; idempotent."},
    {"fire", ticker_fire, METH_NOARGS, "Tick, if a tick is due by the kernel's clock. Raises what `work` raises."},
    {"start", ticker_start, METH_VARARGS, "(now_ns): the first tick is one interval from then; for a clock of one's own."},
    {"tick", ticker_method_tick, METH_O, "(now_ns) -> when the next is due, in ns. Raises what `work` raises."},
    {"take_worst", ticker_take_worst, METH_NOARGS, "-> ns that the latest tick was late since this was last asked."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot ticker_slots[] = {
    {Py_tp_doc, "Ticker(poller, work, interval_ns, bounds_ns): polls each interval; work(streams) where some are due."},
    {Py_tp_init, ticker_init},
    {Py_tp_new, ticker_new},
    {Py_tp_dealloc, ticker_dealloc},
    {Py_tp_traverse, ticker_traverse},
    {Py_tp_clear, ticker_clear},
    {Py_tp_methods, ticker_methods},
    {Py_tp_getset, ticker_getset},
    {0, NULL},
};

PyType_Spec media_ticker_spec = {
    .name = "mod_openai_realtime._media.Ticker",
    .basicsize = sizeof(Ticker),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = ticker_slots,
};
