#include "gate.h"

#include <stdatomic.h>

static atomic_uint inside;
static atomic_bool closed;

void gate_open(void)
{
    atomic_store(&closed, false);
}

void gate_close(void)
{
    atomic_store(&closed, true);
}

bool gate_is_closed(void)
{
    return atomic_load(&closed);
}

unsigned gate_count(void)
{
    return atomic_load(&inside);
}

bool gate_enter(void)
{
    /* Counted before the look at `closed`, so that the unloading thread sees one or the other. */
    atomic_fetch_add(&inside, 1);
    if (gate_is_closed()) {
        gate_leave();
        return false;
    }
    return true;
}

void gate_leave(void)
{
    atomic_fetch_sub(&inside, 1);
}
