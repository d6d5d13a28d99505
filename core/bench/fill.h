/* fill.h: operands of an op that is measured. */
#ifndef RK_BENCH_FILL_H
#define RK_BENCH_FILL_H
#include "bench/runner.h"
#include "check/cases.h"

/* Words of each input that an index may have: rows and places that exist.  x is the array of input
 * j, which has random words. */
void rk_fill_places(const rk_sample *t, uint32_t j, void *x);
/* Random numbers of the seed into every input of the op, which are the same on every device. */
rk_status rk_fill(rk_trial *trial, const rk_sample *t, uint64_t seed, rk_error *e);
#endif
