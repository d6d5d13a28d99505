/* csr: the critical sample ratio of Arpit et al. 2017, section 3.4: the fraction of examples x near
 * which (no coordinate moved by more than r) there is another with another predicted class.
 *
 * Found by their Langevin adversarial sample search (LASS): x' = x, then again and again
 *
 *   x' <- clip(x' + alpha sign(gradient at x') + beta noise, x - r, x + r),
 *
 * with standard normal noise on each pixel, until the class predicted for x' is not that for x.
 * The gradient leads away from the class k predicted for x: that of the cross-entropy with k
 * (gradient=loss), or of -f_k, the logit (gradient=logit).  The paper does not say after how many
 * steps a search gives up; it is a search, so the ratio is a lower bound.  The network is in
 * evaluation: dropout off, batch norm with running averages.
 *
 * Lengths are of pixels from 0 to 255 (unit=byte), as in the paper, or of what the network sees
 * (unit=input), where an image that is standardized has the standard deviation 1. */
#include "rethink/diagnose.h"
#include <stdlib.h>
#include <string.h>

static const rk_param_spec params[] = {
    {"radius", "0.3", "how far a coordinate may go", RK_PARAM_REAL, 0, 1e6, NULL},
    {"alpha", "0.25", "step along the sign of the gradient", RK_PARAM_REAL, 0, 1e6, NULL},
    {"beta", "0.2", "standard deviation of a step's noise", RK_PARAM_REAL, 0, 1e6, NULL},
    {"unit", "byte", "of these three: pixels from 0 to 255, or what the network sees",
     RK_PARAM_CHOICE, 0, 0, "byte|input"},
    {"steps", "10", "steps after which a search gives up", RK_PARAM_INT, 1, 100000, NULL},
    {"gradient", "loss", "what a search climbs: the cross-entropy, or minus the logit",
     RK_PARAM_CHOICE, 0, 0, "loss|logit"},
    {"set", "test", "which examples", RK_PARAM_CHOICE, 0, 0, "test|train"},
    {"limit", "0", "how many of the first ones; 0: all", RK_PARAM_INT, 0, 1e9, NULL},
    {"rows", "256", "examples that are searched at once", RK_PARAM_INT, 1, 1e6, NULL},
    {0}};

typedef struct search {
    rk_lab *lab;
    const rk_args *args;
    rk_job *job;
    const rk_examples *set;
    bool test;
    int64_t n, rows, steps;
    rk_shape image; /* [rows][channels][height][width] */
    uint32_t begin, move, look;
    uint32_t *index, *step, *first; /* [rows] */
    float *unit;                    /* [rows]: of each example, in inputs */
    int64_t *found;                 /* [steps + 1]: how many changed after so many steps */
} search;

static bool says(const search *s, const char *param, const char *value)
{
    return strcmp(rk_arg_text(s->args, param), value) == 0;
}

static rk_value per_row(rk_graph *g, const search *s, uint32_t dtype, const char *name)
{
    return rk_state(g, dtype, RK_SHAPE(s->rows), name);
}

static rk_value image(rk_graph *g, const search *s, const char *name)
{
    return rk_state(g, RK_F32, s->image, name);
}

/* Starts a search for each example: nothing has changed. */
static rk_graph *begin_graph(const search *s)
{
    rk_graph *g = rk_graph_new();
    if (!g) return NULL;
    rk_value index = rk_input(g, RK_U32, RK_SHAPE(s->rows), "csr/index");
    rk_value x = rk_lab_batch(s->lab, g, s->test, index, NULL);
    rk_value class = rk_argmax(g, rk_lab_logits(s->lab, g, x), 1, 1);
    rk_assign(g, image(g, s, "csr/center"), x);
    rk_assign(g, image(g, s, "csr/x"), x);
    rk_assign(g, per_row(g, s, RK_U32, "csr/class"), rk_reshape(g, class, RK_SHAPE(s->rows)));
    rk_assign(g, per_row(g, s, RK_U32, "csr/first"),
              rk_expand(g, rk_const_u(g, 0), RK_SHAPE(s->rows)));
    return g;
}

/* Where the class has changed for the first time, notes how many steps were taken.  Returns the
 * logits at x. */
static rk_value note_change(rk_graph *g, const search *s, rk_value x)
{
    rk_value class = per_row(g, s, RK_U32, "csr/class");
    rk_value first = per_row(g, s, RK_U32, "csr/first");
    rk_value taken = rk_input(g, RK_U32, RK_SHAPE(1), "csr/taken");
    rk_value logits = rk_lab_logits(s->lab, g, x);
    rk_value now = rk_reshape(g, rk_argmax(g, logits, 1, 1), RK_SHAPE(s->rows));
    rk_value changed = rk_not(g, rk_eq(g, now, class));
    rk_value new = rk_and(g, changed, rk_eq(g, first, rk_const_u(g, 0)));
    rk_assign(g, first, rk_where(g, new, rk_expand(g, taken, RK_SHAPE(s->rows)), first));
    return logits;
}

