/* spectral.h: norms of layers as linear maps. */
#ifndef THEORY_SPECTRAL_H
#define THEORY_SPECTRAL_H
#include "rethink/plugin.h"

/* A dense layer w[k][d] (win.kh is 0), or a convolution w[k][c][kh][kw] of inputs [c][h][w] in
 * double precision. */
typedef struct layer {
    const double *w;
    int64_t k, d; /* outputs or filters; inputs of a dense layer */
    int64_t c, h, wide;
    rk_window win;
} layer;

int64_t layer_inputs(const layer *l);
int64_t layer_outputs(const layer *l);
/* y = W x, and x = W^T y. */
void layer_apply(const layer *l, const double *x, double *y);
void layer_adjoint(const layer *l, const double *y, double *x);

/* The spectral norm by power iteration from a random x: from below, until it grows by less than
 * tolerance of itself, at most so many times. */
rk_status spectral_norm(const layer *l, rk_random r, double tolerance, int64_t most, double *out,
                        rk_error *e);
/* |A^T|_{2,1}: the sum over outputs of the 2-norms of their rows in the matrix. */
rk_status row_norms(const layer *l, double *out, rk_error *e);

typedef struct bound {
    double spectral; /* of the trained layer */
    double moved;    /* |(W - W_0)^T|_{2,1} */
} bound;
/* R_A of Bartlett et al. 2017, equation 1.2, for 1-Lipschitz nonlinearities and reference W_0:
 * prod_l spectral_l (sum_l (moved_l / spectral_l)^(2/3))^(3/2). */
double spectral_complexity(const bound *b, int64_t n);
#endif
