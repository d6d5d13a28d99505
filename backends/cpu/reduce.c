/* REDUCE: sum, maximum or first index of the maximum over the middle of [outer, reduced, inner].
 *
 * The reduction is cut into blocks of RK_SUM_BLOCK. A unit of work is one block of some outer rows
 * (inner == 1) or of a segment of inner: the program up to the last FOLD runs over it, and what it
 * folds is summed in RK_SUM_LANES lanes. Sums of blocks are then summed by the same rule, and what
 * follows the last FOLD runs over [outer, inner].  Rows of one block are summed abreast where their
 * program allows it: see abreast.c. */
#include "fold.h"
#include <stdio.h>
#include <string.h>
#include "check.h"
#include "program.h"
#include "vec.h"

_Static_assert(RK_SUM_BLOCK == CPU_BLOCK, "a block of a sum is a block of a program");

typedef struct plan {
    int64_t which, outer, reduced, inner, blocks;
    int64_t group, width, segments, units; /* rows a unit; elements of inner a unit */
    uint32_t folds;
    cpu_program *before, *after;
    uint64_t result_at, value_at, index_at; /* in the workspace: one piece of each per fold */
    uint64_t result_bytes, partial_bytes;
    size_t lanes_at; /* in the scratch memory */
} plan;

typedef struct job {
    const rk_kernel *kernel;
    const plan *p;
    unsigned char *const *arg;
    unsigned char *workspace;
} job;

static uint32_t *result(const job *j, uint32_t fold)
{
    const plan *p = j->p;
    if (!p->after) return (uint32_t *)(void *)j->arg[j->kernel->n_in + fold];
    return (uint32_t *)(void *)(j->workspace + p->result_at + fold * p->result_bytes);
}

static cpu_fold partial(const job *j, uint32_t fold, int64_t at)
{
    const plan *p = j->p;
    unsigned char *value = j->workspace + p->value_at + fold * p->partial_bytes;
    unsigned char *index = j->workspace + p->index_at + fold * p->partial_bytes;
    return (cpu_fold){(float *)(void *)value + at, (uint32_t *)(void *)index + at};
}

/* One block of one row has been folded; it is the whole if there is but one block. */
static void put(const job *j, uint32_t fold, int64_t row, int64_t block, int64_t i, int64_t n,
                cpu_fold from)
{
    const plan *p = j->p;
    if (p->blocks <= 1) {
        cpu_fold_finish(p->which, result(j, fold) + row * p->inner + i, from, n);
        return;
    }
    cpu_fold to = partial(j, fold, (row * p->blocks + block) * p->inner + i);
    memcpy(to.value, from.value, (size_t)n * sizeof(float));
    if (p->which == RK_REDUCE_ARGMAX) memcpy(to.index, from.index, (size_t)n * sizeof(uint32_t));
}

/* Their sums go straight to the results, as rows of one block are whole. */
static int unit_abreast(const job *j, const cpu_run *r, int64_t row, int64_t rows)
{
#ifdef CPU_VEC
    const plan *p = j->p;
    uint32_t *to[CPU_MAX_FOLDS];
    if (p->before->lanes != CPU_LANES_ABREAST) return 0;
    for (uint32_t f = 0; f < p->folds; f++) to[f] = result(j, f);
    CPU_NAME(cpu_abreast_run)(r, row, rows, p->outer - row, to);
    return 1;
#else
    (void)j, (void)r, (void)row, (void)rows;
    return 0;
#endif
}

/* inner == 1: rows side by side, each folded along. */
static void unit_of_rows(const job *j, const cpu_run *r, int64_t unit)
{
    const plan *p = j->p;
    int64_t block = unit % p->blocks, row = unit / p->blocks * p->group;
    int64_t first = block * RK_SUM_BLOCK, n = p->reduced - first;
    int64_t rows = p->outer - row < p->group ? p->outer - row : p->group;
    if (unit_abreast(j, r, row, rows)) return;
    if (n > RK_SUM_BLOCK) n = RK_SUM_BLOCK;
    int64_t start = row * p->reduced + first, end = start + rows * n;
    int64_t ask = n ? CPU_NAME(cpu_run_block)(r, start, rows * n, end) : 0;
    const float *lanes = (const float *)(const void *)(r->scratch + p->before->lanes_at);
    for (uint32_t f = 0; f < p->folds; f++) {
        float value[RK_SUM_BLOCK];
        uint32_t index[RK_SUM_BLOCK];
        cpu_fold to = {value, index};
        const void *x = n ? (const void *)r->slot[p->before->folded[f]] : value;
        if (p->before->lanes) CPU_NAME(cpu_fold_rows)
        (p->which, to, lanes + f * RK_SUM_LANES, RK_SUM_LANES, p->folds * RK_SUM_LANES, rows, 0, 0);
        else CPU_NAME(cpu_fold_rows)(p->which, to, x, n, n, rows, first, ask);
        put(j, f, row, block, 0, rows, (cpu_fold){value, index});
    }
}

