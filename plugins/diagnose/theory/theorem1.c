/* theorem1: the network of 2 n + d weights that has any labels (Zhang et al. 2016, theorem 1).
 *
 * a is normal, z_i = <a, x_i> in double precision, in the order of pixels.  The network of ramps.h
 * goes through the labels of the distinct z; equal inputs are one point, unless their labels
 * differ: then no function of the inputs has these labels. */
#include "lab.h"
#include "ramps.h"
#include "tensors.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REDRAWS = 16, ROWS = 256, LISTED = 8 };

typedef struct line {
    int64_t n, d, outputs;
    float *a;       /* [d] */
    double *z;      /* [n], of the examples */
    int64_t *order; /* [n]: examples by ascending z */
    int64_t points; /* distinct ones: the first so many of at, y */
    double *at, *y; /* [points], [points][outputs] */
    int64_t conflicts, redraws;
    char listed[128]; /* the first conflicts */
} line;

static void line_free(line *p)
{
    free(p->a);
    free(p->z);
    free(p->order);
    free(p->at);
    free(p->y);
}

static rk_status line_make(const rk_lab *l, const rk_args *a, line *p, rk_error *e)
{
    const rk_dataset *d = rk_lab_data(l);
    bool index = !strcmp(rk_arg_text(a, "outputs"), "index");
    *p = (line){.n = lab_count(l, false, rk_arg_int(a, "n")), .d = rk_dataset_pixels(d)};
    p->outputs = index ? 1 : d->classes;
    p->a = lab_array(p->d, sizeof *p->a, "a direction", e);
    p->z = lab_array(p->n, sizeof *p->z, "projections", e);
    p->order = lab_array(p->n, sizeof *p->order, "projections", e);
    p->at = lab_array(p->n, sizeof *p->at, "points", e);
    p->y = lab_array(p->n * p->outputs, sizeof *p->y, "targets", e);
    return p->a && p->z && p->order && p->at && p->y ? RK_OK : RK_E_NOMEM;
}

/* The target of an example's output: the number of the class, or whether it is the class. */
static double target(const line *p, uint32_t label, int64_t output)
{
    return p->outputs == 1 ? (double)label : (double)(label == (uint32_t)output);
}

static rk_status project(const rk_lab *l, line *p, rk_error *e)
{
    rk_random r = rk_lab_random(l, "a");
    r.step = (uint32_t)p->redraws;
    for (int64_t k = 0; k < p->d; k++) p->a[k] = rk_random_normal(r, (uint64_t)k);
    float *x = lab_array(p->d, sizeof *x, "an example", e);
    rk_status status = x ? RK_OK : RK_E_NOMEM;
    for (int64_t i = 0; status == RK_OK && i < p->n; i++) {
        status = rk_lab_example(l, false, i, x, e);
        double z = 0;
        for (int64_t k = 0; k < p->d; k++) z += (double)p->a[k] * (double)x[k];
        p->z[i] = z;
        if (status == RK_OK && !isfinite(z))
            status =
                rk_error_set(e, RK_E_INVALID, "training example %lld is not finite", (long long)i);
    }
    free(x);
    return status;
}

static int by_z(const void *a, const void *b, void *ctx)
{
    int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    const double *z = ctx;
    if (z[i] != z[j]) return z[i] < z[j] ? -1 : 1;
    return (i > j) - (i < j);
}

static rk_status same_inputs(const rk_lab *l, int64_t d, int64_t i, int64_t j, bool *same,
                             rk_error *e)
{
    float *x = lab_array(2 * d, sizeof *x, "two examples", e);
    rk_status status = x ? rk_lab_example(l, false, i, x, e) : RK_E_NOMEM;
    if (status == RK_OK) status = rk_lab_example(l, false, j, x + d, e);
    *same = true;
    for (int64_t k = 0; status == RK_OK && k < d; k++) *same = *same && x[k] == x[d + k];
    free(x);
    return status;
}

