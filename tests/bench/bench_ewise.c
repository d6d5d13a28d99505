/* EWISE and REDUCE of any devices beside plain loops on the host (two threads' worth is the
 * device's business), interleaved:
 *     [SUBJECT=TEXT] [ELEMENTS=N] bench_ewise --backend PATH [--device N] [--option KEY=VALUE] ...
 * SUBJECT: those only whose names have this text; ELEMENTS: of that size only.
 * GB/s counts what is read and written once; the triad a = b + s * c measures the memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

typedef struct triad {
    float *a, *b, *c;
    int64_t n;
} triad;

static int triad_call(void *context)
{
    const triad *t = context;
    float *a = t->a;
    const float *b = t->b, *c = t->c;
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < t->n; i++) a[i] = b[i] + 3.0f * c[i];
    return 1;
}

/* Memory that nobody wrote is one page of zeros, which a cache holds. */
static void touch(const triad *t, int64_t n)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) t->a[i] = 0, t->b[i] = 1, t->c[i] = (float)(i % 64);
}

/* A program over n elements (or [rows, 512]) and the words it moves per element: of rows of R, a
 * word each of k inputs or results is k / R. */
typedef struct subject {
    const char *name;
    void (*make)(rk_sample *c, int64_t n);
    double words; /* moved for each element */
    int64_t row;  /* elements come in whole rows of so many; 0: as they come */
} subject;

static void make_momentum(rk_sample *c, int64_t n)
{
    rk_sample_begin(c, RK_EWISE);
    uint16_t v = rk_sample_in(c, RK_F32, 1, &n, 0), g = rk_sample_in(c, RK_F32, 1, &n, 0);
    uint16_t w = rk_sample_in(c, RK_F32, 1, &n, 0);
    rk_sample_out(c, RK_F32, 1, &n);
    rk_sample_out(c, RK_F32, 1, &n);
    uint16_t v2 = rk_sample_ins(c, RK_I_FADD,
                                rk_sample_ins(c, RK_I_FMUL, rk_sample_immf(c, 0.9f), v, 0), g, 0);
    rk_sample_store(c, 0, v2);
    rk_sample_store(c, 1,
                    rk_sample_ins(c, RK_I_FSUB, w,
                                  rk_sample_ins(c, RK_I_FMUL, rk_sample_immf(c, 0.05f), v2, 0), 0));
}

static void make_triad(rk_sample *c, int64_t n)
{
    rk_sample_begin(c, RK_EWISE);
    uint16_t a = rk_sample_in(c, RK_F32, 1, &n, 0), b = rk_sample_in(c, RK_F32, 1, &n, 0);
    rk_sample_out(c, RK_F32, 1, &n);
    rk_sample_store(
        c, 0,
        rk_sample_ins(c, RK_I_FADD, a, rk_sample_ins(c, RK_I_FMUL, rk_sample_immf(c, 3), b, 0), 0));
}

static void make_unary(rk_sample *c, int64_t n, uint16_t op)
{
    rk_sample_begin(c, RK_EWISE);
    uint16_t a = rk_sample_in(c, RK_F32, 1, &n, 0);
    rk_sample_out(c, RK_F32, 1, &n);
    rk_sample_store(c, 0, rk_sample_ins(c, op, a, 0, 0));
}

static void make_exp(rk_sample *c, int64_t n) { make_unary(c, n, RK_I_FEXP); }
static void make_log(rk_sample *c, int64_t n) { make_unary(c, n, RK_I_FLOG); }
static void make_recip(rk_sample *c, int64_t n) { make_unary(c, n, RK_I_FRECIP); }
static void make_sqrt(rk_sample *c, int64_t n) { make_unary(c, n, RK_I_FSQRT); }
static void make_cos(rk_sample *c, int64_t n) { make_unary(c, n, RK_I_FCOS); }

static void make_bias(rk_sample *c, int64_t n)
{
    const int64_t dim[2] = {n / 512, 512};
    rk_sample_begin(c, RK_EWISE);
    uint16_t a = rk_sample_in(c, RK_F32, 2, dim, 0), b = rk_sample_in(c, RK_F32, 2, dim, 1);
    uint16_t r = rk_sample_in(c, RK_F32, 2, dim, 2);
    rk_sample_out(c, RK_F32, 2, dim);
    uint16_t sum = rk_sample_ins(c, RK_I_FADD, rk_sample_ins(c, RK_I_FMUL, a, r, 0), b, 0);
    rk_sample_store(c, 0, rk_sample_ins(c, RK_I_FMAX, sum, rk_sample_immf(c, 0), 0));
}

