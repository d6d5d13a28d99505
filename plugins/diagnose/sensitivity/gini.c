#include "gini.h"
#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double gini_of(double *v, int64_t n)
{
    double weighted = 0, sum = 0;
    qsort(v, (size_t)n, sizeof *v, ascending);
    for (int64_t i = 0; i < n; i++) {
        weighted += (double)(2 * (i + 1) - n - 1) * v[i];
        sum += v[i];
    }
    return sum > 0 ? weighted / ((double)n * sum) : (double)NAN;
}
