/* CONV of any devices: the layers of small Inception, small AlexNet (28 x 28), WRN-16-4 (32 x 32)
 * and the repeated ones of WRN-28-1, batch 128, beside the most that fma can do on the host,
 * interleaved:
 *     bench_conv --backend PATH [--device N] [--option KEY=VALUE] [--fast] ...
 * LAYERS=TEXT in the environment leaves only layers whose name contains the text, MEMBER=y, dx or
 * dw only that member.  The last column is the share of the fma peak of OMP_NUM_THREADS threads
 * (give a device as many, by --option threads=N); for each model there is the sum over its layers,
 * each as often as the model has it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <omp.h>
#include "../../backends/cpu/vec.h"
#include "bench.h"

enum { BATCH = 128, CHAINS = 12, STEPS = 100000 };

#ifndef CPU_VEC
typedef float vec;
#define CPU_VEC 1
#define v_all(p) (*(p))
#define v_fma(a, b, c) __builtin_fmaf(a, b, c)
#define v_add(a, b) ((a) + (b))
#define v_store(p, v) (*(p) = (v))
#endif

/* One fma chain in each of CHAINS registers: more than latency times pipes.  They begin with
 * numbers that the compiler does not know, or it would see that some are the same. */
static int peak_call(void *context)
{
    const volatile float *start = context;
    int odd = 0; /* the result must be used, or nothing would be computed */
#pragma omp parallel reduction(+ : odd)
    {
        float scale = 0.999f, plus = 0.001f, from[CHAINS], out[CPU_VEC];
        for (int i = 0; i < CHAINS; i++) from[i] = start[i];
        vec a = v_all(&scale), b = v_all(&plus), acc[CHAINS];
        CPU_UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = v_all(&from[i]);
        for (int step = 0; step < STEPS; step++)
            CPU_UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = v_fma(acc[i], a, b);
        CPU_UNROLL for (int i = 1; i < CHAINS; i++) acc[0] = v_add(acc[0], acc[i]);
        v_store(out, acc[0]);
        odd += out[0] < 0.0f;
    }
    return odd == 0;
}

static double peak_work(void) { return 2e-9 * CHAINS * STEPS * CPU_VEC * omp_get_max_threads(); }

typedef struct layer {
    const char *name;
    int times; /* in the model */
    int64_t C, H, K, R, stride, pad, OH;
} layer;

static const layer layers[] = {{"inception 1 3x3", 1, 3, 28, 96, 3, 1, 1, 28},
                               {"inception 2 1x1", 1, 96, 28, 32, 1, 1, 0, 28},
                               {"inception 2 3x3", 1, 96, 28, 32, 3, 1, 1, 28},
                               {"inception 3 1x1", 1, 64, 28, 32, 1, 1, 0, 28},
                               {"inception 3 3x3", 1, 64, 28, 48, 3, 1, 1, 28},
                               {"inception 4 3x3/2", 1, 80, 28, 80, 3, 2, 0, 14},
                               {"inception 5 1x1", 1, 160, 14, 112, 1, 1, 0, 14},
                               {"inception 5 3x3", 1, 160, 14, 48, 3, 1, 1, 14},
                               {"inception 6 1x1", 1, 160, 14, 96, 1, 1, 0, 14},
                               {"inception 6 3x3", 1, 160, 14, 64, 3, 1, 1, 14},
                               {"inception 7 1x1", 1, 160, 14, 80, 1, 1, 0, 14},
                               {"inception 7 3x3", 1, 160, 14, 80, 3, 1, 1, 14},
                               {"inception 8 1x1", 1, 160, 14, 48, 1, 1, 0, 14},
                               {"inception 8 3x3", 1, 160, 14, 96, 3, 1, 1, 14},
                               {"inception 9 3x3/2", 1, 144, 14, 96, 3, 2, 0, 7},
                               {"inception 10 1x1", 1, 240, 7, 176, 1, 1, 0, 7},
                               {"inception 10 3x3", 1, 240, 7, 160, 3, 1, 1, 7},
                               {"inception 11 1x1", 1, 336, 7, 176, 1, 1, 0, 7},
                               {"inception 11 3x3", 1, 336, 7, 160, 3, 1, 1, 7},
                               {"alexnet 1 5x5", 1, 3, 28, 64, 5, 1, 2, 28},
                               {"alexnet 2 5x5", 1, 64, 14, 64, 5, 1, 2, 14},
                               {"wrn-16-4 1 3x3", 1, 3, 32, 16, 3, 1, 1, 32},
                               {"wrn-16-4 2 1x1", 1, 16, 32, 64, 1, 1, 0, 32},
                               {"wrn-16-4 2 3x3 a", 1, 16, 32, 64, 3, 1, 1, 32},
                               {"wrn-16-4 2 3x3 b", 3, 64, 32, 64, 3, 1, 1, 32},
                               {"wrn-16-4 3 1x1/2", 1, 64, 32, 128, 1, 2, 0, 16},
                               {"wrn-16-4 3 3x3/2", 1, 64, 32, 128, 3, 2, 1, 16},
                               {"wrn-16-4 3 3x3", 3, 128, 16, 128, 3, 1, 1, 16},
                               {"wrn-16-4 4 1x1/2", 1, 128, 16, 256, 1, 2, 0, 8},
                               {"wrn-16-4 4 3x3/2", 1, 128, 16, 256, 3, 2, 1, 8},
                               {"wrn-16-4 4 3x3", 3, 256, 8, 256, 3, 1, 1, 8},
                               {"wrn-28-1 2 3x3", 8, 16, 32, 16, 3, 1, 1, 32},
                               {"wrn-28-1 3 3x3", 7, 32, 16, 32, 3, 1, 1, 16},
                               {"wrn-28-1 4 3x3", 7, 64, 8, 64, 3, 1, 1, 8}};
