/* sensitivity: how unequally the examples of a training set matter, after Arpit et al. 2017,
 * section 3.2 and figure 3.
 *
 * The diagnostic trains the network itself, from the run's first weights, by `steps` steps of
 * gradient descent.  L_t is the mean loss over the training set after step t, a function of the
 * inputs x of the steps before; g_x^t is the sum of |dL_t / dx| over the values of example x, and
 * the mean of that over t is its sensitivity.  The Gini coefficient says how unequal sensitivities
 * are.  Derivatives are exact products through all steps (unroll.h); of L_t's own dependence on x
 * (x is also evaluated) nothing is counted.  t takes `samples` equally spaced values up to `steps`.
 *
 * The network is as in evaluation: dropout off, batch norm with the run's averages. */
#include "rethink/diagnose.h"
#include "gini.h"
#include "unroll.h"
#include <math.h>
#include <stdlib.h>

static const rk_param_spec params[] = {
    {"steps", "600", "steps of gradient descent", RK_PARAM_INT, 1, 1e7, NULL},
    {"samples", "10", "losses along the way whose derivatives are taken", RK_PARAM_INT, 1, 49900,
     NULL}, /* two points of curves each, of 100000 that are kept */
    {"lr", "0.1", "learning rate of the steps", RK_PARAM_REAL, 0, 1000, NULL},
    {"momentum", "0", "momentum of the steps", RK_PARAM_REAL, 0, 0.9999, NULL},
    {"batch", "50", "examples of a step", RK_PARAM_INT, 1, 1e6, NULL},
    {"keep", "25", "steps between weights that are kept: others are computed once more",
     RK_PARAM_INT, 1, 1e6, NULL},
    {0}};

typedef struct study {
    rk_lab *lab;
    rk_objective *loss;
    unroll *unroll;
    unroll_adjoint *list; /* [samples] */
    uint32_t samples, taken;
    int64_t n, examples, pixels;
    float *gradient; /* [n] */
    double *sum, *g; /* [examples] */
} study;

/* Where a loss is wanted, its gradient starts the way back. */
static rk_status visit(void *ctx, int64_t t, const float *weights, rk_error *e)
{
    study *s = ctx;
    double loss;
    if (t != s->list[s->taken].t) return RK_OK;
    rk_status status = rk_objective_move(s->loss, weights, e);
    if (status == RK_OK) status = rk_objective_gradient(s->loss, s->gradient, &loss, e);
    if (status != RK_OK) return status;
    unroll_adjoint *a = &s->list[s->taken++];
    for (int64_t i = 0; i < s->n; i++) a->lambda[i] = (double)s->gradient[i];
    rk_lab_point(s->lab, "loss", (double)t, loss);
    if (s->taken == s->samples) rk_lab_value(s->lab, "loss_last", loss);
    return RK_OK;
}

/* g [examples]: the sensitivities at one t. */
static void sensitivities(study *s, const unroll_adjoint *a)
{
    for (int64_t j = 0; j < s->examples; j++) {
        s->g[j] = 0;
        for (int64_t k = 0; k < s->pixels; k++) s->g[j] += fabs(a->slope[j * s->pixels + k]);
    }
}

/* Values and curves; the curve of all sensitivities, in units of their mean, has 101 points. */
static void report(study *s)
{
    double last = (double)NAN, total = 0;
    for (int64_t j = 0; j < s->examples; j++) s->sum[j] = 0;
    for (uint32_t i = 0; i < s->samples; i++) {
        sensitivities(s, &s->list[i]);
        for (int64_t j = 0; j < s->examples; j++) s->sum[j] += s->g[j] / (double)s->samples;
        last = gini_of(s->g, s->examples);
        rk_lab_point(s->lab, "gini_at", (double)s->list[i].t, last);
    }
    rk_lab_value(s->lab, "gini", gini_of(s->sum, s->examples));
    rk_lab_value(s->lab, "gini_last", last);
    for (int64_t j = 0; j < s->examples; j++) total += s->sum[j];
    rk_lab_value(s->lab, "mean", total / (double)s->examples);
    for (int i = 0; i <= 100 && total > 0; i++) {
        int64_t j = (s->examples - 1) * i / 100;
        rk_lab_point(s->lab, "sorted", i / 100.0, s->sum[j] * (double)s->examples / total);
    }
}

static rk_status work(study *s, const unroll_options *o, rk_error *e)
{
    rk_objective_options all = {0};
    rk_status status = rk_objective_new(s->lab, &all, &s->loss, e);
    if (status == RK_OK) status = unroll_new(s->lab, o, &s->unroll, e);
    if (status == RK_OK) status = unroll_forward(s->unroll, visit, s, e);
    if (status == RK_OK) status = unroll_back(s->unroll, s->list, s->samples, e);
    if (status != RK_OK) return status;
    rk_lab_note(s->lab,
                "trained by %lld steps of %lld examples at rate %g with momentum %g; the "
                "rest of each epoch is left out",
                (long long)o->steps, (long long)o->batch, o->rate, o->momentum);
    report(s);
    return RK_OK;
}

static bool allocate(study *s, int64_t steps)
{
    size_t n = (size_t)s->n, values = (size_t)(s->examples * s->pixels);
    bool there;
    s->list = calloc(s->samples, sizeof *s->list);
    s->gradient = malloc(n * sizeof *s->gradient);
    s->sum = malloc((size_t)s->examples * sizeof *s->sum);
    s->g = malloc((size_t)s->examples * sizeof *s->g);
    there = s->list && s->gradient && s->sum && s->g;
    for (uint32_t i = 0; i < s->samples && there; i++) {
        unroll_adjoint *a = &s->list[i];
        a->t = steps * (i + 1) / s->samples;
        a->lambda = malloc(n * sizeof *a->lambda);
        a->nu = calloc(n, sizeof *a->nu);
        a->slope = calloc(values, sizeof *a->slope);
        there = a->lambda && a->nu && a->slope;
    }
    return there;
}

static void clear(study *s)
{
    unroll_free(s->unroll);
    rk_objective_free(s->loss);
    for (uint32_t i = 0; i < s->samples && s->list; i++) {
        free(s->list[i].lambda);
        free(s->list[i].nu);
        free(s->list[i].slope);
    }
    free(s->list);
    free(s->gradient);
    free(s->sum);
    free(s->g);
}

static rk_status sensitivity(rk_lab *lab, const rk_args *a, rk_error *e)
{
    const rk_dataset *d = rk_lab_data(lab);
    unroll_options o = {.steps = rk_arg_int(a, "steps"),
                        .batch = rk_arg_int(a, "batch"),
                        .keep = rk_arg_int(a, "keep"),
                        .rate = rk_arg_real(a, "lr"),
                        .momentum = rk_arg_real(a, "momentum")};
    study s = {.lab = lab, .samples = (uint32_t)rk_arg_int(a, "samples"), .n = rk_lab_size(lab)};
    s.examples = d->train.x.n;
    s.pixels = rk_dataset_pixels(d);
    if (s.samples > o.steps) s.samples = (uint32_t)o.steps;
    rk_status status = RK_OK;
    if (!allocate(&s, o.steps))
        status = rk_error_set(e, RK_E_NOMEM,
                              "no memory for %u times %lld derivatives by inputs: "
                              "fewer samples or examples take less",
                              s.samples, (long long)(s.examples * s.pixels));
    if (status == RK_OK) status = work(&s, &o, e);
    clear(&s);
    return status;
}

RK_PLUGIN("sensitivity", "1.0",
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "sensitivity",
                  .doc = "how much, and how unequally, losses depend on each example trained on",
                  .params = params, .diagnose = sensitivity));
