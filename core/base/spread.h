/* spread.h: how repetitions of a measurement are distributed. */
#ifndef RK_BASE_SPREAD_H
#define RK_BASE_SPREAD_H
#include <stdint.h>

/* Of n numbers; all NaN if n is 0, sd NaN below 2.  Quantiles lie on the line between neighbours
 * (type 7 of Hyndman and Fan 1996). */
typedef struct rk_spread {
    int64_t n;
    double median, q1, q3, least, most, mean, sd;
} rk_spread;

/* Sorts x. */
rk_spread rk_spread_of(double *x, int64_t n);
/* Of one number that was counted, not measured. */
rk_spread rk_spread_one(double x);
#endif
