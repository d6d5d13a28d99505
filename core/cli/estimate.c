#include "cli/estimate.h"

/* Seconds in the unit that a person would choose. */
static double in_unit(double seconds, const char **unit)
{
    if (seconds < 120) return *unit = "seconds", seconds;
    if (seconds < 7200) return *unit = "minutes", seconds / 60;
    return *unit = "hours", seconds / 3600;
}

void rk_estimate_print(FILE *f, const rk_estimate *c)
{
    const char *unit;
    double time = in_unit(c->seconds, &unit);
    fprintf(f,
            "rethink: estimate: at most %.3g %s for %lld epochs of %lld steps: %.3g FLOP in matrix "
            "products and convolutions; a step takes %.3g s (median of %lld), %.3g GFLOP/s\n",
            time, unit, (long long)c->epochs, (long long)c->steps, c->flop, c->step_seconds,
            (long long)c->timed, 1e-9 * c->step_flop / c->step_seconds);
}
