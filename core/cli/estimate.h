/* estimate.h: what a run will cost, as a line. */
#ifndef RK_CLI_ESTIMATE_H
#define RK_CLI_ESTIMATE_H
#include <stdio.h>
#include "train/run.h"

/* "rethink: estimate: 90 epochs of 10010 steps are 3.2e19 FLOP: 42 hours at the 210 GFLOP/s ..." */
void rk_estimate_print(FILE *f, const rk_estimate *cost);
#endif
