/* results_sample.h: a run and its epochs, for tests of the results database. */
#ifndef RK_TEST_RESULTS_SAMPLE_H
#define RK_TEST_RESULTS_SAMPLE_H
#include "train/results.h"

rk_run_record sample(void);
rk_epoch_record sample_row(int64_t epoch);
/* Opens or makes the file; the test fails if that fails. */
rk_results *open_results(const char *path);
#endif
