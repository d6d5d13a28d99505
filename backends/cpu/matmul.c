/* MATMUL: batched products of matrices with an optional epilogue. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <rethink/numerics.h>
#include "check.h"
#include "choice.h"
#include "gemm.h"
#include "program.h"

/* Work is cut into batch * by_m * by_n rectangles of the results. */
typedef struct plan {
    int64_t batch, m, n, k, ta, tb, stride_a, stride_b, by_m, by_n;
    int swapped; /* few columns: vectors along rows */
    int direct;  /* what vectors run along is read where it lies, not packed */
    cpu_program *epilogue;
    int apart;       /* the result is in a strip in the scratch memory until the epilogue has run */
    uint32_t holder; /* else the argument that has it */
    size_t strip_at, program_at; /* in the scratch memory */
} plan;

typedef struct job {
    const rk_kernel *kernel;
    const plan *p;
    unsigned char *const *arg;
    const float *a, *b;
    float *c;
} job;

/* One product: rectangle r of the matrix number t of the batch. */
typedef struct product {
    const plan *p;
    const float *a, *b;
    float *c; /* or a strip of so many columns */
    int64_t columns;
    const cpu_run *epilogue;
    int64_t first; /* index of its first element in the index space */
} product;

static void epilogue(void *context, int64_t i, int64_t rows, int64_t j, int64_t columns)
{
    const product *x = context;
    cpu_run run = *x->epilogue;
    int64_t at = x->first + i * x->p->n + j;
    if (columns == x->p->n) { /* rows follow one another */
        columns *= rows;
        rows = 1;
    }
    for (int64_t r = 0; r < rows; r++, at += x->p->n) {
        if (x->p->apart) {
            run.raw = (const uint32_t *)(const void *)(x->c + r * x->columns);
            run.raw_at = at;
        }
        CPU_NAME(cpu_run_range)(&run, at, columns);
    }
}

#ifndef CPU_VEC
/* The plain loop: one chain of fma after the other. */
static float chain(const product *x, int64_t i, int64_t j)
{
    const plan *p = x->p;
    float total = 0.0f, acc = 0.0f;
    for (int64_t l = 0; l < p->k; l++) {
        float a = p->ta ? x->a[l * p->m + i] : x->a[i * p->k + l];
        float b = p->tb ? x->b[j * p->k + l] : x->b[l * p->n + j];
        if (l % RK_MATMUL_BLOCK == 0 && l) {
            total = l == RK_MATMUL_BLOCK ? acc : total + acc;
            acc = 0.0f;
        }
        acc = fmaf(a, b, acc);
    }
    return p->k > RK_MATMUL_BLOCK ? total + acc : acc;
}

static void multiply(product *x, int64_t i, int64_t rows, int64_t j, int64_t columns, void *scratch)
{
    (void)scratch;
    for (int64_t r = i; r < i + rows; r++)
        for (int64_t c = j; c < j + columns; c++) x->c[r * x->p->n + c] = chain(x, r, c);
    if (x->epilogue) epilogue(x, i, rows, j, columns);
}

static size_t scratch_bytes(const plan *p) { return (void)p, 0; }
static size_t strip_bytes(const plan *p) { return (void)p, 0; }
static int64_t strip_columns(const plan *p) { return (void)p, 0; }
static const char *name(void) { return "chains"; }
static int better_swapped(const plan *p) { return (void)p, 0; }
static int better_direct(const plan *p) { return (void)p, 0; }
static int64_t tile_rows(void) { return 1; }
static int64_t tile_columns(void) { return 1; }

#else
enum {
    STRIP = 1024,
    LINE = 16,         /* floats of a cache line */
    NEAR = 128 * 1024, /* results that may be in a core's cache still, 512 KiB */
    DEEP = 64          /* chains that are longer than asking for lines takes */
};

/* The epilogue's arrays come from memory while tiles are multiplied. */
static void soon(void *context, int64_t i, int64_t rows, int64_t j, int64_t columns)
{
    const product *x = context;
    const cpu_program *p = x->epilogue->program;
    for (uint32_t in = 0; in < p->n_in; in++) {
        const cpu_access *a = &p->in[in];
        if (a->arg == CPU_NO_ARG || a->dtype == RK_U8) continue;
        if (a->how != CPU_READ_DENSE && a->how != CPU_READ_COPY) continue;
        const unsigned char *row = x->epilogue->arg[a->arg] + 4 * (x->first + i * x->p->n + j);
        for (int64_t r = 0; r < rows; r++, row += 4 * x->p->n) {
            for (int64_t c = 0; c < columns; c += LINE) __builtin_prefetch(row + 4 * c, 0, 2);
            __builtin_prefetch(row + 4 * (columns - 1), 0, 2);
        }
    }
}