static void make_sum(rk_sample *c, int64_t outer, int64_t reduced, int64_t inner)
{
    rk_sample_begin(c, RK_REDUCE);
    rk_sample_in(c, RK_F32, 3, (int64_t[]){outer, reduced, inner}, 0);
    rk_sample_out(c, RK_F32, 3, (int64_t[]){outer, 1, inner});
    c->op.p[1] = outer;
    c->op.p[2] = reduced;
    c->op.p[3] = inner;
}

static void make_sum_all(rk_sample *c, int64_t n) { make_sum(c, 1, n, 1); }
static void make_sum_rows(rk_sample *c, int64_t n) { make_sum(c, n / 512, 512, 1); }
static void make_sum_columns(rk_sample *c, int64_t n) { make_sum(c, 1, n / 512, 512); }

/* Batch norm over rows: inputs of their shape, and after them values of each row. */
static void make_norm_in(rk_sample *c, uint32_t kind, int64_t rows, int64_t row, int inputs)
{
    const int64_t dim[3] = {rows, row, 1};
    rk_sample_begin(c, kind);
    for (int i = 0; i < inputs; i++) rk_sample_in(c, RK_F32, 3, dim, 0);
    for (int i = 0; i < 4; i++) rk_sample_in(c, RK_F32, 3, dim, 2);
}

/* max(0, (x - mean) / deviation + offset), and where it is positive. */
static void make_norm_y(rk_sample *c, int64_t n, int64_t row)
{
    const int64_t dim[3] = {n / row, row, 1};
    make_norm_in(c, RK_EWISE, n / row, row, 1);
    rk_sample_out(c, RK_F32, 3, dim);
    rk_sample_out(c, RK_U8, 3, dim);
    uint16_t zero = rk_sample_immf(c, 0), y = rk_sample_ins(c, RK_I_FSUB, 0, 1, 0);
    y = rk_sample_ins(c, RK_I_FMUL, rk_sample_ins(c, RK_I_FSUB, y, 2, 0), 3, 0);
    y = rk_sample_ins(c, RK_I_FMAX, zero, rk_sample_ins(c, RK_I_FADD, y, 4, 0), 0);
    rk_sample_store(c, 0, y);
    rk_sample_store(c, 1, rk_sample_ins(c, RK_I_FLT, zero, y, 0));
}

static void make_norm_dx(rk_sample *c, int64_t n, int64_t row)
{
    const int64_t dim[3] = {n / row, row, 1};
    make_norm_in(c, RK_EWISE, n / row, row, 2);
    rk_sample_out(c, RK_F32, 3, dim);
    uint16_t a = rk_sample_ins(c, RK_I_FMUL, 0, 2, 0), b = rk_sample_ins(c, RK_I_FSUB, 1, 3, 0);
    b = rk_sample_ins(c, RK_I_FMUL, 4, b, 0);
    a = rk_sample_ins(c, RK_I_FADD, rk_sample_ins(c, RK_I_FADD, a, b, 0), b, 0);
    rk_sample_store(c, 0, rk_sample_ins(c, RK_I_FADD, a, 5, 0));
}

/* Sums of g, g (x - mean) and -g scale. */
static void make_norm_sums(rk_sample *c, int64_t n, int64_t row)
{
    const int64_t dim[3] = {n / row, 1, 1};
    make_norm_in(c, RK_REDUCE, n / row, row, 2);
    for (int i = 0; i < 3; i++) rk_sample_out(c, RK_F32, 3, dim);
    c->op.p[1] = n / row;
    c->op.p[2] = row;
    c->op.p[3] = 1;
    uint16_t a = rk_sample_ins(c, RK_I_FSUB, 1, 2, 0), b = rk_sample_ins(c, RK_I_FMUL, 0, 4, 0);
    a = rk_sample_ins(c, RK_I_FMUL, 0, rk_sample_ins(c, RK_I_FSUB, a, 3, 0), 0);
    b = rk_sample_ins(c, RK_I_FNEG, b, 0, 0);
    rk_sample_ins(c, RK_I_FOLD, 0, 0, 0);
    rk_sample_ins(c, RK_I_FOLD, a, 1, 0);
    rk_sample_ins(c, RK_I_FOLD, b, 2, 0);
}

#define ROWS(row)                                                                                  \
    static void make_norm_y_##row(rk_sample *c, int64_t n) { make_norm_y(c, n, row); }             \
    static void make_norm_dx_##row(rk_sample *c, int64_t n) { make_norm_dx(c, n, row); }           \
    static void make_norm_sums_##row(rk_sample *c, int64_t n) { make_norm_sums(c, n, row); }
