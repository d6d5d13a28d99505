/* sharpness: metric 2.1 of Keskar et al. 2017.
 *
 * phi = 100 (max f(x + A y) - f(x)) / (1 + f(x)), the maximum over |y_i| <= eps (|(A+ x)_i| + 1),
 * where f is the mean cross-entropy over the training set and x are the weights.  In full space A
 * is the identity; else it is random with `dimension` columns, and A+ its pseudo-inverse.  The
 * paper does not say how columns are drawn: here entries are standard normal, or (columns=unit)
 * each column has length 1, where phi is smaller by orders of magnitude.
 *
 * The maximum is found inexactly (box.h), so that phi is a lower bound: the paper takes 10
 * iterations of L-BFGS-B, without saying with which tolerances; with usual ones the search ends
 * before it begins where gradients are small, which they are at minima.  The first start is y = 0,
 * the others are uniform in the box.
 *
 * The loss level counts: compare minima of about the same loss. */
#include "rethink/diagnose.h"
#include "box.h"
#include "subspace.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const rk_param_spec params[] = {
    {"space", "both", "where maxima are looked for: all weights, or a random subspace",
     RK_PARAM_CHOICE, 0, 0, "both|full|subspace"},
    {"eps", "0.001", "size of the box; half of it is measured too", RK_PARAM_REAL, 1e-9, 1, NULL},
    {"engine", "ascent", "how maxima are looked for: projected ascent by signs, or L-BFGS-B",
     RK_PARAM_CHOICE, 0, 0, "ascent|lbfgsb"},
    {"steps", "10", "steps of a search", RK_PARAM_INT, 1, 100000, NULL},
    {"starts", "3", "searches, of which the best counts", RK_PARAM_INT, 1, 1000, NULL},
    {"dimension", "100", "columns of the subspace", RK_PARAM_INT, 1, 10000, NULL},
    {"columns", "normal",
     "entries of its columns: standard normal; or that, and then each column scaled to length 1",
     RK_PARAM_CHOICE, 0, 0, "normal|unit"},
    {"memory", "1024", "MiB of host memory that columns may take; else they are drawn again",
     RK_PARAM_INT, 0, 1000000, NULL},
    {"limit", "0", "how many of the first training examples; 0: all", RK_PARAM_INT, 0, 1e9, NULL},
    {"rows", "0", "examples on the device at once; 0: 256", RK_PARAM_INT, 0, 1e6, NULL},
    {"norm", "running",
     "what batch norm takes: the run's averages, or those of the examples at once", RK_PARAM_CHOICE,
     0, 0, "running|batch"},
    {0}};

typedef struct study {
    rk_lab *lab;
    const rk_args *args;
    rk_objective *f;
    int64_t n;
    const float *x;    /* [n] */
    float *w, *slope;  /* [n] */
    double *z;         /* [n], work space of subspaces */
    subspace *space;   /* NULL: full space */
    double loss;       /* f(x) */
    int64_t done, all; /* values of the loss; all: about */
} study;

static bool says(const study *s, const char *param, const char *value)
{
    return strcmp(rk_arg_text(s->args, param), value) == 0;
}

static rk_status value(void *ctx, const double *y, double *f, double *gradient, rk_error *e)
{
    study *s = ctx;
    const double *move = y;
    rk_status status;
    if (s->space) {
        subspace_apply(s->space, y, s->z);
        move = s->z;
    }
    for (int64_t i = 0; i < s->n; i++) s->w[i] = (float)((double)s->x[i] + move[i]);
    status = rk_objective_move(s->f, s->w, e);
    if (status != RK_OK) return status;
    if (!gradient) {
        status = rk_objective_loss(s->f, f, NULL, e);
    } else {
        double *to = s->space ? s->z : gradient;
        status = rk_objective_gradient(s->f, s->slope, f, e);
        for (int64_t i = 0; i < s->n; i++) to[i] = (double)s->slope[i];
        if (s->space) subspace_transpose(s->space, s->z, gradient);
    }
    if (status != RK_OK) return status;
    s->done++;
    return rk_lab_progress(s->lab, fmin(1, (double)s->done / (double)s->all), e);
}

/* phi from one start. */
static rk_status search(study *s, const box *b, int64_t start, double *y, double *phi, rk_error *e)
{
    rk_random r = rk_lab_random(s->lab, s->space ? "start/subspace" : "start/full");
    int64_t steps = rk_arg_int(s->args, "steps");
    double best;
    rk_status status;
    r.step = (uint32_t)start;
    for (int64_t i = 0; i < b->n; i++)
        y[i] = start ? b->bound[i] * (2 * (double)rk_random_uniform(r, (uint64_t)i) - 1) : 0;
    if (says(s, "engine", "ascent"))
        status = box_ascend(b, steps, y, &best, e);
    else
        status = box_lbfgs(b, steps, y, &best, e);
    *phi = 100 * (fmax(best, s->loss) - s->loss) / (1 + s->loss);
    return status;
}

