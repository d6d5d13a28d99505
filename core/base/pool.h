/* pool.h: memory that is freed all at once.
 *
 * A structure of many small parts that live equally long allocates them from one pool: there is one
 * thing to free, whatever failed on the way.  Threads: one at a time. */
#ifndef RK_BASE_POOL_H
#define RK_BASE_POOL_H
#include <stddef.h>

typedef struct rk_pool_chunk rk_pool_chunk;
/* {0} is an empty pool. */
typedef struct rk_pool {
    rk_pool_chunk *newest;
    size_t used, cap; /* bytes of the newest chunk */
} rk_pool;

/* bytes of zeros, 16-aligned; NULL without memory. */
void *rk_pool_alloc(rk_pool *p, size_t bytes);
/* n elements of size bytes; NULL also if the product overflows. */
void *rk_pool_array(rk_pool *p, size_t n, size_t size);
/* A copy of bytes at src; NULL without memory. */
void *rk_pool_copy(rk_pool *p, const void *src, size_t bytes);
char *rk_pool_string(rk_pool *p, const char *s);
/* A list of n entries of size bytes, with room for one more; what outgrew its room is copied.  NULL
 * without memory. */
void *rk_pool_longer(rk_pool *p, void *list, size_t n, size_t size);
/* Frees everything; the pool is empty then. */
void rk_pool_free(rk_pool *p);
#endif
