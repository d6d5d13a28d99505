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

/* Of a symmetric matrix, from its lower triangle. */
static rk_status norm1(const double *a, int64_t n, double *out, rk_error *e)
{
    double *column = calloc((size_t)n, sizeof *column);
    if (!column) return rk_error_set(e, RK_E_NOMEM, "no memory for the norm of a matrix");
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = j; i < n; i++) {
            double v = fabs(a[j * n + i]);
            column[j] += v;
            if (i != j) column[i] += v;
        }
    *out = 0;
    for (int64_t j = 0; j < n; j++)
        if (column[j] > *out) *out = column[j];
    free(column);
    return RK_OK;
}

static rk_status condition_of(const double *factor, int64_t n, double norm, double *out,
                              rk_error *e)
{
    __typeof__(LAPACKE_dpocon_work) *estimate;
    rk_status status = find("LAPACKE_dpocon_work", (void **)&estimate, e);
    if (status != RK_OK) return status;
    lapack_int *whole = malloc((size_t)n * sizeof *whole), size = (lapack_int)n;
    double *work = malloc((size_t)(3 * n) * sizeof *work), rcond = 0;
    if (whole && work)
        estimate(LAPACK_COL_MAJOR, 'L', size, factor, size, norm, &rcond, work, whole);
    else
        status = rk_error_set(e, RK_E_NOMEM, "no memory for a condition number");
    free(whole);
    free(work);
    *out = 1 / rcond;
    return status;
}

rk_status solve_definite(double *a, int64_t n, double *b, int64_t rhs, double *condition,
                         rk_error *e)
{
    __typeof__(LAPACKE_dpotrf_work) *factor;
    __typeof__(LAPACKE_dpotrs_work) *solve;
    rk_status status = find("LAPACKE_dpotrf_work", (void **)&factor, e);
    if (status == RK_OK) status = find("LAPACKE_dpotrs_work", (void **)&solve, e);
    if (status != RK_OK) return status;
    lapack_int size = (lapack_int)n;
    double norm = 0;
    if (condition) status = norm1(a, n, &norm, e);
    if (status != RK_OK) return status;
    lapack_int info = factor(LAPACK_COL_MAJOR, 'L', size, a, size);
    if (info)
        return rk_error_set(
            e, RK_E_INVALID,
            "the matrix of %lld examples is not positive definite in double "
            "precision (from row %d on): give a larger jitter, or remove duplicates",
            (long long)n, (int)info);
    if (condition) status = condition_of(a, n, norm, condition, e);
    if (status != RK_OK) return status;
    solve(LAPACK_COL_MAJOR, 'L', size, (lapack_int)rhs, a, size, b, size);
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
