/* REDUCE: passes over blocks of RK_SUM_BLOCK elements until one is left. */
#include "choice.h"
#include "embedded.h"
#include <rethink/numerics.h>
#include <stdio.h>

typedef struct pass {
    uint64_t length, blocks, from, to; /* elements along the axis, places in the workspace */
    int first, last;
    uint32_t results; /* of a group of the gpu variant */
} pass;

static rk_status check(const rk_op *op, rk_error *e)
{
    const int64_t *p = op->p;
    if (p[0] < RK_REDUCE_SUM || p[0] > RK_REDUCE_ARGMAX)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "REDUCE: unknown reduction %lld", (long long)p[0]);
    for (int i = 1; i < 4; i++)
        if (p[i] < 0 || p[i] > (int64_t)1 << 40)
            return OCL_FAIL(e, RK_E_INVALID, 0, "REDUCE: extent %lld", (long long)p[i]);
    if (p[0] == RK_REDUCE_ARGMAX && p[2] > UINT32_MAX - 1)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "ARGMAX over %lld elements", (long long)p[2]);
    for (uint32_t j = 0; j < op->n_in; j++)
        if (ocl_count(&op->in[j]) != (uint64_t)(p[1] * p[2] * p[3]))
            return OCL_FAIL(e, RK_E_INVALID, 0, "REDUCE: input %u has not %lld x %lld x %lld", j,
                            (long long)p[1], (long long)p[2], (long long)p[3]);
    for (uint32_t j = 0; j < op->n_out; j++)
        if (ocl_count(&op->out[j]) != (uint64_t)(p[1] * p[3]))
            return OCL_FAIL(e, RK_E_INVALID, 0, "REDUCE: output %u has not %lld x 1 x %lld", j,
                            (long long)p[1], (long long)p[3]);
    if (op->n_code) return RK_OK;
    if (op->in[0].dtype != RK_F32 ||
        op->out[0].dtype != (p[0] == RK_REDUCE_ARGMAX ? RK_U32 : RK_F32))
        return OCL_FAIL(e, RK_E_INVALID, 0, "REDUCE takes F32 and makes F32, or U32 for ARGMAX");
    return RK_OK;
}

/* Vectors of a strip of columns, at most: so many that a cache holds their lanes. */
static uint32_t widest(const ocl_code *c)
{
    enum { COLUMNS = 512 };
    uint32_t most = COLUMNS / c->width / c->folds;
    return most ? most : 1;
}

static void write_source(ocl_text *t, const ocl_code *c, const pass *p, uint32_t from, uint32_t to)
{
    ocl_text_add(t, "#define RK_FOLDS %u\n#define RK_WHICH %d\n", c->folds, (int)c->op->p[0]);
    ocl_text_add(t, "#define RK_FIRST %d\n#define RK_LAST_PASS %d\n#define RK_ROWS %d\n", p->first,
                 p->last, c->op->p[3] == 1);
    ocl_text_add(t, "#define RK_POS %s\n#define RK_RESULTS %u\n#define RK_STRIP %u\n",
                 c->small ? "uint" : "ulong", p->results, widest(c));
    ocl_text_add(t, "#define RK_BEYOND %d\n", !p->first || ocl_code_flat(c, 0, c->split));
    ocl_text_add(t, "#define RK_WS_PARAMS %s\n",
                 p->first && p->last ? "" : "__global uchar *ws, ulong ws_at,");
    ocl_code_params(c, t, "RK_PARAMS", from, to);
    if (p->first) ocl_code_body(c, t, "RK_LOAD", 0, c->split);
    if (p->last) ocl_code_body(c, t, "RK_POST", c->split, c->n_code);
    OCL_APPEND(t, ocl_cl_reduce);
}

void ocl_reduce_choices(const rk_device *d, ocl_choices *out)
{
    static const uint32_t shares[] = {2, 32, 128}; /* tasks of a unit */
    static const uint32_t results[] = {8, 32};     /* of a group */
    const ocl_menu cpu = {.part = shares, .n_part = 3}, gpu = {.part = results, .n_part = 2};
    ocl_choices_fill(out, d->cpu ? &cpu : &gpu, NULL, NULL);
}

/* Groups of the gpu variant that a pass has. */
static uint64_t groups_of(const rk_op *op, uint64_t blocks, uint32_t results)
{
    uint64_t rows = (uint64_t)op->p[1] * blocks, inner = (uint64_t)op->p[3];
    return inner == 1 ? (rows + results - 1) / results : rows * ((inner + results - 1) / results);
}

/* Sets the width and, of the gpu variant, the results of a group: 32 take less work for each of
 * them, rows since they are loaded as vectors, columns since they fill cache lines; 8 make more
 * groups of little work. */
static void divide(const rk_kernel *k, ocl_code *c, pass *p)
{
    enum { FEW = 8, MANY = 32 };
    const rk_device *d = k->device;
    int rows = c->op->p[3] == 1;
    c->width = d->width;
    if (d->cpu) return;
    p->results = groups_of(c->op, p->blocks, MANY) < d->units ? FEW : MANY;
    if (k->choice.part) p->results = k->choice.part;
    int vectors = p->first && p->length % 4 == 0 && d->quad > 1 && ocl_code_aligned(c);
    if (rows && !vectors) p->results = FEW;
    if (rows && p->results == MANY) c->width = d->quad;
}

