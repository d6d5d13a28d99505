#include "tune/ops.h"
#include "device/program.h"
#include <stdlib.h>
#include <string.h>

/* Rates of no device in particular: they only say what comes first. */
static const double FLOPS = 5e10, BYTES = 1e10;

static double tensor_bytes(const rk_tensor *t)
{
    double bytes = rk_dtype_bytes(t->dtype);
    for (uint32_t d = 0; d < t->rank; d++) bytes *= t->stride[d] ? (double)t->dim[d] : 1;
    return bytes;
}

static double work_of(const rk_step *s)
{
    double bytes = 0, compute = rk_step_flop(s) / FLOPS;
    for (uint32_t j = 0; j < s->op.n_in; j++) bytes += tensor_bytes(&s->op.in[j]);
    for (uint32_t j = 0; j < s->op.n_out; j++) bytes += tensor_bytes(&s->op.out[j]);
    return compute > bytes / BYTES ? compute : bytes / BYTES;
}

static void *copy_array(rk_pool *pool, const void *from, size_t n, size_t size, bool *failed)
{
    void *to = rk_pool_array(pool, n ? n : 1, size);
    if (!to)
        *failed = true;
    else if (n)
        memcpy(to, from, n * size);
    return to;
}

/* Parts of tensors are tried by themselves: there is nothing around them to compare. */
static rk_status copy_op(rk_tune_ops *ops, const rk_op *from, rk_op *to, rk_error *e)
{
    bool failed = false;
    *to = *from;
    rk_tensor *in = copy_array(&ops->pool, from->in, from->n_in, sizeof *in, &failed);
    rk_tensor *out = copy_array(&ops->pool, from->out, from->n_out, sizeof *out, &failed);
    to->in = in;
    to->out = out;
    to->code = copy_array(&ops->pool, from->code, from->n_code, sizeof *from->code, &failed);
    to->imm = copy_array(&ops->pool, from->imm, from->n_imm, sizeof *from->imm, &failed);
    if (failed) return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of operations");
    rk_part_whole(to, in, out);
    return RK_OK;
}

static rk_status add_step(rk_tune_ops *ops, const rk_step *s, rk_error *e)
{
    char class[RK_TUNING_CLASS];
    double work = work_of(s);
    if (!rk_tuning_class(&s->op, class)) return RK_OK;
    for (uint32_t i = 0; i < ops->n; i++) {
        rk_tune_op *x = &ops->op[i];
        if (strcmp(x->class, class) != 0) continue;
        x->work += work;
        if (work <= x->alone) return RK_OK;
        x->alone = work;
        return copy_op(ops, &s->op, &x->op, e);
    }
    rk_tune_op *longer = realloc(ops->op, (ops->n + (size_t)1) * sizeof *longer);
    if (!longer) return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of operations");
    ops->op = longer;
    rk_tune_op *x = &ops->op[ops->n];
    *x = (rk_tune_op){.work = work, .alone = work};
    memcpy(x->class, class, sizeof class);
    RK_TRY(copy_op(ops, &s->op, &x->op, e));
    ops->n++;
    return RK_OK;
}

rk_status rk_tune_ops_add(rk_tune_ops *ops, const rk_session *s, rk_error *e)
{
    ops->exact = s->options.numerics == RK_NUMERICS_EXACT;
    for (uint32_t i = 0; i < s->n_program; i++) {
        const rk_program *p = s->program[i];
        for (uint32_t k = 0; k < p->plan->n_step; k++)
            if (p->placed[k].where == RK_ON_DEVICE) RK_TRY(add_step(ops, &p->plan->step[k], e));
    }
    return RK_OK;
}

static int most_first(const void *a, const void *b)
{
    const rk_tune_op *x = a, *y = b;
    if (x->work != y->work) return x->work < y->work ? 1 : -1;
    return strcmp(x->class, y->class);
}

void rk_tune_ops_sort(rk_tune_ops *ops)
{
    if (ops->n) qsort(ops->op, ops->n, sizeof *ops->op, most_first);
}

void rk_tune_ops_free(rk_tune_ops *ops)
{
    free(ops->op);
    rk_pool_free(&ops->pool);
    *ops = (rk_tune_ops){.op = NULL};
}
