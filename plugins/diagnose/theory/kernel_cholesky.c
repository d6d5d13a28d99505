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

rk_status kernel_median(const double *k, int64_t n, int64_t m, double *out, rk_error *e)
{
    int64_t pairs = m * (m - 1) / 2, at = 0;
    double *d = lab_array(pairs, sizeof *d, "distances", e);
    if (!d) return RK_E_NOMEM;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < i; j++)
            d[at++] = distance(k[packed_at(n, i, i)], k[packed_at(n, j, j)], k[packed_at(n, i, j)]);
    qsort(d, (size_t)pairs, sizeof *d, ascending);
    *out = pairs % 2 ? d[pairs / 2] : pairs ? (d[pairs / 2 - 1] + d[pairs / 2]) / 2 : 0;
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
    for (int64_t i = 0; i < m->n; i++) norms[i] = k[packed_at(m->n, i, i)];
    for (int64_t j = 0; j < m->n; j++)
        for (int64_t i = j; i < m->n; i++) {
            double *at = k + packed_at(m->n, i, j);
            *at = similarity(m, norms[i], norms[j], *at);
            if (i == j) *at += m->jitter;
        }
}

/* Adds a tile's part of K alpha, and what it says of the tile on the other side of the diagonal. */
static void fit_tile(const gram *g, machine *m, const double *norms, int64_t row, int64_t column)
{
    for (int64_t r = row; r < row + g->tile && r < m->n; r++)
        for (int64_t i = column; i < column + g->tile && i <= r; i++) {
            double product = (double)g->block[(r - row) * g->tile + i - column];
            double k = similarity(m, norms[r], norms[i], product);
            for (uint32_t c = 0; c < m->classes; c++) {
                m->fit[c * m->n + r] += k * m->alpha[c * m->n + i];
                if (i < r) m->fit[c * m->n + i] += k * m->alpha[c * m->n + r];
            }
        }
}

/* K alpha, from the tiles again: where K was is its factor now. */
static rk_status fit(rk_lab *l, gram *g, machine *m, const double *norms, rk_error *e)
{
    for (int64_t row = 0; row < m->n; row += g->tile) {
        for (int64_t column = 0; column <= row; column += g->tile) {
            TRY(gram_tile(g, false, row, column, e));
            fit_tile(g, m, norms, row, column);
        }
        TRY(rk_lab_progress(l, 0.7 + 0.1 * (double)row / (double)m->n, e));
    }
    for (int64_t at = 0; at < m->n * m->classes; at++)
        m->residual = fmax(m->residual, fabs(m->y[at] - m->fit[at] - m->jitter * m->alpha[at]));
    return RK_OK;
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
    double *k = lab_array(packed_size(SMALL), sizeof *k, "a small matrix", e), b[SMALL] = {1};
    if (!k) return RK_E_NOMEM;
    for (int64_t i = 0; i < SMALL; i++) k[packed_at(SMALL, i, i)] = 2;
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
    double *k = lab_array(packed_size(m->n), sizeof *k, "the kernel's matrix", e);
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
    free(k);
    if (status == RK_OK) status = fit(l, &g, m, norms, e);
    if (status == RK_OK) status = predict(l, &g, m, norms, e);
    gram_close(&g);
    free(norms);
    return status;
}
