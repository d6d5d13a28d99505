/* rademacher: how well the run's model fits random signs (Zhang et al. 2016, section 2.2).
 *
 * A copy of the model with two classes, its first two logits, is trained from the run's initial
 * weights on signs +-1 drawn for the training examples, by SGD with momentum.  2 accuracy - 1 is at
 * most the supremum over all weights: its mean over draws estimates the empirical Rademacher
 * complexity from below.
 *
 * cover: the same of hyperplanes through the origin, where it is known exactly which labellings can
 * be fitted (Cover 1965). */
#include "cover.h"
#include "lab.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 256 };

typedef struct trial {
    rk_lab *lab;
    rk_job *job;
    uint32_t step, guess; /* programs */
    int64_t n, batch, epochs;
    uint32_t *label, *order; /* [n]: the signs as classes 0 and 1 */
    uint32_t tensors;
    const rk_lab_tensor *tensor;
    float rate, momentum;
} trial;

/* Logits of the two classes for examples index. */
static rk_value two_logits(const trial *t, rk_graph *g, rk_value index)
{
    rk_value x = rk_lab_batch(t->lab, g, false, index, NULL);
    rk_value all = rk_lab_logits(t->lab, g, x);
    return rk_slice(g, all, (const int64_t[]){0, 0}, RK_SHAPE(rk_dim(g, index, 0), 2));
}

static const char *momentum_name(uint32_t i, char name[32])
{
    snprintf(name, 32, "rademacher/%u", i);
    return name;
}

static rk_status add_step(trial *t, rk_error *e)
{
    rk_graph *g = rk_graph_new();
    rk_value *param = lab_array(2 * t->tensors, sizeof *param, "a graph", e);
    if (!g || !param) {
        rk_graph_free(g);
        free(param);
        return rk_error_set(e, RK_E_NOMEM, "no memory for a graph");
    }
    rk_graph_set_training(g, true);
    rk_value index = rk_input(g, RK_U32, RK_SHAPE(t->batch), "batch");
    rk_value label = rk_input(g, RK_U32, RK_SHAPE(t->batch), "signs");
    rk_value loss = rk_mean(g, rk_cross_entropy(g, two_logits(t, g, index), label), 0, 1);
    loss = rk_reshape(g, loss, rk_shape_make(0, NULL));
    rk_value *grad = param + t->tensors;
    rk_lab_params(t->lab, g, param);
    rk_grad(g, loss, param, t->tensors, grad);
    for (uint32_t i = 0; i < t->tensors; i++) {
        char name[32];
        rk_value v = rk_state(g, RK_F32, t->tensor[i].shape, momentum_name(i, name));
        rk_value kept = rk_mul(g, rk_const_f(g, t->momentum), v);
        rk_value next = rk_add(g, kept, grad[i]);
        rk_assign(g, v, next);
        rk_assign(g, param[i], rk_sub(g, param[i], rk_mul(g, rk_const_f(g, t->rate), next)));
    }
    free(param);
    return rk_job_add(t->job, g, "rademacher step", &t->step, e);
}

static rk_status add_guess(trial *t, rk_error *e)
{
    rk_graph *g = rk_graph_new();
    if (!g) return rk_error_set(e, RK_E_NOMEM, "no memory for a graph");
    rk_value index = rk_input(g, RK_U32, RK_SHAPE(ROWS), "rows");
    rk_value out = rk_state(g, RK_U32, RK_SHAPE(ROWS, 1), "guess");
    rk_assign(g, out, rk_argmax(g, two_logits(t, g, index), 1, 1));
    return rk_job_add(t->job, g, "rademacher guess", &t->guess, e);
}

/* The model as the run began, no momentum. */
static rk_status restart(trial *t, rk_error *e)
{
    TRY(rk_job_restart(t->job, e));
    for (uint32_t i = 0; i < t->tensors; i++) {
        char name[32];
        float *zero = lab_array(t->tensor[i].size, sizeof *zero, "momentum", e);
        if (!zero) return RK_E_NOMEM;
        rk_status status = rk_job_write(t->job, momentum_name(i, name), zero,
                                        (uint64_t)t->tensor[i].size * sizeof *zero, e);
        free(zero);
        if (status != RK_OK) return status;
    }
    return RK_OK;
}

