/* kernel.h: what both ways of solving for a kernel machine share. */
#ifndef THEORY_KERNEL_H
#define THEORY_KERNEL_H
#include "gram.h"

/* f(x) = sum_j alpha_j k(x, x_j), through the targets but for jitter alpha. */
typedef struct machine {
    int64_t n, tests;
    uint32_t classes;
    bool linear;     /* k is the inner product; else exp(-g |x - x_j|^2) */
    gram_rows *rows; /* x is a vector of these; NULL: the pixels */
    double g, jitter, median;
    double *y, *alpha, *fit; /* [classes][n]: targets, coefficients, K alpha */
    double *predicted;       /* [tests][classes] */
    double condition;        /* NaN: not estimated */
    double residual;         /* the largest |y - fit - jitter alpha| */
} machine;

/* The median of |x_i - x_j|^2, i < j < m, from inner products of n examples, packed (solve.h). */
rk_status kernel_median(const double *k, int64_t n, int64_t m, double *out, rk_error *e);
/* By a Cholesky factor of K + jitter I on the host. */
rk_status kernel_cholesky(rk_lab *l, machine *m, int64_t sample, double gamma, rk_error *e);
/* By conjugate gradients that compute K anew, a panel of rows at a time, on the device. */
rk_status kernel_cg(rk_lab *l, machine *m, int64_t sample, double gamma, double tolerance,
                    int64_t most, rk_error *e);
#endif
