/* ramps.h: Theorem 1 of Zhang et al. 2016: a network of ReLUs through any n points of a line.
 *
 * Of one hidden layer, c(z) = sum_j w_j max(z - b_j, 0) with b_1 = z_1 - 1 and b_j = z_{j-1}: the
 * matrix max(z_i - b_j, 0) is lower triangular with a positive diagonal, so that w follows row by
 * row, and with prefix sums of w and w b in O(n).  Each row takes the rounding of those before into
 * account, as the evaluation below makes it.
 *
 * Of several layers (the corollary: depth k, width O(n / k)), the points are cut into as many
 * blocks.  A layer has the ramps of its block and hands on z, and what the layers before it add up
 * to; one more ramp at the end of a block makes its sum constant behind it.  So what is handed on
 * is between 0 and the largest y: it passes a ReLU unchanged. */
#ifndef THEORY_RAMPS_H
#define THEORY_RAMPS_H
#include "rethink/plugin.h"

typedef struct ramps {
    int64_t n, outputs, layers;
    int64_t *first; /* [layers + 1]: layer l has the ramps from first[l] to first[l + 1] */
    double *b;      /* [n], ascending in a layer */
    double *w;      /* [n][outputs] */
    double *sum;    /* [n + layers][2][outputs]: of the first ramps of a layer, of w and of w b */
} ramps;

/* z[n] strictly ascending, y[n][outputs] at least 0; 0 < layers <= n.  Free with ramps_free. */
rk_status ramps_fit(const double *z, const double *y, int64_t n, int64_t outputs, int64_t layers,
                    ramps *out, rk_error *e);
void ramps_free(ramps *r);
/* out[outputs], in O(layers (outputs + log n)). */
void ramps_evaluate(const ramps *r, double z, double *out);
#endif