static rk_status epoch(trial *t, uint32_t *index, uint32_t *label, rk_error *e)
{
    uint64_t bytes = (uint64_t)t->batch * sizeof *index;
    for (int64_t first = 0; first < t->n; first += t->batch) {
        for (int64_t k = 0; k < t->batch; k++) {
            index[k] = t->order[(first + k) % t->n];
            label[k] = t->label[index[k]];
        }
        TRY(rk_job_write(t->job, "batch", index, bytes, e));
        TRY(rk_job_write(t->job, "signs", label, bytes, e));
        TRY(rk_job_run(t->job, t->step, e));
    }
    return RK_OK;
}

static rk_status accuracy(trial *t, double *out, rk_error *e)
{
    uint32_t index[ROWS], guess[ROWS];
    int64_t right = 0;
    for (int64_t first = 0; first < t->n; first += ROWS) {
        for (int64_t k = 0; k < ROWS; k++) index[k] = (uint32_t)(first + k);
        TRY(rk_job_write(t->job, "rows", index, sizeof index, e));
        TRY(rk_job_run(t->job, t->guess, e));
        TRY(rk_job_read(t->job, "guess", guess, sizeof guess, e));
        for (int64_t k = 0; k < ROWS && first + k < t->n; k++)
            right += guess[k] == t->label[first + k];
    }
    *out = (double)right / (double)t->n;
    return RK_OK;
}

/* The best accuracy on the signs of a draw. */
static rk_status train(trial *t, uint32_t draw, double *best, rk_error *e)
{
    rk_random signs = rk_lab_random(t->lab, "signs"), order = rk_lab_random(t->lab, "order");
    uint32_t *room = lab_array(2 * t->batch, sizeof *room, "a batch", e);
    rk_status status = room ? restart(t, e) : RK_E_NOMEM;
    signs.step = draw;
    for (int64_t i = 0; i < t->n; i++) t->label[i] = rk_random_word(signs, (uint64_t)i) >> 31;
    *best = 0;
    for (int64_t i = 0; status == RK_OK && *best < 1 && i < t->epochs; i++) {
        double now = 0;
        order.step = draw * (uint32_t)t->epochs + (uint32_t)i;
        rk_random_order(order, (uint32_t)t->n, t->order);
        status = epoch(t, room, room + t->batch, e);
        if (status == RK_OK) status = accuracy(t, &now, e);
        *best = fmax(*best, now);
    }
    free(room);
    return status;
}

static rk_status trial_open(rk_lab *l, const rk_args *a, trial *t, rk_error *e)
{
    *t = (trial){.lab = l,
                 .n = lab_count(l, false, rk_arg_int(a, "n")),
                 .batch = rk_arg_int(a, "batch"),
                 .epochs = rk_arg_int(a, "epochs"),
                 .rate = (float)rk_arg_real(a, "lr"),
                 .momentum = (float)rk_arg_real(a, "momentum")};
    t->tensors = rk_lab_tensors(l, &t->tensor);
    t->label = lab_array(t->n, sizeof *t->label, "signs", e);
    t->order = lab_array(t->n, sizeof *t->order, "an order", e);
    if (!t->label || !t->order) return RK_E_NOMEM;
    TRY(rk_job_new(l, &t->job, e));
    TRY(add_step(t, e));
    TRY(add_guess(t, e));
    return rk_job_commit(t->job, e);
}

