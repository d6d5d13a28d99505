/* WINDOW: sum over windows and its adjoint, arg-maximum, take and put, on planes. */
#include <stdio.h>
#include <string.h>
#include <rethink/numerics.h>
#include "check.h"
#include "vec.h"
#include "window.h"

typedef struct job {
    const rk_kernel *kernel;
    const cpu_window *p;
    unsigned char *const *arg;
} job;

typedef struct range {
    int64_t from, end;
} range;

/* The o in [0, n) for which o * stride + tap - pad lies in [0, size). */
static range inside(int64_t n, int64_t stride, int64_t tap, int64_t pad, int64_t size)
{
    int64_t low = pad - tap, high = size + pad - tap;
    range r = {low > 0 ? (low + stride - 1) / stride : 0,
               high > 0 ? (high + stride - 1) / stride : 0};
    if (r.end > n) r.end = n;
    return r;
}

/* The taps of the window at o that lie in [0, size). */
static range taps(int64_t n, int64_t o, int64_t stride, int64_t pad, int64_t size)
{
    int64_t start = o * stride - pad;
    range r = {start < 0 ? -start : 0, size - start < n ? size - start : n};
    return r;
}

/* One window: a global mean and its adjoint. */
static void sum_one(const cpu_window *p, const float *x, float *y)
{
    range r = taps(p->kh, 0, p->sh, p->ph, p->H), c = taps(p->kw, 0, p->sw, p->pw, p->W);
    float total = 0.0f;
    for (int64_t t = r.from; t < r.end; t++)
        for (int64_t s = c.from; s < c.end; s++) total += x[(t - p->ph) * p->W + s - p->pw];
    *y = total;
}

static void sum_one_t(const cpu_window *p, const float *g, float *x)
{
    range r = taps(p->kh, 0, p->sh, p->ph, p->H), c = taps(p->kw, 0, p->sw, p->pw, p->W);
    float value = 0.0f + *g;
    for (int64_t i = 0; i < p->out; i++) x[i] = 0.0f;
    for (int64_t t = r.from; t < r.end; t++)
        for (int64_t s = c.from; s < c.end; s++) x[(t - p->ph) * p->W + s - p->pw] = value;
}

/* For each output taps come in the order (r, s), and a tap is done for a row of outputs at once. */
static void sum(const cpu_window *p, const float *x, float *y)
{
    for (int64_t i = 0; i < p->out; i++) y[i] = 0.0f;
    for (int64_t oh = 0; oh < p->OH; oh++) {
        range r = taps(p->kh, oh, p->sh, p->ph, p->H);
        for (int64_t t = r.from; t < r.end; t++)
            for (int64_t s = 0; s < p->kw; s++) {
                range w = inside(p->OW, p->sw, s, p->pw, p->W);
                const float *from = x + (oh * p->sh + t - p->ph) * p->W;
                float *to = y + oh * p->OW;
#pragma omp simd
                for (int64_t ow = w.from; ow < w.end; ow++) to[ow] += from[ow * p->sw + s - p->pw];
            }
    }
}

/* For each element of x windows come in the order (oh, ow): taps descend within a row. */
static void sum_t(const cpu_window *p, const float *g, float *x)
{
    for (int64_t i = 0; i < p->out; i++) x[i] = 0.0f;
    for (int64_t oh = 0; oh < p->OH; oh++) {
        range r = taps(p->kh, oh, p->sh, p->ph, p->H);
        for (int64_t t = r.from; t < r.end; t++)
            for (int64_t s = p->kw; s-- > 0;) {
                range w = inside(p->OW, p->sw, s, p->pw, p->W);
                const float *from = g + oh * p->OW;
                float *to = x + (oh * p->sh + t - p->ph) * p->W;
                int64_t at = s - p->pw;
#pragma omp simd
                for (int64_t ow = w.from; ow < w.end; ow++) to[ow * p->sw + at] += from[ow];
            }
    }
}

static uint32_t most(const cpu_window *p, const float *x, int64_t oh, int64_t ow)
{
    range r = taps(p->kh, oh, p->sh, p->ph, p->H), c = taps(p->kw, ow, p->sw, p->pw, p->W);
    uint32_t best = 0xFFFFFFFFu;
    for (int64_t t = r.from; t < r.end; t++)
        for (int64_t s = c.from; s < c.end; s++) {
            int64_t at = (oh * p->sh + t - p->ph) * p->W + ow * p->sw + s - p->pw;
            if (best == 0xFFFFFFFFu ? x[at] == x[at] : x[at] > x[best]) best = (uint32_t)at;
        }
    return best;
}

static void argmax(const cpu_window *p, const float *x, uint32_t *y)
{
    for (int64_t oh = 0; oh < p->OH; oh++)
        for (int64_t ow = 0; ow < p->OW; ow++) y[oh * p->OW + ow] = most(p, x, oh, ow);
}

static void take(const cpu_window *p, const float *x, const uint32_t *index, float *y)
{
    for (int64_t i = 0; i < p->out; i++) y[i] = index[i] < p->in ? x[index[i]] : 0.0f;
}

static void put(const cpu_window *p, const float *g, const uint32_t *index, float *x)
{
    for (int64_t i = 0; i < p->out; i++) x[i] = 0.0f;
    for (int64_t i = 0; i < p->in; i++)
        if (index[i] < p->out) x[index[i]] += g[i];
}