/* inner > 1: a segment of inner, row after row into the lanes. */
static void unit_of_columns(const job *j, const cpu_run *r, int64_t unit, float *lanes)
{
    const plan *p = j->p;
    int64_t i = unit % p->segments * p->width, block = unit / p->segments % p->blocks;
    int64_t row = unit / p->segments / p->blocks, first = block * RK_SUM_BLOCK;
    int64_t width = p->inner - i < p->width ? p->inner - i : p->width;
    int64_t rows = p->reduced - first < RK_SUM_BLOCK ? p->reduced - first : RK_SUM_BLOCK;
    int64_t at_once = p->segments == 1 ? CPU_BLOCK / p->inner : 1;
    int64_t size = CPU_FOLD_LANES * p->width;
    for (uint32_t f = 0; f < p->folds; f++)
        CPU_NAME(cpu_fold_columns_begin)(p->which, lanes + f * size, width);
    for (int64_t l = 0; l < rows; l += at_once) {
        int64_t n = rows - l < at_once ? rows - l : at_once;
        int64_t start = (row * p->reduced + first + l) * p->inner + i;
        int64_t ask = CPU_NAME(cpu_run_block)(r, start, n * width, start + n * p->inner);
        for (uint32_t f = 0; f < p->folds; f++) {
            const float *x = (const float *)(const void *)r->slot[p->before->folded[f]];
            for (int64_t m = 0; m < n; m++) CPU_NAME(cpu_fold_columns)
            (p->which, lanes + f * size, x + m * width, width, l + m, first, ask);
        }
    }
    for (uint32_t f = 0; f < p->folds; f++)
        put(j, f, row, block, i, width,
            CPU_NAME(cpu_fold_columns_end)(p->which, lanes + f * size, width, rows));
}

static void fold_share(void *context, int t, int threads)
{
    const job *j = context;
    const plan *p = j->p;
    unsigned char *scratch = cpu_scratch(j->kernel, t);
    int64_t from, end;
    cpu_share(p->units, 1, t, threads, &from, &end);
    if (from == end) return;
    cpu_run r = CPU_NAME(cpu_run_begin)(p->before, scratch, j->arg, NULL, NULL, CPU_BLOCK);
    for (int64_t u = from; u < end; u++)
        if (p->inner == 1)
            unit_of_rows(j, &r, u);
        else
            unit_of_columns(j, &r, u, (float *)(void *)(scratch + p->lanes_at));
}

/* The blocks of one result, then of the next. */
static void join_share(void *context, int t, int threads)
{
    const job *j = context;
    const plan *p = j->p;
    int64_t from, end;
    cpu_share(p->outer * p->inner, 16, t, threads, &from, &end);
    for (uint32_t f = 0; f < p->folds; f++)
        for (int64_t at = from; at < end; at++) {
            int64_t first = at / p->inner * p->blocks * p->inner + at % p->inner;
            cpu_fold x = partial(j, f, first);
            cpu_fold_join(p->which, x, p->blocks, p->inner);
            cpu_fold_finish(p->which, result(j, f) + at, x, 1);
        }
}

static void after_share(void *context, int t, int threads)
{
    const job *j = context;
    const plan *p = j->p;
    uint32_t *fold[CPU_MAX_FOLDS];
    int64_t from, end;
    cpu_share(p->outer * p->inner, CPU_BLOCK, t, threads, &from, &end);
    if (from == end) return;
    for (uint32_t f = 0; f < p->folds; f++) fold[f] = result(j, f);
    cpu_run r = CPU_NAME(cpu_run_begin)(p->after, cpu_scratch(j->kernel, t), j->arg, NULL, fold,
                                        end - from);
    CPU_NAME(cpu_run_range)(&r, from, end - from);
}