ROWS(784)
ROWS(196)
ROWS(49)

static void make_transpose(rk_sample *c, int64_t n)
{
    const int64_t p[] = {2, 512, 1, n / 512, n / 512, 512, 1};
    rk_sample_begin(c, RK_COPY);
    rk_sample_in(c, RK_F32, 1, &n, 0);
    rk_sample_out(c, RK_F32, 1, &n);
    for (int i = 0; i < 7; i++) c->op.p[i] = p[i];
}

static int run_subject(const subject *s, int64_t n, bench_devices *d, triad *t)
{
    bench_contender c[BENCH_MOST + 1] = {{.name = "host triad", .call = triad_call, .context = t}};
    bench_kernel kernels[BENCH_MOST];
    int64_t used = s->row ? n / s->row * s->row : n;
    int ok = 1, made = 0;
    for (; made < d->n && ok; made++) {
        rk_sample op;
        s->make(&op, n);
        ok = bench_prepare(&kernels[made], &d->h[made], &op);
        c[made + 1] = (bench_contender){.name = d->name[made],
                                        .call = bench_call,
                                        .wait = bench_wait,
                                        .context = &kernels[made]};
    }
    ok = ok && bench_run(c, d->n + 1, 0.01);
    double rate = 12e-9 * (double)t->n / bench_median(&c[0]);
    for (int i = 1; i <= d->n && ok; i++) {
        double seconds = bench_median(&c[i]), own = 4e-9 * s->words * (double)used / seconds;
        printf("%-12s %9lld  %-12s %10.1f us %8.1f GB/s %8.2f of the triad's %.1f\n", s->name,
               (long long)n, c[i].name, seconds * 1e6, own, own / rate, rate);
    }
    for (int i = 0; i < made; i++) bench_release(&kernels[i]);
    return ok;
}

int main(int argc, char **argv)
{
    static const subject subjects[] = {{"triad", make_triad, 3, 0},
                                       {"momentum", make_momentum, 5, 0},
                                       {"bias, relu", make_bias, 2, 0},
                                       {"exp", make_exp, 2, 0},
                                       {"log", make_log, 2, 0},
                                       {"recip", make_recip, 2, 0},
                                       {"sqrt", make_sqrt, 2, 0},
                                       {"cos", make_cos, 2, 0},
                                       {"sum", make_sum_all, 1, 0},
                                       {"sum of rows", make_sum_rows, 1, 0},
                                       {"of columns", make_sum_columns, 1, 0},
                                       {"norm y 784", make_norm_y_784, 2.25 + 4.0 / 784, 784},
                                       {"norm y 196", make_norm_y_196, 2.25 + 4.0 / 196, 196},
                                       {"norm y 49", make_norm_y_49, 2.25 + 4.0 / 49, 49},
                                       {"norm dx 784", make_norm_dx_784, 3 + 4.0 / 784, 784},
                                       {"norm dx 196", make_norm_dx_196, 3 + 4.0 / 196, 196},
                                       {"norm dx 49", make_norm_dx_49, 3 + 4.0 / 49, 49},
                                       {"sums 784", make_norm_sums_784, 2 + 6.0 / 784, 784},
                                       {"sums 196", make_norm_sums_196, 2 + 6.0 / 196, 196},
                                       {"sums 49", make_norm_sums_49, 2 + 6.0 / 49, 49},
                                       {"transpose", make_transpose, 2, 0}};
    static const int64_t sizes[] = {1 << 12, 1 << 16, 1 << 20, 1 << 24};
    const char *only = getenv("SUBJECT"), *size = getenv("ELEMENTS");
    bench_devices d;
    int64_t most = sizes[3];
    triad t = {malloc((size_t)most * 4), malloc((size_t)most * 4), malloc((size_t)most * 4), 0};
    if (!t.a || !t.b || !t.c || !bench_open(&d, argc, argv)) return 2;
    touch(&t, most);
    int ok = 1;
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        for (int j = 0; j < 4 && ok && strstr(subjects[i].name, only ? only : ""); j++) {
            if (size && strtoll(size, NULL, 10) != sizes[j]) continue;
            t.n = sizes[j];
            ok = run_subject(&subjects[i], sizes[j], &d, &t);
        }
    bench_close(&d);
    free(t.a);
    free(t.b);
    free(t.c);
    return ok ? 0 : 1;
}
