/* MATMUL of any devices beside OpenBLAS on the host, same threads' worth of cores, interleaved:
 *     bench_matmul --backend PATH [--device N] [--option KEY=VALUE] [--fast] ...
 * SHAPES=TEXT in the environment leaves only products whose m x n x k contains the text, written
 * as 128x512x2352.  The last column of a device is OpenBLAS's time over its own: above 1 it is the
 * faster one.
 * An opencl device with --fast is CLBlast. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                      int lda, const float *b, int ldb, float beta, float *c, int ldc);

typedef struct shape {
    int m, n, k, ta, tb;
} shape;

typedef struct blas {
    sgemm_fn *sgemm;
    shape s;
    float *a, *b, *c;
} blas;

static int blas_call(void *context)
{
    const blas *x = context;
    const shape *s = &x->s;
    enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };
    x->sgemm(ROW_MAJOR, s->ta ? TRANSPOSED : PLAIN, s->tb ? TRANSPOSED : PLAIN, s->m, s->n, s->k,
             1.0f, x->a, s->ta ? s->m : s->k, x->b, s->tb ? s->k : s->n, 0.0f, x->c, s->n);
    return 1;
}

/* OpenBLAS knows the processors of its day and runs SSE kernels on a newer one: name the best
 * kernels that this processor can run, unless the user did. */
static sgemm_fn *open_blas(void)
{
    sgemm_fn *sgemm = NULL;
    char *(*core)(void) = NULL;
    const char *named = getenv("OPENBLAS_CORETYPE");
    if (__builtin_cpu_supports("avx512bw"))
        setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
    else if (__builtin_cpu_supports("avx2"))
        setenv("OPENBLAS_CORETYPE", "Haswell", 0);
    void *so = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (so) {
        *(void **)(&sgemm) = dlsym(so, "cblas_sgemm");
        *(void **)(&core) = dlsym(so, "openblas_get_corename");
    }
    if (!sgemm)
        printf("no OpenBLAS: ratios are to the first device\n");
    else
        printf("OpenBLAS with kernels for %s%s\n", core ? core() : "an unknown processor",
               named ? ", as OPENBLAS_CORETYPE says" : "");
    return sgemm;
}

static float *numbers(size_t n)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);
    for (size_t i = 0; x && i < n; i++) x[i] = (float)(i * 2654435761u % 1000u) * 0.002f - 1.0f;
    return x;
}

static int run_shape(const shape *s, bench_devices *d, sgemm_fn *sgemm)
{
    bench_contender c[BENCH_MOST + 1] = {{0}};
    bench_kernel kernels[BENCH_MOST];
    size_t m = (size_t)s->m, n = (size_t)s->n, k = (size_t)s->k;
    blas x = {sgemm, *s, numbers(m * k), numbers(k * n), numbers(m * n)};
    int count = 0, ok = x.a && x.b && x.c;
    memset(kernels, 0, sizeof kernels);
    if (sgemm) c[count++] = (bench_contender){.name = "OpenBLAS", .call = blas_call, .context = &x};
    for (int i = 0; i < d->n && ok; i++) {
        rk_sample op;
        rk_sample_begin(&op, RK_MATMUL);
        rk_sample_in(&op, RK_F32, 1, (int64_t[]){s->m * (int64_t)s->k}, 0);
        rk_sample_in(&op, RK_F32, 1, (int64_t[]){s->k * (int64_t)s->n}, 0);
        rk_sample_out(&op, RK_F32, 3, (int64_t[]){1, s->m, s->n});
        memcpy(op.op.p, (int64_t[]){1, s->m, s->n, s->k, s->ta, s->tb, 0, 0}, 8 * sizeof(int64_t));
        if (d->fast[i]) op.op.flags = RK_OP_FAST;
        ok = bench_prepare(&kernels[i], &d->h[i], &op);
        c[count++] = (bench_contender){
            .name = d->name[i], .call = bench_call, .wait = bench_wait, .context = &kernels[i]};
    }
    ok = ok && bench_run(c, count, 0.03);
    for (int i = 0; i < count && ok; i++) {
        double t = bench_median(&c[i]), low, high, work = 2e-9 * s->m * (double)s->n * s->k;
        bench_spread(&c[i], &low, &high);
        printf("%5d x %4d x %4d %c%c  %-12s %10.1f us %7.1f GFLOP/s  %.2f-%.2f  %5.2f\n", s->m,
               s->n, s->k, s->ta ? 't' : 'n', s->tb ? 't' : 'n', c[i].name, t * 1e6, work / t, low,
               high, bench_median(&c[0]) / t);
    }
    for (int i = 0; i < d->n; i++) bench_release(&kernels[i]);
    free(x.a);
    free(x.b);
    free(x.c);
    return ok;
}

static int is_wanted(const shape *s)
{
    const char *only = getenv("SHAPES");
    char name[40];
    snprintf(name, sizeof name, "%dx%dx%d", s->m, s->n, s->k);
    return !only || strstr(name, only) != NULL;
}

int main(int argc, char **argv)
{
    static const shape shapes[] = {
        {128, 512, 2352, 0, 0},   {128, 512, 2352, 0, 1},  {2352, 512, 128, 1, 0},
        {128, 2352, 512, 0, 1},   {128, 512, 512, 0, 0},   {128, 10, 512, 0, 0},
        {512, 10, 128, 1, 0},     {128, 512, 10, 0, 1},    {512, 512, 512, 0, 0},
        {1024, 1024, 1024, 0, 0}, {2048, 2048, 2048, 0, 0}};
    bench_devices d;
    sgemm_fn *sgemm = open_blas();
    if (!bench_open(&d, argc, argv)) return 2;
    printf("    m x    n x    k ab  who           median time         rate   spread  ratio   (%d "
           "rounds)\n",
           BENCH_ROUNDS);
    int ok = 1;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && ok; i++)
        if (is_wanted(&shapes[i])) ok = run_shape(&shapes[i], &d, sgemm);
    bench_close(&d);
    return ok ? 0 : 1;
}
