#include "entrance.h"

#include <stdatomic.h>

static atomic_uint inside;
static atomic_bool closed;

void entrance_open(void)
{
    atomic_store(&closed, false);
}

void entrance_close(void)
{
    atomic_store(&closed, true);
}

bool entrance_is_closed(void)
{
    return atomic_load(&closed);
}

unsigned entrance_count(void)
{
    return atomic_load(&inside);
}

bool entrance_enter(void)
{
    /* Counted before the look at `closed`, so that the unloading thread sees one or the other. */
    atomic_fetch_add(&inside, 1);
    if (entrance_is_closed()) {
        entrance_leave();
        return false;
    }
    return true;
}

void entrance_leave(void)
{
    atomic_fetch_sub(&inside, 1);
}
