/* What a backend may ask of the core. */
#include "base/text.h"
#include "device/helpers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    if (!buf || *n > room) return 1; /* a question for the size */
    if (rk_helpers_made(l->hub->helpers, key, key_bytes))
        l->compiled++;
    else
        l->cached++;
    return 1;
}

/* In one piece, before the program can be found; a note that cannot be left is no harm. */
static void note(int fd, const void *key, size_t key_bytes)
{
    char digest[33];
    rk_digest_hex(key, key_bytes, digest);
    ssize_t written = write(fd, digest, RK_NOTE_BYTES);
    (void)written;
}

static void host_cache_put(void *ctx, const void *key, size_t key_bytes, const void *buf, size_t n)
{
    rk_loaded *l = ctx;
    l->compiled++;
    rk_helpers_made(l->hub->helpers, key, key_bytes); /* by both: counted once */
    if (l->hub->notes) note(l->hub->notes, key, key_bytes);
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