/* One side of the product: lines of it are rows of a, or columns of b; l runs along them, or
 * across. */
typedef struct side {
    const float *x;
    int64_t ld;
    int along;
} side;

typedef struct sides {
    side a, b;
} sides;

static void pack_side(const side *s, float *to, int64_t step, int64_t line, int64_t lines,
                      int64_t l, int64_t n)
{
    if (s->along)
        pack_along(to, step, s->x + line * s->ld + l, s->ld, lines, n);
    else
        pack_across(to, step, s->x + l * s->ld + line, s->ld, lines, n);
}

static void pack_a(const void *source, float *to, int64_t i, int64_t rows, int64_t l, int64_t n)
{
    pack_side(&((const sides *)source)->a, to, rows, i, rows, l, n);
}

static void pack_b(const void *source, float *to, int64_t j, int64_t columns, int64_t width,
                   int64_t l, int64_t n)
{
    for (int64_t c = 0; c < width; c += CPU_VEC)
        pack_side(&((const sides *)source)->b, to + c, width, j + c, columns - c, l, n);
}

static sides sides_of(const product *x)
{
    const plan *p = x->p;
    return (sides){{x->a, p->ta ? p->m : p->k, !p->ta}, {x->b, p->tb ? p->k : p->n, (int)p->tb}};
}

static cpu_gemm gemm_of(const plan *p, const sides *s, float *c, int64_t ldc)
{
    return (cpu_gemm){.source = s,
                      .pack_a = pack_a,
                      .pack_b = pack_b,
                      .b = p->direct ? s->b.x : NULL,
                      .ldb = s->b.ld,
                      .along = p->direct && s->b.along,
                      .c = c,
                      .ldc = ldc,
                      .near = p->apart || p->swapped || p->batch * p->m * p->n <= NEAR,
                      .k = p->k,
                      .block = RK_MATMUL_BLOCK};
}

static void multiply_tiles(product *x, cpu_rect r, void *scratch)
{
    const plan *p = x->p;
    sides s = sides_of(x);
    cpu_gemm g = gemm_of(p, &s, x->c, x->columns);
    g.strip = p->apart;
    g.done = x->epilogue ? epilogue : NULL;
    g.soon = x->epilogue && p->k >= DEEP ? soon : NULL;
    g.context = x;
    CPU_NAME(cpu_gemm_run)(&g, r, scratch);
}

/* Rows of c from the columns of a strip.  Whole vectors are stored, the last columns first: what
 * reaches into later rows is overwritten, so the last rows go one by one. */
static void put_back(float *c, int64_t columns, const float *strip, int64_t rows)
{
    int64_t last = (CPU_VEC + columns - 1) / columns, whole = rows > last ? rows - last : 0;
    for (int64_t j = (columns - 1) / CPU_VEC * CPU_VEC; j >= 0; j -= CPU_VEC)
        pack_along(c + j, columns, strip + j * STRIP, STRIP, columns - j, whole);
    for (int64_t i = whole; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) c[i * columns + j] = strip[j * STRIP + i];
}

/* So few columns that vectors along them would be half empty: the product of the transposes, with
 * vectors along rows, in strips that are transposed into place. */
static void multiply_swapped(product *x, int64_t i, int64_t rows, float *strip)
{
    const plan *p = x->p;
    sides s = sides_of(x);
    float *scratch = strip + p->n * STRIP;
    for (int64_t at = i; at < i + rows; at += STRIP) {
        int64_t n = i + rows - at < STRIP ? i + rows - at : STRIP;
        sides swapped = {s.b, {s.a.x + at * (s.a.along ? s.a.ld : 1), s.a.ld, s.a.along}};
        cpu_gemm g = gemm_of(p, &swapped, strip, STRIP);
        CPU_NAME(cpu_gemm_run)(&g, (cpu_rect){0, p->n, 0, n}, scratch);
        put_back(x->c + at * p->n, p->n, strip, n);
        if (x->epilogue) epilogue(x, at, n, 0, p->n);
    }
}

static void multiply(product *x, int64_t i, int64_t rows, int64_t j, int64_t columns, void *scratch)
{
    if (x->p->swapped)
        multiply_swapped(x, i, rows, scratch);
    else
        multiply_tiles(x, (cpu_rect){i, rows, j, columns}, scratch);
}