/* The best, the mean and the standard deviation of phi over the starts, as `name`, ... */
static rk_status measure(study *s, const box *b, const char *name, double *y, rk_error *e)
{
    int64_t starts = rk_arg_int(s->args, "starts");
    double best = 0, sum = 0, squares = 0, phi;
    char full[64];
    for (int64_t i = 0; i < starts; i++) {
        rk_status status = search(s, b, i, y, &phi, e);
        if (status != RK_OK) return status;
        best = fmax(best, phi);
        double off = phi - sum / (double)(i ? i : 1);
        sum += phi;
        squares += i ? off * off * (double)i / (double)(i + 1) : 0;
    }
    rk_lab_value(s->lab, name, best);
    snprintf(full, sizeof full, "%s_mean", name);
    rk_lab_value(s->lab, full, sum / (double)starts);
    snprintf(full, sizeof full, "%s_spread", name);
    rk_lab_value(s->lab, full, starts > 1 ? sqrt(squares / (double)(starts - 1)) : (double)NAN);
    return RK_OK;
}

/* Both sizes of the box.  at [n] is A+ x; bound and y are work space. */
static rk_status both_sizes(study *s, int64_t n, const double *at, double *bound, double *y,
                            rk_error *e)
{
    const char *space = s->space ? "subspace" : "full";
    for (int half = 0; half < 2; half++) {
        double eps = rk_arg_real(s->args, "eps") / (half + 1);
        char name[48];
        box b = {n, bound, s, value};
        for (int64_t i = 0; i < n; i++) bound[i] = eps * (fabs(at[i]) + 1);
        snprintf(name, sizeof name, "phi_%s%s", space, half ? "_half" : "");
        rk_status status = measure(s, &b, name, y, e);
        if (status != RK_OK) return status;
    }
    return RK_OK;
}

static rk_status in_space(study *s, rk_error *e)
{
    int64_t n = s->space ? s->space->p : s->n;
    double *at = malloc(3 * (size_t)n * sizeof *at);
    rk_status status = RK_OK;
    if (!at) return rk_error_set(e, RK_E_NOMEM, "no memory for %lld variables", (long long)n);
    for (int64_t i = 0; i < s->n; i++) (s->space ? s->z : at)[i] = (double)s->x[i];
    if (s->space) status = subspace_solve(s->space, s->z, at, e);
    if (status == RK_OK) status = both_sizes(s, n, at, at + n, at + 2 * n, e);
    free(at);
    return status;
}

static rk_status in_subspace(study *s, rk_error *e)
{
    subspace space;
    uint32_t columns = says(s, "columns", "unit") ? SUBSPACE_UNIT : SUBSPACE_NORMAL;
    int64_t p = rk_arg_int(s->args, "dimension");
    rk_status status = subspace_new(&space, s->n, p, columns, rk_lab_random(s->lab, "subspace"),
                                    (uint64_t)rk_arg_int(s->args, "memory") << 20, e);
    if (status != RK_OK) return status;
    rk_lab_note(s->lab, "subspace: %lld columns, entries standard normal%s", (long long)p,
                columns == SUBSPACE_UNIT ? ", then of length 1" : "");
    s->space = &space;
    status = in_space(s, e);
    s->space = NULL;
    subspace_free(&space);
    return status;
}

static void state_choices(const study *s)
{
    rk_lab_note(s->lab, "phi: the best of %lld starts (y = 0, then uniform), each of %lld %s",
                (long long)rk_arg_int(s->args, "starts"), (long long)rk_arg_int(s->args, "steps"),
                says(s, "engine", "ascent") ? "steps of projected sign ascent"
                                            : "iterations of L-BFGS-B, tolerances off");
    rk_lab_note(s->lab, "batch norm, if there is any, takes %s",
                says(s, "norm", "running") ? "the run's averages, which stay"
                                           : "the statistics of the examples at once");
}

static rk_status examine(study *s, rk_error *e)
{
    double accuracy;
    int spaces = says(s, "space", "both") ? 2 : 1;
    rk_status status = rk_objective_loss(s->f, &s->loss, &accuracy, e);
    if (status != RK_OK) return status;
    s->all = 2 * spaces * rk_arg_int(s->args, "starts") * (rk_arg_int(s->args, "steps") + 1);
    rk_lab_value(s->lab, "loss", s->loss);
    rk_lab_value(s->lab, "accuracy", accuracy);
    state_choices(s);
    if (!says(s, "space", "subspace")) status = in_space(s, e);
    if (status == RK_OK && !says(s, "space", "full")) status = in_subspace(s, e);
    return status;
}

static rk_status sharpness(rk_lab *lab, const rk_args *a, rk_error *e)
{
    study s = {.lab = lab, .args = a, .n = rk_lab_size(lab), .x = rk_lab_weights(lab)};
    rk_objective_options o = {.limit = rk_arg_int(a, "limit"), .rows = rk_arg_int(a, "rows")};
    o.norm = says(&s, "norm", "batch") ? RK_NORM_BATCH : RK_NORM_RUNNING;
    size_t n = (size_t)s.n;
    s.w = malloc(n * sizeof *s.w);
    s.slope = malloc(n * sizeof *s.slope);
    s.z = malloc(n * sizeof *s.z);
    rk_status status = RK_OK;
    if (!s.w || !s.slope || !s.z)
        status = rk_error_set(e, RK_E_NOMEM, "no memory for %lld weights", (long long)s.n);
    if (status == RK_OK) status = rk_objective_new(lab, &o, &s.f, e);
    if (status == RK_OK) status = examine(&s, e);
    rk_objective_free(s.f);
    free(s.z);
    free(s.slope);
    free(s.w);
    return status;
}

RK_PLUGIN("sharpness", "1.0",
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "sharpness",
                  .doc = "Keskar's phi: how much the loss grows in a small box around the weights",
                  .params = params, .diagnose = sharpness));
