#include "phi.h"
#include "../sharpness/box.h"
#include <math.h>
#include <stdlib.h>

typedef struct place {
    rk_objective *f;
    const float *w;
    int64_t n;
    float *at, *gradient; /* [n] */
} place;

static rk_status value(void *ctx, const double *y, double *f, double *gradient, rk_error *e)
{
    const place *p = ctx;
    for (int64_t i = 0; i < p->n; i++) p->at[i] = (float)((double)p->w[i] + y[i]);
    rk_status status = rk_objective_move(p->f, p->at, e);
    if (status != RK_OK) return status;
    if (!gradient) return rk_objective_loss(p->f, f, NULL, e);
    status = rk_objective_gradient(p->f, p->gradient, f, e);
    for (int64_t i = 0; i < p->n; i++) gradient[i] = (double)p->gradient[i];
    return status;
}

static rk_status ascend(place *p, const box *b, double *y, int64_t steps, double *out, rk_error *e)
{
    double loss, best;
    rk_status status = value(p, y, &loss, NULL, e);
    if (status == RK_OK) status = box_ascend(b, steps, y, &best, e);
    if (status == RK_OK) *out = 100 * (fmax(best, loss) - loss) / (1 + loss);
    return status;
}

rk_status keskar_phi(rk_lab *lab, rk_objective *f, const float *w, double epsilon, int64_t steps,
                     double *out, rk_error *e)
{
    place p = {.f = f, .w = w, .n = rk_lab_size(lab)};
    size_t n = (size_t)p.n;
    double *bound = calloc(n, sizeof *bound), *y = calloc(n, sizeof *y);
    box b = {.n = p.n, .bound = bound, .ctx = &p, .value = value};
    rk_status status = RK_E_NOMEM;
    p.at = calloc(n, sizeof *p.at);
    p.gradient = calloc(n, sizeof *p.gradient);
    if (bound && y && p.at && p.gradient) {
        for (size_t i = 0; i < n; i++) bound[i] = epsilon * (fabs((double)w[i]) + 1);
        status = ascend(&p, &b, y, steps, out, e);
    } else {
        rk_error_set(e, status, "no memory for an ascent");
    }
    free(bound);
    free(y);
    free(p.at);
    free(p.gradient);
    return status;
}
