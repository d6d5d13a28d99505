#include "unroll.h"
#include <stdlib.h>
#include <string.h>

struct unroll {
    rk_lab *lab;
    unroll_options o;
    rk_job *job;
    uint32_t step, back;
    int64_t n, examples, pixels, batches; /* weights; of the set; of an image; of an epoch */
    float *weights, *velocity;            /* [n] */
    float *kept, *kept_velocity;          /* [steps / keep, rounded up][n] */
    float *recent;                        /* [keep][n]: the weights before steps of a part */
    float *adjoint, *product;             /* [n] */
    float *slope;                         /* [batch][pixels] */
    uint32_t *order;                      /* [examples] */
    int64_t epoch;                        /* whose order it is; -1: none yet */
    int64_t done, all;                    /* programs run */
};

/* ---- graphs ---------------------------------------------------------------------------------- */

/* The part of a vector of all weights that belongs to a parameter. */
static rk_value part(rk_graph *g, rk_value vector, const rk_lab_tensor *t)
{
    rk_value flat = rk_slice(g, vector, &t->first, RK_SHAPE(t->size));
    return rk_reshape(g, flat, t->shape);
}

/* The opposite; values becomes flat ones. */
static rk_value join(rk_graph *g, rk_value *values, const rk_lab_tensor *t, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) values[i] = rk_reshape(g, values[i], RK_SHAPE(t[i].size));
    return n == 1 ? values[0] : rk_concat(g, values, n, 0);
}

/* The mean loss of a batch, and its gradients. */
static rk_value batch_loss(const unroll *u, rk_graph *g, rk_value *x, rk_value *params,
                           rk_value *grads, uint32_t n)
{
    rk_value label, index = rk_input(g, RK_U32, RK_SHAPE(u->o.batch), "unroll/index");
    *x = rk_lab_batch(u->lab, g, false, index, &label);
    rk_value each = rk_cross_entropy(g, rk_lab_logits(u->lab, g, *x), label);
    rk_value loss = rk_reshape(g, rk_mean(g, each, 0, 1), rk_shape_make(0, NULL));
    rk_lab_params(u->lab, g, params);
    rk_grad(g, loss, params, n, grads);
    return loss;
}

static void build_step(const unroll *u, rk_graph *g, rk_value *params, rk_value *grads)
{
    const rk_lab_tensor *t;
    uint32_t n = rk_lab_tensors(u->lab, &t);
    rk_value x, velocity = 0, rate = rk_const_f(g, (float)u->o.rate);
    batch_loss(u, g, &x, params, grads, n);
    if (u->o.momentum > 0) {
        velocity = rk_state(g, RK_F32, RK_SHAPE(u->n), "unroll/velocity");
        rk_value kept = rk_mul(g, rk_const_f(g, (float)u->o.momentum), velocity);
        rk_value next = rk_add(g, kept, join(g, grads, t, n));
        rk_assign(g, velocity, next);
        for (uint32_t i = 0; i < n; i++) grads[i] = part(g, next, &t[i]);
    }
    for (uint32_t i = 0; i < n; i++)
        rk_assign(g, params[i], rk_sub(g, params[i], rk_mul(g, rate, grads[i])));
}

static void build_back(const unroll *u, rk_graph *g, rk_value *params, rk_value *grads)
{
    const rk_lab_tensor *t;
    uint32_t n = rk_lab_tensors(u->lab, &t);
    rk_value x, a = rk_input(g, RK_F32, RK_SHAPE(u->n), "unroll/adjoint"), sum = rk_const_f(g, 0);
    batch_loss(u, g, &x, params, grads, n);
    for (uint32_t i = 0; i < n; i++) {
        rk_value both = rk_mul(g, grads[i], part(g, a, &t[i]));
        rk_value all = rk_reduce_sum(g, both, 0, rk_shape_of(g, both).rank);
        sum = rk_add(g, sum, rk_reshape(g, all, rk_shape_make(0, NULL)));
    }
    params[n] = x;
    rk_grad(g, sum, params, n + 1, grads);
    rk_value product = rk_state(g, RK_F32, RK_SHAPE(u->n), "unroll/product");
    rk_value slope = rk_state(g, RK_F32, RK_SHAPE(u->o.batch, u->pixels), "unroll/slope");
    rk_assign(g, slope, rk_reshape(g, grads[n], RK_SHAPE(u->o.batch, u->pixels)));
    rk_assign(g, product, join(g, grads, t, n));
}

typedef void builder(const unroll *u, rk_graph *g, rk_value *params, rk_value *grads);

