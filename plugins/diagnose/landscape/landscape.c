/* landscape: the loss along paths between two runs, and on a plane around one.
 *
 * interpolate (Goodfellow et al. 2015; Keskar et al. 2017, figures 3 and 8): with the weights y of
 * this run and x of another, (1 - alpha) x + alpha y, and with cosine and sine of alpha pi / 2 in
 * place of these factors.  In Keskar et al. this run has large batches, the other small ones, and
 * alpha goes from -1 to 2.
 *
 * surface (Li et al. 2018): x + a d + b e with two random filter-normalized directions.
 *
 * A run's averages of batch norm belong to its own weights: in between the statistics of the
 * examples at once are a fair choice, and what is taken unless norm=running. */
#include "direction.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTIVE                                                                                  \
    {"limit", "0", "how many of the first examples of a set; 0: all", RK_PARAM_INT, 0, 1e9, NULL}, \
        {"rows", "0", "examples on the device at once; 0: 256", RK_PARAM_INT, 0, 1e6, NULL},       \
    {                                                                                              \
        "norm", "batch",                                                                           \
            "what batch norm takes: this run's averages, or those of the examples at once",        \
            RK_PARAM_CHOICE, 0, 0, "batch|running"                                                 \
    }

/* 100000 points are kept of a diagnostic: of two paths with four curves each, of two surfaces. */
static const rk_param_spec interpolate_params[] = {
    {"with", NULL, "the other run: its number, or its label in the preset", RK_PARAM_PATH, 0, 0,
     NULL},
    {"path", "both", "which paths", RK_PARAM_CHOICE, 0, 0, "both|linear|curved"},
    {"from", "-1", "first alpha; 0 is the other run, 1 this one", RK_PARAM_REAL, -100, 100, NULL},
    {"to", "2", "last alpha", RK_PARAM_REAL, -100, 100, NULL},
    {"points", "25", "points of a path", RK_PARAM_INT, 2, 12500, NULL},
    OBJECTIVE,
    {0}};

static const rk_param_spec surface_params[] = {
    {"points", "25", "points along each direction", RK_PARAM_INT, 2, 223, NULL},
    {"range", "1", "the plane goes from -range to range; 1 is the length of the filters",
     RK_PARAM_REAL, 1e-6, 1000, NULL},
    {"set", "train", "of which examples", RK_PARAM_CHOICE, 0, 0, "train|test"},
    OBJECTIVE,
    {0}};

typedef struct walk {
    rk_lab *lab;
    const rk_args *args;
    int64_t n;
    float *at;                  /* [n] */
    rk_objective *train, *test; /* a surface has one */
    int64_t done, all;          /* points */
} walk;

static bool says(const walk *s, const char *param, const char *value)
{
    return strcmp(rk_arg_text(s->args, param), value) == 0;
}

static rk_status objective(walk *s, bool test, rk_objective **out, rk_error *e)
{
    rk_objective_options o = {.test = test, .limit = rk_arg_int(s->args, "limit")};
    o.rows = rk_arg_int(s->args, "rows");
    o.norm = says(s, "norm", "running") ? RK_NORM_RUNNING : RK_NORM_BATCH;
    return rk_objective_new(s->lab, &o, out, e);
}

/* Loss and accuracy at s->at. */
static rk_status evaluate(walk *s, rk_objective *f, double *loss, double *accuracy, rk_error *e)
{
    rk_status status = rk_objective_move(f, s->at, e);
    return status == RK_OK ? rk_objective_loss(f, loss, accuracy, e) : status;
}

static rk_status progress(walk *s, rk_error *e)
{
    s->done++;
    return rk_lab_progress(s->lab, (double)s->done / (double)s->all, e);
}

static double between(double from, double to, int64_t i, int64_t points)
{
    return from + (to - from) * (double)i / (double)(points - 1);
}

/* What the linear path says in numbers. */
typedef struct sides {
    double before, after, inside, there, here; /* sums beyond the ends; highest between; ends */
    int64_t n_before, n_after;
} sides;

static void count(sides *c, double alpha, double loss)
{
    if (alpha < 0) {
        c->before += loss;
        c->n_before++;
    } else if (alpha > 1) {
        c->after += loss;
        c->n_after++;
    } else {
        c->inside = fmax(c->inside, loss);
    }
}

/* rise_this and rise_other: how much higher than at an end the loss is beyond it, on average. */
static void report(const walk *s, const sides *c)
{
    double none = (double)NAN;
    rk_lab_value(s->lab, "loss_this", c->here);
    rk_lab_value(s->lab, "loss_other", c->there);
    rk_lab_value(s->lab, "rise_this", c->n_after ? c->after / (double)c->n_after - c->here : none);
    rk_lab_value(s->lab, "rise_other",
                 c->n_before ? c->before / (double)c->n_before - c->there : none);
    rk_lab_value(s->lab, "barrier", fmax(c->inside - fmax(c->here, c->there), 0));
}

typedef void path(const float *a, const float *b, double alpha, int64_t n, float *out);
static const char *const curve_names[2][4] = {
    {"train_loss", "train_accuracy", "test_loss", "test_accuracy"},
    {"curved_train_loss", "curved_train_accuracy", "curved_test_loss", "curved_test_accuracy"}};