/* Vectors of a strip of the cpu variant: the most that leave tasks for all units. */
static uint64_t strip_of(const rk_device *d, const ocl_code *c, uint64_t rows)
{
    enum { FEW = 4 };
    uint64_t vectors = ((uint64_t)c->op->p[3] + c->width - 1) / c->width;
    uint64_t strips = (vectors + widest(c) - 1) / widest(c);
    while (vectors / strips > FEW && rows * strips % d->units && rows * strips < 4 * d->units)
        strips++;
    return (vectors + strips - 1) / strips;
}

static rk_status set_tasks(ocl_step *s, const rk_kernel *k, const ocl_code *c, uint64_t rows,
                           rk_error *e)
{
    uint64_t inner = (uint64_t)c->op->p[3], strip = strip_of(k->device, c, rows);
    uint64_t wide = strip * c->width, tasks = inner > 1 ? rows * ((inner + wide - 1) / wide) : rows;
    uint64_t shares = k->device->units * ocl_grain(k, 8), per = (tasks + shares - 1) / shares;
    OCL_TRY(ocl_step_u64(s, tasks, e));
    OCL_TRY(ocl_step_u64(s, per, e));
    if (inner > 1) OCL_TRY(ocl_step_u64(s, strip, e));
    ocl_step_range(s, (tasks + per - 1) / per, 1, 1);
    return RK_OK;
}

static rk_status set_range(ocl_step *s, const rk_kernel *k, const ocl_code *c, const pass *p,
                           rk_error *e)
{
    uint64_t rows = (uint64_t)c->op->p[1] * p->blocks;
    if (k->device->cpu) return set_tasks(s, k, c, rows, e);
    OCL_TRY(ocl_step_count(s, c->small, rows, e));
    OCL_TRY(ocl_step_count(s, c->small, 1, e));
    ocl_step_range(s, groups_of(c->op, p->blocks, p->results) * OCL_GROUP, 1, OCL_GROUP);
    return RK_OK;
}

static rk_status add_pass(rk_kernel *k, ocl_code *c, pass *p, rk_error *e)
{
    uint32_t from = p->first ? 0 : c->split, to = p->last ? c->n_code : c->split;
    uint64_t inner = (uint64_t)c->op->p[3], columns = (uint64_t)c->op->p[1] * inner;
    ocl_text source;
    ocl_step *s;
    divide(k, c, p);
    ocl_source_wide(k->device, &source, c->width);
    write_source(&source, c, p, from, to);
    OCL_TRY(ocl_step_add(k, &source, "reduce", &s, e));
    if (!p->first || !p->last) ocl_step_buffer(s, c->op->n_in + c->op->n_out, 0);
    OCL_TRY(ocl_code_args(c, s, from, to, e));
    const uint64_t words[] = {p->length,           inner, p->blocks,          p->from,
                              columns * p->length, p->to, columns * p->blocks};
    for (int i = 0; i < 7; i++) OCL_TRY(ocl_step_count(s, c->small, words[i], e));
    return set_range(s, k, c, p, e);
}

/* Whether the space that is reduced can be counted in 32 bits: a program may have no input. */
static int is_small(const rk_op *op, uint64_t columns)
{
    const uint64_t most = (uint64_t)1 << 31, length = (uint64_t)op->p[2];
    return columns < most && length < most && columns * length < most;
}

static int reads_after(const ocl_code *c)
{
    for (uint32_t i = c->split; i < c->n_code; i++) {
        const uint16_t r[] = {c->code[i].a, c->code[i].b, c->code[i].c};
        for (int o = 0; o < (c->code[i].op == RK_I_STORE ? 1 : 3); o++)
            if ((r[o] & (unsigned)RK_R_KIND) == RK_R_IN && c->n_in) return 1;
    }
    return 0;
}

rk_status ocl_reduce(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    ocl_code c;
    OCL_TRY(check(op, e));
    OCL_TRY(ocl_code_init(&c, k->device, op, 0, 0, e));
    uint64_t columns = (uint64_t)op->p[1] * (uint64_t)op->p[3];
    snprintf(info->impl, sizeof info->impl, "reduce %s", k->device->cpu ? "cpu" : "gpu");
    if (!columns) return RK_OK;
    c.small &= is_small(op, columns);
    if (!op->p[2] && reads_after(&c))
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "inputs after the reduction of an empty axis");
    if (op->p[2]) OCL_TRY(ocl_code_axes(&c, op->p + 1, 3, op->p[3] == 1 ? 1 : 2, e));
    if (!op->p[2]) c.n_axes = 3, c.vec = 2;
    info->alias_ok = ocl_code_alias(&c);
    uint64_t planes = c.folds * (op->p[0] == RK_REDUCE_ARGMAX ? 2u : 1u), used = 0;
    pass p = {.length = (uint64_t)op->p[2], .first = 1};
    while (!p.last) {
        p.blocks = p.length > RK_SUM_BLOCK ? (p.length + RK_SUM_BLOCK - 1) / RK_SUM_BLOCK : 1;
        p.last = p.blocks == 1;
        p.to = used;
        if (!p.last) used += planes * columns * p.blocks;
        OCL_TRY(add_pass(k, &c, &p, e));
        if (p.first)
            snprintf(info->impl, sizeof info->impl, "reduce %s x%u", k->device->cpu ? "cpu" : "gpu",
                     c.width);
        p.from = p.to;
        p.length = p.blocks;
        p.first = 0;
    }
    info->workspace = used * 4;
    return RK_OK;
}
