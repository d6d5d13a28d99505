/* REDUCE: passes over blocks of RK_SUM_BLOCK elements until one is left. */
#include "choice.h"
#include "embedded.h"
#include <rethink/numerics.h>
#include <stdio.h>

typedef struct pass {
    uint64_t length, blocks, from, to; /* elements along the axis, places in the workspace */
    int first, last;
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

static void write_source(rk_device *d, ocl_text *t, const ocl_code *c, const pass *p, uint32_t from,
                         uint32_t to)
{
    ocl_source(d, t, 1);
    ocl_text_add(t, "#define RK_FOLDS %u\n#define RK_WHICH %d\n", c->folds, (int)c->op->p[0]);
    ocl_text_add(t, "#define RK_FIRST %d\n#define RK_LAST_PASS %d\n#define RK_ROWS %d\n", p->first,
                 p->last, c->op->p[3] == 1);
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
    const ocl_menu menu = {.part = shares, .n_part = 3};
    if (d->cpu) ocl_choices_fill(out, &menu, NULL, NULL);
}

static rk_status set_range(ocl_step *s, const rk_kernel *k, const rk_op *op, uint64_t blocks,
                           rk_error *e)
{
    const rk_device *d = k->device;
    uint64_t inner = (uint64_t)op->p[3], rows = (uint64_t)op->p[1] * blocks, tasks = rows, per = 1;
    if (d->cpu) {
        if (inner > 1) tasks = rows * ((inner + d->width - 1) / d->width);
        per = tasks / ((uint64_t)d->units * ocl_grain(k, 8)) + 1;
    }
    OCL_TRY(ocl_step_u64(s, tasks, e));
    OCL_TRY(ocl_step_u64(s, per, e));
    if (d->cpu)
        ocl_step_range(s, (tasks + per - 1) / per, 1, 1);
    else if (inner == 1)
        ocl_step_range(s, (rows + 7) / 8 * OCL_GROUP, 1, OCL_GROUP);
    else
        ocl_step_range(s, rows * ((inner + 31) / 32) * OCL_GROUP, 1, OCL_GROUP);
    return RK_OK;
}

static rk_status add_pass(rk_kernel *k, const ocl_code *c, const pass *p, rk_error *e)
{
    uint32_t from = p->first ? 0 : c->split, to = p->last ? c->n_code : c->split;
    uint64_t inner = (uint64_t)c->op->p[3], columns = (uint64_t)c->op->p[1] * inner;
    ocl_text source;
    ocl_step *s;
    write_source(k->device, &source, c, p, from, to);
    OCL_TRY(ocl_step_add(k, &source, "reduce", &s, e));
    if (!p->first || !p->last) ocl_step_buffer(s, c->op->n_in + c->op->n_out, 0);
    OCL_TRY(ocl_code_args(c, s, from, to, e));
    const uint64_t words[] = {p->length,           inner, p->blocks,          p->from,
                              columns * p->length, p->to, columns * p->blocks};
    for (int i = 0; i < 7; i++) OCL_TRY(ocl_step_u64(s, words[i], e));
    return set_range(s, k, c->op, p->blocks, e);
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
    snprintf(info->impl, sizeof info->impl, "reduce %s x%u", k->device->cpu ? "cpu" : "gpu",
             k->device->width);
    uint64_t columns = (uint64_t)op->p[1] * (uint64_t)op->p[3];
    if (!columns) return RK_OK;
    if (!op->p[2] && reads_after(&c))
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "inputs after the reduction of an empty axis");
    if (op->p[2]) OCL_TRY(ocl_code_axes(&c, op->p + 1, 3, op->p[3] == 1 ? 1 : 2, e));
    if (!op->p[2]) c.n_axes = 3, c.vec = 2;
    uint64_t planes = c.folds * (op->p[0] == RK_REDUCE_ARGMAX ? 2u : 1u), used = 0;
    pass p = {.length = (uint64_t)op->p[2], .first = 1};
    while (!p.last) {
        p.blocks = p.length > RK_SUM_BLOCK ? (p.length + RK_SUM_BLOCK - 1) / RK_SUM_BLOCK : 1;
        p.last = p.blocks == 1;
        p.to = used;
        if (!p.last) used += planes * columns * p.blocks;
        OCL_TRY(add_pass(k, &c, &p, e));
        p.from = p.to;
        p.length = p.blocks;
        p.first = 0;
    }
    info->workspace = used * 4;
    return RK_OK;
}
