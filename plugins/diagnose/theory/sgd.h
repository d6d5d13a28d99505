/* sgd.h: stochastic gradient descent on least squares in double precision. */
#ifndef THEORY_SGD_H
#define THEORY_SGD_H
#include "rethink/plugin.h"

/* One epoch over the rows of x[n][d] in the given order, one at a time: w[d][k] moves by
 * rate x_i r^T with r = y_i - w^T x_i; room is [k].  Returns the largest entry of an r. */
double sgd_epoch(const double *x, const double *y, int64_t n, int64_t d, int64_t k, double rate,
                 const uint32_t *order, double *room, double *w);
#endif
