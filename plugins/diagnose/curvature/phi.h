/* phi.h: Keskar's sharpness at given weights. */
#ifndef CURVATURE_PHI_H
#define CURVATURE_PHI_H
#include "rethink/diagnose.h"

/* 100 (max f(w + y) - f(w)) / (1 + f(w)) over |y_i| <= epsilon (|w_i| + 1), Keskar et al. 2017 in
 * the full space, by `steps` steps of projected ascent from y = 0: a lower bound.  The objective is
 * elsewhere then. */
rk_status keskar_phi(rk_lab *lab, rk_objective *f, const float *w, double epsilon, int64_t steps,
                     double *out, rk_error *e);
#endif
