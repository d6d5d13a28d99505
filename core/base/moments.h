/* moments.h: mean and standard deviation of a few numbers.  Starts as zeros. */
#ifndef RK_BASE_MOMENTS_H
#define RK_BASE_MOMENTS_H
#include <stdint.h>

typedef struct rk_moments {
    double mean, squares; /* squares: of the distances from the mean, their sum */
    uint32_t n;
} rk_moments;

void rk_moments_add(rk_moments *m, double x);
double rk_moments_mean(const rk_moments *m);   /* NaN of nothing */
double rk_moments_spread(const rk_moments *m); /* of a sample; NaN of less than two */
#endif