static size_t scratch_bytes(const plan *p)
{
    if (!p->swapped) return CPU_NAME(cpu_gemm_scratch)(p->m, p->n, p->k, RK_MATMUL_BLOCK);
    return CPU_NAME(cpu_gemm_scratch)(p->n, STRIP, p->k, RK_MATMUL_BLOCK) +
           (size_t)p->n * STRIP * sizeof(float);
}

static int64_t strip_columns(const plan *p) { return p->n < CPU_STRIP ? p->n : CPU_STRIP; }

static size_t strip_bytes(const plan *p)
{
    return (size_t)(CPU_STRIP_ROWS * strip_columns(p)) * sizeof(float);
}

/* Compares how many lanes both ways would work on.  Measured with vectors of 8: with 9 to 12
 * columns it takes .5 to .8 of the time, with 14 it takes longer. */
static int better_swapped(const plan *p)
{
    int64_t lanes = p->m * ((p->n + CPU_VEC - 1) / CPU_VEC * CPU_VEC);
    int64_t swapped = p->n * ((p->m + CPU_VEC - 1) / CPU_VEC * CPU_VEC);
    return p->n <= 12 && 4 * swapped <= 3 * lanes;
}

/* The rows that a thread multiplies with b. */
static int64_t rows_of(const plan *p) { return p->swapped ? p->n : (p->m + p->by_m - 1) / p->by_m; }

/* Is l the fast index of what vectors run along, so that it has to be turned? */
static int is_turned(const plan *p) { return p->swapped ? !p->ta : p->tb != 0; }

/* Packing pays if what is packed is used often.  Measured with tiles of 6 rows: not with 32 rows,
 * now and then with 64; turning more than once for a tile does not pay. */
static int better_direct(const plan *p) { return rows_of(p) <= (is_turned(p) ? CPU_MR : 36); }

static const char *name(void) { return "gemm " CPU_TILE; }
static int64_t tile_rows(void) { return CPU_MR; }
static int64_t tile_columns(void) { return CPU_NR; }
#endif

static void share(void *context, int t, int threads)
{
    const job *j = context;
    const plan *p = j->p;
    unsigned char *scratch = cpu_scratch(j->kernel, t);
    int64_t from, end;
    cpu_run r;
    cpu_share(p->batch * p->by_m * p->by_n, 1, t, threads, &from, &end);
    if (from == end) return;
    if (p->epilogue)
        r = CPU_NAME(cpu_run_begin)(p->epilogue, scratch + p->program_at, j->arg, j->c, NULL,
                                    CPU_BLOCK);
    for (int64_t u = from; u < end; u++) {
        int64_t b = u / (p->by_m * p->by_n), im = u / p->by_n % p->by_m, in = u % p->by_n;
        product x = {p,
                     j->a + b * p->stride_a,
                     j->b + b * p->stride_b,
                     p->apart ? (float *)(void *)(scratch + p->strip_at) : j->c + b * p->m * p->n,
                     p->apart ? strip_columns(p) : p->n,
                     p->epilogue ? &r : NULL,
                     b * p->m * p->n};
        int64_t i0, i1, j0, j1;
        cpu_share(p->m, 1, (int)im, (int)p->by_m, &i0, &i1);
        cpu_share(p->n, tile_columns(), (int)in, (int)p->by_n, &j0, &j1);
        if (i1 > i0 && j1 > j0) multiply(&x, i0, i1 - i0, j0, j1 - j0, scratch);
    }
}

static void run(const rk_kernel *k, unsigned char *const *arg)
{
    const plan *p = k->plan;
    job j = {k,
             p,
             arg,
             (const float *)(const void *)arg[0],
             (const float *)(const void *)arg[1],
             p->apart ? NULL : (float *)(void *)arg[p->holder]};
    if (p->batch && p->m && p->n) cpu_parallel(k->device, k->threads, share, &j);
}

/* Every thread packs what it needs, so rectangles should be near to squares; and whole tiles. */
static void cut(plan *p, const cpu_choice *c, int threads)
{
    double best = 0;
    p->by_m = c->by_m ? c->by_m : 1;
    p->by_n = c->by_n ? c->by_n : 1;
    if (p->batch >= threads || c->by_m) return;
    if (p->swapped) {
        p->by_m = threads;
        return;
    }
    for (int64_t by_m = 1; by_m <= threads; by_m++) {
        int64_t by_n = threads / by_m;
        double rows = ceil((double)p->m / (double)by_m);
        double tiles = ceil((double)p->n / (double)tile_columns());
        double columns = ceil(tiles / (double)by_n) * (double)tile_columns();
        double cost =
            rows * columns + 8.0 * rows + 8.0 * columns + (rows < (double)tile_rows() ? 1e6 : 0);
        if (by_m > 1 && cost >= best) continue;
        best = cost;
        p->by_m = by_m;
        p->by_n = by_n;
    }
}

