/* kernel: interpolation by a Gaussian kernel (Zhang et al. 2016, section 5).
 *
 * K alpha = y with K_ij = exp(-g |x_i - x_j|^2), g = gamma over the median of |x_i - x_j|^2, and a
 * target for each class, 1 - 1 / classes or -1 / classes.  Of all functions through the targets
 * this one has the smallest norm of the kernel's space, the root of tr alpha^T K alpha.
 *
 * x is the pixels, or features of random patches or Gabor filters.  With similarity=linear K is of
 * their inner products, and jitter is a ridge. */
#include "features.h"
#include "kernel.h"
#include "solve.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void machine_free(machine *m)
{
    free(m->y);
    free(m->alpha);
    free(m->fit);
    free(m->predicted);
    if (m->rows) {
        free(m->rows->row[0]);
        free(m->rows->row[1]);
    }
}

static rk_status machine_make(const rk_lab *l, const rk_args *a, machine *m, rk_error *e)
{
    const rk_dataset *d = rk_lab_data(l);
    *m = (machine){.n = lab_count(l, false, rk_arg_int(a, "n")),
                   .tests = lab_count(l, true, 0),
                   .classes = d->classes,
                   .jitter = rk_arg_real(a, "jitter"),
                   .linear = !strcmp(rk_arg_text(a, "similarity"), "linear"),
                   .median = NAN,
                   .condition = NAN};
    int64_t size = m->n * m->classes;
    m->y = lab_array(size, sizeof *m->y, "targets", e);
    m->alpha = lab_array(size, sizeof *m->alpha, "coefficients", e);
    m->fit = lab_array(size, sizeof *m->fit, "fitted values", e);
    m->predicted = lab_array(m->tests * m->classes, sizeof *m->predicted, "predictions", e);
    if (!m->y || !m->alpha || !m->fit || !m->predicted) return RK_E_NOMEM;
    for (uint32_t c = 0; c < m->classes; c++)
        for (int64_t i = 0; i < m->n; i++)
            m->y[c * m->n + i] = (d->train.x.label[i] == c) - 1.0 / m->classes;
    return RK_OK;
}

/* The class of example i of values [classes][n]. */
static uint32_t class_of(const machine *m, const double *values, int64_t i)
{
    uint32_t best = 0;
    for (uint32_t c = 1; c < m->classes; c++)
        if (values[c * m->n + i] > values[best * m->n + i]) best = c;
    return best;
}

static void report(rk_lab *l, const machine *m)
{
    const rk_dataset *d = rk_lab_data(l);
    int64_t right = 0, wrong = 0;
    double square = 0;
    for (int64_t i = 0; i < m->n; i++) right += class_of(m, m->fit, i) == d->train.x.label[i];
    for (int64_t i = 0; i < m->tests; i++)
        wrong += lab_class(m->predicted + i * m->classes, m->classes) != d->test.x.label[i];
    for (int64_t i = 0; i < m->n * m->classes; i++) square += m->alpha[i] * m->fit[i];
    rk_lab_value(l, "n", (double)m->n);
    rk_lab_value(l, "train_accuracy", (double)right / (double)m->n);
    rk_lab_value(l, "test_error", (double)wrong / (double)m->tests);
    rk_lab_value(l, "norm", sqrt(square)); /* NaN: not measured */
    if (square < 0) rk_lab_note(l, "tr alpha^T K alpha is less than 0 by rounding: raise jitter");
    rk_lab_value(l, "median", m->median);
    rk_lab_value(l, "residual", m->residual);
    rk_lab_value(l, "condition", m->condition);
}

static double gib(double bytes) { return bytes / (double)(1 << 30); }

/* ---- features -------------------------------------------------------------------------------- */

static rk_status make_bank(const rk_lab *l, const rk_args *a, int64_t n, bank *b, rk_error *e)
{
    const rk_dataset *d = rk_lab_data(l);
    bool gabor = !strcmp(rk_arg_text(a, "features"), "gabor");
    *b = (bank){.filters = rk_arg_int(a, "filters"),
                .side = rk_arg_int(a, "side"),
                .grid = rk_arg_int(a, "grid"),
                .channels = d->channels};
    int64_t smaller = d->height < d->width ? d->height : d->width;
    if (b->side > smaller || b->grid > smaller - b->side + 1)
        return rk_error_set(e, RK_E_INVALID,
                            "kernel: side=%lld, grid=%lld: a filter does not fit %lld times into "
                            "images of %u x %u",
                            (long long)b->side, (long long)b->grid, (long long)b->grid, d->height,
                            d->width);
    b->w = lab_array(b->filters * b->channels * b->side * b->side, sizeof *b->w, "filters", e);
    if (!b->w) return RK_E_NOMEM;
    return gabor ? bank_gabor(b, e) : bank_patches(l, n, b, e);
}

