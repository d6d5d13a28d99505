/* box.h: the largest value of a function of n variables in the box |y_i| <= bound_i, inexactly:
 * what is found is a lower bound of it. */
#ifndef RK_SHARPNESS_BOX_H
#define RK_SHARPNESS_BOX_H
#include "rethink/plugin.h"

typedef struct box {
    int64_t n;
    const double *bound; /* [n], not negative */
    void *ctx;
    /* The function at y [n], and its gradient [n] unless that is NULL. */
    rk_status (*value)(void *ctx, const double *y, double *f, double *gradient, rk_error *e);
} box;

/* Projected ascent by signs: y <- clip(y + 2 bound sign(gradient)), which is the corner that the
 * gradient points to, and stays where it is 0.  The largest of the values at y, the start, and
 * after each of `steps` steps.  y moves. */
rk_status box_ascend(const box *b, int64_t steps, double *y, double *best, rk_error *e);

/* L-BFGS-B with 10 pairs from y, without tolerances, for `steps` iterations; the largest of the
 * values that it asks for.  Variables are y_i / bound_i, and the function is scaled so that the
 * largest entry of its first gradient is 1: near a minimum gradients are so small that absolute
 * tolerances, also those inside of a library, would end the search at once.  y moves.  It adds by
 * the machine's BLAS, whose order is its own: on other machines last digits may differ. */
rk_status box_lbfgs(const box *b, int64_t steps, double *y, double *best, rk_error *e);
#endif
