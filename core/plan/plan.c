#include "plan/plan.h"
#include <stdlib.h>
#include <string.h>
#include "plan/ir.h"

uint32_t rk_dtype_bytes(uint32_t dtype) { return dtype == RK_U8 ? 1 : 4; }

rk_tensor rk_tensor_dense(uint32_t dtype, uint32_t rank, const int64_t *dim)
{
    rk_tensor t = {.dtype = dtype, .rank = rank};
    int64_t stride = 1;
    for (uint32_t d = rank; d-- > 0;) {
        t.dim[d] = dim[d];
        t.stride[d] = stride;
        stride *= dim[d];
    }
    return t;
}

/* Room for one more element in a growing array of a pool. */
static bool grow(rk_pool *pool, void **array, uint32_t n, uint32_t *cap, uint32_t more, size_t size)
{
    if (*cap - n >= more) return true;
    uint32_t wider = 2 * *cap + more + 32;
    void *out = rk_pool_array(pool, wider, size);
    if (!out) return false;
    if (n) memcpy(out, *array, n * size);
    *array = out;
    *cap = wider;
    return true;
}

uint32_t rk_plan_temp(rk_plan *plan, uint32_t dtype, const rk_shape *shape)
{
    void *array = plan->buffer;
    uint32_t n = plan->n_buffer ? plan->n_buffer : 1;
    bool good = grow(&plan->pool, &array, plan->n_buffer, &plan->cap_buffer, 2, sizeof(rk_buffer));
    plan->buffer = array;
    if (!good) return 0;
    uint64_t bytes = (uint64_t)rk_shape_size(*shape) * rk_dtype_bytes(dtype);
    plan->buffer[n] = (rk_buffer){.kind = RK_BUFFER_TEMP,
                                  .dtype = dtype,
                                  .shape = *shape,
                                  .bytes = bytes ? bytes : 1,
                                  .name = ""};
    plan->n_buffer = n + 1;
    return n;
}

rk_step *rk_plan_insert(rk_plan *plan, uint32_t at, uint32_t n)
{
    void *array = plan->step;
    bool good = grow(&plan->pool, &array, plan->n_step, &plan->cap_step, n, sizeof(rk_step));
    plan->step = array;
    if (!good) return NULL;
    memmove(plan->step + at + n, plan->step + at, (plan->n_step - at) * sizeof *plan->step);
    memset(plan->step + at, 0, n * sizeof *plan->step);
    for (uint32_t i = 0; i < n; i++) {
        plan->step[at + i].op.size = sizeof(rk_op);
        plan->step[at + i].impl = "";
    }
    plan->n_step += n;
    return &plan->step[at];
}

rk_status rk_plan_copy(rk_plan *plan, uint32_t at, uint32_t from, uint32_t to, rk_error *e)
{
    rk_tensor *tensor = rk_pool_array(&plan->pool, 2, sizeof *tensor);
    uint32_t *buffer = rk_pool_array(&plan->pool, 2, sizeof *buffer);
    rk_step *s = tensor && buffer ? rk_plan_insert(plan, at, 1) : NULL;
    if (!s) return RK_FAIL(e, RK_E_NOMEM, "no memory for a plan");
    int64_t n = rk_shape_size(plan->buffer[to].shape);
    for (int i = 0; i < 2; i++) tensor[i] = rk_tensor_dense(plan->buffer[to].dtype, 1, &n);
    buffer[0] = from;
    buffer[1] = to;
    s->op = (rk_op){.size = sizeof s->op,
                    .kind = RK_COPY,
                    .n_in = 1,
                    .n_out = 1,
                    .in = tensor,
                    .out = tensor + 1,
                    .p = {1, n, 1, 1}};
    s->in = buffer;
    s->out = buffer + 1;
    return RK_OK;
}

static rk_status lower(const rk_graph *g, const rk_plan_options *o, rk_plan *plan, rk_error *e)
{
    rk_pool pool = {0}; /* what only the making needs */
    rk_ir ir = {.pool = &pool};
    rk_emit *scratch = malloc(sizeof *scratch);
    rk_status s = scratch ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for a plan");
    if (s == RK_OK) s = rk_ir_build(g, plan, &ir, e);
    if (s == RK_OK) s = rk_ir_units(&ir, e);
    if (s == RK_OK && !o->unfused && !rk_fuse(&ir, scratch))
        s = RK_FAIL(e, RK_E_NOMEM, "no memory for a plan");
    if (s == RK_OK) s = rk_order(&ir, plan, scratch, e);
    free(scratch);
    rk_pool_free(&pool);
    return s;
}

static rk_status digest(rk_plan *plan, rk_error *e)
{
    rk_str text = {0};
    rk_plan_print(plan, false, &text);
    bool failed = text.failed;
    if (!failed) rk_digest_hex(text.s ? text.s : "", text.n, plan->digest);
    rk_str_free(&text);
    return failed ? RK_FAIL(e, RK_E_NOMEM, "no memory for a plan") : RK_OK;
}

rk_status rk_plan_make(const rk_graph *g, const rk_plan_options *o, rk_plan **out, rk_error *e)
{
    *out = NULL;
    RK_TRY(rk_graph_check(g, e));
    rk_plan *plan = calloc(1, sizeof *plan);
    if (!plan) return RK_FAIL(e, RK_E_NOMEM, "no memory for a plan");
    rk_status s = lower(g, o, plan, e);
    if (s == RK_OK) s = digest(plan, e);
    if (s != RK_OK) {
        rk_plan_free(plan);
        return s;
    }
    *out = plan;
    return RK_OK;
}

void rk_plan_free(rk_plan *plan)
{
    if (!plan) return;
    rk_pool_free(&plan->pool);
    free(plan);
}

double rk_step_flop(const rk_step *s)
{
    const int64_t *p = s->op.p;
    if (s->op.kind == RK_MATMUL)
        return 2.0 * (double)p[0] * (double)p[1] * (double)p[2] * (double)p[3];
    if (s->op.kind != RK_CONV) return 0;
    /* N C K R S OH OW, whichever of the three is the result */
    return 2.0 * (double)p[1] * (double)p[2] * (double)(p[5] * p[6] * p[7]) *
           (double)(p[12] * p[13]);
}

double rk_plan_flop(const rk_plan *plan)
{
    double flop = 0;
    for (uint32_t i = plan->n_once; i < plan->n_step; i++) flop += rk_step_flop(&plan->step[i]);
    return flop;
}