/* What leads away from class: the gradient by x of each row's objective. */
static rk_value away(rk_graph *g, const search *s, rk_value logits, rk_value class, rk_value x)
{
    rk_value each, sum, slope;
    if (says(s, "gradient", "loss")) {
        each = rk_cross_entropy(g, logits, class);
    } else {
        int64_t classes = rk_dim(g, logits, 1);
        rk_value column = rk_reshape(g, class, RK_SHAPE(s->rows, 1));
        rk_value mine = rk_eq(g, rk_reshape(g, rk_iota(g, classes), RK_SHAPE(1, classes)), column);
        rk_value negative = rk_neg(g, logits);
        each = rk_where(g, mine, negative, rk_const_f(g, 0));
    }
    sum = rk_reduce_sum(g, each, 0, rk_shape_of(g, each).rank);
    rk_grad(g, rk_reshape(g, sum, rk_shape_make(0, NULL)), &x, 1, &slope);
    return slope;
}

static rk_value sign(rk_graph *g, rk_value x)
{
    rk_value zero = rk_const_f(g, 0), one = rk_const_f(g, 1);
    rk_value up = rk_where(g, rk_lt(g, zero, x), one, zero);
    return rk_sub(g, up, rk_where(g, rk_lt(g, x, zero), one, zero));
}

static rk_value length(rk_graph *g, const search *s, rk_value unit, const char *param)
{
    return rk_mul(g, unit, rk_const_f(g, (float)rk_arg_real(s->args, param)));
}

static rk_value clip(rk_graph *g, rk_value x, rk_value low, rk_value high)
{
    rk_value most = rk_where(g, rk_lt(g, high, x), high, x);
    return rk_where(g, rk_lt(g, most, low), low, most);
}

/* One step of every search; a search that is over goes on, which changes nothing. */
static rk_graph *move_graph(const search *s)
{
    rk_graph *g = rk_graph_new();
    if (!g) return NULL;
    rk_value x = image(g, s, "csr/x"), center = image(g, s, "csr/center");
    rk_value unit = rk_input(g, RK_F32, RK_SHAPE(s->rows), "csr/unit");
    rk_value step = rk_input(g, RK_U32, RK_SHAPE(s->rows), "csr/step");
    int64_t pixels = rk_shape_size(s->image) / s->rows;
    rk_value logits = note_change(g, s, x);
    rk_value slope = away(g, s, logits, per_row(g, s, RK_U32, "csr/class"), x);
    rk_value noise = rk_random_normals(g, rk_lab_random(s->lab, "noise"), step, pixels);
    unit = rk_reshape(g, unit, RK_SHAPE(s->rows, 1, 1, 1));
    rk_value along = rk_mul(g, length(g, s, unit, "alpha"), sign(g, slope));
    rk_value random = rk_mul(g, length(g, s, unit, "beta"), rk_reshape(g, noise, s->image));
    rk_value radius = length(g, s, unit, "radius");
    rk_value to = rk_add(g, rk_add(g, x, along), random), low = rk_sub(g, center, radius);
    rk_assign(g, x, clip(g, to, low, rk_add(g, center, radius)));
    return g;
}

static rk_graph *look_graph(const search *s)
{
    rk_graph *g = rk_graph_new();
    if (!g) return NULL;
    note_change(g, s, image(g, s, "csr/x"));
    return g;
}

static rk_status compile(search *s, rk_graph *g, const char *name, uint32_t *out, rk_error *e)
{
    if (!g) return rk_error_set(e, RK_E_NOMEM, "no memory for a graph");
    return rk_job_add(s->job, g, name, out, e);
}

static rk_status make_job(search *s, rk_error *e)
{
    rk_status status = rk_job_new(s->lab, &s->job, e);
    if (status == RK_OK) status = compile(s, begin_graph(s), "begin", &s->begin, e);
    if (status == RK_OK) status = compile(s, move_graph(s), "move", &s->move, e);
    if (status == RK_OK) status = compile(s, look_graph(s), "look", &s->look, e);
    return status == RK_OK ? rk_job_commit(s->job, e) : status;
}

static rk_status write(search *s, const char *name, const void *words, rk_error *e)
{
    return rk_job_write(s->job, name, words, (uint64_t)s->rows * 4, e);
}

/* Pixels of one unit as the network sees them: a set may have scales of its examples' own. */
static float unit_of(const search *s, int64_t i)
{
    float scale = s->set->scale ? s->set->scale[i] : 1.0f;
    if (says(s, "unit", "input")) return 1;
    return s->set->dtype == RK_U8 ? scale : scale / 255.0f;
}