static void note_conflict(line *p, int64_t i, int64_t j)
{
    size_t at = strlen(p->listed);
    if (p->conflicts++ < LISTED)
        snprintf(p->listed + at, sizeof p->listed - at, "%s%lld = %lld", at ? ", " : "",
                 (long long)i, (long long)j);
}

/* The points; *collision if distinct inputs have one z. */
static rk_status collect(const rk_lab *l, line *p, bool *collision, rk_error *e)
{
    const uint32_t *label = rk_lab_data(l)->train.x.label;
    for (int64_t i = 0; i < p->n; i++) p->order[i] = i;
    qsort_r(p->order, (size_t)p->n, sizeof *p->order, by_z, p->z);
    p->points = p->conflicts = 0;
    *p->listed = 0;
    for (int64_t k = 0, first = 0; k < p->n; k++) {
        int64_t i = p->order[k];
        if (k && p->z[i] == p->z[first]) {
            bool same;
            TRY(same_inputs(l, p->d, first, i, &same, e));
            if (!same)
                *collision = true;
            else if (label[i] != label[first])
                note_conflict(p, first, i);
            continue;
        }
        first = i;
        for (int64_t o = 0; o < p->outputs; o++)
            p->y[p->points * p->outputs + o] = target(p, label[i], o);
        p->at[p->points++] = p->z[i];
    }
    return RK_OK;
}

static rk_status draw(const rk_lab *l, line *p, rk_error *e)
{
    bool collision = true;
    while (collision) {
        collision = false;
        TRY(project(l, p, e));
        TRY(collect(l, p, &collision, e));
        if (collision && ++p->redraws == REDRAWS)
            return rk_error_set(e, RK_E_INVALID,
                                "distinct inputs have one projection in each of %d directions: "
                                "they are closer than double precision tells apart",
                                REDRAWS);
    }
    return RK_OK;
}

/* ---- how good it is -------------------------------------------------------------------------- */

/* Adds an example's outputs to the worst error and the number of those that round to targets. */
static void judge(const line *p, uint32_t label, const double *out, double *worst, int64_t *right)
{
    bool all = true;
    for (int64_t o = 0; o < p->outputs; o++) {
        double error = fabs(out[o] - target(p, label, o));
        if (!(error <= *worst)) *worst = error;
        all = all && error < 0.5;
    }
    *right += all;
}

static void report(rk_lab *l, const line *p, const char *error, const char *accuracy, double worst,
                   int64_t right)
{
    rk_lab_value(l, error, worst);
    rk_lab_value(l, accuracy, (double)right / (double)p->n);
}

static rk_status judge_double(rk_lab *l, const line *p, const ramps *r, rk_error *e)
{
    const uint32_t *label = rk_lab_data(l)->train.x.label;
    double worst = 0, *out = lab_array(p->outputs, sizeof *out, "outputs", e);
    int64_t right = 0;
    if (!out) return RK_E_NOMEM;
    for (int64_t i = 0; i < p->n; i++) {
        ramps_evaluate(r, p->z[i], out);
        judge(p, label[i], out, &worst, &right);
    }
    free(out);
    report(l, p, "error", "accuracy", worst, right);
    return RK_OK;
}

/* The network as a graph of dense layers, in the device's float32. */
static void dense(const rk_lab *l, rk_graph *g, const line *p, const ramps *r)
{
    rk_value index = rk_input(g, RK_U32, RK_SHAPE(ROWS), "index");
    rk_value a = rk_input(g, RK_F32, RK_SHAPE(1, p->d), "a");
    rk_value b = rk_input(g, RK_F32, RK_SHAPE(1, r->n), "b");
    rk_value w = rk_input(g, RK_F32, RK_SHAPE(r->n, r->outputs), "w");
    rk_value out = rk_state(g, RK_F32, RK_SHAPE(ROWS, r->outputs), "out");
    rk_value x = rk_flatten(g, rk_lab_batch(l, g, false, index, NULL));
    rk_value z = rk_matmul(g, x, a, false, true), sum = 0;
    for (int64_t i = 0; i < r->layers; i++) {
        int64_t first = r->first[i], m = r->first[i + 1] - first;
        rk_value knots = rk_slice(g, b, (const int64_t[]){0, first}, RK_SHAPE(1, m));
        rk_value weights = rk_slice(g, w, (const int64_t[]){first, 0}, RK_SHAPE(m, r->outputs));
        rk_value h = rk_relu(g, rk_sub(g, z, knots));
        rk_value part = rk_matmul(g, h, weights, false, false);
        sum = i ? rk_add(g, sum, part) : part;
        if (i + 1 < r->layers) sum = rk_relu(g, sum);
    }
    rk_assign(g, out, sum);
}

