/* Means of efficiencies. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "bench/portability.h"

rk_metric rk_metric_of(const double *efficiency, uint32_t n)
{
    double sum = 0, inverse = 0;
    uint32_t supported = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (efficiency[i] <= 0) continue;
        sum += efficiency[i];
        inverse += 1 / efficiency[i];
        supported++;
    }
    if (supported == 0) return (rk_metric){n ? 0 : (double)NAN, NAN, NAN, 0};
    return (rk_metric){.full = supported == n ? n / inverse : 0,
                       .supported = supported / inverse,
                       .mean = sum / supported,
                       .platforms = supported};
}

rk_metric rk_portability_metric(const rk_portability *p, uint32_t problem, rk_application a,
                                rk_efficiency which)
{
    rk_metric out = {NAN, NAN, NAN, 0};
    double *x = calloc(p->n_platforms + (size_t)1, sizeof *x);
    for (uint32_t i = 0; x && i < p->n_platforms; i++)
        x[i] = rk_portability_merit(p, problem, a, i)->efficiency[which];
    if (x) out = rk_metric_of(x, p->n_platforms);
    free(x);
    return out;
}

/* On any platform. */
static bool has_time(const rk_portability *p, uint32_t problem, rk_application a)
{
    for (uint32_t i = 0; i < p->n_platforms; i++)
        if (isfinite(rk_portability_merit(p, problem, a, i)->seconds)) return true;
    return false;
}

bool rk_portability_has(const rk_portability *p, const char *suite, rk_application a)
{
    for (uint32_t i = 0; i < p->n_problems; i++) {
        bool asked = !suite || strcmp(p->problem[i].suite, suite) == 0;
        if (asked && has_time(p, i, a)) return true;
    }
    return false;
}

double rk_portability_overall(const rk_portability *p, const char *suite, rk_application a,
                              uint32_t platform, rk_efficiency which)
{
    double least = 0, seconds = 0;
    for (uint32_t i = 0; i < p->n_problems; i++) {
        const rk_merit *m = rk_portability_merit(p, i, a, platform);
        bool same = strcmp(p->problem[i].suite, suite) == 0;
        if (!same || p->problem[i].tried < p->n_platforms || !has_time(p, i, a)) continue;
        if (m->state != RK_RAN) return 0;
        least += m->efficiency[which] * m->seconds;
        seconds += m->seconds;
    }
    return seconds > 0 ? least / seconds : (double)NAN;
}

static int descending(const void *a, const void *b)
{
    const rk_cascade_step *x = a, *y = b;
    double p = isnan(x->efficiency) ? -1 : x->efficiency;
    double q = isnan(y->efficiency) ? -1 : y->efficiency;
    if (p > q || p < q) return p < q ? 1 : -1;
    return (x->platform > y->platform) - (x->platform < y->platform);
}

void rk_cascade_of(const double *efficiency, uint32_t n, rk_cascade_step *step)
{
    double inverse = 0;
    for (uint32_t i = 0; i < n; i++) step[i] = (rk_cascade_step){i, efficiency[i], 0};
    qsort(step, n, sizeof *step, descending);
    for (uint32_t i = 0; i < n; i++) {
        inverse += 1 / step[i].efficiency; /* of 0 infinite: the metric is 0 from there on */
        step[i].metric = (i + 1) / inverse;
    }
}
