#include "base/moments.h"
#include <math.h>

/* B. P. Welford, "Note on a method for calculating corrected sums of squares and products", 1962:
 * equal numbers have exactly their mean and no spread, which sums of squares do not give. */
void rk_moments_add(rk_moments *m, double x)
{
    double step = x - m->mean;
    m->n++;
    if (isinf(x) || isinf(m->mean))
        m->mean += x;
    else
        m->mean += step / m->n;
    m->squares += step * (x - m->mean);
}

double rk_moments_mean(const rk_moments *m) { return m->n ? m->mean : (double)NAN; }

double rk_moments_spread(const rk_moments *m)
{
    if (m->n < 2) return NAN;
    double square = m->squares / (m->n - 1);
    return square > 0 && isfinite(square) ? sqrt(square) : 0;
}
