/* cover.h: can a hyperplane through the origin have all positive examples on one side? */
#ifndef THEORY_COVER_H
#define THEORY_COVER_H
#include "rethink/plugin.h"

/* Cover 1965: of n points in general position in R^d the fraction of the 2^n labellings that such a
 * hyperplane separates, 2^(1-n) sum_{k<d} C(n-1, k); n at most 1000. */
double cover_fraction(int64_t n, int64_t d);

/* Whether x[n][d] with signs[n] of +-1 is separable: 1 or 0, decided by a certificate of either, as
 * by Gordan's theorem the origin is in the convex hull of the signs[i] x[i] or a w has all
 * signs[i] <w, x[i]> above 0; -1: rounding hides which. */
rk_status cover_separable(const double *x, const double *signs, int64_t n, int64_t d, int *out,
                          rk_error *e);
#endif
