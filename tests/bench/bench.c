#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* On a busy machine the processor's time of contenders with one thread is steadier than the
 * clock's. */
static double now(void)
{
    struct timespec t;
    clock_gettime(getenv("BENCH_CPU_TIME") ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void rest(void) { nanosleep(&(struct timespec){.tv_nsec = 40000000}, NULL); }

static double time_calls(bench_contender *c, long calls)
{
    double start = now();
    for (long i = 0; i < calls; i++)
        if (!c->call(c->context)) return -1;
    if (c->wait && !c->wait(c->context)) return -1;
    return (now() - start) / (double)calls;
}

int bench_run(bench_contender *c, int n, double least_seconds)
{
    long calls[BENCH_MOST + 1];
    for (int i = 0; i < n; i++) {
        double once = time_calls(&c[i], 2) < 0 ? -1 : time_calls(&c[i], 1);
        if (once < 0) return 0;
        calls[i] = 1 + (long)(least_seconds / once);
    }
    for (int round = 0; round < BENCH_ROUNDS; round++)
        for (int i = 0; i < n; i++) {
            rest();
            if (time_calls(&c[i], 1 + calls[i] / 10) < 0) return 0;
            c[i].seconds[round] = time_calls(&c[i], calls[i]);
            if (c[i].seconds[round] < 0) return 0;
        }
    return 1;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sorted(const bench_contender *c, double out[BENCH_ROUNDS])
{
    memcpy(out, c->seconds, sizeof c->seconds);
    qsort(out, BENCH_ROUNDS, sizeof *out, ascending);
}

double bench_median(const bench_contender *c)
{
    double s[BENCH_ROUNDS];
    sorted(c, s);
    return s[BENCH_ROUNDS / 2];
}

void bench_spread(const bench_contender *c, double *low, double *high)
{
    double s[BENCH_ROUNDS];
    sorted(c, s);
    *low = s[0] / s[BENCH_ROUNDS / 2];
    *high = s[BENCH_ROUNDS - 1] / s[BENCH_ROUNDS / 2];
}

static int read_arguments(bench_devices *d, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        int at = d->n - 1, options = 0;
        if (strcmp(argv[i], "--backend") == 0 && value && d->n < BENCH_MOST) {
            d->path[d->n++] = argv[++i];
        } else if (strcmp(argv[i], "--device") == 0 && value && at >= 0) {
            d->index[at] = (uint32_t)atoi(argv[++i]);
        } else if (strcmp(argv[i], "--option") == 0 && value && at >= 0) {
            while (d->option[at][options]) options++;
            if (options == RK_BED_OPTIONS) return 0;
            d->option[at][options] = argv[++i];
        } else if (strcmp(argv[i], "--fast") == 0 && at >= 0) {
            d->fast[at] = 1;
        } else {
            return 0;
        }
    }
    return d->n > 0;
}

int bench_open(bench_devices *d, int argc, char **argv)
{
    rk_error e = {.size = sizeof e};
    memset(d, 0, sizeof *d);
    if (!read_arguments(d, argc, argv)) {
        fprintf(stderr, "usage: %s --backend PATH [--device N] [--option KEY=VALUE] [--fast] ...\n",
                argv[0]);
        return 0;
    }
    for (int i = 0; i < d->n; i++) {
        if (rk_bed_open(&d->h[i], d->path[i], d->index[i], d->option[i], &e) != RK_OK) {
            fprintf(stderr, "%s device %u: %s\n", d->path[i], d->index[i], e.text);
            return 0;
        }
        snprintf(d->name[i], sizeof d->name[i], "%.20s:%.14s%s", d->h[i].backend->name,
                 d->h[i].info.id, d->fast[i] ? " fast" : "");
        printf("%s = %s, driver %s\n", d->name[i], d->h[i].info.name, d->h[i].info.driver);
    }
    return 1;
}

void bench_close(bench_devices *d)
{
    for (int i = 0; i < d->n; i++) rk_bed_close(&d->h[i]);
}

static int fill(bench_kernel *k, uint64_t bytes)
{
    rk_error e;
    float *x = malloc(bytes + sizeof *x);
    uint32_t state = 1;
    if (!x) return 0;
    for (uint64_t i = 0; i < bytes / sizeof *x; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) * 0x1p-24f - 0.5f;
    }
    rk_status s = k->h->backend->write(k->h->device, k->mem, 0, x, bytes, &e);
    free(x);
    return s == RK_OK;
}

int bench_prepare(bench_kernel *k, rk_bed *h, rk_sample *c)
{
    rk_error e = {.size = sizeof e};
    uint64_t at = 0, align = h->info.mem_align > 256 ? h->info.mem_align : 256;
    memset(k, 0, sizeof *k);
    k->h = h;
    k->info.size = sizeof k->info;
    c->op.in = c->in;
    c->op.out = c->out;
    c->op.code = c->code;
    c->op.imm = c->imm;
    rk_status s = h->backend->prepare(h->device, &c->op, &k->kernel, &k->info, &e);
    k->n = c->op.n_in + c->op.n_out;
    for (uint32_t i = 0; i < k->n + 1 && s == RK_OK; i++) {
        const rk_tensor *t = i < c->op.n_in ? &c->in[i] : &c->out[i - c->op.n_in];
        uint64_t bytes = i == k->n ? k->info.workspace
                                   : (uint64_t)rk_tensor_extent(t) * rk_dtype_bytes(t->dtype);
        k->arg[i].offset = at;
        at += (bytes + align - 1) / align * align + align;
    }
    if (s == RK_OK) s = h->backend->mem_alloc(h->device, at, &k->mem, &e);
    for (uint32_t i = 0; i < k->n + 1; i++) k->arg[i].mem = k->mem;
    if (k->info.workspace) k->n++;
    if (s == RK_OK && fill(k, at)) return 1;
    fprintf(stderr, "%s: %s\n", h->backend->name, e.text);
    return 0;
}

static int is_done(const bench_kernel *k, rk_status s, const rk_error *e)
{
    if (s == RK_OK) return 1;
    fprintf(stderr, "%s: %s\n", k->h->backend->name, e->text);
    return 0;
}

int bench_call(void *kernel)
{
    bench_kernel *k = kernel;
    rk_error e = {.size = sizeof e};
    return is_done(k, k->h->backend->launch(k->h->device, k->kernel, k->arg, k->n, &e), &e);
}

int bench_wait(void *kernel)
{
    bench_kernel *k = kernel;
    rk_error e = {.size = sizeof e};
    return is_done(k, k->h->backend->sync(k->h->device, &e), &e);
}

void bench_release(bench_kernel *k)
{
    if (k->kernel) k->h->backend->release(k->h->device, k->kernel);
    if (k->mem) k->h->backend->mem_free(k->h->device, k->mem);
}
