/* margins: normalized margins (Bartlett, Foster and Telgarsky 2017), and norms of the weights.
 *
 * The margin of an example, its label's logit less the largest other, over R_A |X|_F / n, where R_A
 * is the spectral complexity of spectral.h with the initial weights as reference.  A layer is a
 * dense or convolutional weight of the model, biases are left out; the bound is for chains of
 * layers.  A batch norm is a part of a layer whose strength weights do not tell: it is refused. */
#include "lab.h"
#include "spectral.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 256, STEPS = 100 };

/* ---- layers ---------------------------------------------------------------------------------- */

/* Whether text ends so. */
static bool ends(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static rk_status refuse_norms(const rk_graph *g, rk_value logits, rk_error *e)
{
    for (rk_value v = 1; v <= logits; v++)
        if (ends(rk_name_of(g, v), "/variance"))
            return rk_error_set(e, RK_E_UNSUPPORTED,
                                "margins: the model has batch norm (%s), which scales its layers "
                                "by more than their weights: measure one without, as bn=off",
                                rk_name_of(g, v));
    return RK_OK;
}

/* The layer of a tensor; false for biases. */
static bool layer_of(const rk_graph *g, rk_value param, layer *out)
{
    rk_shape s = rk_shape_of(g, param), x;
    *out = (layer){.k = s.dim[0]};
    if (s.rank == 2) out->d = s.dim[1];
    if (s.rank != 4) return s.rank == 2;
    if (!rk_conv_of(g, param, &out->win, &x)) return false;
    out->c = x.dim[1];
    out->h = x.dim[2];
    out->wide = x.dim[3];
    return true;
}

static rk_status measure_layer(rk_lab *l, const rk_args *a, layer *p, const rk_lab_tensor *t,
                               bound *b, rk_error *e)
{
    const float *now = rk_lab_weights(l) + t->first, *then = rk_lab_initial(l) + t->first;
    double *w = lab_array(t->size, sizeof *w, "weights", e);
    if (!w) return RK_E_NOMEM;
    p->w = w;
    for (int64_t i = 0; i < t->size; i++) w[i] = (double)now[i];
    rk_status status = spectral_norm(p, rk_lab_random(l, t->name), rk_arg_real(a, "tolerance"),
                                     rk_arg_int(a, "iterations"), &b->spectral, e);
    for (int64_t i = 0; i < t->size; i++) w[i] = (double)now[i] - (double)then[i];
    if (status == RK_OK) status = row_norms(p, &b->moved, e);
    free(w);
    return status;
}

static rk_status measure_layers(rk_lab *l, const rk_args *a, rk_graph *g, double *complexity,
                                rk_error *e)
{
    const rk_lab_tensor *t;
    uint32_t n = rk_lab_tensors(l, &t), found = 0;
    rk_value *param = lab_array(n, sizeof *param, "a graph", e);
    bound *b = lab_array(n, sizeof *b, "norms", e);
    rk_status status = param && b ? RK_OK : RK_E_NOMEM;
    if (status == RK_OK) rk_lab_params(l, g, param);
    double product = 1;
    for (uint32_t i = 0; status == RK_OK && i < n; i++) {
        layer p;
        if (!layer_of(g, param[i], &p)) continue;
        status = measure_layer(l, a, &p, &t[i], &b[found], e);
        rk_lab_point(l, "spectral", (double)(found + 1), b[found].spectral);
        product *= b[found++].spectral;
        if (status == RK_OK) status = rk_lab_progress(l, 0.7 * (i + 1) / n, e);
    }
    if (status == RK_OK) {
        *complexity = spectral_complexity(b, found);
        rk_lab_value(l, "layers", (double)found);
        rk_lab_value(l, "spectral_product", product);
        rk_lab_value(l, "complexity", *complexity);
    }
    free(param);
    free(b);
    return status;
}

static rk_status layers(rk_lab *l, const rk_args *a, double *complexity, rk_error *e)
{
    const rk_dataset *d = rk_lab_data(l);
    rk_graph *g = rk_graph_new();
    if (!g) return rk_error_set(e, RK_E_NOMEM, "no memory for a graph");
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(1, d->channels, d->height, d->width), "x");
    rk_value logits = rk_lab_logits(l, g, x);
    rk_status status = rk_graph_check(g, e);
    if (status == RK_OK) status = refuse_norms(g, logits, e);
    if (status == RK_OK) status = measure_layers(l, a, g, complexity, e);
    rk_graph_free(g);
    return status;
}

static double distance(rk_lab *l)
{
    const float *now = rk_lab_weights(l), *then = rk_lab_initial(l);
    double sum = 0;
    for (int64_t i = 0; i < rk_lab_size(l); i++) {
        double d = (double)now[i] - (double)then[i];
        sum += d * d;
    }
    return sqrt(sum);
}

/* ---- margins --------------------------------------------------------------------------------- */

