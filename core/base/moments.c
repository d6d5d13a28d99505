#include "base/moments.h"
#include <math.h>

void rk_moments_add(rk_moments *m, double x)
{
    m->sum += x;
    m->squares += x * x;
    m->n++;
}

double rk_moments_mean(const rk_moments *m) { return m->n ? m->sum / m->n : (double)NAN; }

double rk_moments_spread(const rk_moments *m)
{
    if (m->n < 2) return NAN;
    double square = (m->squares - m->sum * m->sum / m->n) / (m->n - 1);
    return square > 0 ? sqrt(square) : 0;
}
