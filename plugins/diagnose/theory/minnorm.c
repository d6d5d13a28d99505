/* min-norm: SGD on linear least squares finds the interpolant of least norm (Zhang et al. 2016,
 * section 5).
 *
 * With fewer examples than pixels many W have W x_i = y_i.  Steps are combinations of the x_i: from
 * W = 0 SGD stays in their span, where only the interpolant of least norm W_min lies.  From another
 * W_0 it keeps W_0's part beyond the span, P W_0, and comes to W_min + P W_0, which is longer. */
#include "lab.h"
#include "sgd.h"
#include "solve.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct task {
    int64_t n, d, k;
    double *x, *y;    /* [n][d], [n][k] */
    double *start;    /* [d][k]: W_0 */
    double *solved;   /* [2 k][d]: LAPACK's, of the targets and of what W_0 gives */
    double *least;    /* [d][k]: W_min */
    double *other;    /* [d][k]: W_min and the part of W_0 beyond the span */
    double *w;        /* [d][k]: SGD's */
    double *room;     /* [k] */
    double *singular; /* [n] */
    uint32_t *order;  /* [n] */
} task;

static void task_free(task *t)
{
    free(t->x);
    free(t->y);
    free(t->start);
    free(t->solved);
    free(t->least);
    free(t->other);
    free(t->w);
    free(t->room);
    free(t->singular);
    free(t->order);
}

static rk_status task_make(const rk_lab *l, const rk_args *a, task *t, rk_error *e)
{
    const rk_dataset *d = rk_lab_data(l);
    *t = (task){
        .n = lab_count(l, false, rk_arg_int(a, "n")), .d = rk_dataset_pixels(d), .k = d->classes};
    if (t->n >= t->d)
        return rk_error_set(e, RK_E_INVALID,
                            "min-norm: %lld examples of %lld pixels determine a linear model: "
                            "give n= of less than %lld",
                            (long long)t->n, (long long)t->d, (long long)t->d);
    TRY(lab_examples(l, false, t->n, &t->x, e));
    t->y = lab_array(t->n * t->k, sizeof *t->y, "targets", e);
    t->start = lab_array(t->k * t->d, sizeof *t->start, "weights", e);
    t->solved = lab_array(2 * t->k * t->d, sizeof *t->solved, "weights", e);
    t->least = lab_array(t->k * t->d, sizeof *t->least, "weights", e);
    t->other = lab_array(t->k * t->d, sizeof *t->other, "weights", e);
    t->w = lab_array(t->k * t->d, sizeof *t->w, "weights", e);
    t->room = lab_array(t->k, sizeof *t->room, "residuals", e);
    t->singular = lab_array(t->n, sizeof *t->singular, "singular values", e);
    t->order = lab_array(t->n, sizeof *t->order, "an order", e);
    if (!t->y || !t->start || !t->solved || !t->least || !t->other || !t->w || !t->room ||
        !t->singular || !t->order)
        return RK_E_NOMEM;
    lab_targets(l, t->n, t->y);
    rk_random r = rk_lab_random(l, "start");
    for (int64_t i = 0; i < t->k * t->d; i++)
        t->start[i] = rk_arg_real(a, "start") * (double)rk_random_normal(r, (uint64_t)i);
    return RK_OK;
}

/* The right sides of both problems. */
static void set_sides(task *t)
{
    for (int64_t i = 0; i < t->n; i++)
        for (int64_t o = 0; o < t->k; o++) {
            double given = 0;
            for (int64_t j = 0; j < t->d; j++) given += t->start[j * t->k + o] * t->x[i * t->d + j];
            t->solved[o * t->d + i] = t->y[i * t->k + o];
            t->solved[(t->k + o) * t->d + i] = given;
        }
}

static rk_status solve(task *t, rk_error *e)
{
    double *a = lab_array(t->n * t->d, sizeof *a, "examples", e);
    if (!a) return RK_E_NOMEM;
    for (int64_t i = 0; i < t->n; i++)
        for (int64_t j = 0; j < t->d; j++) a[j * t->n + i] = t->x[i * t->d + j];
    set_sides(t);
    int64_t rank = 0;
    rk_status status = solve_least(a, t->n, t->d, t->solved, 2 * t->k, t->singular, &rank, e);
    free(a);
    if (status == RK_OK && rank < t->n)
        status = rk_error_set(e, RK_E_INVALID,
                              "min-norm: the %lld examples span %lld dimensions only, so that not "
                              "all labels can be interpolated: are there duplicates?",
                              (long long)t->n, (long long)rank);
    for (int64_t o = 0; o < t->k; o++)
        for (int64_t j = 0; j < t->d; j++) {
            int64_t at = j * t->k + o;
            t->least[at] = t->solved[o * t->d + j];
            t->other[at] = t->least[at] + t->start[at] - t->solved[(t->k + o) * t->d + j];
        }
    return status;
}

/* SGD from w until no residual of an epoch is above the tolerance; counts epochs. */
static rk_status descend(rk_lab *l, const rk_args *a, task *t, double *w, int64_t *epochs,
                         double share, rk_error *e)
{
    rk_random r = rk_lab_random(l, "order");
    double longest = 0, worst = INFINITY, tolerance = rk_arg_real(a, "tolerance");
    for (int64_t i = 0; i < t->n; i++) {
        double square = 0;
        for (int64_t j = 0; j < t->d; j++) square += t->x[i * t->d + j] * t->x[i * t->d + j];
        longest = fmax(longest, square);
    }
    for (*epochs = 0; *epochs < rk_arg_int(a, "epochs") && worst > tolerance; (*epochs)++) {
        r.step = (uint32_t)*epochs;
        rk_random_order(r, (uint32_t)t->n, t->order);
        worst = sgd_epoch(t->x, t->y, t->n, t->d, t->k, 1 / longest, t->order, t->room, w);
        TRY(rk_lab_progress(l, share, e));
    }
    if (worst > tolerance)
        rk_lab_note(l, "SGD stopped after %lld epochs at a residual of %.3g: raise epochs",
                    (long long)*epochs, worst);
    return RK_OK;
}

