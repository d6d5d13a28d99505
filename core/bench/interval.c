#include "bench/interval.h"
#include <math.h>

#define PI 3.14159265358979323846

/* With tan(theta) = t / sqrt(degrees); both sums are of degrees / 2 terms. */
static double within(double theta, uint32_t degrees)
{
    bool odd = degrees % 2;
    double s = sin(theta), c = cos(theta), term = odd ? c : 1, sum = 0;
    for (uint32_t k = odd ? 1 : 0; k + 2 <= degrees; k += 2) {
        sum += term;
        term *= c * c * (double)(k + 1) / (double)(k + 2);
    }
    return odd ? 2 / PI * (theta + s * sum) : s * sum;
}

double rk_student_within(double t, uint32_t degrees)
{
    if (degrees == 0) return NAN;
    return within(atan(t / sqrt((double)degrees)), degrees);
}

double rk_student_t(double p, uint32_t degrees)
{
    double low = 0, high = PI / 2;
    if (degrees == 0 || !(p >= 0 && p < 1)) return NAN;
    for (int i = 0; i < 64; i++) {
        double middle = (low + high) / 2;
        if (within(middle, degrees) < p)
            low = middle;
        else
            high = middle;
    }
    return sqrt((double)degrees) * tan((low + high) / 2);
}

rk_logs rk_logs_of(const double *x, uint32_t n)
{
    rk_logs out = {n, 0, 0};
    for (uint32_t i = 0; i < n; i++) {
        if (!(x[i] > 0 && isfinite(x[i]))) return (rk_logs){0, NAN, NAN};
        out.mean += log(x[i]) / n;
    }
    for (uint32_t i = 0; i < n; i++) {
        double away = log(x[i]) - out.mean;
        out.sd += away * away;
    }
    out.sd = n > 1 ? sqrt(out.sd / (n - 1)) : NAN;
    if (n == 0) out.mean = NAN;
    return out;
}

rk_logs rk_logs_of_moments(double mean, double sd, uint32_t n)
{
    double variation = sd / mean, square = log1p(variation * variation);
    if (n < 2 || !(mean > 0) || !(sd >= 0)) return (rk_logs){0, NAN, NAN};
    return (rk_logs){n, log(mean) - square / 2, sqrt(square)};
}

double rk_logs_reach(const rk_logs *l)
{
    if (l->n < 2) return NAN;
    return expm1(rk_student_t(RK_CONFIDENCE, l->n - 1) * l->sd * sqrt(2.0 / l->n));
}

rk_ratio rk_ratio_of(const rk_logs *a, const rk_logs *b)
{
    rk_ratio out = {exp(b->mean - a->mean), NAN, NAN, false};
    double squares = 0, half;
    if (a->n < 1 || b->n < 1 || a->n + b->n < 3) return out;
    uint32_t degrees = a->n + b->n - 2;
    if (a->n > 1) squares += (a->n - 1) * a->sd * a->sd;
    if (b->n > 1) squares += (b->n - 1) * b->sd * b->sd;
    half =
        rk_student_t(RK_CONFIDENCE, degrees) * sqrt(squares / degrees * (1.0 / a->n + 1.0 / b->n));
    out.low = exp(b->mean - a->mean - half);
    out.high = exp(b->mean - a->mean + half);
    out.differs = out.low > 1 || out.high < 1;
    return out;
}
