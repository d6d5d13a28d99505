/* A kernel machine by conjugate gradients, see kernel.h: each class on its own, all at once.
 *
 * K v is computed by the device in float32, a panel of rows of K at a time, from the examples;
 * memory does not grow with the square of n.  Vectors, and sums over them, are of double precision
 * on the host, so that iterates have the same bits on every device. */
#include "gram.h"
#include "kernel.h"
#include "solve.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 512 };

typedef struct solver {
    rk_lab *lab;
    rk_job *job;
    uint32_t program[2];
    const machine *m;
    float *v;   /* [classes][n] */
    float *out; /* [ROWS][classes] */
} solver;

static rk_value square_norms(rk_graph *g, rk_value x)
{
    rk_value square = rk_mul(g, x, x);
    return rk_reduce_sum(g, square, 1, 1);
}

static rk_status add(solver *s, bool test, rk_error *e)
{
    rk_graph *g = rk_graph_new();
    if (!g) return rk_error_set(e, RK_E_NOMEM, "no memory for a graph");
    int64_t n = s->m->n;
    rk_value index = rk_input(g, RK_U32, RK_SHAPE(ROWS), "rows");
    rk_value v = rk_input(g, RK_F32, RK_SHAPE(s->m->classes, n), "v");
    rk_value scale = rk_input(g, RK_F32, RK_SHAPE(1, 1), "scale");
    rk_value out = rk_state(g, RK_F32, RK_SHAPE(ROWS, s->m->classes), "out");
    rk_value a = rk_flatten(g, rk_lab_batch(s->lab, g, test, index, NULL));
    rk_value b = rk_flatten(g, rk_lab_batch(s->lab, g, false, rk_iota(g, n), NULL));
    rk_value norms = rk_reshape(g, square_norms(g, b), RK_SHAPE(1, n));
    rk_value sum = rk_add(g, square_norms(g, a), norms);
    rk_value twice = rk_mul(g, rk_const_f(g, 2), rk_matmul(g, a, b, false, true));
    rk_value apart = rk_max(g, rk_sub(g, sum, twice), rk_const_f(g, 0));
    rk_value k = rk_exp(g, rk_mul(g, scale, apart));
    rk_assign(g, out, rk_matmul(g, k, v, false, true));
    return rk_job_add(s->job, g, test ? "kernel of test" : "kernel", &s->program[test], e);
}

static rk_status panel(solver *s, bool test, int64_t first, rk_error *e)
{
    uint32_t index[ROWS];
    for (int64_t i = 0; i < ROWS; i++) index[i] = (uint32_t)(first + i);
    TRY(rk_job_write(s->job, "rows", index, sizeof index, e));
    TRY(rk_job_run(s->job, s->program[test], e));
    return rk_job_read(s->job, "out", s->out, ROWS * s->m->classes * sizeof *s->out, e);
}

static rk_status write_vector(solver *s, const double *v, rk_error *e)
{
    int64_t size = s->m->n * s->m->classes;
    for (int64_t i = 0; i < size; i++) s->v[i] = (float)v[i];
    return rk_job_write(s->job, "v", s->v, (uint64_t)size * sizeof *s->v, e);
}