static rk_status open_logits(rk_lab *l, rk_job **job, uint32_t *program, rk_error *e)
{
    TRY(rk_job_new(l, job, e));
    rk_graph *g = rk_graph_new();
    if (!g) return rk_error_set(e, RK_E_NOMEM, "no memory for a graph");
    rk_value index = rk_input(g, RK_U32, RK_SHAPE(ROWS), "rows");
    rk_value out = rk_state(g, RK_F32, RK_SHAPE(ROWS, rk_lab_data(l)->classes), "logits");
    rk_value x = rk_lab_batch(l, g, false, index, NULL);
    rk_assign(g, out, rk_lab_logits(l, g, x));
    TRY(rk_job_add(*job, g, "logits", program, e));
    return rk_job_commit(*job, e);
}

static double margin(const float *logits, uint32_t classes, uint32_t label)
{
    double other = -INFINITY;
    for (uint32_t k = 0; k < classes; k++)
        if (k != label) other = fmax(other, (double)logits[k]);
    return (double)logits[label] - other;
}

static rk_status read_margins(rk_lab *l, rk_job *job, uint32_t program, int64_t n, double *out,
                              rk_error *e)
{
    const rk_dataset *d = rk_lab_data(l);
    uint32_t index[ROWS];
    float *logits = lab_array(ROWS * (int64_t)d->classes, sizeof *logits, "logits", e);
    rk_status status = logits ? RK_OK : RK_E_NOMEM;
    for (int64_t first = 0; status == RK_OK && first < n; first += ROWS) {
        for (int64_t k = 0; k < ROWS; k++) index[k] = (uint32_t)(first + k);
        status = rk_job_write(job, "rows", index, sizeof index, e);
        if (status == RK_OK) status = rk_job_run(job, program, e);
        if (status == RK_OK)
            status = rk_job_read(job, "logits", logits, ROWS * d->classes * sizeof *logits, e);
        for (int64_t k = 0; k < ROWS && first + k < n; k++)
            out[first + k] =
                margin(logits + k * d->classes, d->classes, d->train.x.label[first + k]);
    }
    free(logits);
    return status;
}

/* |X|_F of the training examples as the model sees them. */
static rk_status data_norm(const rk_lab *l, int64_t n, double *out, rk_error *e)
{
    int64_t pixels = rk_dataset_pixels(rk_lab_data(l));
    float *x = lab_array(pixels, sizeof *x, "an example", e);
    rk_status status = x ? RK_OK : RK_E_NOMEM;
    double sum = 0;
    for (int64_t i = 0; status == RK_OK && i < n; i++) {
        status = rk_lab_example(l, false, i, x, e);
        for (int64_t k = 0; k < pixels; k++) sum += (double)x[k] * (double)x[k];
    }
    free(x);
    *out = sqrt(sum);
    return status;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* margins [n] ascending; scale turns one into a normalized one. */
static void describe(rk_lab *l, const double *margins, int64_t n, double scale)
{
    double mean = 0;
    for (int64_t i = 0; i < n; i++) mean += margins[i] / (double)n;
    for (int64_t i = 0; i <= STEPS; i++)
        rk_lab_point(l, "cdf", margins[(n - 1) * i / STEPS] * scale, (double)i / STEPS);
    rk_lab_value(l, "raw_margin10", margins[(n - 1) / 10]);
    rk_lab_value(l, "margin10", margins[(n - 1) / 10] * scale);
    rk_lab_value(l, "median", margins[(n - 1) / 2] * scale);
    rk_lab_value(l, "mean", mean * scale);
}

static rk_status measure(rk_lab *l, double complexity, rk_error *e)
{
    int64_t n = lab_count(l, false, 0);
    rk_job *job = NULL;
    uint32_t program;
    double data = 0, *margins = lab_array(n, sizeof *margins, "margins", e);
    rk_status status = margins ? open_logits(l, &job, &program, e) : RK_E_NOMEM;
    if (status == RK_OK) status = read_margins(l, job, program, n, margins, e);
    if (status == RK_OK) status = data_norm(l, n, &data, e);
    if (status == RK_OK) {
        qsort(margins, (size_t)n, sizeof *margins, ascending);
        rk_lab_value(l, "data_norm", data);
        describe(l, margins, n, (double)n / (complexity * data));
    }
    rk_job_free(job);
    free(margins);
    return status;
}

rk_status margins(rk_lab *l, const rk_args *a, rk_error *e)
{
    double complexity = 0;
    TRY(layers(l, a, &complexity, e));
    rk_lab_value(l, "distance", distance(l));
    if (!(complexity > 0))
        return rk_error_set(e, RK_E_INVALID,
                            "margins: the weights are the initial ones, which the complexity is "
                            "measured from: give epochs of 1 or more");
    TRY(measure(l, complexity, e));
    rk_lab_note(l, "a margin over R_A |X|_F / n; R_A has a factor for each dense or convolutional "
                   "weight and the initial weights as reference; biases, pooling and what joins "
                   "branches count as 1");
    rk_lab_note(l,
                "spectral norms are of the layer as a map, by power iteration from below until "
                "they grow by less than %g of themselves, at most %lld times",
                rk_arg_real(a, "tolerance"), (long long)rk_arg_int(a, "iterations"));
    return RK_OK;
}