static rk_status follow(walk *s, const float *other, bool curved, rk_error *e)
{
    path *where = curved ? path_curved : path_linear;
    int64_t points = rk_arg_int(s->args, "points");
    double from = rk_arg_real(s->args, "from"), to = rk_arg_real(s->args, "to");
    sides c = {0};
    for (int64_t i = -2; i < points; i++) { /* the ends first, for report */
        double y[4], alpha = i < 0 ? (double)(i + 2) : between(from, to, i, points);
        if (i < 0 && curved) continue;
        where(other, rk_lab_weights(s->lab), alpha, s->n, s->at);
        rk_status status = evaluate(s, s->train, &y[0], &y[1], e);
        if (status == RK_OK && i >= 0) status = evaluate(s, s->test, &y[2], &y[3], e);
        if (status == RK_OK && i >= 0) status = progress(s, e);
        if (status != RK_OK) return status;
        if (i == -2) c.there = y[0];
        if (i == -1) c.here = y[0];
        if (i >= 0) count(&c, alpha, y[0]);
        for (int k = 0; k < 4 && i >= 0; k++)
            rk_lab_point(s->lab, curve_names[curved][k], alpha, y[k]);
    }
    if (!curved) report(s, &c);
    return RK_OK;
}

static double distance(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        sum += d * d;
    }
    return sqrt(sum);
}

static rk_status follow_both(walk *s, rk_error *e)
{
    const float *x = rk_lab_weights(s->lab), *x0 = rk_lab_initial(s->lab), *other;
    int paths = says(s, "path", "both") ? 2 : 1;
    rk_status status = rk_lab_other(s->lab, rk_arg_text(s->args, "with"), &other, e);
    if (status == RK_OK) status = objective(s, false, &s->train, e);
    if (status == RK_OK) status = objective(s, true, &s->test, e);
    if (status != RK_OK) return status;
    s->all = paths * rk_arg_int(s->args, "points");
    rk_lab_value(s->lab, "distance", distance(x, other, s->n));
    rk_lab_value(s->lab, "moved_this", distance(x, x0, s->n));
    rk_lab_value(s->lab, "moved_other", distance(other, x0, s->n));
    if (!says(s, "path", "curved")) status = follow(s, other, false, e);
    if (status == RK_OK && !says(s, "path", "linear")) status = follow(s, other, true, e);
    return status;
}

/* x + a d + b e over the grid. */
static rk_status scan(walk *s, const double *d, const double *e1, rk_error *e)
{
    const float *x = rk_lab_weights(s->lab);
    int64_t points = rk_arg_int(s->args, "points");
    double range = rk_arg_real(s->args, "range"), low = INFINITY, high = -INFINITY;
    for (int64_t k = 0; k < points * points; k++) {
        double a = between(-range, range, k % points, points);
        double b = between(-range, range, k / points, points), loss, accuracy;
        for (int64_t i = 0; i < s->n; i++) s->at[i] = (float)((double)x[i] + a * d[i] + b * e1[i]);
        rk_status status = evaluate(s, s->train, &loss, &accuracy, e);
        if (status == RK_OK) status = progress(s, e);
        if (status != RK_OK) return status;
        rk_lab_point3(s->lab, "loss", a, b, loss);
        rk_lab_point3(s->lab, "accuracy", a, b, accuracy);
        low = fmin(low, loss);
        high = fmax(high, loss);
    }
    rk_lab_value(s->lab, "lowest", low);
    rk_lab_value(s->lab, "highest", high);
    return RK_OK;
}

static rk_status spread_out(walk *s, rk_error *e)
{
    const rk_lab_tensor *tensor;
    uint32_t tensors = rk_lab_tensors(s->lab, &tensor);
    double *d = malloc(2 * (size_t)s->n * sizeof *d), loss;
    if (!d) return rk_error_set(e, RK_E_NOMEM, "no memory for two directions");
    for (uint32_t i = 0; i < tensors; i++) {
        direction_fill(&tensor[i], rk_lab_weights(s->lab), rk_lab_random(s->lab, "x"), d);
        direction_fill(&tensor[i], rk_lab_weights(s->lab), rk_lab_random(s->lab, "y"), d + s->n);
    }
    s->all = rk_arg_int(s->args, "points") * rk_arg_int(s->args, "points");
    rk_status status = objective(s, says(s, "set", "test"), &s->train, e);
    memcpy(s->at, rk_lab_weights(s->lab), (size_t)s->n * sizeof *s->at);
    if (status == RK_OK) status = evaluate(s, s->train, &loss, NULL, e);
    if (status == RK_OK) {
        rk_lab_value(s->lab, "loss", loss);
        rk_lab_note(s->lab, "directions: normal, each filter scaled to the length of the weights'; "
                            "biases and batch norm do not move");
        status = scan(s, d, d + s->n, e);
    }
    free(d);
    return status;
}

static rk_status explore(rk_lab *lab, const rk_args *a, rk_status (*work)(walk *, rk_error *),
                         rk_error *e)
{
    walk s = {.lab = lab, .args = a, .n = rk_lab_size(lab)};
    s.at = malloc((size_t)s.n * sizeof *s.at);
    if (!s.at) return rk_error_set(e, RK_E_NOMEM, "no memory for %lld weights", (long long)s.n);
    rk_lab_note(lab, "batch norm, if there is any, takes %s",
                says(&s, "norm", "running") ? "this run's averages"
                                            : "the statistics of the examples at once");
    rk_status status = work(&s, e);
    rk_objective_free(s.train);
    rk_objective_free(s.test);
    free(s.at);
    return status;
}

static rk_status interpolate(rk_lab *lab, const rk_args *a, rk_error *e)
{
    return explore(lab, a, follow_both, e);
}

static rk_status surface(rk_lab *lab, const rk_args *a, rk_error *e)
{
    return explore(lab, a, spread_out, e);
}

RK_PLUGIN("landscape", "1.0",
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "interpolate",
                  .doc = "loss and accuracy on the line and a curve to another run's weights",
                  .params = interpolate_params, .diagnose = interpolate),
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "surface",
                  .doc = "loss and accuracy on a plane of filter-normalized random directions",
                  .params = surface_params, .diagnose = surface));
