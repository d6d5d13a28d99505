/* solve.h: LAPACK, loaded when it is first needed.
 *
 * Its start costs tens of milliseconds, for which no run pays that does not use it.  Matrices are
 * column by column.  The last digits of what it returns depend on the library that is installed and
 * on its threads. */
#ifndef THEORY_SOLVE_H
#define THEORY_SOLVE_H
#include "rethink/plugin.h"

/* What a diagnostic says of numbers that came from here. */
#define LAPACK_NOTE "the last digits depend on the LAPACK that is installed: it solves on the host"

/* A symmetric matrix is kept as half of it, in LAPACK's rectangular full packed form (Gustavson et
 * al. 2010; transr = N, uplo = L): a[packed_at(n, i, j)] is element (i, j) for j <= i. */
int64_t packed_size(int64_t n);
int64_t packed_at(int64_t n, int64_t i, int64_t j);

/* a, packed, becomes its Cholesky factor; b [rhs][n] the solutions.  *condition: an estimate of
 * that of a in the 1-norm (Higham 1988), may be NULL.  RK_E_INVALID if a is not positive
 * definite. */
rk_status solve_definite(double *a, int64_t n, double *b, int64_t rhs, double *condition,
                         rk_error *e);

/* The x of least norm among those that make |a x - b| least: a [columns][rows] is spent, b
 * [rhs][max(rows, columns)] holds the right sides and becomes x.  Directions whose singular value
 * is less than that of rounding count as missing: *rank of them do not.  singular
 * [min(rows, columns)], descending. */
rk_status solve_least(double *a, int64_t rows, int64_t columns, double *b, int64_t rhs,
                      double *singular, int64_t *rank, rk_error *e);
#endif