rk_status rademacher(rk_lab *l, const rk_args *a, rk_error *e)
{
    trial t;
    int64_t draws = rk_arg_int(a, "draws");
    double sum = 0, least = 1;
    rk_status status = trial_open(l, a, &t, e);
    for (int64_t i = 0; status == RK_OK && i < draws; i++) {
        double best;
        status = train(&t, (uint32_t)i, &best, e);
        sum += 2 * best - 1;
        least = fmin(least, 2 * best - 1);
        if (status == RK_OK) rk_lab_point(l, "draws", (double)(i + 1), 2 * best - 1);
        if (status == RK_OK) status = rk_lab_progress(l, (double)(i + 1) / (double)draws, e);
    }
    rk_job_free(t.job);
    free(t.label);
    free(t.order);
    if (status != RK_OK) return status;
    rk_lab_value(l, "complexity", sum / (double)draws);
    rk_lab_value(l, "least", least);
    rk_lab_value(l, "n", (double)t.n);
    rk_lab_note(l,
                "a lower estimate: the best 2 accuracy - 1 of up to %lld epochs on random signs, "
                "SGD with momentum from the run's initial weights, its first two logits, mean of "
                "%lld draws",
                (long long)t.epochs, (long long)draws);
    return RK_OK;
}

/* ---- hyperplanes ----------------------------------------------------------------------------- */

/* x[n][d]: examples in d normal directions, so that any d of them are independent. */
static rk_status project(const rk_lab *l, int64_t n, int64_t d, double *x, rk_error *e)
{
    int64_t pixels = rk_dataset_pixels(rk_lab_data(l));
    double *from = NULL;
    TRY(lab_examples(l, false, n, &from, e));
    rk_random r = rk_lab_random(l, "directions");
    for (int64_t k = 0; k < d; k++)
        for (int64_t j = 0; j < pixels; j++) {
            double a = (double)rk_random_normal(r, (uint64_t)(k * pixels + j));
            for (int64_t i = 0; i < n; i++) x[i * d + k] += a * from[i * pixels + j];
        }
    for (int64_t i = 0; i < n; i++) { /* to length 1, which separates no worse */
        double square = 0;
        for (int64_t k = 0; k < d; k++) square += x[i * d + k] * x[i * d + k];
        for (int64_t k = 0; k < d && square > 0; k++) x[i * d + k] /= sqrt(square);
    }
    free(from);
    return RK_OK;
}

static rk_status count(rk_lab *l, const double *x, double *signs, int64_t n, int64_t d,
                       int64_t draws, rk_error *e)
{
    rk_random r = rk_lab_random(l, "signs");
    int64_t separable = 0, undecided = 0;
    for (int64_t i = 0; i < draws; i++) {
        int found;
        for (int64_t k = 0; k < n; k++)
            signs[k] = rk_random_word(r, (uint64_t)(i * n + k)) >> 31 ? 1 : -1;
        TRY(cover_separable(x, signs, n, d, &found, e));
        separable += found == 1;
        undecided += found < 0;
        TRY(rk_lab_progress(l, (double)i / (double)draws, e));
    }
    rk_lab_value(l, "separable", (double)separable / (double)draws);
    rk_lab_value(l, "undecided", (double)undecided / (double)draws);
    return RK_OK;
}

rk_status cover(rk_lab *l, const rk_args *a, rk_error *e)
{
    int64_t n = rk_arg_int(a, "n"), d = rk_arg_int(a, "d"), have = lab_count(l, false, 0);
    if (n > have || d > rk_dataset_pixels(rk_lab_data(l)))
        return rk_error_set(e, RK_E_INVALID,
                            "cover: n=%lld, d=%lld: there are %lld examples of %lld pixels",
                            (long long)n, (long long)d, (long long)have,
                            (long long)rk_dataset_pixels(rk_lab_data(l)));
    double *x = lab_array(n * (d + 1), sizeof *x, "points", e);
    rk_status status = x ? project(l, n, d, x, e) : RK_E_NOMEM;
    if (status == RK_OK) status = count(l, x, x + n * d, n, d, rk_arg_int(a, "draws"), e);
    free(x);
    if (status != RK_OK) return status;
    rk_lab_value(l, "exact", cover_fraction(n, d));
    rk_lab_note(l,
                "points are the first %lld examples along %lld normal directions; a hyperplane "
                "goes through the origin; exact is 2^(1-n) sum_{k<d} C(n-1, k)",
                (long long)n, (long long)d);
    return RK_OK;
}
