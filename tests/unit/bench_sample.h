/* bench_sample.h: a bench of two devices in three processes, with values of every suite, some that
 * were not measured, and an operation that is wrong. */
#ifndef RK_TEST_BENCH_SAMPLE_H
#define RK_TEST_BENCH_SAMPLE_H
#include "train/results_bench.h"

/* What the devices are; device is 1 or 2. */
rk_bench_device bench_sample_device(int64_t bench, int64_t device);
/* Writes the bench of a machine, which ends as 'done'; its id.  The test fails if that fails. */
int64_t bench_sample(rk_results *r, const char *host);
#endif