static rk_status write_rounded(rk_job *job, const char *name, const double *v, int64_t n,
                               rk_error *e)
{
    float *rounded = lab_array(n, sizeof *rounded, "rounded weights", e);
    if (!rounded) return RK_E_NOMEM;
    for (int64_t i = 0; i < n; i++) rounded[i] = (float)v[i];
    rk_status status = rk_job_write(job, name, rounded, (uint64_t)n * sizeof *rounded, e);
    free(rounded);
    return status;
}

static rk_status run_dense(rk_lab *l, rk_job *job, uint32_t program, const line *p, rk_error *e)
{
    const uint32_t *label = rk_lab_data(l)->train.x.label;
    uint32_t index[ROWS];
    double worst = 0, *wide = lab_array(p->outputs, sizeof *wide, "outputs", e);
    float *out = lab_array(ROWS * p->outputs, sizeof *out, "outputs", e);
    int64_t right = 0;
    rk_status status = out && wide ? RK_OK : RK_E_NOMEM;
    for (int64_t i = 0; status == RK_OK && i < p->n; i += ROWS) {
        for (int64_t k = 0; k < ROWS; k++) index[k] = (uint32_t)(i + k < p->n ? i + k : i);
        status = rk_job_write(job, "index", index, sizeof index, e);
        if (status == RK_OK) status = rk_job_run(job, program, e);
        if (status == RK_OK)
            status = rk_job_read(job, "out", out, (uint64_t)(ROWS * p->outputs) * sizeof *out, e);
        for (int64_t k = 0; status == RK_OK && k < ROWS && i + k < p->n; k++) {
            for (int64_t o = 0; o < p->outputs; o++) wide[o] = (double)out[k * p->outputs + o];
            judge(p, label[i + k], wide, &worst, &right);
        }
        if (status == RK_OK) status = rk_lab_progress(l, 0.5 + 0.5 * (double)i / (double)p->n, e);
    }
    if (status == RK_OK) report(l, p, "float32_error", "float32_accuracy", worst, right);
    free(out);
    free(wide);
    return status;
}

static rk_status judge_dense(rk_lab *l, const line *p, const ramps *r, rk_error *e)
{
    rk_job *job = NULL;
    uint32_t program;
    TRY(rk_job_new(l, &job, e));
    rk_graph *g = rk_graph_new();
    rk_status status = g ? RK_OK : rk_error_set(e, RK_E_NOMEM, "no memory for a graph");
    if (g) {
        dense(l, g, p, r);
        status = rk_job_add(job, g, "theorem1", &program, e);
    }
    if (status == RK_OK) status = rk_job_commit(job, e);
    if (status == RK_OK) status = rk_job_write(job, "a", p->a, (uint64_t)p->d * sizeof *p->a, e);
    if (status == RK_OK) status = write_rounded(job, "b", r->b, r->n, e);
    if (status == RK_OK) status = write_rounded(job, "w", r->w, r->n * r->outputs, e);
    if (status == RK_OK) status = run_dense(l, job, program, p, e);
    rk_job_free(job);
    return status;
}

/* ---- the report ------------------------------------------------------------------------------ */

