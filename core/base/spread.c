#include "base/spread.h"
#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *x, int64_t n, double q)
{
    double at = q * (double)(n - 1);
    int64_t below = (int64_t)at;
    if (below + 1 >= n) return x[n - 1];
    return x[below] + (at - (double)below) * (x[below + 1] - x[below]);
}

rk_spread rk_spread_of(double *x, int64_t n)
{
    if (n < 1) return (rk_spread){0, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    double sum = 0, squares = 0;
    qsort(x, (size_t)n, sizeof *x, ascending);
    for (int64_t i = 0; i < n; i++) sum += x[i];
    double mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    return (rk_spread){.n = n,
                       .median = quantile(x, n, 0.5),
                       .q1 = quantile(x, n, 0.25),
                       .q3 = quantile(x, n, 0.75),
                       .least = x[0],
                       .most = x[n - 1],
                       .mean = mean,
                       .sd = n > 1 ? sqrt(squares / (double)(n - 1)) : NAN};
}

rk_spread rk_spread_one(double x) { return rk_spread_of(&x, 1); }
