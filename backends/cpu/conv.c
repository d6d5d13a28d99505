/* CONV: y, dx and dw of a convolution. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <rethink/numerics.h>
#include "check.h"
#include "choice.h"
#include "conv_dw.h"
#include "conv_few.h"
#include "conv_taps.h"

/* Chains are fed with taps, by their number in the full set, and cut into blocks. */
typedef struct chain {
    float total, acc;
    int64_t block, length;
} chain;

static void chain_close(chain *c)
{
    c->total = c->block == 0 ? c->acc : c->total + c->acc;
    c->acc = 0.0f;
    c->block++;
}

static void chain_tap(chain *c, int64_t number, float a, float b)
{
    while (number >= (c->block + 1) * c->length) chain_close(c);
    c->acc = fmaf(a, b, c->acc);
}

static float chain_end(chain *c, int64_t taps)
{
    int64_t blocks = taps > 0 ? (taps + c->length - 1) / c->length : 1;
    while (c->block < blocks) chain_close(c);
    return c->total;
}

/* +0 outside the plane. */
static float tap(const float *plane, int64_t h, int64_t w, int64_t H, int64_t W)
{
    return h < 0 || h >= H || w < 0 || w >= W ? 0.0f : plane[h * W + w];
}

static float plain_y(const cpu_conv *v, const float *x, const float *w, int64_t n, int64_t k,
                     int64_t oh, int64_t ow)
{
    chain c = {.length = RK_CONV_BLOCK};
    int64_t number = 0;
    for (int64_t ch = 0; ch < v->C; ch++)
        for (int64_t r = 0; r < v->R; r++)
            for (int64_t s = 0; s < v->S; s++, number++)
                chain_tap(&c, number,
                          tap(x + (n * v->C + ch) * v->H * v->W, oh * v->sh + r - v->ph,
                              ow * v->sw + s - v->pw, v->H, v->W),
                          w[((k * v->C + ch) * v->R + r) * v->S + s]);
    return chain_end(&c, number);
}

static float plain_dx(const cpu_conv *v, const float *g, const float *w, int64_t n, int64_t ch,
                      int64_t h, int64_t u)
{
    chain c = {.length = RK_CONV_BLOCK};
    int64_t number = 0;
    for (int64_t k = 0; k < v->K; k++)
        for (int64_t r = 0; r < v->R; r++)
            for (int64_t s = 0; s < v->S; s++, number++) {
                int64_t top = h + v->ph - r, left = u + v->pw - s;
                if (top % v->sh || left % v->sw) continue;
                chain_tap(&c, number,
                          tap(g + n * v->apart + k * v->OH * v->OW, top / v->sh, left / v->sw,
                              v->OH, v->OW),
                          w[((k * v->C + ch) * v->R + r) * v->S + s]);
            }
    return chain_end(&c, number);
}

static float plain_dw(const cpu_conv *v, const float *x, const float *g, int64_t k, int64_t ch,
                      int64_t r, int64_t s)
{
    chain c = {.length = RK_CONV_DW_BLOCK};
    int64_t number = 0;
    for (int64_t n = 0; n < v->N; n++)
        for (int64_t oh = 0; oh < v->OH; oh++)
            for (int64_t ow = 0; ow < v->OW; ow++, number++)
                chain_tap(&c, number,
                          tap(x + (n * v->C + ch) * v->H * v->W, oh * v->sh + r - v->ph,
                              ow * v->sw + s - v->pw, v->H, v->W),
                          g[n * v->apart + k * v->OH * v->OW + oh * v->OW + ow]);
    return chain_end(&c, number);
}

/* The plain loops, over the elements of the result. */
static void plain_share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    const cpu_conv *v = j->v;
    int64_t from, end;
    cpu_share(v->count, 1, t, threads, &from, &end);
    for (int64_t e = from; e < end; e++) {
        int64_t i3 = e % v->dim[3], i2 = e / v->dim[3] % v->dim[2];
        int64_t i1 = e / v->dim[3] / v->dim[2] % v->dim[1],
                i0 = e / v->dim[3] / v->dim[2] / v->dim[1];
        int64_t image = v->dim[1] * v->dim[2] * v->dim[3];
        int64_t to = v->which == RK_CONV_Y ? i0 * v->apart + e % image : e;
        j->c[to] = v->which == RK_CONV_Y    ? plain_y(v, j->a, j->b, i0, i1, i2, i3)
                   : v->which == RK_CONV_DX ? plain_dx(v, j->a, j->b, i0, i1, i2, i3)
                                            : plain_dw(v, j->a, j->b, i0, i1, i2, i3);
    }
    if (!v->epilogue || from == end) return;
    cpu_run r = CPU_NAME(cpu_run_begin)(v->epilogue, cpu_scratch(j->kernel, t) + v->program_at,
                                        j->arg, j->c, NULL, end - from);
    CPU_NAME(cpu_run_range)(&r, from, end - from);
}

