/*
 * links.h -- the registry: which channel has a link. Its lock guards the table alone, for moments.
 */
#ifndef MODULE_LINKS_H
#define MODULE_LINKS_H

#include "link.h"

/* The channel's link, made if it has none; with a reference. NULL: out of memory. */
struct link *links_take(const char *uuid);
unsigned links_count(void);
/* All links, each with a reference; free() the array. */
struct link **links_all(size_t *count);
/* The service thread's: take a link off that nothing uses (`force`: even if the engine has not said that it is idle)
 * and close it. True: the registry's reference is the caller's now. */
bool links_drop(struct link *link, bool force);

#endif