static void run(const rk_kernel *k, unsigned char *const *arg)
{
    const plan *p = k->plan;
    job j = {k, p, arg, k->n_arg > k->n_in + k->n_out ? arg[k->n_arg - 1] : NULL};
    int64_t results = p->outer * p->inner;
    if (results == 0) return;
    cpu_parallel(k->device, k->threads, fold_share, &j);
    if (p->blocks > 1)
        cpu_parallel(k->device, cpu_threads_for(k->device, (double)(results * p->blocks)),
                     join_share, &j);
    if (p->after)
        cpu_parallel(k->device, cpu_threads_for(k->device, (double)results * p->after->n_step),
                     after_share, &j);
}

/* The units: some rows, or one block of one row and segment.  Long segments are read at a higher
 * rate, until the lanes of all reductions fill the second cache. */
static void cut(plan *p, int threads)
{
    p->blocks = p->reduced > RK_SUM_BLOCK ? (p->reduced + RK_SUM_BLOCK - 1) / RK_SUM_BLOCK : 1;
    int64_t most = p->folds == 1 ? 512 : 256;
    p->width = p->inner < most ? p->inner : most;
    while (p->width > 64 && p->outer * p->blocks * (p->inner / p->width) < threads) p->width /= 2;
    p->segments = p->inner ? (p->inner + p->width - 1) / p->width : 0;
    if (p->inner == 1)
        p->units = (p->outer + p->group - 1) / p->group * p->blocks;
    else
        p->units = p->outer * p->blocks * p->segments;
}

static uint64_t piece(uint64_t *total, uint32_t folds, uint64_t bytes)
{
    uint64_t at = *total;
    *total += folds * bytes;
    return at;
}

static uint64_t plan_workspace(plan *p)
{
    uint64_t total = 0, results = (uint64_t)(p->outer * p->inner);
    p->result_bytes = (results * 4 + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN;
    p->partial_bytes = (results * (uint64_t)p->blocks * 4 + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN;
    if (p->after) p->result_at = piece(&total, p->folds, p->result_bytes);
    if (p->blocks > 1) p->value_at = piece(&total, p->folds, p->partial_bytes);
    if (p->blocks > 1 && p->which == RK_REDUCE_ARGMAX)
        p->index_at = piece(&total, p->folds, p->partial_bytes);
    return total;
}

/* Sums of more than operands, over rows that are longer than a tile; of shorter ones, tiles of
 * several are faster. */
static int lanes_of(const plan *p, const cpu_source *s)
{
    if (p->which != RK_REDUCE_SUM || s->end == p->folds || p->inner != 1) return CPU_LANES_NONE;
#ifdef CPU_VEC
    if (CPU_NAME(cpu_abreast_fits)(s, p->outer, p->reduced)) return CPU_LANES_ABREAST;
#endif
    return p->reduced >= CPU_TILE_ELEMENTS ? CPU_LANES_ALONG : CPU_LANES_NONE;
}

/* Rows that a unit has: whole lines of memory, if it can be. */
static int64_t group_of(const plan *p, int lanes)
{
#ifdef CPU_VEC
    if (lanes == CPU_LANES_ABREAST) return CPU_NAME(cpu_abreast_unit)(p->reduced);
#else
    (void)lanes;
#endif
    if (p->reduced == 0 || p->reduced > RK_SUM_BLOCK / 2) return 1;
    int64_t most = RK_SUM_BLOCK / p->reduced, lines = 1;
    while (lines * p->reduced % (CPU_ALIGN / 4)) lines *= 2;
    return most < lines ? most : most / lines * lines;
}

/* Programs for the elements and for the results; without a program of the op, the fold of in[0]. */
static rk_status compile(rk_kernel *k, const rk_op *op, plan *p, rk_error *e)
{
    static const rk_ins only[1] = {{RK_I_FOLD, RK_R_IN, 0, 0}};
    cpu_access in[CPU_MAX_ARGS];
    cpu_source s = {.op = op, .code = op->n_code ? op->code : only, .in = in, .n_in = op->n_in};
    uint32_t end = op->n_code ? op->n_code : 1;
    s.raw_arg = CPU_NO_ARG;
    for (uint32_t i = 0; i < end; i++)
        if (s.code[i].op == RK_I_FOLD) {
            s.end = i + 1;
            p->folds++;
        }
    if (p->folds > CPU_MAX_FOLDS)
        return cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "more than %d reductions", CPU_MAX_FOLDS);
    for (uint32_t j = 0; j < op->n_in; j++) in[j] = cpu_access_of(&op->in[j], j, -1);
    s.row = p->inner == 1 ? p->reduced : -1;
    s.lanes = lanes_of(p, &s);
    p->group = group_of(p, s.lanes);
    p->before = cpu_program_new(k, &s);
    s.row = s.lanes = 0;
    if (s.end < end) {
        for (uint32_t j = 0; j < op->n_in; j++) in[j] = cpu_access_of(&op->in[j], j, 1);
        s.from = s.end;
        s.end = end;
        s.n_fold = p->folds;
        p->after = cpu_program_new(k, &s);
    }
    if (!p->before || (s.from && !p->after))
        return cpu_fail(e, RK_E_NOMEM, "prepare", "no memory for a program");
    return RK_OK;
}

static rk_status check(const rk_op *op, rk_error *e)
{
    const int64_t *p = op->p;
    rk_tensor space = {.rank = 3, .dim = {p[1], p[2], p[3]}},
              out = {.rank = 3, .dim = {p[1], 1, p[3]}};
    int after = op->n_code && op->code[op->n_code - 1].op != RK_I_FOLD;
    rk_status s = cpu_check_extents(op, 1, 3, e);
    if (s != RK_OK) return s;
    if (p[0] < RK_REDUCE_SUM || p[0] > RK_REDUCE_ARGMAX)
        return cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "p[0] = %lld is no reduction",
                        (long long)p[0]);
    if (p[0] == RK_REDUCE_ARGMAX && p[2] >= (int64_t)CPU_NO_INDEX)
        return cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "ARGMAX over 2^32 elements");
    if (!op->n_code) s = cpu_check_in(op, 0, RK_F32, p[1] * p[2] * p[3], e);
    if (op->n_code) s = cpu_check_space(op, &space, &out, e);
    for (uint32_t j = 0; j < op->n_out && s == RK_OK && !after; j++)
        s = cpu_check_out(op, j, p[0] == RK_REDUCE_ARGMAX ? RK_U32 : RK_F32, p[1] * p[3], e);
    return s;
}

