/* unroll.h: steps of gradient descent and back through them.
 *
 * With x_j the inputs, l the mean loss of step t's batch and H_t its Hessian at theta_t, a step is
 *
 *   v <- momentum v + grad l(theta_t),  theta_(t+1) = theta_t - rate v,
 *
 * and of an L(theta_T) with adjoints lambda = dL / dtheta_(t+1) and nu = dL / dv beyond step t
 *
 *   a = nu - rate lambda,  lambda <- lambda + H_t a,  nu <- momentum a,
 *   dL / dx_j += d/dx_j (a . grad l(theta_t)),
 *
 * both products exact: derivatives of the scalar a . grad l.  Without momentum a = -rate lambda. */
#ifndef RK_SENSITIVITY_UNROLL_H
#define RK_SENSITIVITY_UNROLL_H
#include "rethink/diagnose.h"

typedef struct unroll_options {
    int64_t steps, batch, keep; /* keep: steps between weights that are kept on the way */
    double rate, momentum;
} unroll_options;

typedef struct unroll unroll;
/* Compiles for a lab; the order of each epoch is random.  Batches that are not whole are left
 * out. */
rk_status unroll_new(rk_lab *lab, const unroll_options *o, unroll **out, rk_error *e);
void unroll_free(unroll *u);

/* From the run's first weights: calls at(ctx, t, theta_t) for t = 1 ... steps, and keeps what
 * unroll_back needs. */
typedef rk_status unroll_visit(void *ctx, int64_t t, const float *weights, rk_error *e);
rk_status unroll_forward(unroll *u, unroll_visit *at, void *ctx, rk_error *e);

/* A loss after step t, and what it depends on. */
typedef struct unroll_adjoint {
    int64_t t;
    double *lambda, *nu; /* [rk_lab_size]; lambda is the gradient at theta_t at first, nu 0 */
    double *slope;       /* [training examples][pixels]: gets dL / dx, is 0 at first */
} unroll_adjoint;
/* Of all of them in one pass, from the last step to the first. */
rk_status unroll_back(unroll *u, unroll_adjoint *list, uint32_t n, rk_error *e);
#endif
