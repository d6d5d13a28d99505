/* ntk: the measure of Arora et al. 2019, sqrt(2 y^T H^-1 y / n).
 *
 * H_ij = x_i . x_j (pi - arccos(x_i . x_j)) / (2 pi) of inputs of length 1: the kernel of a wide
 * network of one hidden layer of ReLUs whose first layer is trained.  Of several classes y^T H^-1 y
 * is added over the targets of the classes. */
#include "gram.h"
#include "solve.h"
#include <math.h>
#include <stdlib.h>

/* Inner products become H + jitter I. */
static rk_status map(double *k, int64_t n, double jitter, rk_error *e)
{
    double *length = lab_array(n, sizeof *length, "lengths", e);
    if (!length) return RK_E_NOMEM;
    rk_status status = RK_OK;
    for (int64_t i = 0; i < n; i++) {
        length[i] = sqrt(k[packed_at(n, i, i)]);
        if (!(length[i] > 0))
            status = rk_error_set(e, RK_E_INVALID,
                                  "ntk: training example %lld is 0 everywhere and has no direction",
                                  (long long)i);
    }
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < i; j++) {
            double *at = k + packed_at(n, i, j);
            double c = fmax(-1, fmin(1, *at / (length[i] * length[j])));
            *at = c * (M_PI - acos(c)) / (2 * M_PI);
        }
        k[packed_at(n, i, i)] = 0.5 + jitter;
    }
    free(length);
    return status;
}

static rk_status measure(rk_lab *l, gram *g, int64_t n, double jitter, rk_error *e)
{
    int64_t classes = rk_lab_data(l)->classes;
    double *k = lab_array(packed_size(n), sizeof *k, "the kernel's matrix", e), condition = 0,
           sum = 0;
    double *y = lab_array(n * classes, sizeof *y, "targets", e);
    double *b = lab_array(n * classes, sizeof *b, "targets", e);
    rk_status status = k && y && b ? gram_fill(l, g, n, k, 0.6, e) : RK_E_NOMEM;
    if (status == RK_OK) status = map(k, n, jitter, e);
    if (status == RK_OK) {
        lab_targets(l, n, y);
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < classes; c++) b[c * n + i] = y[i * classes + c];
        status = solve_definite(k, n, b, classes, &condition, e);
    }
    if (status == RK_OK) {
        for (int64_t c = 0; c < classes; c++)
            for (int64_t i = 0; i < n; i++) sum += y[i * classes + c] * b[c * n + i];
        rk_lab_value(l, "measure", sqrt(2 * sum / (double)n));
        rk_lab_value(l, "condition", condition);
    }
    free(k);
    free(y);
    free(b);
    return status;
}

rk_status ntk(rk_lab *l, const rk_args *a, rk_error *e)
{
    gram g = {0};
    int64_t n = lab_count(l, false, rk_arg_int(a, "n"));
    unsigned classes = rk_lab_data(l)->classes;
    TRY(gram_open(l, n, false, NULL, &g, e));
    rk_status status = measure(l, &g, n, rk_arg_real(a, "jitter"), e);
    gram_close(&g);
    if (status != RK_OK) return status;
    rk_lab_note(l, "inputs scaled to length 1; a target for each class, 1 - 1/%u or -1/%u", classes,
                classes);
    rk_lab_note(l, LAPACK_NOTE);
    return RK_OK;
}