/* The noise of example i is the same in every batch: its own step of the stream. */
static rk_status take_step(search *s, int64_t first, uint32_t taken, rk_error *e)
{
    for (int64_t j = 0; j < s->rows; j++)
        s->step[j] = (uint32_t)((int64_t)taken * s->set->n + first + j);
    rk_status status = write(s, "csr/step", s->step, e);
    if (status == RK_OK) status = rk_job_write(s->job, "csr/taken", &taken, sizeof taken, e);
    return status == RK_OK ? rk_job_run(s->job, s->move, e) : status;
}

static rk_status batch(search *s, int64_t first, rk_error *e)
{
    uint32_t steps = (uint32_t)s->steps;
    for (int64_t j = 0; j < s->rows; j++) {
        s->index[j] = first + j < s->n ? (uint32_t)(first + j) : UINT32_MAX;
        s->unit[j] = first + j < s->n ? unit_of(s, first + j) : 0;
    }
    rk_status status = write(s, "csr/index", s->index, e);
    if (status == RK_OK) status = write(s, "csr/unit", s->unit, e);
    if (status == RK_OK) status = rk_job_run(s->job, s->begin, e);
    for (uint32_t k = 0; k < steps && status == RK_OK; k++) status = take_step(s, first, k, e);
    if (status == RK_OK) status = rk_job_write(s->job, "csr/taken", &steps, sizeof steps, e);
    if (status == RK_OK) status = rk_job_run(s->job, s->look, e);
    if (status == RK_OK)
        status = rk_job_read(s->job, "csr/first", s->first, (uint64_t)s->rows * 4, e);
    for (int64_t j = 0; j < s->rows && first + j < s->n && status == RK_OK; j++)
        s->found[s->first[j]]++;
    return status;
}

/* csr, and what it would be with fewer steps. */
static void report(search *s)
{
    int64_t found = 0;
    for (int64_t k = 1; k <= s->steps; k++) {
        found += s->found[k];
        rk_lab_point(s->lab, "after_steps", (double)k, (double)found / (double)s->n);
    }
    rk_lab_value(s->lab, "csr", (double)found / (double)s->n);
    rk_lab_value(s->lab, "examples", (double)s->n);
    rk_lab_value(s->lab, "radius", rk_arg_real(s->args, "radius"));
    rk_lab_value(s->lab, "steps", (double)s->steps);
    rk_lab_note(s->lab,
                "csr is a lower bound: searches within %g %s by LASS gave up after %lld steps; by "
                "predicted classes of the %s set, in evaluation",
                rk_arg_real(s->args, "radius"),
                says(s, "unit", "byte") ? "of 255 pixel values" : "of the network's inputs",
                (long long)s->steps, s->test ? "test" : "training");
}

static rk_status look_everywhere(search *s, rk_error *e)
{
    rk_status status = make_job(s, e);
    for (int64_t first = 0; first < s->n && status == RK_OK; first += s->rows) {
        status = batch(s, first, e);
        if (status == RK_OK) status = rk_lab_progress(s->lab, (double)first / (double)s->n, e);
    }
    if (status == RK_OK) report(s);
    return status;
}

static rk_status csr(rk_lab *lab, const rk_args *a, rk_error *e)
{
    const rk_dataset *d = rk_lab_data(lab);
    search s = {.lab = lab, .args = a, .steps = rk_arg_int(a, "steps")};
    int64_t limit = rk_arg_int(a, "limit"), rows = rk_arg_int(a, "rows");
    s.test = says(&s, "set", "test");
    s.set = s.test ? &d->test.x : &d->train.x;
    s.n = limit > 0 && limit < s.set->n ? limit : s.set->n;
    s.rows = rows < s.n ? rows : s.n;
    s.image = RK_SHAPE(s.rows, d->channels, d->height, d->width);
    s.index = malloc((size_t)s.rows * sizeof *s.index);
    s.step = malloc((size_t)s.rows * sizeof *s.step);
    s.first = malloc((size_t)s.rows * sizeof *s.first);
    s.unit = malloc((size_t)s.rows * sizeof *s.unit);
    s.found = calloc((size_t)s.steps + 1, sizeof *s.found);
    rk_status status = RK_OK;
    if (!s.index || !s.step || !s.first || !s.unit || !s.found)
        status = rk_error_set(e, RK_E_NOMEM, "no memory for %lld searches", (long long)s.rows);
    if (status == RK_OK) status = look_everywhere(&s, e);
    rk_job_free(s.job);
    free(s.found);
    free(s.unit);
    free(s.first);
    free(s.step);
    free(s.index);
    return status;
}

RK_PLUGIN("csr", "1.0",
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "csr",
                  .doc = "critical sample ratio: how many examples have another class near by",
                  .params = params, .diagnose = csr));
