/* What a backend may ask of the core. */
#include "device/hub.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *host_alloc(void *ctx, void *old, size_t n)
{
    (void)ctx;
    if (n) return realloc(old, n);
    free(old);
    return NULL;
}

static void host_log(void *ctx, int level, const char *text)
{
    static const char *const levels[] = {"error", "warning", "note", "detail"};
    const rk_loaded *l = ctx;
    if (level > l->hub->verbosity || level < 0 || level > 3) return;
    fprintf(stderr, "rethink: backend %s: %s: %s\n", l->table.name, levels[level], text);
}

static const char *host_option(void *ctx, const char *key)
{
    const rk_hub *h = ((const rk_loaded *)ctx)->hub;
    for (uint32_t i = 0; i < h->n_options; i++)
        if (strcmp(h->options[2 * i], key) == 0) return h->options[2 * i + 1];
    return NULL;
}

static int host_cache_get(void *ctx, const void *key, size_t key_bytes, void *buf, size_t *n)
{
    rk_loaded *l = ctx;
    size_t room = *n;
    if (!rk_cache_get(key, key_bytes, buf, n)) return 0;
    l->cached += buf && *n <= room; /* not of a question for the size */
    return 1;
}

static void host_cache_put(void *ctx, const void *key, size_t key_bytes, const void *buf, size_t n)
{
    rk_loaded *l = ctx;
    l->compiled++;
    rk_cache_put(key, key_bytes, buf, n);
}

void rk_host_init(rk_loaded *l)
{
    l->host = (rk_host){.size = sizeof l->host,
                        .abi_major = RK_ABI_MAJOR,
                        .abi_minor = RK_ABI_MINOR,
                        .ctx = l,
                        .alloc = host_alloc,
                        .log = host_log,
                        .option = host_option,
                        .cache_get = host_cache_get,
                        .cache_put = host_cache_put};
}