static double norm(const double *w, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += w[i] * w[i];
    return sqrt(sum);
}

static double distance(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(sum);
}

/* ---- the same in float32 on the device ------------------------------------------------------- */

/* A step of gradient descent on all examples: w -= rate x^T (x w - y). */
static void step(const rk_lab *l, rk_graph *g, const task *t)
{
    rk_value w = rk_state(g, RK_F32, RK_SHAPE(t->d, t->k), "w");
    rk_value y = rk_input(g, RK_F32, RK_SHAPE(t->n, t->k), "y");
    rk_value rate = rk_input(g, RK_F32, RK_SHAPE(1, 1), "rate");
    rk_value x = rk_flatten(g, rk_lab_batch(l, g, false, rk_iota(g, t->n), NULL));
    rk_value r = rk_sub(g, rk_matmul(g, x, w, false, false), y);
    rk_value slope = rk_matmul(g, x, r, true, false);
    rk_assign(g, w, rk_sub(g, w, rk_mul(g, rate, slope)));
}

static rk_status run(rk_lab *l, rk_job *job, uint32_t program, const task *t, int64_t steps,
                     float *buffer, rk_error *e)
{
    double top = t->singular[0], low = t->singular[t->n - 1];
    float rate = (float)(2 / (top * top + low * low));
    for (int64_t i = 0; i < t->n * t->k; i++) buffer[i] = (float)t->y[i];
    TRY(rk_job_write(job, "y", buffer, (uint64_t)(t->n * t->k) * sizeof *buffer, e));
    TRY(rk_job_write(job, "rate", &rate, sizeof rate, e));
    for (int64_t i = 0; i < steps; i++) {
        TRY(rk_job_run(job, program, e));
        if (i % 100 == 0) TRY(rk_lab_progress(l, 0.6 + 0.4 * (double)i / (double)steps, e));
    }
    return rk_job_read(job, "w", buffer, (uint64_t)(t->k * t->d) * sizeof *buffer, e);
}

static rk_status on_device(rk_lab *l, task *t, int64_t steps, rk_error *e)
{
    rk_job *job = NULL;
    uint32_t program = 0;
    float *buffer = lab_array(t->k * t->d, sizeof *buffer, "weights", e);
    rk_graph *g = rk_graph_new();
    rk_status status =
        buffer && g ? rk_job_new(l, &job, e) : rk_error_set(e, RK_E_NOMEM, "no memory for a graph");
    if (status == RK_OK) {
        step(l, g, t);
        status = rk_job_add(job, g, "least squares", &program, e);
    } else
        rk_graph_free(g);
    if (status == RK_OK) status = rk_job_commit(job, e);
    if (status == RK_OK) status = run(l, job, program, t, steps, buffer, e);
    if (status == RK_OK) {
        for (int64_t i = 0; i < t->k * t->d; i++) t->w[i] = (double)buffer[i];
        rk_lab_value(l, "distance_float32",
                     distance(t->w, t->least, t->k * t->d) / norm(t->least, t->k * t->d));
        rk_lab_note(l,
                    "distance_float32: after %lld steps of gradient descent on all examples in "
                    "float32 on the device, from 0, the rate from the singular values",
                    (long long)steps);
    }
    rk_job_free(job);
    free(buffer);
    return status;
}

/* ---- the report ------------------------------------------------------------------------------ */

static rk_status measure(rk_lab *l, const rk_args *a, task *t, rk_error *e)
{
    int64_t size = t->k * t->d, epochs = 0;
    double least = norm(t->least, size);
    TRY(descend(l, a, t, t->w, &epochs, 0.2, e));
    rk_lab_value(l, "norm", least);
    rk_lab_value(l, "condition", t->singular[0] / t->singular[t->n - 1]);
    rk_lab_value(l, "epochs", (double)epochs);
    rk_lab_value(l, "distance", distance(t->w, t->least, size) / least);
    memcpy(t->w, t->start, (size_t)size * sizeof *t->w);
    TRY(descend(l, a, t, t->w, &epochs, 0.6, e));
    rk_lab_value(l, "norm_from_start", norm(t->w, size));
    rk_lab_value(l, "norm_other", norm(t->other, size));
    rk_lab_value(l, "distance_from_start", distance(t->w, t->other, size) / norm(t->other, size));
    return RK_OK;
}

rk_status min_norm(rk_lab *l, const rk_args *a, rk_error *e)
{
    task t;
    int64_t steps = rk_arg_int(a, "device-steps");
    rk_status status = task_make(l, a, &t, e);
    if (status == RK_OK) status = solve(&t, e);
    if (status == RK_OK) status = measure(l, a, &t, e);
    if (status == RK_OK && steps) status = on_device(l, &t, steps, e);
    if (status == RK_OK) {
        rk_lab_note(l,
                    "targets 1 - 1/%lld and -1/%lld; SGD in double precision on the host, one "
                    "example at a time, rate 1 / max |x|^2, a new order each epoch",
                    (long long)t.k, (long long)t.k);
        rk_lab_note(l, "distance_from_start: to the interpolant of least norm plus the part of the "
                       "start beyond the span of the examples (norm_other)");
        rk_lab_note(l, LAPACK_NOTE);
    }
    task_free(&t);
    return status;
}
