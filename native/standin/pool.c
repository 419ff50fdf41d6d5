#include "pool.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next;
    alignas(max_align_t) unsigned char bytes[];
};

struct pool {
    pthread_mutex_t lock; /* guards blocks */
    struct block *blocks;
};

void *memory_new(size_t bytes)
{
    void *memory = calloc(1, bytes > 0 ? bytes : 1);

    if (memory == NULL) {
        fputs("standin: out of memory\n", stderr);
        abort();
    }
    return memory;
}

char *memory_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;

    return memcpy(memory_new(bytes), text, bytes);
}

char *memory_vprintf(const char *format, va_list arguments)
{
    size_t bytes = 0;
    char *text = NULL;
    FILE *stream = open_memstream(&text, &bytes);

    if (stream == NULL || vfprintf(stream, format, arguments) < 0 || fclose(stream) != 0) {
        fputs("standin: a text could not be formatted\n", stderr);
        abort();
    }
    return text;
}

struct pool *pool_new(void)
{
    struct pool *pool = memory_new(sizeof(*pool));

    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

void *pool_alloc(struct pool *pool, size_t bytes)
{
    struct block *block = memory_new(sizeof(*block) + bytes);

    pthread_mutex_lock(&pool->lock);
    block->next = pool->blocks;
    pool->blocks = block;
    pthread_mutex_unlock(&pool->lock);
    return block->bytes;
}

char *pool_strdup(struct pool *pool, const char *text)
{
    size_t bytes = strlen(text) + 1;

    return memcpy(pool_alloc(pool, bytes), text, bytes);
}

void pool_free(struct pool *pool)
{
    struct block *block = pool->blocks;

    while (block != NULL) {
        struct block *next = block->next;

        free(block);
        block = next;
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
