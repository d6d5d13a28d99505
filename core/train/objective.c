/* The mean cross-entropy as a function of the parameters: its value, gradient, and Hessian times a
 * vector, chunk by chunk.
 *
 * A program takes the chunk that comes next, and adds what it finds into states of the size of the
 * parameters, so that beside the set itself device memory does not grow with the number of
 * examples.  Sums over chunks are compensated (Kahan 1965): products whose chunks nearly cancel
 * stay right.  Buffers:
 *   objective/start  U32: examples of the pass that were taken
 *   objective/entry  U32: where the chunk's loss goes in the logs
 *   objective/loss, objective/right  F32 [LOG]: sums of chunks
 *   objective/sum/NAME, objective/rest/NAME  of each parameter: sum, and what it lacks
 *   objective/v/NAME the vector, an input */
#include "base/error.h"
#include "graph/node.h"
#include "train/lab_own.h"
#include "train/step.h"
#include <stdio.h>
#include <stdlib.h>

enum { LOG = 1024, DEFAULT_ROWS = 256 };
typedef enum pass { LOSS, GRADIENT, PRODUCT, PASSES } pass;

struct rk_objective {
    rk_lab *lab;
    rk_job *job;
    rk_objective_options options;
    rk_chunks chunks;
    int64_t n, last;             /* last: rows of the last chunk */
    uint32_t program[PASSES][2]; /* of all chunks but the last, and of the last */
    float *buffer;               /* [the largest parameter, or the logs] */
};

/* ---- graphs --------------------------------------------------------------------------------- */

static rk_value scalar_of(rk_graph *g, rk_value v)
{
    return rk_reshape(g, v, rk_shape_make(0, NULL));
}

static rk_value sum_all(rk_graph *g, rk_value v)
{
    rk_value flat = rk_reshape(g, v, RK_SHAPE(rk_shape_size(rk_shape_of(g, v))));
    return scalar_of(g, rk_reduce_sum(g, flat, 0, 1));
}

static rk_value named(rk_graph *g, const char *prefix, const rk_lab_tensor *t, bool input)
{
    char full[192];
    snprintf(full, sizeof full, "objective/%s/%.150s", prefix, t->name);
    return input ? rk_input(g, RK_F32, t->shape, full) : rk_state(g, RK_F32, t->shape, full);
}

static void log_sum(rk_graph *g, const char *name, rk_value entry, rk_value rows)
{
    rk_value log = rk_state(g, RK_F32, RK_SHAPE(LOG), name), sum = sum_all(g, rows);
    rk_value here = rk_eq(g, rk_iota(g, LOG), entry);
    rk_assign(g, log, rk_where(g, here, sum, log));
}

/* The first chunk begins anew. */
static void accumulate(rk_graph *g, const rk_lab_tensor *t, rk_value first, rk_value x)
{
    rk_value zero = rk_const_f(g, 0), sum = named(g, "sum", t, false);
    rk_value rest = named(g, "rest", t, false);
    rk_value before = rk_where(g, first, zero, sum);
    rk_value more = rk_sub(g, x, rk_where(g, first, zero, rest));
    rk_value now = rk_add(g, before, more);
    rk_value taken = rk_sub(g, now, before);
    rk_assign(g, sum, now);
    rk_assign(g, rest, rk_sub(g, taken, more));
}

/* sum_i <v_i, x_i> with the vector's parts v_i. */
static rk_value inner(const rk_lab *lab, rk_graph *g, const rk_value *x)
{
    rk_value sum = rk_const_f(g, 0);
    for (uint32_t i = 0; i < lab->n_tensors; i++) {
        rk_value v = named(g, "v", &lab->tensor[i], true);
        sum = rk_add(g, sum, sum_all(g, rk_mul(g, v, x[i])));
    }
    return sum;
}

static void derive(const rk_lab *lab, rk_graph *g, pass kind, rk_value first, rk_value loss,
                   rk_value *list)
{
    rk_value *param = list, *d = list + lab->n_tensors;
    rk_lab_params(lab, g, param);
    rk_grad(g, loss, param, lab->n_tensors, d);
    if (kind == PRODUCT) rk_grad(g, inner(lab, g, d), param, lab->n_tensors, d);
    for (uint32_t i = 0; i < lab->n_tensors; i++) accumulate(g, &lab->tensor[i], first, d[i]);
}

