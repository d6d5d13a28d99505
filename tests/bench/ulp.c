/* ulp: error of the functions of numerics.h, in units in the last place, over all 2^32 floats (or
 * every STEP-th: ulp STEP).  The reference is the C library in double, whose own error is below
 * 1e-8 ULP of a float.  sqrt_soft and div_soft must be correctly rounded: any difference from the
 * processor's result prints as infinite.  Run by hand; minutes on two cores. */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include "rethink/numerics.h"

typedef struct subject {
    const char *name;
    float (*got)(float);
    double (*want)(double);
    bool exact; /* any difference counts */
} subject;

static float expf_of(float x) { return rk_expf(x); }
static float logf_of(float x) { return rk_logf(x); }
static float sinf_of(float x) { return rk_sinf(x); }
static float cosf_of(float x) { return rk_cosf(x); }
static float sqrt_of(float x) { return rk_sqrt_soft(x); }
static float recip_of(float x) { return rk_div_soft(1.0f, x); }
static float third_of(float x) { return rk_div_soft(x, 3.0f); }
static double recip(double x) { return 1.0 / x; }
static double third(double x) { return x / 3.0; }

static double error_ulp(float got, double want, bool exact)
{
    float nearest = (float)want;
    int e;
    if (isnan(want)) return isnan(got) ? 0 : INFINITY;
    if (exact) return rk_bits(got) == rk_bits(nearest) ? 0.5 : INFINITY;
    if (isinf(nearest) || isinf(got)) return got == nearest || fabs(want) > FLT_MAX ? 0 : INFINITY;
    frexp(want, &e);
    return fabs((double)got - want) / ldexp(1.0, (e < -125 ? -125 : e) - 24);
}

static void measure(const subject *s, uint64_t step)
{
    double worst = 0;
    float at = 0;
#pragma omp parallel for schedule(dynamic, 64)
    for (int64_t chunk = 0; chunk < 65536; chunk++) {
        double most = 0;
        float where = 0;
        uint64_t first = ((uint64_t)chunk * 65536 + step - 1) / step * step;
        for (uint64_t i = first; i < ((uint64_t)chunk + 1) * 65536; i += step) {
            float x = rk_float((uint32_t)i);
            double u = error_ulp(s->got(x), s->want((double)x), s->exact);
            if (u > most) {
                most = u;
                where = x;
            }
        }
#pragma omp critical
        if (most > worst) {
            worst = most;
            at = where;
        }
    }
    printf("%-10s %8.4f ULP at %.9g (0x%08X)\n", s->name, worst, (double)at, rk_bits(at));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const subject subjects[] = {
        {"exp", expf_of, exp, false},       {"log", logf_of, log, false},
        {"sin", sinf_of, sin, false},       {"cos", cosf_of, cos, false},
        {"sqrt soft", sqrt_of, sqrt, true}, {"1/x soft", recip_of, recip, true},
        {"x/3 soft", third_of, third, true}};
    long step = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    if (step < 1) {
        fprintf(stderr, "ulp: step must be at least 1, got '%s'\n", argv[1]);
        return 2;
    }
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        measure(&subjects[i], (uint64_t)step);
    return 0;
}
