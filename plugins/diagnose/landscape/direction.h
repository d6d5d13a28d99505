/* direction.h: random directions in the space of weights. */
#ifndef RK_LANDSCAPE_DIRECTION_H
#define RK_LANDSCAPE_DIRECTION_H
#include "rethink/diagnose.h"

/* Filter-normalized (Li et al. 2018): fills its part of d, [first, first + size), with standard
 * normal numbers, those of r with the same numbers as the elements, and scales each filter
 * d[i][...] to the norm of the filter w[i][...].  Biases, and scales and shifts of batch norm,
 * are tensors of one dimension: they do not move, as in the authors' code.  w and d are whole
 * vectors of weights. */
void direction_fill(const rk_lab_tensor *t, const float *w, rk_random r, double *d);

/* The linear path (1 - alpha) a + alpha b and the curved one cos(alpha pi / 2) a +
 * sin(alpha pi / 2) b, of n weights. */
void path_linear(const float *a, const float *b, double alpha, int64_t n, float *out);
void path_curved(const float *a, const float *b, double alpha, int64_t n, float *out);
#endif