static void run(const rk_kernel *k, unsigned char *const *arg)
{
    const cpu_conv *v = k->plan;
    cpu_conv_job j = {k,
                      v,
                      arg,
                      (const float *)(const void *)arg[0],
                      (const float *)(const void *)arg[1],
                      (float *)(void *)arg[v->holder],
                      NULL};
    if (v->count == 0) return;
    if (v->which == RK_CONV_Y)
        j.c += v->at;
    else if (v->which == RK_CONV_DX)
        j.a += v->at;
    else
        j.b += v->at;
    if (v->work) j.work = (float *)(void *)(arg[k->n_in + k->n_out] + v->work_at);
    if (v->run)
        v->run(&j);
    else
        cpu_parallel(k->device, k->threads, plain_share, &j);
}

/* Numbers, and that the part of a tensor is in it: sets *joined, its channels. */
static rk_status check_numbers(const rk_op *op, const cpu_conv *v, int64_t *joined, rk_error *e)
{
    if (v->which < RK_CONV_Y || v->which > RK_CONV_DW)
        return cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "p[0] = %lld is no member of CONV",
                        (long long)v->which);
    for (int i = 1; i < (op->rev ? 16 : 14); i++)
        if (op->p[i] < (i == 8 || i == 9) || op->p[i] > (int64_t)1 << 31)
            return cpu_fail(e, RK_E_INVALID, "prepare", "p[%d] = %lld", i, (long long)op->p[i]);
    if (!op->rev) return RK_OK;
    *joined = op->p[14];
    if (v->which == RK_CONV_Y && op->n_code)
        return cpu_fail(e, RK_E_INVALID, "prepare", "a program on a part of a tensor");
    if (op->p[15] + v->K > *joined)
        return cpu_fail(e, RK_E_INVALID, "prepare", "channels %lld to %lld of %lld",
                        (long long)op->p[15], (long long)(op->p[15] + v->K), (long long)*joined);
    return RK_OK;
}

static rk_status check(const rk_op *op, cpu_conv *v, rk_error *e)
{
    int64_t joined = v->K, count[3];
    rk_status s = check_numbers(op, v, &joined, e);
    if (s != RK_OK) return s;
    const int64_t side[3][4] = {
        {v->N, v->C, v->H, v->W}, {v->K, v->C, v->R, v->S}, {v->N, joined, v->OH, v->OW}};
    for (int i = 0; i < 3; i++) {
        double elements = 1;
        count[i] = 1;
        for (int d = 0; d < 4; d++) elements *= (double)(side[i][d] ? side[i][d] : 1);
        if (elements > 0x1p46) return cpu_fail(e, RK_E_INVALID, "prepare", "too many elements");
        for (int d = 0; d < 4; d++) count[i] *= side[i][d];
    }
    int a = v->which == RK_CONV_DX ? 2 : 0, b = v->which == RK_CONV_DW ? 2 : 1;
    int c = v->which == RK_CONV_Y ? 2 : v->which == RK_CONV_DX ? 0 : 1;
    memcpy(v->dim, side[c], sizeof v->dim);
    if (c == 2) v->dim[1] = v->K;
    v->count = v->dim[0] * v->dim[1] * v->dim[2] * v->dim[3];
    v->apart = joined * v->OH * v->OW;
    v->at = op->rev ? op->p[15] * v->OH * v->OW : 0;
    s = cpu_check_in(op, 0, RK_F32, count[a], e);
    if (s == RK_OK) s = cpu_check_in(op, 1, RK_F32, count[b], e);
    if (s == RK_OK) s = cpu_check_result(op, count[c], e);
    return s;
}

