/* A kernel machine by Cholesky's method, see kernel.h. */
#include "kernel.h"
#include "solve.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of squared norms s and t and an inner product; rounding makes none negative. */
static double distance(double s, double t, double product)
{
    double d = s + t - 2 * product;
    return d > 0 ? d : 0;
}

rk_status kernel_median(const double *k, int64_t stride, int64_t m, double *out, rk_error *e)
{
    int64_t n = m * (m - 1) / 2, at = 0;
    double *d = lab_array(n, sizeof *d, "distances", e);
    if (!d) return RK_E_NOMEM;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < i; j++)
            d[at++] = distance(k[i * stride + i], k[j * stride + j], k[i * stride + j]);
    qsort(d, (size_t)n, sizeof *d, ascending);
    *out = n % 2 ? d[n / 2] : n ? (d[n / 2 - 1] + d[n / 2]) / 2 : 0;
    free(d);
    if (*out > 0) return RK_OK;
    return rk_error_set(e, RK_E_INVALID,
                        "kernel: half of the distances of the first %lld examples are 0: there is "
                        "no scale for a kernel",
                        (long long)m);
}

/* k(x, x') from squared norms and the inner product. */
static double similarity(const machine *m, double s, double t, double product)
{
    return m->linear ? product : exp(-m->g * distance(s, t, product));
}

/* Inner products become K + jitter I; their diagonal is kept. */
static void map(const machine *m, double *k, double *norms)
{
    for (int64_t i = 0; i < m->n; i++) norms[i] = k[i * m->n + i];
    for (int64_t i = 0; i < m->n; i++) {
        for (int64_t j = 0; j < i; j++)
            k[i * m->n + j] = k[j * m->n + i] = similarity(m, norms[i], norms[j], k[i * m->n + j]);
        k[i * m->n + i] = similarity(m, norms[i], norms[i], norms[i]) + m->jitter;
    }
}

/* K alpha, from the half of K that the Cholesky factor has left alone. */
static void apply(machine *m, const double *k, const double *norms)
{
    for (uint32_t c = 0; c < m->classes; c++) {
        const double *alpha = m->alpha + c * m->n;
        double *fit = m->fit + c * m->n;
        for (int64_t j = 0; j < m->n; j++) {
            double sum = similarity(m, norms[j], norms[j], norms[j]) * alpha[j];
            for (int64_t i = 0; i < j; i++) {
                sum += k[j * m->n + i] * alpha[i];
                fit[i] += k[j * m->n + i] * alpha[j];
            }
            fit[j] += sum;
        }
    }
    for (int64_t at = 0; at < m->n * m->classes; at++)
        m->residual = fmax(m->residual, fabs(m->y[at] - m->fit[at] - m->jitter * m->alpha[at]));
}

/* Adds what the training examples of a tile say of the test examples of the tile. */
static void vote(const gram *g, machine *m, const double *tests, const double *norms, int64_t row,
                 int64_t column)
{
    for (int64_t r = 0; r < g->tile && row + r < m->tests; r++)
        for (int64_t i = column; i < column + g->tile && i < m->n; i++) {
            double product = (double)g->block[r * g->tile + i - column];
            double k = similarity(m, tests[row + r], norms[i], product);
            for (uint32_t c = 0; c < m->classes; c++)
                m->predicted[(row + r) * m->classes + c] += k * m->alpha[c * m->n + i];
        }
}

/* Squared norms of test examples. */
static rk_status test_norms(const rk_lab *l, const machine *m, double *out, rk_error *e)
{
    int64_t width = m->rows ? m->rows->width : rk_dataset_pixels(rk_lab_data(l));
    float *x = lab_array(width, sizeof *x, "an example", e);
    rk_status status = x ? RK_OK : RK_E_NOMEM;
    for (int64_t i = 0; status == RK_OK && i < m->tests; i++) {
        const float *row = m->rows ? m->rows->row[1] + i * width : x;
        if (!m->rows) status = rk_lab_example(l, true, i, x, e);
        for (int64_t k = 0; k < width; k++) out[i] += (double)row[k] * (double)row[k];
    }
    free(x);
    return status;
}

static rk_status predict(rk_lab *l, gram *g, machine *m, const double *norms, rk_error *e)
{
    double *tests = lab_array(m->tests, sizeof *tests, "norms", e);
    rk_status status = tests ? test_norms(l, m, tests, e) : RK_E_NOMEM;
    for (int64_t row = 0; status == RK_OK && row < m->tests; row += g->tile) {
        for (int64_t column = 0; status == RK_OK && column < m->n; column += g->tile) {
            status = gram_tile(g, true, row, column, e);
            if (status == RK_OK) vote(g, m, tests, norms, row, column);
        }
        if (status == RK_OK)
            status = rk_lab_progress(l, 0.8 + 0.2 * (double)row / (double)m->tests, e);
    }
    free(tests);
    return status;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Large problems begin with how long they take, by a tile and a small factor. */
static rk_status plan(rk_lab *l, gram *g, const machine *m, rk_error *e)
{
    enum { SMALL = 768, LARGE = 4096 };
    if (m->n < LARGE) return RK_OK;
    double tiles = pow(ceil((double)m->n / (double)g->tile), 2) / 2;
    double *k = lab_array(SMALL * SMALL, sizeof *k, "a small matrix", e), b[SMALL] = {1};
    if (!k) return RK_E_NOMEM;
    for (int64_t i = 0; i < SMALL; i++) k[i * SMALL + i] = 2;
    rk_status status = gram_tile(g, false, 0, 0, e);
    double start = seconds();
    if (status == RK_OK) status = gram_tile(g, false, 0, 0, e);
    double tile = seconds() - start;
    start = seconds();
    if (status == RK_OK) status = solve_definite(k, SMALL, b, 1, NULL, e);
    double factor = (seconds() - start) * pow((double)m->n / SMALL, 3);
    free(k);
    if (status == RK_OK)
        rk_lab_note(l, "expected: %.3g s for the Gram matrix, at most %.3g s for Cholesky",
                    tile * tiles, factor);
    return status;
}

rk_status kernel_cholesky(rk_lab *l, machine *m, int64_t sample, double gamma, rk_error *e)
{
    gram g = {0};
    double *k = lab_array(m->n * m->n, sizeof *k, "the kernel's matrix", e);
    double *norms = lab_array(m->n, sizeof *norms, "norms", e);
    rk_status status = k && norms ? gram_open(l, m->n, true, m->rows, &g, e) : RK_E_NOMEM;
    if (status == RK_OK) status = plan(l, &g, m, e);
    if (status == RK_OK) status = gram_fill(l, &g, m->n, k, 0.4, e);
    if (status == RK_OK && !m->linear) status = kernel_median(k, m->n, sample, &m->median, e);
    if (status == RK_OK) {
        m->g = gamma / m->median;
        map(m, k, norms);
        memcpy(m->alpha, m->y, (size_t)(m->n * m->classes) * sizeof *m->y);
        status = solve_definite(k, m->n, m->alpha, m->classes, &m->condition, e);
    }
    if (status == RK_OK) {
        apply(m, k, norms);
        status = predict(l, &g, m, norms, e);
    }
    gram_close(&g);
    free(k);
    free(norms);
    return status;
}