/* out [classes][n] = K v. */
static rk_status apply(solver *s, const double *v, double *out, rk_error *e)
{
    const machine *m = s->m;
    TRY(write_vector(s, v, e));
    for (int64_t first = 0; first < m->n; first += ROWS) {
        TRY(panel(s, false, first, e));
        for (int64_t i = first; i < first + ROWS && i < m->n; i++)
            for (uint32_t c = 0; c < m->classes; c++)
                out[c * m->n + i] = (double)s->out[(i - first) * m->classes + c];
    }
    return RK_OK;
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* One class's step along p with kp = K p; returns |r|^2 after it. */
static double step(const machine *m, double *alpha, double *r, double *p, const double *kp)
{
    double before = dot(r, r, m->n), along = dot(p, kp, m->n) + m->jitter * dot(p, p, m->n);
    if (!(along > 0)) return before; /* r is 0, or as small as float32 makes it */
    double length = before / along;
    for (int64_t i = 0; i < m->n; i++) {
        alpha[i] += length * p[i];
        r[i] -= length * (kp[i] + m->jitter * p[i]);
    }
    double after = dot(r, r, m->n);
    for (int64_t i = 0; i < m->n; i++) p[i] = r[i] + after / before * p[i];
    return after;
}

static rk_status iterate(solver *s, machine *m, double tolerance, int64_t most, double *scratch,
                         rk_error *e)
{
    int64_t size = m->n * m->classes, count = 0;
    double *r = scratch, *p = scratch + size, *kp = scratch + 2 * size, worst = 1;
    memcpy(r, m->y, (size_t)size * sizeof *r);
    memcpy(p, m->y, (size_t)size * sizeof *p);
    for (; count < most && worst > tolerance; count++) {
        TRY(apply(s, p, kp, e));
        worst = 0;
        for (uint32_t c = 0; c < m->classes; c++) {
            const double *y = m->y + c * m->n;
            double after = step(m, m->alpha + c * m->n, r + c * m->n, p + c * m->n, kp + c * m->n);
            worst = fmax(worst, sqrt(after / dot(y, y, m->n)));
        }
        TRY(rk_lab_progress(s->lab, 0.9 * fmin(1, log(worst) / log(tolerance)), e));
        rk_lab_point(s->lab, "residual", (double)(count + 1), worst);
    }
    rk_lab_value(s->lab, "iterations", (double)count);
    if (worst > tolerance)
        rk_lab_note(s->lab,
                    "stopped after %lld iterations at a residual of %.3g: raise iterations, "
                    "jitter or tolerance",
                    (long long)count, worst);
    return RK_OK;
}

/* What alpha gives: of training examples, and of test examples. */
static rk_status evaluate(solver *s, machine *m, rk_error *e)
{
    TRY(apply(s, m->alpha, m->fit, e));
    for (int64_t i = 0; i < m->n * m->classes; i++)
        m->residual = fmax(m->residual, fabs(m->y[i] - m->fit[i] - m->jitter * m->alpha[i]));
    for (int64_t first = 0; first < m->tests; first += ROWS) {
        TRY(panel(s, true, first, e));
        for (int64_t i = first; i < first + ROWS && i < m->tests; i++)
            for (uint32_t c = 0; c < m->classes; c++)
                m->predicted[i * m->classes + c] = (double)s->out[(i - first) * m->classes + c];
    }
    return RK_OK;
}

static rk_status median(rk_lab *l, machine *m, int64_t sample, rk_error *e)
{
    gram g = {0};
    double *k = lab_array(packed_size(sample), sizeof *k, "inner products", e);
    rk_status status = k ? gram_open(l, sample, false, NULL, &g, e) : RK_E_NOMEM;
    if (status == RK_OK) status = gram_fill(l, &g, sample, k, 0, e);
    if (status == RK_OK) status = kernel_median(k, sample, sample, &m->median, e);
    gram_close(&g);
    free(k);
    return status;
}

static rk_status solver_open(solver *s, rk_error *e)
{
    const machine *m = s->m;
    s->v = lab_array(m->n * m->classes, sizeof *s->v, "a vector", e);
    s->out = lab_array(ROWS * m->classes, sizeof *s->out, "a panel", e);
    if (!s->v || !s->out) return RK_E_NOMEM;
    TRY(rk_job_new(s->lab, &s->job, e));
    TRY(add(s, false, e));
    TRY(add(s, true, e));
    TRY(rk_job_commit(s->job, e));
    float scale = (float)-m->g;
    rk_lab_note(s->lab, "%.3g GiB of device memory", (double)rk_job_bytes(s->job) / (1 << 30));
    return rk_job_write(s->job, "scale", &scale, sizeof scale, e);
}

rk_status kernel_cg(rk_lab *l, machine *m, int64_t sample, double gamma, double tolerance,
                    int64_t most, rk_error *e)
{
    TRY(median(l, m, sample, e));
    m->g = gamma / m->median;
    solver s = {.lab = l, .m = m};
    double *scratch = lab_array(3 * m->n * m->classes, sizeof *scratch, "vectors", e);
    rk_status status = scratch ? solver_open(&s, e) : RK_E_NOMEM;
    if (status == RK_OK) status = iterate(&s, m, tolerance, most, scratch, e);
    if (status == RK_OK) status = evaluate(&s, m, e);
    rk_job_free(s.job);
    free(s.v);
    free(s.out);
    free(scratch);
    return status;
}