static rk_status compile(unroll *u, builder *build, const char *name, uint32_t *program,
                         rk_error *e)
{
    const rk_lab_tensor *t;
    uint32_t n = rk_lab_tensors(u->lab, &t);
    rk_value *values = malloc(2 * ((size_t)n + 1) * sizeof *values);
    rk_graph *g = rk_graph_new();
    if (!g || !values) {
        free(values);
        rk_graph_free(g);
        return rk_error_set(e, RK_E_NOMEM, "no memory for a graph");
    }
    build(u, g, values, values + n + 1);
    free(values);
    return rk_job_add(u->job, g, name, program, e);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static rk_status allocate(unroll *u, rk_error *e)
{
    size_t n = (size_t)u->n, batch = (size_t)(u->o.batch * u->pixels), keep = (size_t)u->o.keep;
    size_t parts = (size_t)((u->o.steps + u->o.keep - 1) / u->o.keep);
    u->weights = malloc(n * sizeof *u->weights);
    u->velocity = calloc(n, sizeof *u->velocity);
    u->kept = malloc(parts * n * sizeof *u->kept);
    u->kept_velocity = u->o.momentum > 0 ? malloc(parts * n * sizeof *u->kept_velocity) : NULL;
    u->recent = malloc(keep * n * sizeof *u->recent);
    u->adjoint = malloc(n * sizeof *u->adjoint);
    u->product = malloc(n * sizeof *u->product);
    u->slope = malloc(batch * sizeof *u->slope);
    u->order = malloc((size_t)u->examples * sizeof *u->order);
    if (u->weights && u->velocity && u->kept && (u->kept_velocity || u->o.momentum <= 0) &&
        u->recent && u->adjoint && u->product && u->slope && u->order)
        return RK_OK;
    return rk_error_set(e, RK_E_NOMEM,
                        "no memory for %zu copies of the %lld weights: fewest are kept if keep is "
                        "the root of the number of steps",
                        parts + keep, (long long)u->n);
}

rk_status unroll_new(rk_lab *lab, const unroll_options *o, unroll **out, rk_error *e)
{
    const rk_dataset *d = rk_lab_data(lab);
    unroll *u = calloc(1, sizeof *u);
    *out = u;
    if (!u) return rk_error_set(e, RK_E_NOMEM, "no memory to unroll a run");
    u->lab = lab;
    u->o = *o;
    u->n = rk_lab_size(lab);
    u->examples = d->train.x.n;
    u->pixels = rk_dataset_pixels(d);
    u->epoch = -1;
    if (o->batch > u->examples)
        return rk_error_set(e, RK_E_INVALID,
                            "a batch of %lld of %lld training examples: give a smaller one",
                            (long long)o->batch, (long long)u->examples);
    u->batches = u->examples / o->batch;
    rk_status status = allocate(u, e);
    if (status == RK_OK) status = rk_job_new(lab, &u->job, e);
    if (status == RK_OK) status = compile(u, build_step, "step", &u->step, e);
    if (status == RK_OK) status = compile(u, build_back, "back", &u->back, e);
    return status == RK_OK ? rk_job_commit(u->job, e) : status;
}

void unroll_free(unroll *u)
{
    if (!u) return;
    rk_job_free(u->job);
    free(u->weights);
    free(u->velocity);
    free(u->kept);
    free(u->kept_velocity);
    free(u->recent);
    free(u->adjoint);
    free(u->product);
    free(u->slope);
    free(u->order);
    free(u);
}

/* ---- there and back -------------------------------------------------------------------------- */

/* The examples of step t, which the device gets. */
static rk_status choose(unroll *u, int64_t t, const uint32_t **batch, rk_error *e)
{
    if (t / u->batches != u->epoch) {
        rk_random r = rk_lab_random(u->lab, "order");
        u->epoch = t / u->batches;
        r.step = (uint32_t)u->epoch;
        rk_random_order(r, (uint32_t)u->examples, u->order);
    }
    *batch = u->order + t % u->batches * u->o.batch;
    return rk_job_write(u->job, "unroll/index", *batch, (uint64_t)u->o.batch * 4, e);
}

static rk_status step(unroll *u, int64_t t, rk_error *e)
{
    const uint32_t *batch;
    rk_status status = choose(u, t, &batch, e);
    if (status == RK_OK) status = rk_job_run(u->job, u->step, e);
    return status == RK_OK ? rk_job_read_params(u->job, u->weights, e) : status;
}

static rk_status move_velocity(unroll *u, bool read, rk_error *e)
{
    uint64_t bytes = (uint64_t)u->n * sizeof *u->velocity;
    if (u->o.momentum <= 0) return RK_OK;
    return read ? rk_job_read(u->job, "unroll/velocity", u->velocity, bytes, e)
                : rk_job_write(u->job, "unroll/velocity", u->velocity, bytes, e);
}

/* What step t begins with, at the beginning of a part. */
static rk_status keep(unroll *u, int64_t t, rk_error *e)
{
    size_t bytes = (size_t)u->n * sizeof *u->kept;
    if (t % u->o.keep != 0) return RK_OK;
    memcpy(u->kept + t / u->o.keep * u->n, u->weights, bytes);
    if (u->o.momentum <= 0) return RK_OK;
    rk_status status = move_velocity(u, true, e);
    if (status == RK_OK) memcpy(u->kept_velocity + t / u->o.keep * u->n, u->velocity, bytes);
    return status;
}

rk_status unroll_forward(unroll *u, unroll_visit *at, void *ctx, rk_error *e)
{
    size_t bytes = (size_t)u->n * sizeof *u->weights;
    memcpy(u->weights, rk_lab_initial(u->lab), bytes);
    memset(u->velocity, 0, bytes);
    rk_status status = rk_job_write_params(u->job, u->weights, e);
    if (status == RK_OK) status = move_velocity(u, false, e);
    for (int64_t t = 0; t < u->o.steps && status == RK_OK; t++) {
        status = keep(u, t, e);
        if (status == RK_OK) status = step(u, t, e);
        if (status == RK_OK) status = at(ctx, t + 1, u->weights, e);
    }
    return status;
}

/* Computes the weights before steps first ... once more: recent. */
static rk_status repeat(unroll *u, int64_t first, int64_t steps, rk_error *e)
{
    size_t bytes = (size_t)u->n * sizeof *u->weights;
    memcpy(u->weights, u->kept + first / u->o.keep * u->n, bytes);
    if (u->kept_velocity) memcpy(u->velocity, u->kept_velocity + first / u->o.keep * u->n, bytes);
    rk_status status = rk_job_write_params(u->job, u->weights, e);
    if (status == RK_OK) status = move_velocity(u, false, e);
    for (int64_t i = 0; i < steps && status == RK_OK; i++) {
        memcpy(u->recent + i * u->n, u->weights, bytes);
        if (i + 1 < steps) status = step(u, first + i, e);
    }
    return status;
}

/* Step t, whose batch and weights are on the device, for one loss. */
static rk_status back_one(unroll *u, const uint32_t *batch, unroll_adjoint *adjoint, rk_error *e)
{
    uint64_t bytes = (uint64_t)u->n * sizeof *u->adjoint;
    uint64_t slopes = (uint64_t)(u->o.batch * u->pixels) * sizeof *u->slope;
    for (int64_t i = 0; i < u->n; i++)
        u->adjoint[i] = (float)(adjoint->nu[i] - u->o.rate * adjoint->lambda[i]);
    rk_status status = rk_job_write(u->job, "unroll/adjoint", u->adjoint, bytes, e);
    if (status == RK_OK) status = rk_job_run(u->job, u->back, e);
    if (status == RK_OK) status = rk_job_read(u->job, "unroll/product", u->product, bytes, e);
    if (status == RK_OK) status = rk_job_read(u->job, "unroll/slope", u->slope, slopes, e);
    if (status != RK_OK) return status;
    for (int64_t i = 0; i < u->n; i++) {
        adjoint->lambda[i] += (double)u->product[i];
        adjoint->nu[i] = u->o.momentum * (double)u->adjoint[i];
    }
    for (int64_t j = 0; j < u->o.batch; j++) {
        double *to = adjoint->slope + (int64_t)batch[j] * u->pixels;
        for (int64_t k = 0; k < u->pixels; k++) to[k] += (double)u->slope[j * u->pixels + k];
    }
    u->done++;
    return rk_lab_progress(u->lab, (double)u->done / (double)u->all, e);
}

static rk_status back_step(unroll *u, int64_t t, int64_t first, unroll_adjoint *list, uint32_t n,
                           rk_error *e)
{
    const uint32_t *batch;
    rk_status status = choose(u, t, &batch, e);
    if (status == RK_OK) status = rk_job_write_params(u->job, u->recent + (t - first) * u->n, e);
    for (uint32_t k = 0; k < n && status == RK_OK; k++)
        if (list[k].t > t) status = back_one(u, batch, &list[k], e);
    return status;
}

rk_status unroll_back(unroll *u, unroll_adjoint *list, uint32_t n, rk_error *e)
{
    rk_status status = RK_OK;
    u->done = u->all = 0;
    for (uint32_t k = 0; k < n; k++) u->all += list[k].t;
    for (int64_t end = u->o.steps; end > 0 && status == RK_OK;) {
        int64_t first = (end - 1) / u->o.keep * u->o.keep;
        status = repeat(u, first, end - first, e);
        for (int64_t t = end - 1; t >= first && status == RK_OK; t--)
            status = back_step(u, t, first, list, n, e);
        end = first;
    }
    return status;
}
