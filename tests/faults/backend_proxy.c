/* A backend that passes every call on to another one, and misbehaves: its header says how. */
#include "backend_proxy.h"
#include <ctype.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

RK_BACKEND_MAGIC;

RK_EXPORT const rk_backend *rk_backend_entry(uint32_t major, uint32_t minor);
static const rk_backend *behind; /* a module of the tests: the one global it cannot do without */

static uint64_t largest(void)
{
    const char *piece = getenv("PROXY_PIECE");
    return piece ? strtoull(piece, NULL, 10) : 0;
}

static const char *option(const rk_host *h, const char *key)
{
    const char *value = h->option(h->ctx, key);
    char name[64] = "";
    for (size_t i = 0; !value && key[i] && i + 1 < sizeof name; i++)
        name[i] = key[i] == '.' ? '_' : (char)toupper(key[i]);
    if (!value) value = getenv(name);
    return value ? value : "";
}

static rk_status fail(rk_error *e, rk_status s, const char *text)
{
    if (e) {
        e->code = s;
        snprintf(e->where, sizeof e->where, "proxy");
        snprintf(e->text, sizeof e->text, "proxy: %s", text);
    }
    return s;
}

/* Whether this call of a function is the one to fail. */
static rk_status fate(rk_device *d, const char *function, rk_error *e)
{
    if (d->lost) {
        fprintf(stderr, "proxy: %s was called after the device was lost\n", function);
        abort();
    }
    if (strcmp(d->fail, function) != 0 || --d->count != 0) return RK_OK;
    if (d->crash) abort();
    while (d->hang) pause();
    if (d->status == RK_E_DEVICE) d->lost = 1;
    return d->silent ? d->status : fail(e, d->status, function);
}

