#include "box.h"
#include <stdlib.h>

static double sign(double x) { return (double)(x > 0) - (double)(x < 0); }

rk_status box_ascend(const box *b, int64_t steps, double *y, double *best, rk_error *e)
{
    rk_status status = RK_OK;
    double *gradient = malloc((size_t)b->n * sizeof *gradient);
    if (!gradient)
        return rk_error_set(e, RK_E_NOMEM, "no memory for a gradient of %lld values",
                            (long long)b->n);
    for (int64_t step = 0; step <= steps && status == RK_OK; step++) {
        double f;
        status = b->value(b->ctx, y, &f, step < steps ? gradient : NULL, e);
        if (status != RK_OK) break;
        if (step == 0 || f > *best) *best = f;
        for (int64_t i = 0; i < b->n && step < steps; i++) {
            double to = y[i] + 2 * b->bound[i] * sign(gradient[i]);
            y[i] = to > b->bound[i] ? b->bound[i] : to < -b->bound[i] ? -b->bound[i] : to;
        }
    }
    free(gradient);
    return status;
}
