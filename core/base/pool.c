#include "base/pool.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16, CHUNK = 16384 };

struct rk_pool_chunk {
    rk_pool_chunk *older;
    _Alignas(ALIGN) unsigned char bytes[];
};

static int grow(rk_pool *p, size_t bytes)
{
    size_t cap = bytes > CHUNK ? bytes : CHUNK;
    if (cap > SIZE_MAX - sizeof(rk_pool_chunk)) return 0;
    rk_pool_chunk *c = malloc(sizeof *c + cap);
    if (!c) return 0;
    c->older = p->newest;
    *p = (rk_pool){.newest = c, .cap = cap};
    return 1;
}

void *rk_pool_alloc(rk_pool *p, size_t bytes)
{
    if (bytes > SIZE_MAX - ALIGN) return NULL;
    bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (!p->newest || p->cap - p->used < bytes)
        if (!grow(p, bytes)) return NULL;
    void *out = p->newest->bytes + p->used;
    p->used += bytes;
    memset(out, 0, bytes);
    return out;
}

void *rk_pool_array(rk_pool *p, size_t n, size_t size)
{
    return size && n > SIZE_MAX / size ? NULL : rk_pool_alloc(p, n * size);
}

void *rk_pool_copy(rk_pool *p, const void *src, size_t bytes)
{
    void *out = rk_pool_alloc(p, bytes);
    if (out && bytes) memcpy(out, src, bytes);
    return out;
}

char *rk_pool_string(rk_pool *p, const char *s) { return rk_pool_copy(p, s, strlen(s) + 1); }

void *rk_pool_longer(rk_pool *p, void *list, size_t n, size_t size)
{
    if (n & (n - 1)) return list; /* room is made for 1, 2, 4, ... entries */
    if (n > SIZE_MAX / 2) return NULL;
    void *longer = rk_pool_array(p, n ? 2 * n : 1, size);
    if (longer && n) memcpy(longer, list, n * size);
    return longer;
}

void rk_pool_free(rk_pool *p)
{
    for (rk_pool_chunk *c = p->newest; c;) {
        rk_pool_chunk *older = c->older;
        free(c);
        c = older;
    }
    *p = (rk_pool){0};
}