enum { LAYERS = sizeof layers / sizeof *layers };

static const char *const member[3] = {"y", "dx", "dw"};

/* Of one model on one device, the sums over its layers. */
typedef struct sums {
    double seconds[3], peak[3], work[3];
} sums;

static void make(rk_sample *c, const layer *l, int which)
{
    const int64_t x[4] = {BATCH, l->C, l->H, l->H}, w[4] = {l->K, l->C, l->R, l->R},
                  y[4] = {BATCH, l->K, l->OH, l->OH};
    const int64_t p[] = {which, BATCH,     l->C,      l->H,   l->H,   l->K,  l->R,
                         l->R,  l->stride, l->stride, l->pad, l->pad, l->OH, l->OH};
    rk_sample_begin(c, RK_CONV);
    memcpy(c->op.p, p, sizeof p);
    rk_sample_in(c, RK_F32, 4, which == RK_CONV_DX ? y : x, 0);
    rk_sample_in(c, RK_F32, 4, which == RK_CONV_DW ? y : w, 0);
    rk_sample_out(c, RK_F32, 4, which == RK_CONV_Y ? y : which == RK_CONV_DX ? x : w);
}

static int run_member(const layer *l, int which, bench_devices *d, sums *to)
{
    float start[CHAINS];
    bench_contender c[BENCH_MOST + 1] = {{.name = "fma", .call = peak_call, .context = start}};
    bench_kernel kernels[BENCH_MOST];
    int ok = 1, made = 0;
    for (int i = 0; i < CHAINS; i++) start[i] = 0.1f * (float)i;
    for (; made < d->n && ok; made++) {
        rk_sample op;
        make(&op, l, which);
        if (d->fast[made]) op.op.flags = RK_OP_FAST;
        ok = bench_prepare(&kernels[made], &d->h[made], &op);
        c[made + 1] = (bench_contender){.name = d->name[made],
                                        .call = bench_call,
                                        .wait = bench_wait,
                                        .context = &kernels[made]};
    }
    ok = ok && bench_run(c, d->n + 1, 0.02);
    double peak = peak_work() / bench_median(&c[0]);
    double work = 2e-9 * BATCH * (double)(l->K * l->C * l->R * l->R * l->OH * l->OH);
    for (int i = 0; i < d->n && ok; i++) {
        double t = bench_median(&c[i + 1]), low, high;
        bench_spread(&c[i + 1], &low, &high);
        printf("%-17s %-2s  %-12s %9.2f ms %7.1f GFLOP/s  %.2f-%.2f  %3.0f %% of %.0f\n", l->name,
               member[which], d->name[i], t * 1e3, work / t, low, high, 100 * work / t / peak,
               peak);
        to[i].seconds[which] += l->times * t;
        to[i].peak[which] += l->times * work / peak;
        to[i].work[which] += l->times * work;
    }
    for (int i = 0; i < made; i++) bench_release(&kernels[i]);
    return ok;
}

static void print_sums(const layer *l, bench_devices *d, sums *s)
{
    for (int i = 0; i < d->n; i++)
        for (int which = 0; which < 3; which++)
            if (s[i].seconds[which] > 0)
                printf("%-14.*s all %-2s  %-12s %9.2f ms %7.1f GFLOP/s %14.0f %%\n",
                       (int)strcspn(l->name, " "), l->name, member[which], d->name[i],
                       s[i].seconds[which] * 1e3, s[i].work[which] / s[i].seconds[which],
                       100 * s[i].peak[which] / s[i].seconds[which]);
    memset(s, 0, BENCH_MOST * sizeof *s);
}

static int same_model(const layer *a, const layer *b)
{
    size_t n = strcspn(a->name, " ");
    return strncmp(a->name, b->name, n + 1) == 0;
}

int main(int argc, char **argv)
{
    const char *only = getenv("LAYERS"), *one = getenv("MEMBER");
    bench_devices d;
    sums s[BENCH_MOST] = {{{0}, {0}, {0}}};
    const layer *last = NULL;
    if (!bench_open(&d, argc, argv)) return 2;
    printf(
        "layer, member       who           median time            rate   spread  share of the fma "
        "peak, GFLOP/s  (%d rounds)\n",
        BENCH_ROUNDS);
    int ok = 1;
    for (const layer *l = layers; l < layers + LAYERS && ok; l++) {
        if (only && !strstr(l->name, only)) continue;
        if (last && !same_model(last, l)) print_sums(last, &d, s);
        for (int which = 0; which < 3 && ok; which++)
            if (!one || strcmp(one, member[which]) == 0) ok = run_member(l, which, &d, s);
        last = l;
    }
    if (last && ok) print_sums(last, &d, s);
    bench_close(&d);
    return ok ? 0 : 1;
}