/* A chunk of so many rows, of which those beyond the set count nothing. */
static void build(const rk_objective *o, rk_graph *g, pass kind, int64_t rows, rk_value *list)
{
    rk_value start = rk_state(g, RK_U32, rk_shape_make(0, NULL), "objective/start");
    rk_value entry = rk_state(g, RK_U32, rk_shape_make(0, NULL), "objective/entry");
    rk_value index = rk_add(g, rk_iota(g, rows), start), label;
    rk_value there = rk_lt(g, index, rk_const_u(g, (uint32_t)o->n)), none = rk_const_f(g, 0);
    rk_value x = rk_lab_batch(o->lab, g, o->options.test, index, &label);
    rk_graph_set_by_batch(g, o->options.norm == RK_NORM_BATCH);
    rk_value logits = rk_lab_logits(o->lab, g, x);
    rk_value best = rk_reshape(g, rk_argmax(g, logits, 1, 1), RK_SHAPE(rows));
    rk_value right = rk_cast(g, rk_eq(g, best, label), RK_F32);
    rk_value loss = rk_where(g, there, rk_cross_entropy(g, logits, label), none);
    rk_value first = rk_eq(g, start, rk_const_u(g, 0));
    log_sum(g, "objective/loss", entry, loss);
    log_sum(g, "objective/right", entry, rk_where(g, there, right, none));
    rk_assign(g, start, rk_add(g, start, rk_const_u(g, (uint32_t)rows)));
    rk_assign(g, entry, rk_add(g, entry, rk_const_u(g, 1)));
    if (kind != LOSS) derive(o->lab, g, kind, first, sum_all(g, loss), list);
}

static rk_status add_program(rk_objective *o, pass kind, int64_t rows, uint32_t *program,
                             rk_error *e)
{
    static const char *const names[] = {"loss", "gradient", "Hessian times a vector"};
    rk_graph *g = rk_graph_new();
    rk_value *list = calloc(2 * (size_t)o->lab->n_tensors + 1, sizeof *list);
    if (!g || !list) {
        rk_graph_free(g);
        free(list);
        return RK_FAIL(e, RK_E_NOMEM, "no memory for the graph of a loss");
    }
    build(o, g, kind, rows, list);
    free(list);
    return rk_job_add(o->job, g, names[kind], program, e);
}

/* By the running averages rows do not depend on each other, and a last chunk may have too many. */
static rk_status add_programs(rk_objective *o, rk_error *e)
{
    bool own = o->options.norm == RK_NORM_BATCH && o->last != o->chunks.rows;
    for (int kind = LOSS; kind < PASSES; kind++) {
        if (kind == PRODUCT && !o->options.products) continue;
        uint32_t *program = o->program[kind];
        RK_TRY(add_program(o, (pass)kind, o->chunks.rows, &program[0], e));
        program[1] = program[0];
        if (own) RK_TRY(add_program(o, (pass)kind, o->last, &program[1], e));
    }
    return RK_OK;
}

/* ---- making --------------------------------------------------------------------------------- */

/* Chunks of about as many rows as asked for. */
static void cut(rk_objective *o)
{
    const rk_dataset *d = rk_lab_data(o->lab);
    int64_t all = o->options.test ? d->test.x.n : d->train.x.n;
    int64_t limit = o->options.limit, most = o->options.rows > 0 ? o->options.rows : DEFAULT_ROWS;
    o->n = limit > 0 && limit < all ? limit : all;
    int64_t count = (o->n + most - 1) / most;
    o->chunks.rows = (o->n + count - 1) / count;
    o->chunks.count = (o->n + o->chunks.rows - 1) / o->chunks.rows;
    o->last = o->n - (o->chunks.count - 1) * o->chunks.rows;
}

static rk_status make(rk_objective *o, rk_error *e)
{
    int64_t most = LOG;
    for (uint32_t i = 0; i < o->lab->n_tensors; i++)
        if (o->lab->tensor[i].size > most) most = o->lab->tensor[i].size;
    o->buffer = calloc((size_t)most, sizeof *o->buffer);
    if (!o->buffer) return RK_FAIL(e, RK_E_NOMEM, "no memory for a loss");
    cut(o);
    RK_TRY(rk_job_new(o->lab, &o->job, e));
    RK_TRY(add_programs(o, e));
    return rk_job_commit(o->job, e);
}

