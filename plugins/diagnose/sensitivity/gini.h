/* gini.h: how unequal numbers are. */
#ifndef RK_SENSITIVITY_GINI_H
#define RK_SENSITIVITY_GINI_H
#include <stdint.h>

/* Sorts v [n], numbers not below 0, ascending, and returns their Gini coefficient sum_i (2 i - n
 * - 1) v_i / (n sum_i v_i), i from 1: 0 if all are equal, 1 - 1 / n if all but one are 0; NaN if
 * all are 0. */
double gini_of(double *v, int64_t n);
#endif
