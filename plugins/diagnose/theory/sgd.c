/* Least squares, one row at a time, see sgd.h. */
#include "sgd.h"
#include <math.h>

/* Sums over pixels go pixel by pixel for all outputs at once, which is a vector's work. */
double sgd_epoch(const double *x, const double *y, int64_t n, int64_t d, int64_t k, double rate,
                 const uint32_t *order, double *room, double *w)
{
    double worst = 0;
    for (int64_t at = 0; at < n; at++) {
        const double *row = x + (int64_t)order[at] * d, *target = y + (int64_t)order[at] * k;
        for (int64_t o = 0; o < k; o++) room[o] = target[o];
        for (int64_t j = 0; j < d; j++)
            for (int64_t o = 0; o < k; o++) room[o] -= w[j * k + o] * row[j];
        for (int64_t o = 0; o < k; o++) worst = fmax(worst, fabs(room[o]));
        for (int64_t o = 0; o < k; o++) room[o] *= rate;
        for (int64_t j = 0; j < d; j++)
            for (int64_t o = 0; o < k; o++) w[j * k + o] += room[o] * row[j];
    }
    return worst;
}
