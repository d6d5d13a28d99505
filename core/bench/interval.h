/* interval.h: how far a number of one bench may be from the same number of another.
 *
 * The sample of a number is one value of each process that measured it: starts of processes are
 * what varies from bench to bench, repetitions in one of them are not independent.  Times and rates
 * vary by factors, so statistics are those of logarithms; and a rate is as certain as its time. */
#ifndef RK_BENCH_INTERVAL_H
#define RK_BENCH_INTERVAL_H
#include <stdbool.h>
#include <stdint.h>

/* Of all intervals. */
#define RK_CONFIDENCE 0.95

/* P(|T| <= t) for Student's T, by the sums of Abramowitz and Stegun, 26.7.3 and 26.7.4. */
double rk_student_within(double t, uint32_t degrees);
/* The t for which that is p, 0 <= p < 1; NaN for no degrees of freedom. */
double rk_student_t(double p, uint32_t degrees);

/* A sample, as the mean and the deviation of its natural logarithms; sd is NaN below 2. */
typedef struct rk_logs {
    uint32_t n;
    double mean, sd;
} rk_logs;
/* n is 0 if one of x is not positive. */
rk_logs rk_logs_of(const double *x, uint32_t n);
/* Of n numbers of which only mean and sd are known, as those of a lognormal distribution. */
rk_logs rk_logs_of_moments(double mean, double sd, uint32_t n);

/* How far the number of another bench with as many processes may be, as a fraction, where nothing
 * changes: a prediction interval of which this sample alone says the width.  NaN below 2. */
double rk_logs_reach(const rk_logs *l);

/* How many times as large b is as a, by geometric means; and the interval of Student's t for two
 * samples of one variance, which pools theirs.  low and high are NaN if it has no degrees of
 * freedom. */
typedef struct rk_ratio {
    double ratio, low, high;
    bool differs; /* 1 is outside: more than variation */
} rk_ratio;
rk_ratio rk_ratio_of(const rk_logs *a, const rk_logs *b);
#endif
