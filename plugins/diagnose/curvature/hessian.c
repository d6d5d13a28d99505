/* hessian: the curvature of the loss at the weights of a run.
 *
 * f is the mean cross-entropy over the examples, without penalties and without dropout; H its exact
 * Hessian (of a network of relu, where it exists).  Products H v are derivatives of the gradient
 * (Pearlmutter 1994).  The extreme eigenvalues are those of Lanczos; the trace is
 * Hutchinson's (1989) estimate with probes of +1 and -1; the spectral density is stochastic Lanczos
 * quadrature (Ghorbani, Krishnan and Xiao 2019), each Ritz value a Gaussian. */
#include "curvature.h"
#include "lanczos.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DENSITY_POINTS = 200 };

const rk_param_spec hessian_params[] = {
    {"norm", NULL,
     "what batch normalization takes: running: the run's averages; batch: the mean and variance of "
     "each chunk of `rows` examples, through which derivatives go. Without normalization both are "
     "the same",
     RK_PARAM_CHOICE, 0, 0, "running|batch"},
    {"set", "train", "whose examples", RK_PARAM_CHOICE, 0, 0, "train|test"},
    {"limit", "0", "the first so many examples; 0: all", RK_PARAM_INT, 0, 2147483647, NULL},
    {"rows", "256", "examples that are on the device at once", RK_PARAM_INT, 1, 65536, NULL},
    {"part", "all",
     "the parameters whose block of the Hessian it is: all, or names in which * stands for any "
     "text, as hidden1/*",
     RK_PARAM_PATH, 0, 0, NULL},
    {"iterations", "50", "steps of Lanczos, at most", RK_PARAM_INT, 2, 1000, NULL},
    {"tolerance", "0.0001",
     "Lanczos ends when lambda_max and lambda_min are as sure as this, relative to the larger",
     RK_PARAM_REAL, 0, 1, NULL},
    {"top", "5", "eigenvalues that are reported, the largest ones", RK_PARAM_INT, 1, 100, NULL},
    {"probes", "10",
     "random vectors of the trace; 0: all unit vectors, which is exact and takes a product for "
     "each "
     "parameter",
     RK_PARAM_INT, 0, 10000, NULL},
    {"density", "0", "random vectors of the spectral density, each with all steps; 0: none",
     RK_PARAM_INT, 0, 10000, NULL},
    {"width", "0.01", "standard deviation of its Gaussians, relative to the range of the spectrum",
     RK_PARAM_REAL, 1e-6, 1, NULL},
    {"stream", "0", "which random vectors: another number, others", RK_PARAM_INT, 0, 65535, NULL},
    {0}};

/* The random vectors of a purpose. */
static rk_random stream_of(const hessian_block *b, const rk_args *a, const char *what, int64_t i)
{
    rk_random r = rk_lab_random(b->lab, what);
    r.step = (uint32_t)(rk_arg_int(a, "stream") << 16) + (uint32_t)i;
    return r;
}

/* ---- the extreme eigenvalues ---- */

static void report_extremes(rk_lab *lab, const spectrum *s, int64_t top)
{
    int last = s->n - 1;
    rk_lab_value(lab, "lambda_max", s->theta[last]);
    rk_lab_value(lab, "lambda_max_bound", s->bound[last]);
    rk_lab_value(lab, "lambda_min", s->theta[0]);
    rk_lab_value(lab, "lambda_min_bound", s->bound[0]);
    rk_lab_value(lab, "iterations", s->n);
    for (int i = 0; i < top && i < s->n; i++) {
        char name[32];
        snprintf(name, sizeof name, "lambda_%d", i + 1);
        rk_lab_value(lab, name, s->theta[last - i]);
        rk_lab_point(lab, "eigenvalues", i + 1, s->theta[last - i]);
    }
}

static rk_status extremes(hessian_block *b, const rk_args *a, rk_error *e)
{
    lanczos_options o = {(int)rk_arg_int(a, "iterations"), rk_arg_real(a, "tolerance"), false};
    spectrum s;
    rk_random r = stream_of(b, a, "start", 0);
    for (int64_t i = 0; i < rk_lab_size(b->lab); i++) b->v[i] = rk_random_normal(r, (uint64_t)i);
    block_mask(b, b->v);
    rk_status status = lanczos(b, o, &s, e);
    if (status != RK_OK) return status;
    report_extremes(b->lab, &s, rk_arg_int(a, "top"));
    if (s.n < o.iterations || s.n == b->size)
        rk_lab_note(b->lab, "Lanczos ended after %d steps: tolerance reached", s.n);
    spectrum_free(&s);
    return RK_OK;
}

