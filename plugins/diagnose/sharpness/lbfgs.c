#include "box.h"
#include <math.h>
#include <nlopt.h>
#include <stdlib.h>

enum { PAIRS = 10 };

/* A search: NLopt looks for the smallest value of -scale f at y = bound u. */
typedef struct search {
    const box *b;
    double *y, *gradient; /* [n] */
    double scale;         /* 0 before the first value */
    double best;
    rk_status status;
    rk_error *e;
    nlopt_opt opt;
} search;

static double largest(const search *s)
{
    double most = 0;
    for (int64_t i = 0; i < s->b->n; i++) most = fmax(most, fabs(s->gradient[i] * s->b->bound[i]));
    return most;
}

/* Bounds hold exactly whatever rounding the division by them brought. */
static void to_box(const search *s, const double *u)
{
    for (int64_t i = 0; i < s->b->n; i++) s->y[i] = fmin(fmax(u[i], -1), 1) * s->b->bound[i];
}

static double evaluate(unsigned n, const double *u, double *gradient, void *ctx)
{
    search *s = ctx;
    double f = 0;
    if (s->status != RK_OK) return 0; /* NLopt does not stop at once */
    to_box(s, u);
    s->status = s->b->value(s->b->ctx, s->y, &f, s->gradient, s->e);
    if (s->status != RK_OK) {
        nlopt_force_stop(s->opt);
        return 0;
    }
    if (s->scale == 0) {
        double most = largest(s);
        s->scale = most > 0 && isfinite(most) ? 1 / most : 1;
        s->best = f;
    }
    if (f > s->best) s->best = f;
    for (unsigned i = 0; i < n && gradient; i++)
        gradient[i] = -s->scale * s->gradient[i] * s->b->bound[i];
    return -s->scale * f;
}

static nlopt_result set_up(search *s, int64_t evaluations)
{
    nlopt_result result = nlopt_set_min_objective(s->opt, evaluate, s);
    if (result > 0) result = nlopt_set_lower_bounds1(s->opt, -1);
    if (result > 0) result = nlopt_set_upper_bounds1(s->opt, 1);
    if (result > 0) result = nlopt_set_vector_storage(s->opt, PAIRS);
    if (result > 0) result = nlopt_set_maxeval(s->opt, (int)evaluations);
    return result;
}

/* NLopt calls a search that cannot go on a failure: what was found before counts all the same. */
static rk_status run(search *s, int64_t evaluations, double *u)
{
    double least;
    nlopt_result result = set_up(s, evaluations);
    if (result > 0) result = nlopt_optimize(s->opt, u, &least);
    if (s->status != RK_OK) return s->status;
    if (result == NLOPT_OUT_OF_MEMORY)
        return rk_error_set(s->e, RK_E_NOMEM, "no memory for L-BFGS with %lld variables",
                            (long long)s->b->n);
    if (s->scale == 0)
        return rk_error_set(s->e, RK_E_INTERNAL, "NLopt refused to begin: %s",
                            nlopt_result_to_string(result));
    return RK_OK;
}

rk_status box_lbfgs(const box *b, int64_t evaluations, double *y, double *best, rk_error *e)
{
    search s = {.b = b, .y = y, .e = e};
    rk_status status;
    double *u = malloc((size_t)b->n * sizeof *u);
    s.gradient = malloc((size_t)b->n * sizeof *s.gradient);
    s.opt = nlopt_create(NLOPT_LD_LBFGS, (unsigned)b->n);
    if (!u || !s.gradient || !s.opt) {
        status = rk_error_set(e, RK_E_NOMEM, "no memory for L-BFGS with %lld variables",
                              (long long)b->n);
    } else {
        for (int64_t i = 0; i < b->n; i++) u[i] = b->bound[i] > 0 ? y[i] / b->bound[i] : 0;
        status = run(&s, evaluations, u);
        *best = s.best;
    }
    nlopt_destroy(s.opt);
    free(s.gradient);
    free(u);
    return status;
}