static rk_status export(const line *p, const ramps *r, const char *path, rk_error *e)
{
    double *a = lab_array(p->d, sizeof *a, "a direction", e);
    double *layer = lab_array(r->layers + 1, sizeof *layer, "layers", e);
    rk_status status = a && layer ? RK_OK : RK_E_NOMEM;
    if (status == RK_OK) {
        for (int64_t k = 0; k < p->d; k++) a[k] = (double)p->a[k];
        for (int64_t l = 0; l <= r->layers; l++) layer[l] = (double)r->first[l];
        const tensor t[] = {{"a", RK_SHAPE(p->d), a},
                            {"b", RK_SHAPE(r->n), r->b},
                            {"w", RK_SHAPE(r->n, r->outputs), r->w},
                            {"first", RK_SHAPE(r->layers + 1), layer}};
        status = tensors_write(path, t, 4,
                               "s = 0; for each layer l: s = relu(s + relu(<a, x> - b[l]) w[l]), "
                               "without the outer relu in the last; b[l], w[l] are the rows "
                               "first[l] ... first[l + 1] - 1",
                               e);
    }
    free(a);
    free(layer);
    return status;
}

static void describe(rk_lab *l, const line *p, const ramps *r)
{
    double gap = INFINITY, largest = 0;
    for (int64_t i = 1; i < p->points; i++) gap = fmin(gap, p->at[i] - p->at[i - 1]);
    for (int64_t i = 0; i < r->n * r->outputs; i++) largest = fmax(largest, fabs(r->w[i]));
    rk_lab_value(l, "weights", (double)(p->d + r->n * (1 + r->outputs)));
    rk_lab_value(l, "smallest_gap", gap);
    rk_lab_value(l, "largest_weight", largest);
    rk_lab_note(l, "weights are a, b and w; those that are 1 by construction are not counted");
    rk_lab_note(l, "error and accuracy: double precision on the host, by prefix sums; a label is "
                   "right if each output rounds to its target");
    rk_lab_note(l, "float32_error, float32_accuracy: the same network with rounded weights, as "
                   "dense layers on the device");
    if (p->points < p->n)
        rk_lab_note(l, "%lld of %lld inputs are copies of others with the same label: one point",
                    (long long)(p->n - p->points), (long long)p->n);
    if (p->redraws) rk_lab_note(l, "a was drawn %lld times", (long long)p->redraws + 1);
}

static rk_status build(rk_lab *l, const rk_args *a, const line *p, rk_error *e)
{
    int64_t depth = rk_arg_int(a, "depth");
    const char *path = rk_arg_text(a, "export");
    if (depth - 1 > p->points)
        return rk_error_set(e, RK_E_INVALID,
                            "theorem1: depth=%lld has more hidden layers than the %lld points: "
                            "give at most %lld",
                            (long long)depth, (long long)p->points, (long long)p->points + 1);
    ramps r;
    TRY(ramps_fit(p->at, p->y, p->points, p->outputs, depth - 1, &r, e));
    describe(l, p, &r);
    rk_status status = judge_double(l, p, &r, e);
    if (status == RK_OK) status = rk_lab_progress(l, 0.5, e);
    if (status == RK_OK) status = judge_dense(l, p, &r, e);
    if (status == RK_OK && *path) status = export(p, &r, path, e);
    ramps_free(&r);
    return status;
}

rk_status theorem1(rk_lab *l, const rk_args *a, rk_error *e)
{
    line p;
    rk_status status = line_make(l, a, &p, e);
    if (status == RK_OK) status = draw(l, &p, e);
    if (status == RK_OK) {
        rk_lab_value(l, "n", (double)p.n);
        rk_lab_value(l, "d", (double)p.d);
        rk_lab_value(l, "conflicts", (double)p.conflicts);
        if (p.conflicts)
            rk_lab_note(l,
                        "impossible: %lld examples equal an earlier one with another label "
                        "(training examples %s%s); no function of the inputs has these labels",
                        (long long)p.conflicts, p.listed, p.conflicts > LISTED ? ", ..." : "");
        else
            status = build(l, a, &p, e);
    }
    line_free(&p);
    return status;
}
