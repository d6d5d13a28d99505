#include "logits.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static rk_status no_memory(rk_error *e)
{
    return rk_error_set(e, RK_E_NOMEM, "no memory for logits");
}

static rk_graph *graph_of(const logits *l)
{
    rk_graph *g = rk_graph_new();
    if (!g) return NULL;
    rk_value start = rk_input(g, RK_U32, rk_shape_make(0, NULL), "start");
    rk_value index = rk_add(g, rk_iota(g, l->rows), start);
    rk_value x = rk_lab_batch(l->lab, g, true, index, NULL);
    rk_value out = rk_state(g, RK_F32, RK_SHAPE(l->rows, l->classes), "logits");
    rk_assign(g, out, rk_lab_logits(l->lab, g, x));
    return g;
}

static rk_status make_job(logits *l, rk_error *e)
{
    rk_status status = rk_job_new(l->lab, &l->job, e);
    if (status != RK_OK) return status;
    rk_graph *g = graph_of(l);
    if (!g) return no_memory(e);
    status = rk_job_add(l->job, g, "logits", &l->program, e);
    return status == RK_OK ? rk_job_commit(l->job, e) : status;
}

rk_status logits_open(rk_lab *lab, int64_t limit, int64_t rows, logits *out, rk_error *e)
{
    const rk_dataset *d = rk_lab_data(lab);
    int64_t n = limit > 0 && limit < d->test.x.n ? limit : d->test.x.n;
    *out = (logits){.lab = lab, .n = n, .rows = rows < n ? rows : n, .classes = d->classes};
    size_t all = (size_t)(n * out->classes);
    out->at = calloc(all, sizeof *out->at);
    out->now = calloc(all, sizeof *out->now);
    out->chunk = calloc((size_t)(out->rows * out->classes), sizeof *out->chunk);
    if (!out->at || !out->now || !out->chunk) return no_memory(e);
    rk_status status = make_job(out, e);
    if (status == RK_OK) status = logits_evaluate(out, rk_lab_weights(lab), e);
    memcpy(out->at, out->now, all * sizeof *out->at);
    return status;
}

void logits_close(logits *l)
{
    rk_job_free(l->job);
    free(l->at);
    free(l->now);
    free(l->chunk);
}

rk_status logits_evaluate(logits *l, const float *weights, rk_error *e)
{
    rk_status status = rk_job_write_params(l->job, weights, e);
    for (int64_t first = 0; first < l->n && status == RK_OK; first += l->rows) {
        uint32_t start = (uint32_t)first;
        int64_t rows = l->n - first < l->rows ? l->n - first : l->rows;
        status = rk_job_write(l->job, "start", &start, sizeof start, e);
        if (status == RK_OK) status = rk_job_run(l->job, l->program, e);
        if (status == RK_OK)
            status = rk_job_read(l->job, "logits", l->chunk,
                                 (uint64_t)(l->rows * l->classes) * sizeof *l->chunk, e);
        memcpy(l->now + first * l->classes, l->chunk,
               (size_t)(rows * l->classes) * sizeof *l->chunk);
    }
    return status;
}

double logits_difference(const logits *l)
{
    double most = 0;
    for (int64_t i = 0; i < l->n * l->classes; i++) {
        double d = fabs((double)l->now[i] - (double)l->at[i]);
        if (!(d <= most)) most = d;
    }
    return most;
}

double logits_accuracy(const logits *l)
{
    int64_t right = 0;
    for (int64_t i = 0; i < l->n; i++) {
        const float *z = l->now + i * l->classes;
        int64_t best = 0;
        for (int64_t k = 1; k < l->classes; k++)
            if (z[k] > z[best]) best = k;
        right += best == rk_lab_data(l->lab)->test.x.label[i];
    }
    return (double)right / (double)l->n;
}

/* ---- a chain of dense layers ---- */

typedef struct chain {
    const rk_lab_tensor *t;
    uint32_t n;
    double *x, *y; /* [widest] */
} chain;

/* Tensors are weight [units][inputs] and bias [units] in turn, each taking what the last gave. */
static bool is_chain(const rk_lab_tensor *t, uint32_t n, int64_t inputs, int64_t *widest)
{
    *widest = inputs;
    for (uint32_t i = 0; i < n; i += 2) {
        if (i + 1 >= n || t[i].shape.rank != 2 || t[i].shape.dim[1] != inputs) return false;
        inputs = t[i].shape.dim[0];
        if (t[i + 1].shape.rank != 1 || t[i + 1].shape.dim[0] != inputs) return false;
        if (inputs > *widest) *widest = inputs;
    }
    return n > 0;
}

/* x becomes the logits. */
static void forward(chain *c, const double *w)
{
    for (uint32_t i = 0; i < c->n; i += 2) {
        int64_t units = c->t[i].shape.dim[0], inputs = c->t[i].shape.dim[1];
        const double *weight = w + c->t[i].first, *bias = w + c->t[i + 1].first;
        for (int64_t u = 0; u < units; u++) {
            double sum = 0;
            for (int64_t k = 0; k < inputs; k++) sum += weight[u * inputs + k] * c->x[k];
            sum += bias[u];
            c->y[u] = i + 2 < c->n && sum < 0 ? 0 : sum;
        }
        double *swap = c->x;
        c->x = c->y;
        c->y = swap;
    }
}

static bool load(const logits *l, chain *c, int64_t i)
{
    int64_t inputs = c->t[0].shape.dim[1];
    float *pixels = calloc((size_t)inputs, sizeof *pixels);
    bool read = pixels && rk_lab_example(l->lab, true, i, pixels, NULL) == RK_OK;
    for (int64_t k = 0; k < inputs && read; k++) c->x[k] = pixels[k];
    free(pixels);
    return read;
}

static bool compare(const logits *l, chain *c, const double *from, const double *to, int64_t i,
                    double *most)
{
    double before[1024];
    if (!load(l, c, i)) return false;
    forward(c, from);
    for (int64_t k = 0; k < l->classes; k++) {
        before[k] = c->x[k];
        double d = fabs(before[k] - (double)l->at[i * l->classes + k]);
        if (!(d <= 1e-4 * (1 + fabs(before[k])))) return false;
    }
    if (!load(l, c, i)) return false;
    forward(c, to);
    for (int64_t k = 0; k < l->classes; k++) *most = fmax(*most, fabs(c->x[k] - before[k]));
    return true;
}

bool logits_of_chain(const logits *l, const double *from, const double *to, int64_t examples,
                     double *difference)
{
    chain c = {0};
    int64_t widest, pixels = rk_dataset_pixels(rk_lab_data(l->lab));
    c.n = rk_lab_tensors(l->lab, &c.t);
    *difference = 0;
    if (!is_chain(c.t, c.n, pixels, &widest) || l->classes > 1024) return false;
    double *x = c.x = calloc((size_t)widest, sizeof *x),
           *y = c.y = calloc((size_t)widest, sizeof *y);
    bool same = x && y;
    for (int64_t i = 0; i < l->n && i < examples && same; i++)
        same = compare(l, &c, from, to, i, difference);
    free(x);
    free(y);
    return same;
}
