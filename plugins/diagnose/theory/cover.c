/* Linear separability by non-negative least squares (Lawson and Hanson 1974, chapter 23).
 *
 * The combination sum_i l_i s_i x_i, l >= 0, comes as near to the origin as it can while sum_i l_i
 * is held near 1: l minimizes |E l - f| with the columns (s_i x_i, 1) of E and f = (0, 1).
 * If the residual is 0 the origin is in the hull.  Else minus its first d entries is a w that
 * separates. */
#include "cover.h"
#include "solve.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

double cover_fraction(int64_t n, int64_t d)
{
    double choose = 1, sum = 0; /* C(n - 1, k), exact below 2^53 */
    for (int64_t k = 0; k < d && k < n; k++) {
        sum += choose;
        choose = choose * (double)(n - 1 - k) / (double)(k + 1);
    }
    return ldexp(sum, (int)(1 - n));
}

typedef struct problem {
    int64_t n, rows; /* rows: d + 1 */
    double *column;  /* [n][rows]: E */
    double *l, *s;   /* [n]: the solution, and that of the passive columns (by their number) */
    double *r;       /* [rows]: f - E l */
    int64_t *passive, count;
    double *a, *b, *singular; /* of one least squares */
} problem;

static void residual(problem *p)
{
    memset(p->r, 0, (size_t)p->rows * sizeof *p->r);
    p->r[p->rows - 1] = 1;
    for (int64_t i = 0; i < p->n; i++)
        if (p->l[i] > 0)
            for (int64_t k = 0; k < p->rows; k++) p->r[k] -= p->l[i] * p->column[i * p->rows + k];
}

/* s of the passive columns. */
static rk_status passive_least(problem *p, rk_error *e)
{
    int64_t rank;
    for (int64_t j = 0; j < p->count; j++)
        memcpy(p->a + j * p->rows, p->column + p->passive[j] * p->rows,
               (size_t)p->rows * sizeof *p->a);
    memset(p->b, 0, (size_t)(p->rows + p->n) * sizeof *p->b);
    p->b[p->rows - 1] = 1;
    rk_status status = solve_least(p->a, p->rows, p->count, p->b, 1, p->singular, &rank, e);
    if (status == RK_OK) memcpy(p->s, p->b, (size_t)p->count * sizeof *p->s);
    return status;
}

/* Goes towards s until a passive column would become negative; true if s was reached. */
static bool advance(problem *p)
{
    double step = 1;
    for (int64_t j = 0; j < p->count; j++) {
        double l = p->l[p->passive[j]];
        if (p->s[j] <= 0 && l / (l - p->s[j]) < step) step = l / (l - p->s[j]);
    }
    bool reached = true;
    int64_t kept = 0;
    for (int64_t j = 0; j < p->count; j++) {
        int64_t i = p->passive[j];
        p->l[i] += step * (p->s[j] - p->l[i]);
        if (p->s[j] <= 0 && p->l[i] <= 1e-15) {
            p->l[i] = 0;
            reached = false;
        } else
            p->passive[kept++] = i;
    }
    p->count = kept;
    return reached;
}

/* The column along which the residual shrinks fastest; -1 if there is none. */
static int64_t steepest(const problem *p)
{
    int64_t best = -1;
    double most = 1e-12;
    for (int64_t i = 0; i < p->n; i++) {
        double slope = 0;
        for (int64_t k = 0; k < p->rows; k++) slope += p->r[k] * p->column[i * p->rows + k];
        if (p->l[i] <= 0 && slope > most) {
            most = slope;
            best = i;
        }
    }
    return best;
}

static rk_status solve(problem *p, rk_error *e)
{
    for (int64_t round = 0; round < 10 * p->n; round++) {
        residual(p);
        int64_t next = steepest(p);
        if (next < 0 || p->count >= p->rows) break;
        p->passive[p->count++] = next;
        do {
            rk_status status = passive_least(p, e);
            if (status != RK_OK) return status;
        } while (!advance(p) && p->count);
    }
    return RK_OK;
}

/* Which certificate the residual is. */
static int judge(const problem *p)
{
    double size = 0, least = INFINITY;
    for (int64_t k = 0; k < p->rows; k++) size += p->r[k] * p->r[k];
    if (sqrt(size) < 1e-9) return 0;
    for (int64_t i = 0; i < p->n; i++) {
        double side = 0;
        for (int64_t k = 0; k + 1 < p->rows; k++) side -= p->r[k] * p->column[i * p->rows + k];
        if (side < least) least = side;
    }
    return least > 0 ? 1 : -1;
}

rk_status cover_separable(const double *x, const double *signs, int64_t n, int64_t d, int *out,
                          rk_error *e)
{
    int64_t rows = d + 1;
    double *all = calloc((size_t)(2 * n * rows + 4 * n + 3 * rows), sizeof *all);
    problem p = {.n = n, .rows = rows, .passive = malloc((size_t)n * sizeof *p.passive)};
    rk_status status = RK_OK;
    if (!all || !p.passive)
        status = rk_error_set(e, RK_E_NOMEM, "no memory for %lld points", (long long)n);
    if (status == RK_OK) {
        p.column = all;
        p.a = p.column + n * rows;
        p.l = p.a + n * rows;
        p.s = p.l + n;
        p.b = p.s + n;
        p.r = p.b + n + rows;
        p.singular = p.r + rows;
        for (int64_t i = 0; i < n; i++) {
            for (int64_t k = 0; k < d; k++) p.column[i * rows + k] = signs[i] * x[i * d + k];
            p.column[i * rows + d] = 1;
        }
        status = solve(&p, e);
    }
    if (status == RK_OK) *out = judge(&p);
    free(all);
    free(p.passive);
    return status;
}