static int is_array(const rk_tensor *t)
{
    for (uint32_t d = 0; d < t->rank; d++)
        if (t->stride[d] == 0 && t->dim[d] > 1) return 0;
    return 1;
}

/* Does the program update several arrays, as a step of an optimizer does?  They want to stay where
 * they are. */
static int updates(const rk_op *op)
{
    uint32_t arrays = 0;
    for (uint32_t j = 2; j < op->n_in; j++) arrays += is_array(&op->in[j]) ? 1u : 0u;
    return op->n_out > 1 && arrays >= op->n_out;
}

/* The result needs memory until the epilogue has run: an output of words, unless the outputs are to
 * lie in place of inputs; then strips of the threads, or else a workspace. */
static rk_status plan_epilogue(rk_kernel *k, const rk_op *op, plan *p, rk_kinfo *info, rk_error *e)
{
    int holder = updates(op) ? -1 : cpu_program_holder(op);
    p->apart = holder < 0 && !p->swapped && strip_columns(p) > 0;
    p->holder = op->n_in + (holder < 0 ? op->n_out : (uint32_t)holder);
    if (p->apart)
        p->holder = CPU_NO_ARG;
    else if (holder < 0)
        info->workspace = (uint64_t)(p->batch * p->m * p->n) * 4;
    p->epilogue = cpu_epilogue_new(k, op, p->holder);
    if (!p->epilogue) return cpu_fail(e, RK_E_NOMEM, "prepare", "no memory for a program");
    info->alias_ok = p->epilogue->alias_ok;
    return RK_OK;
}

static rk_status prepare(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    rk_status s = cpu_check_matmul(op, e);
    if (s != RK_OK) return s;
    plan *p = k->plan = cpu_kernel_alloc(k, sizeof *p);
    if (!p) return cpu_fail(e, RK_E_NOMEM, "prepare", "%zu bytes wanted", sizeof *p);
    memcpy(&p->batch, op->p, 8 * sizeof(int64_t));
    p->holder = op->n_in;
    p->swapped = k->choice.way == CPU_WAY_SWAPPED ||
                 (k->choice.way != CPU_WAY_STRAIGHT && better_swapped(p));
    if (op->n_code) s = plan_epilogue(k, op, p, info, e);
    if (s != RK_OK) return s;
    double work = (double)p->batch * (double)p->m * (double)p->n * (double)p->k;
    k->threads = cpu_threads_of(k, work / 16.0 + (double)(p->batch * p->m * p->n));
    cut(p, &k->choice, k->threads);
    p->direct =
        k->choice.way == CPU_WAY_DIRECT || (k->choice.way != CPU_WAY_PACKED && better_direct(p));
    p->strip_at = (scratch_bytes(p) + CPU_ALIGN) / CPU_ALIGN * CPU_ALIGN;
    p->program_at =
        p->strip_at + (p->apart ? strip_bytes(p) + CPU_ALIGN : 0) / CPU_ALIGN * CPU_ALIGN;
    k->scratch_bytes = p->program_at + (p->epilogue ? p->epilogue->scratch_bytes : 0);
    info->ulp =
        (float)(p->k < RK_MATMUL_BLOCK ? p->k + 1 : RK_MATMUL_BLOCK + p->k / RK_MATMUL_BLOCK);
    snprintf(info->impl, sizeof info->impl, "%s %s", name(), k->device->isa->name);
    return RK_OK;
}

/* The other way where it is not far from being the better one, and other rectangles. */
static void choices(const rk_kernel *k, cpu_choices *out)
{
    const plan *p = k->plan;
    if (!p->batch || !p->m || !p->n) return;
#ifdef CPU_VEC
    if (p->n < 2 * CPU_VEC && p->m > p->n)
        cpu_choices_add(out, (cpu_choice){.way = p->swapped ? CPU_WAY_STRAIGHT : CPU_WAY_SWAPPED});
    if (rows_of(p) <= (is_turned(p) ? 2 : 16) * CPU_MR)
        cpu_choices_add(out, (cpu_choice){.way = p->direct ? CPU_WAY_PACKED : CPU_WAY_DIRECT});
#endif
    if (p->swapped || p->batch >= k->threads) return;
    for (int64_t by_m = 1; by_m <= k->threads && by_m <= p->m; by_m *= 2)
        if (by_m != p->by_m)
            cpu_choices_add(out, (cpu_choice){.by_m = by_m, .by_n = k->threads / by_m});
}

const cpu_kind CPU_NAME(cpu_matmul) = {prepare, run, choices};
