/* LAPACK at run time, see solve.h. */
#include "solve.h"
#include <dlfcn.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

/* name as a function of the LAPACK that is installed. */
static rk_status find(const char *name, void **out, rk_error *e)
{
    /* NODELETE: its threads outlive any close. */
    void *library = dlopen("liblapacke.so.3", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library)
        return rk_error_set(e, RK_E_UNSUPPORTED,
                            "there is no LAPACK (%s): install the package liblapacke-dev",
                            dlerror());
    *out = dlsym(library, name);
    if (!*out)
        return rk_error_set(e, RK_E_UNSUPPORTED, "the LAPACK of this machine has no %s", name);
    return RK_OK;
}

int64_t packed_size(int64_t n) { return n % 2 ? n * ((n + 1) / 2) : (n + 1) * (n / 2); }

int64_t packed_at(int64_t n, int64_t i, int64_t j)
{
    int64_t even = n % 2 == 0, lead = n + even, first = (n + 1) / 2; /* columns that lie below */
    if (j < first) return i + even + j * lead;
    return j - first + (i - first + !even) * lead;
}

/* Of a packed matrix. */
static rk_status norm1(const double *a, int64_t n, double *out, rk_error *e)
{
    double *column = calloc((size_t)n, sizeof *column);
    if (!column) return rk_error_set(e, RK_E_NOMEM, "no memory for the norm of a matrix");
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = j; i < n; i++) {
            double v = fabs(a[packed_at(n, i, j)]);
            column[j] += v;
            if (i != j) column[i] += v;
        }
    *out = 0;
    for (int64_t j = 0; j < n; j++)
        if (column[j] > *out) *out = column[j];
    free(column);
    return RK_OK;
}

typedef __typeof__(LAPACKE_dpftrs_work) solver;

/* |a^-1| by a few solutions; LAPACK has none of this for the packed form. */
static rk_status inverse_norm1(solver *solve, const double *factor, int64_t n, double *out,
                               rk_error *e)
{
    __typeof__(LAPACKE_dlacn2_work) *estimate;
    rk_status status = find("LAPACKE_dlacn2_work", (void **)&estimate, e);
    if (status != RK_OK) return status;
    lapack_int *sign = malloc((size_t)n * sizeof *sign), size = (lapack_int)n, kase = 0, save[3];
    double *v = malloc((size_t)(2 * n) * sizeof *v);
    if (!sign || !v) status = rk_error_set(e, RK_E_NOMEM, "no memory for a condition number");
    while (status == RK_OK) {
        estimate(size, v, v + n, sign, out, &kase, save);
        if (!kase) break;
        solve(LAPACK_COL_MAJOR, 'N', 'L', size, 1, factor, v + n, size);
    }
    free(sign);
    free(v);
    return status;
}

rk_status solve_definite(double *a, int64_t n, double *b, int64_t rhs, double *condition,
                         rk_error *e)
{
    __typeof__(LAPACKE_dpftrf_work) *factor;
    solver *solve;
    rk_status status = find("LAPACKE_dpftrf_work", (void **)&factor, e);
    if (status == RK_OK) status = find("LAPACKE_dpftrs_work", (void **)&solve, e);
    if (status != RK_OK) return status;
    lapack_int size = (lapack_int)n;
    double norm = 0, inverse = 0;
    if (condition) status = norm1(a, n, &norm, e);
    if (status != RK_OK) return status;
    lapack_int info = factor(LAPACK_COL_MAJOR, 'N', 'L', size, a);
    if (info)
        return rk_error_set(
            e, RK_E_INVALID,
            "the matrix of %lld examples is not positive definite in double "
            "precision (from row %d on): give a larger jitter, or remove duplicates",
            (long long)n, (int)info);
    if (condition) status = inverse_norm1(solve, a, n, &inverse, e);
    if (status != RK_OK) return status;
    if (condition) *condition = norm * inverse;
    solve(LAPACK_COL_MAJOR, 'N', 'L', size, (lapack_int)rhs, a, b, size);
    return RK_OK;
}

rk_status solve_least(double *a, int64_t rows, int64_t columns, double *b, int64_t rhs,
                      double *singular, int64_t *rank, rk_error *e)
{
    __typeof__(LAPACKE_dgelsd) *least;
    rk_status status = find("LAPACKE_dgelsd", (void **)&least, e);
    if (status != RK_OK) return status;
    lapack_int longer = (lapack_int)(rows > columns ? rows : columns), found = 0;
    lapack_int info = least(LAPACK_COL_MAJOR, (lapack_int)rows, (lapack_int)columns,
                            (lapack_int)rhs, a, (lapack_int)rows, b, longer, singular, -1, &found);
    if (info)
        return rk_error_set(e, info < -1000 ? RK_E_NOMEM : RK_E_INVALID,
                            "least squares of %lld x %lld failed (LAPACK's dgelsd says %d): are "
                            "there NaN among the inputs?",
                            (long long)rows, (long long)columns, (int)info);
    *rank = found;
    return RK_OK;
}