static void plane(const job *j, int64_t n, unsigned char *scratch)
{
    const cpu_window *p = j->p;
    const float *in = (const float *)(const void *)j->arg[0] + n * p->in;
    const uint32_t *index = (const uint32_t *)(const void *)j->arg[1] + n * p->OH * p->OW;
    float *out = (float *)(void *)j->arg[p->holder] + n * p->out;
#ifdef CPU_VEC
    if (p->fast) {
        CPU_NAME(cpu_window_taps)(p, in, out, scratch);
        return;
    }
    if (p->column) {
        CPU_NAME(cpu_window_columns)(p, in, out);
        return;
    }
#endif
    (void)scratch;
    switch (p->which) {
    case RK_WINDOW_SUM: (p->out == 1 ? sum_one : sum)(p, in, out); break;
    case RK_WINDOW_SUM_T: (p->in == 1 ? sum_one_t : sum_t)(p, in, out); break;
    case RK_WINDOW_ARGMAX: argmax(p, in, (uint32_t *)(void *)out); break;
    case RK_WINDOW_TAKE: take(p, in, index, out); break;
    default: put(p, in, index, out); break;
    }
}

static void share(void *context, int t, int threads)
{
    const job *j = context;
    const cpu_window *p = j->p;
    int64_t from, end;
    unsigned char *scratch = cpu_scratch(j->kernel, t);
    cpu_run r;
    cpu_share(p->N, 1, t, threads, &from, &end);
    if (from == end) return;
#ifdef CPU_VEC
    if (p->fast) CPU_NAME(cpu_window_begin)(p, scratch);
#endif
    if (p->epilogue)
        r = CPU_NAME(cpu_run_begin)(p->epilogue, scratch + p->program_at, j->arg, j->arg[p->holder],
                                    NULL, CPU_BLOCK);
    for (int64_t n = from; n < end; n++) {
        plane(j, n, scratch);
        if (p->epilogue) CPU_NAME(cpu_run_range)(&r, n * p->out, p->out);
    }
}

static void run(const rk_kernel *k, unsigned char *const *arg)
{
    const cpu_window *p = k->plan;
    job j = {k, p, arg};
    if (p->N && p->out) cpu_parallel(k->device, k->threads, share, &j);
}

static rk_status check(const rk_op *op, cpu_window *p, rk_error *e)
{
    if (p->which < RK_WINDOW_SUM || p->which > RK_WINDOW_PUT)
        return cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "p[0] = %lld is no member of WINDOW",
                        (long long)p->which);
    for (int i = 4; i < 10; i++)
        if (op->p[i] < (i == 6 || i == 7) || op->p[i] > (int64_t)1 << 31)
            return cpu_fail(e, RK_E_INVALID, "prepare", "p[%d] = %lld", i, (long long)op->p[i]);
    rk_status s = cpu_check_extents(op, 1, 3, e);
    if (s == RK_OK) s = cpu_check_extents(op, 10, 2, e);
    if (s != RK_OK) return s;
    int64_t x = p->H * p->W, y = p->OH * p->OW;
    int from_y = p->which == RK_WINDOW_SUM_T || p->which == RK_WINDOW_PUT;
    p->in = from_y ? y : x;
    p->out = from_y ? x : y;
    if (p->N && (double)p->N * (double)y > 0x1p46)
        return cpu_fail(e, RK_E_INVALID, "prepare", "too many elements");
    if (x >= 0xFFFFFFFF || p->H > (int64_t)1 << 31 || p->OW > (int64_t)1 << 31)
        return cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "a plane of 2^32 elements");
    s = cpu_check_in(op, 0, RK_F32, p->N * p->in, e);
    if (s == RK_OK && p->which >= RK_WINDOW_TAKE) s = cpu_check_in(op, 1, RK_U32, p->N * y, e);
    if (s == RK_OK && p->which == RK_WINDOW_ARGMAX)
        return cpu_check_out(op, 0, RK_U32, p->N * y, e);
    return s == RK_OK ? cpu_check_result(op, p->N * p->out, e) : s;
}

static rk_status prepare(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    cpu_window *p = k->plan = cpu_kernel_alloc(k, sizeof *p);
    if (!p) return cpu_fail(e, RK_E_NOMEM, "prepare", "%zu bytes wanted", sizeof *p);
    memcpy(&p->which, op->p, 12 * sizeof(int64_t));
    rk_status s = check(op, p, e);
    if (s != RK_OK) return s;
    p->holder = op->n_in;
    if (op->n_code) {
        int holder = cpu_program_holder(op);
        p->holder = op->n_in + (holder < 0 ? op->n_out : (uint32_t)holder);
        if (holder < 0) info->workspace = (uint64_t)(p->N * p->out) * 4;
        p->epilogue = cpu_epilogue_new(k, op, p->holder);
        if (!p->epilogue) return cpu_fail(e, RK_E_NOMEM, "prepare", "no memory for a program");
    }
#ifdef CPU_VEC
    p->column = CPU_NAME(cpu_window_is_column)(p);
    if (!p->column && CPU_NAME(cpu_window_plan)(k, p, &p->program_at) != RK_OK)
        return cpu_fail(e, RK_E_NOMEM, "prepare", "no memory for a plan");
#endif
    k->scratch_bytes = p->program_at + (p->epilogue ? p->epilogue->scratch_bytes : 0);
    double work = p->which >= RK_WINDOW_TAKE ? 1 : (double)p->kh * (double)p->kw;
    k->threads = cpu_threads_of(k, (double)p->N * (double)(p->in + p->out) * work * 0.3);
    info->ulp = p->which <= RK_WINDOW_SUM_T ? (float)work : 1.0f;
    snprintf(info->impl, sizeof info->impl, "%s of windows %s",
             p->fast     ? "taps"
             : p->column ? "columns"
                         : "rows",
             k->device->isa->name);
    return RK_OK;
}

const cpu_kind CPU_NAME(cpu_window) = {prepare, run, NULL};