#define PASS(d, function, ...)                                                                     \
    do {                                                                                           \
        rk_status pass_status = fate(d, #function, e);                                             \
        return pass_status == RK_OK ? behind->function((d)->own, __VA_ARGS__) : pass_status;       \
    } while (0)

static rk_status proxy_enumerate(const rk_host *h, rk_devinfo *out, uint32_t cap, uint32_t *n,
                                 rk_error *e)
{
    if (getenv("PROXY_DEVICES")) {
        *n = 0;
        fail(e, RK_OK, "has no device");
        return RK_OK;
    }
    rk_status s = behind->enumerate(h, out, cap, n, e);
    if (s == RK_OK && cap && largest()) out->mem_max_alloc = largest();
    return s;
}

static rk_status proxy_open(const rk_host *h, uint32_t index, rk_device **out, rk_error *e)
{
    rk_device *d = h->alloc(h->ctx, NULL, sizeof *d);
    if (!d) return fail(e, RK_E_NOMEM, "no memory");
    memset(d, 0, sizeof *d);
    d->host = h;
    d->status = RK_E_INTERNAL;
    const char *what = option(h, "proxy.fail"), *colon = strchr(what, ':');
    if (colon) {
        snprintf(d->fail, sizeof d->fail, "%.*s", (int)(colon - what), what);
        d->count = strtol(colon + 1, NULL, 10);
        if (strstr(colon, "lost")) d->status = RK_E_DEVICE;
        d->silent = strstr(colon, "silent") != NULL;
        d->crash = strstr(colon, "crash") != NULL;
        d->hang = strstr(colon, "hang") != NULL;
    }
    rk_status s = fate(d, "open", e);
    if (s == RK_OK) s = behind->open(h, index, &d->own, e);
    if (s == RK_OK)
        *out = d;
    else
        h->alloc(h->ctx, d, 0);
    return s;
}

static void proxy_close(rk_device *d)
{
    behind->close(d->own);
    d->host->alloc(d->host->ctx, d, 0);
}

static rk_status proxy_mem_alloc(rk_device *d, uint64_t n, rk_mem **out, rk_error *e)
{
    if (largest() && n > largest())
        return fail(e, RK_E_NOMEM, "a larger allocation than it said it can do");
    rk_status s = fate(d, "mem_alloc", e);
    if (s == RK_OK) s = behind->mem_alloc(d->own, n, out, e);
    unsigned char dirt[256];
    memset(dirt, 0xFF, sizeof dirt); /* memory of a device is not zero */
    for (uint64_t at = 0; s == RK_OK && at < n; at += sizeof dirt) {
        uint64_t left = n - at;
        s = behind->write(d->own, *out, at, dirt, left < sizeof dirt ? left : sizeof dirt, e);
    }
    return s;
}

static void proxy_mem_free(rk_device *d, rk_mem *m)
{
    fate(d, "mem_free", NULL);
    behind->mem_free(d->own, m);
}

static rk_status proxy_write(rk_device *d, rk_mem *m, uint64_t at, const void *src, uint64_t n,
                             rk_error *e)
{
    PASS(d, write, m, at, src, n, e);
}

static rk_status proxy_read(rk_device *d, rk_mem *m, uint64_t at, void *dst, uint64_t n,
                            rk_error *e)
{
    PASS(d, read, m, at, dst, n, e);
}

static const char *const kinds[] = {"?",    "ewise",  "copy", "reduce", "matmul",
                                    "conv", "window", "take", "put",    "rng"};

/* Whether kernels of this operation are to be wrong. */
static int is_wrong(rk_device *d, const rk_op *op)
{
    const char *flip = option(d->host, "proxy.flip"), *colon = strchr(flip, ':');
    int64_t elements = 1;
    char *end;
    if (!colon || d->n_wrong == WRONG_MAX || op->kind > 9 || op->n_out == 0) return 0;
    int epilogue = op->n_code && op->kind != RK_EWISE && op->kind != RK_REDUCE;
    if (strncmp(flip, kinds[op->kind], (size_t)(colon - flip)) != 0 &&
        !(epilogue && strncmp(flip, "epilogue:", 9) == 0))
        return 0;
    for (uint32_t i = 0; i < op->out[0].rank; i++) elements *= op->out[0].dim[i];
    if (strtoll(colon + 1, &end, 10) != elements || *end != ':') return 0;
    if (strstr(end, "fast") && !(op->flags & RK_OP_FAST)) return 0;
    if (d->n_wrong == 0) d->flip = strtol(end + 1, NULL, 10) - 1;
    d->once = strstr(end, "once") != NULL;
    d->bits = strstr(end, "high") ? 1u << 22 : 1u;
    return 1;
}

/* Microseconds that launches of this operation take longer. */
static long slowness(rk_device *d, const rk_op *op)
{
    const char *slow = option(d->host, "proxy.slow"), *colon = strchr(slow, ':');
    if (!colon || op->kind > 9) return 0;
    size_t n = (size_t)(colon - slow);
    if (strncmp(slow, kinds[op->kind], n) != 0 || kinds[op->kind][n]) return 0;
    return strtol(colon + 1, NULL, 10);
}

static void dawdle(const rk_device *d, const rk_kernel *k)
{
    for (uint32_t i = 0; i < d->n_slow; i++) {
        struct timespec t = {0, 1000 * d->slow_us};
        if (d->slow[i] == k) nanosleep(&t, NULL);
    }
}

/* Makes the result of a launch wrong, if it is one of a wrong kernel. */
static rk_status spoil(rk_device *d, const rk_kernel *k, const rk_arg *args, rk_error *e)
{
    for (uint32_t i = 0; i < d->n_wrong; i++) {
        if (d->wrong[i].kernel != k || d->flip-- > 0 || (d->once && d->flip < -1)) continue;
        const rk_arg *to = &args[d->wrong[i].output];
        uint32_t word;
        uint64_t at = to->offset + WRONG_ELEMENT * sizeof word;
        rk_status s = behind->read(d->own, to->mem, at, &word, sizeof word, e);
        word ^= d->bits;
        return s == RK_OK ? behind->write(d->own, to->mem, at, &word, sizeof word, e) : s;
    }
    return RK_OK;
}

static int refuses(rk_device *d, const rk_op *op)
{
    const char *list = option(d->host, "proxy.refuse");
    uint32_t work = 0, stores = 0;
    if (op->kind < 10 && strstr(list, kinds[op->kind])) return 1;
    if (strstr(list, "revision") && op->rev) return 1;
    if (strstr(list, "half") && d->asked++ % 2) return 1;
    for (uint32_t k = 0; k < op->n_code; k++) {
        work += op->code[k].op != RK_I_STORE;
        stores += op->code[k].op == RK_I_STORE;
    }
    if (op->kind == RK_EWISE) return strstr(list, "multi") && (work > 1 || stores > 1);
    if (op->kind == RK_REDUCE) return strstr(list, "prologue") && op->n_code;
    return strstr(list, "epilogue") && op->n_code;
}

static void note_choice(rk_device *d, const rk_kernel *k, const rk_op *op, const char *how)
{
    if (d->n_chosen == CHOSEN_MAX) return;
    d->chosen[d->n_chosen].kernel = k;
    d->chosen[d->n_chosen].output = op->n_in;
    snprintf(d->chosen[d->n_chosen++].how, 16, "%s", how);
}

static rk_status proxy_prepare(rk_device *d, const rk_op *op, rk_kernel **k, rk_kinfo *info,
                               rk_error *e)
{
    rk_status s = fate(d, "prepare", e);
    if (s != RK_OK) return s;
    if (refuses(d, op)) return fail(e, RK_E_UNSUPPORTED, "refused, as it was told to");
    s = behind->prepare(d->own, op, k, info, e);
    if (s == RK_OK && strcmp(option(d->host, "proxy.alias"), "none") == 0) info->alias_ok = 0;
    const char tier = *option(d->host, "proxy.tier"); /* its first letter */
    if (s == RK_OK && (tier == 'f' || (tier == 'a' && op->flags & RK_OP_FAST)))
        info->tier = RK_TIER_FAST;
    if (s == RK_OK && slowness(d, op) && d->n_slow < SLOW_MAX) {
        d->slow_us = slowness(d, op);
        d->slow[d->n_slow++] = *k;
    }
    const char *how = op->flags & RK_OP_FAST ? "fast" : "lazy";
    if (s == RK_OK && op->kind == RK_MATMUL) note_choice(d, *k, op, how);
    if (s != RK_OK || !is_wrong(d, op)) return s;
    d->wrong[d->n_wrong].kernel = *k;
    d->wrong[d->n_wrong++].output = op->n_in;
    snprintf(info->impl, sizeof info->impl, "wrong %s", kinds[op->kind]);
    return s;
}

/* ---- choices ---- */

static rk_status proxy_choices(rk_device *d, const rk_op *op, uint32_t i, char name[64],
                               uint32_t *n, rk_error *e)
{
    const char *list = option(d->host, "proxy.choices");
    (void)e;
    *n = 1;
    if (i == 0) snprintf(name, 64, "own");
    for (; op->kind == RK_MATMUL && *list; (*n)++) {
        size_t length = strcspn(list, ",");
        if (*n == i) snprintf(name, 64, "%.*s", (int)length, list);
        list += length + (list[length] == ',');
    }
    return RK_OK;
}

static rk_status proxy_prepare_choice(rk_device *d, const rk_op *op, const char *choice,
                                      rk_kernel **k, rk_kinfo *info, rk_error *e)
{
    if (!strstr(option(d->host, "proxy.choices"), choice))
        return fail(e, RK_E_UNSUPPORTED, "no such choice");
    rk_status s = behind->prepare(d->own, op, k, info, e);
    if (s == RK_OK) snprintf(info->impl, sizeof info->impl, "chosen %s", choice);
    if (s == RK_OK) note_choice(d, *k, op, choice);
    return s;
}

static rk_status misbehave(rk_device *d, const rk_kernel *k, const rk_arg *args, rk_error *e)
{
    for (uint32_t i = 0; i < d->n_chosen; i++) {
        if (d->chosen[i].kernel != k) continue;
        const char *how = d->chosen[i].how;
        long pause = strtol(option(d->host, "proxy.lazy"), NULL, 10);
        if (!strcmp(how, "dies")) raise(SIGKILL);
        if (!strcmp(how, "fails") || !strcmp(how, option(d->host, "proxy.broken")))
            return fail(e, RK_E_INTERNAL, "this choice fails");
        bool lazy = !strcmp(how, "lazy") || !strcmp(how, "fast");
        if (pause && lazy) nanosleep(&(struct timespec){0, 1000 * pause}, NULL);
        if (!strcmp(how, "slow")) nanosleep(&(struct timespec){0, 1000000}, NULL);
        if (strcmp(how, "wrong") != 0) continue;
        const rk_arg *to = &args[d->chosen[i].output];
        return behind->write(d->own, to->mem, to->offset, "oops", 4, e);
    }
    return RK_OK;
}

static rk_status proxy_launch(rk_device *d, rk_kernel *k, const rk_arg *args, uint32_t n,
                              rk_error *e)
{
    rk_status s = fate(d, "launch", e);
    dawdle(d, k);
    if (s == RK_OK) s = behind->launch(d->own, k, args, n, e);
    if (s == RK_OK) s = misbehave(d, k, args, e);
    return s == RK_OK ? spoil(d, k, args, e) : s;
}

static void proxy_release(rk_device *d, rk_kernel *k)
{
    fate(d, "release", NULL);
    for (uint32_t i = 0; i < d->n_wrong; i++)
        if (d->wrong[i].kernel == k) d->wrong[i] = d->wrong[--d->n_wrong];
    for (uint32_t i = 0; i < d->n_slow; i++)
        if (d->slow[i] == k) d->slow[i] = d->slow[--d->n_slow];
    for (uint32_t i = 0; i < d->n_chosen; i++)
        if (d->chosen[i].kernel == k) d->chosen[i] = d->chosen[--d->n_chosen];
    behind->release(d->own, k);
}

static rk_status proxy_sync(rk_device *d, rk_error *e) { PASS(d, sync, e); }

/* Tickets count marks; waiting for one is waiting for all. */
static rk_status proxy_mark(rk_device *d, uint64_t *ticket, rk_error *e)
{
    *ticket = 1;
    return fate(d, "mark", e);
}

static rk_status proxy_wait(rk_device *d, uint64_t ticket, rk_error *e)
{
    rk_status s = fate(d, "wait", e);
    (void)ticket;
    return s == RK_OK ? behind->sync(d->own, e) : s;
}

RK_EXPORT const rk_backend *rk_backend_entry(uint32_t major, uint32_t minor)
{
    static const rk_backend table = {.size = sizeof table,
                                     .abi_major = RK_ABI_MAJOR,
                                     .abi_minor = RK_ABI_MINOR,
                                     .name = "proxy",
                                     .version = "1",
                                     .build = "test",
                                     .enumerate = proxy_enumerate,
                                     .open = proxy_open,
                                     .close = proxy_close,
                                     .mem_alloc = proxy_mem_alloc,
                                     .mem_free = proxy_mem_free,
                                     .write = proxy_write,
                                     .read = proxy_read,
                                     .prepare = proxy_prepare,
                                     .launch = proxy_launch,
                                     .release = proxy_release,
                                     .sync = proxy_sync,
                                     .mark = proxy_mark,
                                     .wait = proxy_wait,
                                     .choices = proxy_choices,
                                     .prepare_choice = proxy_prepare_choice};
    const char *path = getenv("RETHINK_TEST_CPU");
    void *so = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) : NULL;
    void *symbol = so ? dlsym(so, "rk_backend_entry") : NULL;
    rk_backend_entry_fn *entry;
    memcpy(&entry, &symbol, sizeof entry);
    behind = entry ? entry(major, minor) : NULL;
    return behind ? &table : NULL;
}
