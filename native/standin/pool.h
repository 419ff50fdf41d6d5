/*
 * pool.h -- memory that lives as long as its owner (a session or a module).
 *
 * Each allocation is a malloc of its own, so that a sanitizer sees an overrun or a use after the owner's end.
 */
#ifndef STANDIN_POOL_H
#define STANDIN_POOL_H

#include <stdarg.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

struct pool;

struct pool *pool_new(void);
/* Zeroed; ends the process when there is no memory, as FreeSWITCH does. Safe from any thread. */
void *pool_alloc(struct pool *pool, size_t bytes);
char *pool_strdup(struct pool *pool, const char *text);
void pool_free(struct pool *pool);

/* For what is freed by itself; these too end the process when there is no memory. */
void *memory_new(size_t bytes);
char *memory_strdup(const char *text);
char *memory_vprintf(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

#pragma GCC visibility pop

#endif