/* ---- the trace ---- */

/* Sums of v' H v over probes, of all and of each parameter's block. */
typedef struct moments {
    int64_t n;
    bool exact;
    double *sum, *squares; /* [tensors + 1], the last of all */
} moments;

static void add_probe(const hessian_block *b, moments *m)
{
    const rk_lab_tensor *t;
    uint32_t n = rk_lab_tensors(b->lab, &t);
    double all = 0;
    for (uint32_t i = 0; i < n; i++) {
        double part = 0;
        for (int64_t k = t[i].first; k < t[i].first + t[i].size; k++)
            part += (double)b->v[k] * (double)b->hv[k];
        m->sum[i] += part;
        m->squares[i] += part * part;
        all += part;
    }
    m->sum[n] += all;
    m->squares[n] += all * all;
    m->n++;
}

/* "trace_hidden1_weight" */
static void name_of(const char *tensor, const char *suffix, char *out, size_t cap)
{
    snprintf(out, cap, "trace_%.48s%s", tensor, suffix);
    for (char *c = out; *c; c++)
        *c = (char)(isalnum((unsigned char)*c) ? tolower((unsigned char)*c) : '_');
}

static double error_of(const moments *m, uint32_t i)
{
    if (m->exact) return 0;
    if (m->n < 2) return NAN;
    double mean = m->sum[i] / (double)m->n, n = (double)m->n;
    double variance = (m->squares[i] / n - mean * mean) * n / (n - 1);
    return sqrt((variance < 0 ? 0 : variance) / n);
}

static void report_trace(const hessian_block *b, const moments *m)
{
    const rk_lab_tensor *t;
    uint32_t n = rk_lab_tensors(b->lab, &t);
    rk_lab_value(b->lab, "trace", m->sum[n] / (double)m->n);
    rk_lab_value(b->lab, "trace_error", error_of(m, n));
    if (m->exact)
        rk_lab_note(b->lab, "traces are exact: the sum over all unit vectors");
    else if (m->n < 2)
        rk_lab_note(b->lab, "traces have no errors: that takes two probes or more");
    else
        rk_lab_note(b->lab, "errors of traces are standard errors over %lld probes",
                    (long long)m->n);
    for (uint32_t i = 0; i < n; i++) {
        char name[64];
        if (!b->part[i]) continue;
        name_of(t[i].name, "", name, sizeof name);
        rk_lab_value(b->lab, name, m->sum[i] / (double)m->n);
        name_of(t[i].name, "_error", name, sizeof name);
        rk_lab_value(b->lab, name, error_of(m, i));
    }
}

static rk_status draw(hessian_block *b, const rk_args *a, moments *m, rk_error *e)
{
    rk_status status = RK_OK;
    for (int64_t i = 0; i < rk_arg_int(a, "probes") && status == RK_OK; i++) {
        block_signs(b, stream_of(b, a, "probe", i));
        status = block_product(b, e);
        if (status == RK_OK) add_probe(b, m);
    }
    return status;
}

/* Every unit vector of the block counts as a part of one probe. */
static rk_status take_all(hessian_block *b, moments *m, rk_error *e)
{
    const rk_lab_tensor *t;
    uint32_t n = rk_lab_tensors(b->lab, &t);
    for (uint32_t i = 0; i < n; i++)
        for (int64_t k = t[i].first; b->part[i] && k < t[i].first + t[i].size; k++) {
            memset(b->v, 0, (size_t)rk_lab_size(b->lab) * sizeof *b->v);
            b->v[k] = 1;
            rk_status status = block_product(b, e);
            if (status != RK_OK) return status;
            m->sum[i] += (double)b->hv[k];
            m->sum[n] += (double)b->hv[k];
        }
    m->exact = true;
    m->n = 1;
    return RK_OK;
}

static rk_status trace(hessian_block *b, const rk_args *a, rk_error *e)
{
    const rk_lab_tensor *t;
    uint32_t n = rk_lab_tensors(b->lab, &t);
    moments m = {0};
    rk_status status = RK_OK;
    m.sum = calloc(n + (size_t)1, sizeof *m.sum);
    m.squares = calloc(n + (size_t)1, sizeof *m.squares);
    if (!m.sum || !m.squares)
        status = rk_error_set(e, RK_E_NOMEM, "no memory for traces");
    else
        status = rk_arg_int(a, "probes") ? draw(b, a, &m, e) : take_all(b, &m, e);
    if (status == RK_OK) report_trace(b, &m);
    free(m.sum);
    free(m.squares);
    return status;
}