static const char *name(const cpu_conv *v, const rk_kinfo *info)
{
#ifdef CPU_VEC
    if (info->tier == RK_TIER_FAST) return CPU_NAME(cpu_winograd_name)(v);
    if (v->run == CPU_NAME(cpu_conv_few_run)) return "tiles of few rows";
    if (v->fast) return "tiles " CPU_TILE;
#else
    (void)v;
    (void)info;
#endif
    return "chains";
}

/* The result needs memory until the epilogue has run: an output of words, or a workspace. */
static rk_status plan_epilogue(rk_kernel *k, const rk_op *op, cpu_conv *v, rk_kinfo *info)
{
    int holder = cpu_program_holder(op);
    v->holder = op->n_in + (holder < 0 ? op->n_out : (uint32_t)holder);
    if (holder < 0) info->workspace = (uint64_t)v->count * 4;
    v->epilogue = cpu_epilogue_new(k, op, v->holder);
    return v->epilogue ? RK_OK : RK_E_NOMEM;
}

static rk_status plan_fast(rk_kernel *k, const rk_op *op, cpu_conv *v, rk_kinfo *info)
{
    size_t scratch = 0;
    rk_status s = RK_OK;
#ifdef CPU_VEC
    if ((op->flags & RK_OP_FAST) && k->choice.way != CPU_WAY_EXACT)
        s = CPU_NAME(cpu_winograd_plan)(k, v, info, &scratch);
    if (s == RK_OK && !v->fast && v->which != RK_CONV_DW)
        s = CPU_NAME(cpu_conv_few_plan)(k, v, &scratch);
    if (s == RK_OK && !v->fast)
        s = v->which == RK_CONV_DW ? CPU_NAME(cpu_conv_dw_plan)(k, v, &scratch)
                                   : CPU_NAME(cpu_conv_taps_plan)(k, v, &scratch);
#else
    (void)op;
#endif
    v->program_at = cpu_aligned(scratch);
    k->scratch_bytes = v->program_at + (v->epilogue ? v->epilogue->scratch_bytes : 0);
    v->work_at = cpu_aligned(info->workspace);
    if (v->work) info->workspace = v->work_at + v->work;
    return s;
}

static rk_status prepare(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    cpu_conv *v = k->plan = cpu_kernel_alloc(k, sizeof *v);
    if (!v) return cpu_fail(e, RK_E_NOMEM, "prepare", "%zu bytes wanted", sizeof *v);
    memcpy(&v->which, op->p, 14 * sizeof(int64_t));
    rk_status s = check(op, v, e);
    if (s != RK_OK) return s;
    int64_t block = v->which == RK_CONV_DW ? RK_CONV_DW_BLOCK : RK_CONV_BLOCK;
    double taps = (double)(v->which == RK_CONV_DW ? v->N * v->OH : v->R * v->S) *
                  (double)(v->which == RK_CONV_Y    ? v->C
                           : v->which == RK_CONV_DX ? v->K
                                                    : v->OW);
    k->threads = cpu_threads_of(k, (double)v->count * (taps / 16 + 1));
    v->holder = op->n_in;
    if (op->n_code) s = plan_epilogue(k, op, v, info);
    if (s == RK_OK) s = plan_fast(k, op, v, info);
    if (s != RK_OK) return cpu_fail(e, s, "prepare", "no memory for a plan or a program");
    if (info->tier == RK_TIER_EXACT)
        info->ulp = (float)(taps < (double)block ? taps + 1 : (double)block + taps / (double)block);
    snprintf(info->impl, sizeof info->impl, "conv %s %s", name(v, info), k->device->isa->name);
    return RK_OK;
}

static void choices(const rk_kernel *k, cpu_choices *out)
{
#ifdef CPU_VEC
    const cpu_conv *v = k->plan;
    static const int64_t columns[] = {512, 128, 1024};
    int by_taps = v->run == CPU_NAME(cpu_conv_taps_run) || v->run == CPU_NAME(cpu_conv_few_run);
    if (v->run && !by_taps && v->run != CPU_NAME(cpu_conv_dw_run))
        cpu_choices_add(out, (cpu_choice){.way = CPU_WAY_EXACT});
    for (int i = 0; i < 3 && by_taps; i++)
        cpu_choices_add(out, (cpu_choice){.columns = columns[i]});
#else
    (void)k;
    (void)out;
#endif
}

const cpu_kind CPU_NAME(cpu_conv) = {prepare, run, choices};
