/* subspace.h: a random matrix A [n][p] whose columns span a subspace. */
#ifndef RK_SHARPNESS_SUBSPACE_H
#define RK_SHARPNESS_SUBSPACE_H
#include "rethink/plugin.h"

/* How columns are drawn: entries standard normal; or those, each column scaled to length 1. */
enum { SUBSPACE_NORMAL = 0, SUBSPACE_UNIT = 1 };

typedef struct subspace {
    int64_t n, p;
    rk_random random; /* entry (i, j) is its normal number j n + i */
    float *entries;   /* [p][n], or NULL: they are drawn again each time */
    float *block;     /* [p][SUBSPACE_ROWS] */
    double *scale;    /* [p], of each column */
} subspace;
enum { SUBSPACE_ROWS = 1024 };

/* Entries are kept if they take at most `memory` bytes.  1 <= p <= n, p n < 2^33. */
rk_status subspace_new(subspace *s, int64_t n, int64_t p, uint32_t columns, rk_random r,
                       uint64_t memory, rk_error *e);
void subspace_free(subspace *s);
/* out [n] = A y. */
void subspace_apply(subspace *s, const double *y, double *out);
/* out [p] = A^T v. */
void subspace_transpose(subspace *s, const double *v, double *out);
/* out [p] = A+ v, the least-squares solution of A out = v, by the Cholesky factor of A^T A: its
 * condition is that of A squared, which for p much smaller than n is near 1. */
rk_status subspace_solve(subspace *s, const double *v, double *out, rk_error *e);
#endif