/* ---- the density ---- */

static void report_density(rk_lab *lab, const spectrum *s, int64_t n, double width)
{
    double low = s[0].theta[0], high = low, negative = 0;
    for (int64_t k = 0; k < n; k++) {
        low = fmin(low, s[k].theta[0]);
        high = fmax(high, s[k].theta[s[k].n - 1]);
    }
    double sigma = width * (high > low ? high - low : 1);
    low -= 4 * sigma;
    high += 4 * sigma;
    for (int i = 0; i < DENSITY_POINTS; i++) {
        double x = low + (high - low) * i / (DENSITY_POINTS - 1), y = 0;
        for (int64_t k = 0; k < n; k++)
            for (int j = 0; j < s[k].n; j++) {
                double d = (x - s[k].theta[j]) / sigma;
                y += s[k].weight[j] * exp(-d * d / 2);
            }
        rk_lab_point(lab, "density", x, y / ((double)n * sigma * sqrt(2 * 3.14159265358979324)));
    }
    for (int64_t k = 0; k < n; k++)
        for (int j = 0; j < s[k].n; j++)
            if (s[k].theta[j] < 0) negative += s[k].weight[j] / (double)n;
    rk_lab_value(lab, "negative_share", negative);
    rk_lab_note(lab, "density: %lld probes, Gaussians of standard deviation %.3g", (long long)n,
                sigma);
}

static rk_status density(hessian_block *b, const rk_args *a, rk_error *e)
{
    int64_t n = rk_arg_int(a, "density");
    lanczos_options o = {(int)rk_arg_int(a, "iterations"), 0, false};
    spectrum *s = calloc((size_t)n + 1, sizeof *s);
    rk_status status = s ? RK_OK : rk_error_set(e, RK_E_NOMEM, "no memory for a density");
    for (int64_t i = 0; i < n && status == RK_OK; i++) {
        block_signs(b, stream_of(b, a, "density", i));
        status = lanczos(b, o, &s[i], e);
    }
    if (status == RK_OK && n) report_density(b->lab, s, n, rk_arg_real(a, "width"));
    for (int64_t i = 0; s && i < n; i++) spectrum_free(&s[i]);
    free(s);
    return status;
}

/* ---- all of it ---- */

static rk_status report_point(hessian_block *b, rk_error *e)
{
    double loss, accuracy, squares = 0;
    rk_status status = rk_objective_loss(b->f, &loss, &accuracy, e);
    if (status == RK_OK) status = rk_objective_gradient(b->f, b->hv, NULL, e);
    if (status != RK_OK) return status;
    for (int64_t i = 0; i < rk_lab_size(b->lab); i++)
        squares += (double)b->hv[i] * (double)b->hv[i];
    rk_lab_value(b->lab, "loss", loss);
    rk_lab_value(b->lab, "accuracy", accuracy);
    rk_lab_value(b->lab, "gradient_norm", sqrt(squares));
    rk_lab_value(b->lab, "parameters", (double)b->size);
    return RK_OK;
}

rk_status hessian(rk_lab *lab, const rk_args *a, rk_error *e)
{
    const rk_objective_options options = {.test = strcmp(rk_arg_text(a, "set"), "test") == 0,
                                          .limit = rk_arg_int(a, "limit"),
                                          .rows = rk_arg_int(a, "rows"),
                                          .norm = norm_of(a),
                                          .products = true};
    rk_objective *f;
    hessian_block b = {0};
    rk_status status = rk_objective_new(lab, &options, &f, e);
    if (status == RK_OK) status = block_open(lab, f, rk_arg_text(a, "part"), &b, e);
    b.expected =
        rk_arg_int(a, "iterations") * (1 + rk_arg_int(a, "density")) + rk_arg_int(a, "probes");
    if (status == RK_OK) status = report_point(&b, e);
    if (status == RK_OK) status = extremes(&b, a, e);
    if (status == RK_OK) status = trace(&b, a, e);
    if (status == RK_OK) status = density(&b, a, e);
    block_close(&b);
    rk_objective_free(f);
    return status;
}
