/* device_bench.h: a device beside the interpreter.  Whatever fails fails the test. */
#ifndef RK_TEST_DEVICE_BENCH_H
#define RK_TEST_DEVICE_BENCH_H
#include "bench.h"
#include "world.h"

/* A whole buffer of floats and their number; the caller frees. */
float *read_floats(rk_session *s, const char *name, int64_t *n);
/* The device's parameters become the interpreter's. */
void copy_parameters(const rk_trainer *t, const bench *b);
/* An epoch on both; returns the largest relative difference of a batch's loss. */
double epoch_difference(rk_trainer *t, bench *b, int64_t epoch);
#endif
