/* kernel: interpolation by a Gaussian kernel (Zhang et al. 2016, section 5).
 *
 * K alpha = y with K_ij = exp(-g |x_i - x_j|^2), g = gamma over the median of |x_i - x_j|^2, and a
 * target for each class, 1 - 1 / classes or -1 / classes.  Of all functions through the
 * targets this one has the smallest norm of the kernel's space, the root of tr alpha^T K alpha. */
#include "kernel.h"
#include "solve.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void machine_free(machine *m)
{
    free(m->y);
    free(m->alpha);
    free(m->fit);
    free(m->predicted);
}

static rk_status machine_make(const rk_lab *l, const rk_args *a, machine *m, rk_error *e)
{
    const rk_dataset *d = rk_lab_data(l);
    *m = (machine){.n = lab_count(l, false, rk_arg_int(a, "n")),
                   .tests = lab_count(l, true, 0),
                   .classes = d->classes,
                   .jitter = rk_arg_real(a, "jitter"),
                   .condition = NAN};
    int64_t size = m->n * m->classes;
    m->y = lab_array(size, sizeof *m->y, "targets", e);
    m->alpha = lab_array(size, sizeof *m->alpha, "coefficients", e);
    m->fit = lab_array(size, sizeof *m->fit, "fitted values", e);
    m->predicted = lab_array(m->tests * m->classes, sizeof *m->predicted, "predictions", e);
    if (!m->y || !m->alpha || !m->fit || !m->predicted) return RK_E_NOMEM;
    for (uint32_t c = 0; c < m->classes; c++)
        for (int64_t i = 0; i < m->n; i++)
            m->y[c * m->n + i] = (d->train.x.label[i] == c) - 1.0 / m->classes;
    return RK_OK;
}

/* The class of example i of values [classes][n]. */
static uint32_t class_of(const machine *m, const double *values, int64_t i)
{
    uint32_t best = 0;
    for (uint32_t c = 1; c < m->classes; c++)
        if (values[c * m->n + i] > values[best * m->n + i]) best = c;
    return best;
}

static void report(rk_lab *l, const machine *m)
{
    const rk_dataset *d = rk_lab_data(l);
    int64_t right = 0, wrong = 0;
    double square = 0;
    for (int64_t i = 0; i < m->n; i++) right += class_of(m, m->fit, i) == d->train.x.label[i];
    for (int64_t i = 0; i < m->tests; i++)
        wrong += lab_class(m->predicted + i * m->classes, m->classes) != d->test.x.label[i];
    for (int64_t i = 0; i < m->n * m->classes; i++) square += m->alpha[i] * m->fit[i];
    rk_lab_value(l, "n", (double)m->n);
    rk_lab_value(l, "train_accuracy", (double)right / (double)m->n);
    rk_lab_value(l, "test_error", (double)wrong / (double)m->tests);
    rk_lab_value(l, "norm", sqrt(square));
    rk_lab_value(l, "median", m->median);
    rk_lab_value(l, "residual", m->residual);
    rk_lab_value(l, "condition", m->condition);
}

static double gib(double bytes) { return bytes / (double)(1 << 30); }

/* Whether Cholesky is meant; says what is coming. */
static rk_status choose(rk_lab *l, const rk_args *a, const machine *m, bool *cholesky, rk_error *e)
{
    const char *solver = rk_arg_text(a, "solver");
    double n = (double)m->n, d = (double)rk_dataset_pixels(rk_lab_data(l));
    double bytes = 8 * n * n, limit = rk_arg_real(a, "memory");
    bool fits = gib(bytes) <= limit;
    if (!strcmp(solver, "cholesky") && !fits)
        return rk_error_set(e, RK_E_NOMEM,
                            "kernel: the matrix of %lld examples takes %.3g GiB and memory=%g is "
                            "the limit: raise it, give n=, or solver=cg",
                            (long long)m->n, gib(bytes), limit);
    *cholesky = strcmp(solver, "cg") && fits;
    if (*cholesky)
        rk_lab_note(l,
                    "solver: Cholesky on the host, %.3g GiB and %.3g GFLOP, after a Gram matrix "
                    "of %.3g GFLOP on the device",
                    gib(bytes), n * n * n / 3e9, n * n * d / 1e9);
    else
        rk_lab_note(l,
                    "solver: conjugate gradients, %.3g GFLOP on the device an iteration; the "
                    "matrix would take %.3g GiB",
                    2 * n * n * (d + m->classes) / 1e9, gib(bytes));
    return RK_OK;
}

rk_status kernel(rk_lab *l, const rk_args *a, rk_error *e)
{
    machine m;
    bool cholesky = false;
    double gamma = rk_arg_real(a, "gamma");
    rk_status status = machine_make(l, a, &m, e);
    int64_t sample = rk_arg_int(a, "median") < m.n ? rk_arg_int(a, "median") : m.n;
    if (status == RK_OK) status = choose(l, a, &m, &cholesky, e);
    if (status == RK_OK)
        status = cholesky ? kernel_cholesky(l, &m, sample, gamma, e)
                          : kernel_cg(l, &m, sample, gamma, rk_arg_real(a, "tolerance"),
                                      rk_arg_int(a, "iterations"), e);
    if (status == RK_OK) {
        report(l, &m);
        rk_lab_note(l,
                    "g = gamma over the median squared distance of the first %lld examples; "
                    "targets 1 - 1/%u and -1/%u; %g is added to the diagonal",
                    (long long)sample, m.classes, m.classes, m.jitter);
        if (cholesky) rk_lab_note(l, LAPACK_NOTE);
    }
    machine_free(&m);
    return status;
}