/* All folds are done when what follows them begins; there is memory for more than a result in
 * inputs that vary along the reduced axis. */
static uint32_t aliases(const rk_op *op, const plan *p)
{
    uint32_t bits = p->after ? p->after->alias_ok : 0;
    for (uint32_t j = 0; j < op->n_in && j < 32 && p->reduced > 1; j++)
        if (op->in[j].stride[1]) bits &= ~(1u << j);
    return bits;
}

static rk_status prepare(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    rk_status s = check(op, e);
    if (s != RK_OK) return s;
    plan *p = k->plan = cpu_kernel_alloc(k, sizeof *p);
    if (!p) return cpu_fail(e, RK_E_NOMEM, "prepare", "%zu bytes wanted", sizeof *p);
    p->which = op->p[0];
    p->outer = op->p[1];
    p->reduced = op->p[2];
    p->inner = op->p[3];
    s = compile(k, op, p, e);
    if (s != RK_OK) return s;
    double elements = (double)p->outer * (double)p->reduced * (double)p->inner;
    k->threads = cpu_threads_of(k, 0.3 * elements * (1 + p->before->n_step + p->folds));
    cut(p, k->threads);
    info->workspace = plan_workspace(p);
    p->lanes_at = (p->before->scratch_bytes + CPU_ALIGN) / CPU_ALIGN * CPU_ALIGN;
    k->scratch_bytes = p->lanes_at;
    if (p->inner > 1) k->scratch_bytes += p->folds * CPU_FOLD_LANES * (size_t)p->width * 4;
    if (p->after && p->after->scratch_bytes > k->scratch_bytes)
        k->scratch_bytes = p->after->scratch_bytes;
    info->alias_ok = aliases(op, p);
    info->ulp = p->which == RK_REDUCE_SUM ? 64.0f : 1.0f;
    snprintf(info->impl, sizeof info->impl, "lanes %d %s", RK_SUM_LANES, k->device->isa->name);
    return RK_OK;
}

const cpu_kind CPU_NAME(cpu_reduce) = {prepare, run, NULL};
