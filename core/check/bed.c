#include "check/bed.h"
#include "device/load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *host_alloc(void *ctx, void *old, size_t n)
{
    rk_bed_alloc *a = &((rk_bed *)ctx)->alloc;
    if (n == 0) {
        if (old) a->live--;
        free(old);
        return NULL;
    }
    if (++a->calls == a->fail_at) return NULL;
    void *p = realloc(old, n);
    if (p && !old) a->live++;
    return p;
}

static void host_log(void *ctx, int level, const char *text)
{
    (void)ctx;
    if (level <= 1) fprintf(stderr, "backend: %s\n", text);
}

static const char *value_of(const char *option, const char *key)
{
    size_t n = strlen(key);
    return option && strncmp(option, key, n) == 0 && option[n] == '=' ? option + n + 1 : NULL;
}

static const char *host_option(void *ctx, const char *key)
{
    const rk_bed *b = ctx;
    const char *value = value_of(b->other_option, key);
    for (uint32_t i = 0; !value && i < b->n_option; i++) value = value_of(b->option[i], key);
    return value;
}

/* A check is of what the backend makes now, not of what it stored once. */
static int host_cache_get(void *ctx, const void *key, size_t key_bytes, void *buf, size_t *n)
{
    (void)ctx, (void)key, (void)key_bytes, (void)buf, (void)n;
    return 0;
}

static void host_cache_put(void *ctx, const void *key, size_t key_bytes, const void *buf, size_t n)
{
    (void)ctx, (void)key, (void)key_bytes, (void)buf, (void)n;
}

rk_status rk_bed_load(rk_bed *b, const char *path, const char *const *options, rk_error *e)
{
    memset(b, 0, sizeof *b);
    b->path = path;
    b->host = (rk_host){.size = sizeof b->host,
                        .abi_major = RK_ABI_MAJOR,
                        .abi_minor = RK_ABI_MINOR,
                        .ctx = b,
                        .alloc = host_alloc,
                        .log = host_log,
                        .option = host_option,
                        .cache_get = host_cache_get,
                        .cache_put = host_cache_put};
    for (; options && options[b->n_option] && b->n_option < RK_BED_OPTIONS; b->n_option++)
        b->option[b->n_option] = options[b->n_option];
    RK_TRY(rk_backend_load(path, &b->table, e));
    b->backend = &b->table;
    return RK_OK;
}

rk_status rk_bed_open(rk_bed *b, const char *path, uint32_t index, const char *const *options,
                      rk_error *e)
{
    uint32_t n = 0;
    RK_TRY(rk_bed_load(b, path, options, e));
    rk_devinfo *list = calloc(RK_BACKEND_DEVICES, sizeof *list);
    if (!list) return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of devices");
    list[0].size = sizeof list[0];
    rk_status s = b->backend->enumerate(&b->host, list, RK_BACKEND_DEVICES, &n, e);
    uint32_t at = 0;
    while (at < n && at < RK_BACKEND_DEVICES && list[at].index != index) at++;
    if (s == RK_OK && (at >= n || at >= RK_BACKEND_DEVICES))
        s = RK_FAIL(e, RK_E_UNSUPPORTED, "no device %u: there are %u", index, n);
    if (s == RK_OK) b->info = list[at];
    free(list);
    if (s != RK_OK) return s;
    s = b->backend->open(&b->host, b->info.index, &b->device, e);
    if (s == RK_OK && !b->device) s = RK_FAIL(e, RK_E_INTERNAL, "open gave no device");
    if (s != RK_OK) b->device = NULL;
    return s;
}

long rk_bed_close(rk_bed *b)
{
    if (b->device) b->backend->close(b->device);
    b->device = NULL;
    return b->alloc.live;
}

void rk_bed_begin(rk_bed *b) { b->outcome = (rk_outcome){0}; }

bool rk_bed_going(const rk_bed *b) { return !b->outcome.failed; }

void rk_bed_fail(rk_bed *b, const char *format, ...)
{
    va_list args;
    if (b->outcome.failed) return;
    b->outcome.failed = true;
    va_start(args, format);
    vsnprintf(b->outcome.text, sizeof b->outcome.text, format, args);
    va_end(args);
}
