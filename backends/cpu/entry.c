/* The table, enumerate, open, close. */
#include "choice.h"
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

RK_BACKEND_MAGIC;

#define VERSION "0.1.0"

static const cpu_isa *const isas[] = {
#ifdef CPU_X86
    &cpu_isa_avx512, &cpu_isa_avx2,
#endif
    &cpu_isa_plain};
enum { ISAS = sizeof isas / sizeof *isas };

static int processor_has(const cpu_isa *isa)
{
#ifdef CPU_X86
    if (isa == &cpu_isa_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    if (isa == &cpu_isa_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    (void)isa;
    return 1;
}

static const char *option(const rk_host *host, const char *key)
{
    return RK_HAS(rk_host, host, option) && host->option ? host->option(host->ctx, key) : NULL;
}

/* The one the user named, else the best that this processor has. */
static rk_status choose_isa(const rk_host *host, const cpu_isa **out, rk_error *e)
{
    const char *name = option(host, "isa");
    for (int i = 0; i < ISAS; i++) {
        if (name && strcmp(name, isas[i]->name) != 0) continue;
        *out = isas[i];
        if (processor_has(isas[i])) return RK_OK;
        if (name) return cpu_fail(e, RK_E_UNSUPPORTED, "open", "this processor has no %s", name);
    }
    return cpu_fail(e, RK_E_INVALID, "open", "option isa=%s: use plain, avx2 or avx512", name);
}

static int usable_processors(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > CPU_MAX_THREADS ? CPU_MAX_THREADS : n;
}

static rk_status choose_threads(const rk_host *host, int *out, rk_error *e)
{
    const char *text = option(host, "threads");
    char *end;
    *out = usable_processors();
    if (!text) return RK_OK;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno || end == text || *end || n < 1 || n > CPU_MAX_THREADS)
        return cpu_fail(e, RK_E_INVALID, "open", "option threads=%s: use 1 to %d", text,
                        CPU_MAX_THREADS);
    *out = (int)n;
    return RK_OK;
}

static rk_status check_winograd(const rk_host *host, rk_error *e)
{
    static const char *const names[] = {"always", "never", "2x2", "4x4"};
    const char *use = option(host, "cpu.winograd"), *error = option(host, "cpu.winograd-error");
    char *end;
    int known = use == NULL;
    for (int i = 0; use && i < 4; i++) known |= strcmp(use, names[i]) == 0;
    if (!known)
        return cpu_fail(e, RK_E_INVALID, "open",
                        "option cpu.winograd=%.40s: use always, never, 2x2 or 4x4", use);
    if (error && (!(strtod(error, &end) > 0) || *end))
        return cpu_fail(e, RK_E_INVALID, "open",
                        "option cpu.winograd-error=%.40s: use a number above 0", error);
    return RK_OK;
}

static void describe(const rk_host *host, rk_devinfo *d)
{
    const cpu_isa *isa = NULL;
    d->type = RK_DEV_CPU;
    d->mem_align = CPU_ALIGN;
    d->mem_total = d->mem_max_alloc = cpu_memory_total();
    cpu_processor("/proc/cpuinfo", d);
    if (choose_isa(host, &isa, NULL) != RK_OK) isa = &cpu_isa_plain;
    snprintf(d->driver, sizeof d->driver, "rethink %s %s", VERSION, isa->name);
    snprintf(d->platform, sizeof d->platform, "cpu");
    snprintf(d->id, sizeof d->id, "0");
}

static rk_status enumerate(const rk_host *host, rk_devinfo *out, uint32_t cap, uint32_t *n,
                           rk_error *e)
{
    (void)e;
    *n = 1;
    if (cap == 0) return RK_OK;
    rk_devinfo d = {.size = out->size};
    describe(host, &d);
    memset(out, 0, d.size);
    memcpy(out, &d, d.size < sizeof d ? d.size : sizeof d);
    return RK_OK;
}

static rk_status open_device(const rk_host *host, uint32_t index, rk_device **out, rk_error *e)
{
    const cpu_isa *isa = NULL;
    int threads = 1;
    if (index != 0) return cpu_fail(e, RK_E_INVALID, "open", "there is no device %u", index);
    rk_status s = choose_isa(host, &isa, e);
    if (s == RK_OK) s = choose_threads(host, &threads, e);
    if (s == RK_OK) s = check_winograd(host, e);
    if (s != RK_OK) return s;
    rk_device *d = host->alloc(host->ctx, NULL, sizeof *d);
    if (!d) return cpu_fail(e, RK_E_NOMEM, "open", "%zu bytes wanted", sizeof *d);
    memset(d, 0, sizeof *d);
    d->host = host;
    d->isa = isa;
    d->threads = threads;
    d->pool = cpu_pool_new(host, threads);
    if (!d->pool) {
        host->alloc(host->ctx, d, 0);
        return cpu_fail(e, RK_E_NOMEM, "open", "no memory for %d threads", threads);
    }
    *out = d;
    return RK_OK;
}

static void close_device(rk_device *d)
{
    if (!d) return;
    while (d->kernels) cpu_release(d, d->kernels);
    while (d->mems) cpu_mem_free(d, d->mems);
    cpu_pool_free(d->pool);
    if (d->scratch_block) d->host->alloc(d->host->ctx, d->scratch_block, 0);
    d->host->alloc(d->host->ctx, d, 0);
}

static rk_status prepare(rk_device *d, const rk_op *op, rk_kernel **out, rk_kinfo *info,
                         rk_error *e)
{
    return cpu_prepare(d, op, NULL, out, info, e);
}

RK_EXPORT const rk_backend *rk_backend_entry(uint32_t host_major, uint32_t host_minor);

const rk_backend *rk_backend_entry(uint32_t host_major, uint32_t host_minor)
{
    static const rk_backend table = {.size = sizeof table,
                                     .abi_major = RK_ABI_MAJOR,
                                     .abi_minor = RK_ABI_MINOR,
                                     .name = "cpu",
                                     .version = VERSION,
                                     .build = "C compiler " __VERSION__,
                                     .enumerate = enumerate,
                                     .open = open_device,
                                     .close = close_device,
                                     .mem_alloc = cpu_mem_alloc,
                                     .mem_free = cpu_mem_free,
                                     .write = cpu_write,
                                     .read = cpu_read,
                                     .prepare = prepare,
                                     .launch = cpu_launch,
                                     .release = cpu_release,
                                     .sync = cpu_sync,
                                     .mark = cpu_mark,
                                     .wait = cpu_wait,
                                     .elapsed_ns = cpu_elapsed_ns,
                                     .probe = cpu_probe,
                                     .choices = cpu_choice_name,
                                     .prepare_choice = cpu_prepare_choice};
    (void)host_minor;
    return host_major == RK_ABI_MAJOR ? &table : NULL;
}