/* Fills m->rows; pixels leave it NULL. */
static rk_status make_features(rk_lab *l, const rk_args *a, machine *m, gram_rows *rows,
                               rk_error *e)
{
    bank b = {0};
    if (!strcmp(rk_arg_text(a, "features"), "pixels")) return RK_OK;
    m->rows = rows;
    rk_status status = make_bank(l, a, m->n, &b, e);
    *rows = (gram_rows){.n = {m->n, m->tests}, .width = features_size(&b)};
    for (int test = 0; status == RK_OK && test < 2; test++) {
        rows->row[test] = lab_array(rows->n[test] * rows->width, sizeof(float), "features", e);
        status = rows->row[test] ? features_make(l, &b, test, rows->n[test], rows->row[test], e)
                                 : RK_E_NOMEM;
    }
    free(b.w);
    if (status == RK_OK)
        rk_lab_note(l,
                    "features: max(<filter, patch>, 0) of %lld filters of side %lld, mean 0 and "
                    "length 1, averaged over a grid of %lld x %lld: %lld values, %s",
                    (long long)b.filters, (long long)b.side, (long long)b.grid, (long long)b.grid,
                    (long long)rows->width,
                    strcmp(rk_arg_text(a, "features"), "gabor") ? "patches of training examples"
                                                                : "Gabor functions");
    return status;
}

/* ---- the item -------------------------------------------------------------------------------- */

/* Bytes of the matrix and of features. */
static double host_bytes(const rk_args *a, const machine *m)
{
    double n = (double)m->n, grid = (double)rk_arg_int(a, "grid");
    bool pixels = !strcmp(rk_arg_text(a, "features"), "pixels");
    double width = pixels ? 0 : (double)rk_arg_int(a, "filters") * grid * grid;
    return 4 * n * (n + 1) + 4 * width * (n + (double)m->tests);
}

/* Whether Cholesky is meant; says what is coming. */
static rk_status choose(rk_lab *l, const rk_args *a, const machine *m, bool *cholesky, rk_error *e)
{
    const char *solver = rk_arg_text(a, "solver");
    double n = (double)m->n, d = (double)rk_dataset_pixels(rk_lab_data(l));
    double bytes = host_bytes(a, m), limit = rk_arg_real(a, "memory");
    bool fits = gib(bytes) <= limit, iterate = !strcmp(solver, "cg");
    bool plain = !strcmp(rk_arg_text(a, "features"), "pixels") && !m->linear;
    if (iterate && !plain)
        return rk_error_set(e, RK_E_INVALID,
                            "kernel: solver=cg computes a Gaussian kernel of pixels: give "
                            "features=pixels, or solver=cholesky");
    if (!fits && (!strcmp(solver, "cholesky") || !plain))
        return rk_error_set(e, RK_E_NOMEM,
                            "kernel: %lld examples take %.3g GiB and memory=%g is the limit: raise "
                            "it, give n=, or solver=cg",
                            (long long)m->n, gib(bytes), limit);
    *cholesky = fits && !iterate;
    if (*cholesky)
        rk_lab_note(l, "solver: Cholesky on the host, %.3g GiB and %.3g GFLOP", gib(bytes),
                    n * n * n / 3e9);
    else
        rk_lab_note(l,
                    "solver: conjugate gradients, %.3g GFLOP on the device an iteration; the "
                    "matrix would take %.3g GiB",
                    2 * n * n * (d + m->classes) / 1e9, gib(bytes));
    return RK_OK;
}

static void describe(rk_lab *l, const machine *m, int64_t sample, bool cholesky)
{
    rk_lab_note(l, "targets 1 - 1/%u and -1/%u; %g is added to the diagonal", m->classes,
                m->classes, m->jitter);
    if (!m->linear)
        rk_lab_note(l,
                    "exp(-g |x - x'|^2) with g = %.6g: gamma over the median of |x - x'|^2 "
                    "among the first %lld examples",
                    m->g, (long long)sample);
    if (cholesky) rk_lab_note(l, LAPACK_NOTE);
}

rk_status kernel(rk_lab *l, const rk_args *a, rk_error *e)
{
    machine m;
    gram_rows rows = {0};
    bool cholesky = false;
    double gamma = rk_arg_real(a, "gamma");
    rk_status status = machine_make(l, a, &m, e);
    int64_t sample = rk_arg_int(a, "median") < m.n ? rk_arg_int(a, "median") : m.n;
    if (status == RK_OK) status = choose(l, a, &m, &cholesky, e);
    if (status == RK_OK) status = make_features(l, a, &m, &rows, e);
    if (status == RK_OK)
        status = cholesky ? kernel_cholesky(l, &m, sample, gamma, e)
                          : kernel_cg(l, &m, sample, gamma, rk_arg_real(a, "tolerance"),
                                      rk_arg_int(a, "iterations"), e);
    if (status == RK_OK) {
        report(l, &m);
        describe(l, &m, sample, cholesky);
    }
    machine_free(&m);
    return status;
}
