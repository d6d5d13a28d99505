#include "subspace.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void draw(const subspace *s, int64_t j, int64_t first, int64_t rows, float *out)
{
    rk_random_fill_normal(s->random, (uint64_t)(j * s->n + first), rows, out);
}

static int64_t rows_at(const subspace *s, int64_t first)
{
    return s->n - first < SUBSPACE_ROWS ? s->n - first : SUBSPACE_ROWS;
}

/* Entries first ... of column j, before they are scaled. */
static const float *column(subspace *s, int64_t j, int64_t first)
{
    if (s->entries) return s->entries + j * s->n + first;
    float *at = s->block + j * SUBSPACE_ROWS;
    draw(s, j, first, rows_at(s, first), at);
    return at;
}

static void to_unit(subspace *s)
{
    for (int64_t j = 0; j < s->p; j++) {
        double squares = 0;
        for (int64_t first = 0; first < s->n; first += SUBSPACE_ROWS) {
            const float *a = column(s, j, first);
            for (int64_t i = 0; i < rows_at(s, first); i++) squares += (double)a[i] * (double)a[i];
        }
        s->scale[j] = 1 / sqrt(squares);
    }
}

rk_status subspace_new(subspace *s, int64_t n, int64_t p, uint32_t columns, rk_random r,
                       uint64_t memory, rk_error *e)
{
    *s = (subspace){.n = n, .p = p, .random = r};
    if (p < 1 || p > n)
        return rk_error_set(e, RK_E_INVALID,
                            "a subspace of dimension %lld of a space of dimension %lld: give a "
                            "dimension from 1 to that",
                            (long long)p, (long long)n);
    s->scale = malloc((size_t)p * sizeof *s->scale);
    s->block = malloc((size_t)p * SUBSPACE_ROWS * sizeof *s->block);
    if (!s->scale || !s->block) {
        subspace_free(s);
        return rk_error_set(e, RK_E_NOMEM, "no memory for a subspace of dimension %lld",
                            (long long)p);
    }
    uint64_t bytes = (uint64_t)n * (uint64_t)p * sizeof *s->entries;
    if (bytes <= memory) s->entries = malloc(bytes);
    for (int64_t j = 0; j < p && s->entries; j++) draw(s, j, 0, n, s->entries + j * n);
    for (int64_t j = 0; j < p; j++) s->scale[j] = 1;
    if (columns == SUBSPACE_UNIT) to_unit(s);
    return RK_OK;
}

void subspace_free(subspace *s)
{
    free(s->entries);
    free(s->block);
    free(s->scale);
    *s = (subspace){0};
}

void subspace_apply(subspace *s, const double *y, double *out)
{
    for (int64_t first = 0; first < s->n; first += SUBSPACE_ROWS) {
        int64_t rows = rows_at(s, first);
        memset(out + first, 0, (size_t)rows * sizeof *out);
        for (int64_t j = 0; j < s->p; j++) {
            const float *a = column(s, j, first);
            double factor = s->scale[j] * y[j];
            for (int64_t i = 0; i < rows; i++) out[first + i] += factor * (double)a[i];
        }
    }
}

void subspace_transpose(subspace *s, const double *v, double *out)
{
    memset(out, 0, (size_t)s->p * sizeof *out);
    for (int64_t first = 0; first < s->n; first += SUBSPACE_ROWS)
        for (int64_t j = 0; j < s->p; j++) {
            const float *a = column(s, j, first);
            double sum = 0;
            for (int64_t i = 0; i < rows_at(s, first); i++) sum += (double)a[i] * v[first + i];
            out[j] += sum;
        }
    for (int64_t j = 0; j < s->p; j++) out[j] *= s->scale[j];
}

/* The lower triangle of A^T A. */
static void gram_of(subspace *s, double *gram)
{
    memset(gram, 0, (size_t)(s->p * s->p) * sizeof *gram);
    for (int64_t first = 0; first < s->n; first += SUBSPACE_ROWS)
        for (int64_t j = 0; j < s->p; j++) {
            const float *a = column(s, j, first);
            for (int64_t k = 0; k <= j; k++) {
                /* Column k of this block was drawn before. */
                const float *b =
                    s->entries ? s->entries + k * s->n + first : s->block + k * SUBSPACE_ROWS;
                double sum = 0;
                for (int64_t i = 0; i < rows_at(s, first); i++) sum += (double)a[i] * (double)b[i];
                gram[j * s->p + k] += sum * s->scale[j] * s->scale[k];
            }
        }
}

/* m becomes L with m = L L^T; false if m is not positive definite. */
static bool factor(double *m, int64_t p)
{
    for (int64_t j = 0; j < p; j++)
        for (int64_t k = 0; k <= j; k++) {
            double sum = m[j * p + k];
            for (int64_t i = 0; i < k; i++) sum -= m[j * p + i] * m[k * p + i];
            if (j == k && !(sum > 0)) return false;
            m[j * p + k] = j == k ? sqrt(sum) : sum / m[k * p + k];
        }
    return true;
}

static void substitute(const double *l, int64_t p, double *x)
{
    for (int64_t j = 0; j < p; j++) {
        for (int64_t k = 0; k < j; k++) x[j] -= l[j * p + k] * x[k];
        x[j] /= l[j * p + j];
    }
    for (int64_t j = p - 1; j >= 0; j--) {
        for (int64_t k = j + 1; k < p; k++) x[j] -= l[k * p + j] * x[k];
        x[j] /= l[j * p + j];
    }
}

rk_status subspace_solve(subspace *s, const double *v, double *out, rk_error *e)
{
    rk_status status = RK_OK;
    double *gram = malloc((size_t)(s->p * s->p) * sizeof *gram);
    if (!gram)
        return rk_error_set(e, RK_E_NOMEM, "no memory for a matrix of %lld columns",
                            (long long)s->p);
    gram_of(s, gram);
    subspace_transpose(s, v, out);
    if (factor(gram, s->p))
        substitute(gram, s->p, out);
    else
        status = rk_error_set(e, RK_E_INVALID,
                              "the %lld random columns are dependent: a smaller dimension helps",
                              (long long)s->p);
    free(gram);
    return status;
}