rk_status rk_objective_new(rk_lab *lab, const rk_objective_options *options, rk_objective **out,
                           rk_error *e)
{
    rk_objective *o = calloc(1, sizeof *o);
    *out = NULL;
    if (!o) return RK_FAIL(e, RK_E_NOMEM, "no memory for a loss");
    o->lab = lab;
    o->options = *options;
    rk_status status = make(o, e);
    if (status == RK_OK)
        *out = o;
    else
        rk_objective_free(o);
    return status;
}

void rk_objective_free(rk_objective *o)
{
    if (!o) return;
    rk_job_free(o->job);
    free(o->buffer);
    free(o);
}

/* ---- passes --------------------------------------------------------------------------------- */

rk_status rk_objective_move(rk_objective *o, const float *w, rk_error *e)
{
    return rk_job_write_params(o->job, w, e);
}

static rk_status zero(rk_objective *o, const char *buffer, rk_error *e)
{
    const uint32_t none = 0;
    return rk_job_write(o->job, buffer, &none, sizeof none, e);
}

static rk_status add_log(rk_objective *o, const char *buffer, int64_t n, double *sum, rk_error *e)
{
    RK_TRY(rk_job_read(o->job, buffer, o->buffer, LOG * sizeof *o->buffer, e));
    for (int64_t i = 0; i < n; i++) *sum += o->buffer[i];
    return RK_OK;
}

/* Over all examples; sums of losses and of right predictions. */
static rk_status run(rk_objective *o, pass kind, double *loss, double *right, rk_error *e)
{
    *loss = *right = 0;
    RK_TRY(zero(o, "objective/start", e));
    for (int64_t i = 0, logged = 0; i < o->chunks.count; i++) {
        if (logged == 0) RK_TRY(zero(o, "objective/entry", e));
        RK_TRY(rk_lab_go_on(o->lab, e));
        RK_TRY(rk_job_run(o->job, o->program[kind][i + 1 == o->chunks.count], e));
        logged++;
        if (logged < LOG && i + 1 < o->chunks.count) continue;
        RK_TRY(add_log(o, "objective/loss", logged, loss, e));
        RK_TRY(add_log(o, "objective/right", logged, right, e));
        logged = 0;
    }
    return RK_OK;
}

rk_status rk_objective_loss(rk_objective *o, double *loss, double *accuracy, rk_error *e)
{
    double sum, right;
    RK_TRY(run(o, LOSS, &sum, &right, e));
    *loss = sum / (double)o->n;
    if (accuracy) *accuracy = right / (double)o->n;
    return RK_OK;
}

/* The sums of the last pass over n. */
static rk_status read_mean(rk_objective *o, float *out, rk_error *e)
{
    char full[192];
    for (uint32_t i = 0; i < o->lab->n_tensors; i++) {
        const rk_lab_tensor *t = &o->lab->tensor[i];
        snprintf(full, sizeof full, "objective/sum/%.150s", t->name);
        RK_TRY(rk_job_read(o->job, full, o->buffer, (uint64_t)t->size * sizeof *out, e));
        for (int64_t k = 0; k < t->size; k++)
            out[t->first + k] = (float)((double)o->buffer[k] / (double)o->n);
    }
    return RK_OK;
}

rk_status rk_objective_gradient(rk_objective *o, float *gradient, double *loss, rk_error *e)
{
    double sum, right;
    RK_TRY(run(o, GRADIENT, &sum, &right, e));
    if (loss) *loss = sum / (double)o->n;
    return read_mean(o, gradient, e);
}

rk_status rk_objective_product(rk_objective *o, const float *v, float *out, rk_error *e)
{
    char full[192];
    double sum, right;
    if (!o->options.products)
        return RK_FAIL(e, RK_E_INTERNAL, "products were not asked for: set options.products");
    for (uint32_t i = 0; i < o->lab->n_tensors; i++) {
        const rk_lab_tensor *t = &o->lab->tensor[i];
        snprintf(full, sizeof full, "objective/v/%.150s", t->name);
        if (!rk_job_has(o->job, full)) continue; /* the gradient does not depend on it */
        RK_TRY(rk_job_write(o->job, full, v + t->first, (uint64_t)t->size * sizeof *v, e));
    }
    RK_TRY(run(o, PRODUCT, &sum, &right, e));
    return read_mean(o, out, e);
}

uint64_t rk_objective_bytes(const rk_objective *o) { return rk_job_bytes(o->job); }
