/* device_bench.h: what tests of training on a device share.  The device is RETHINK_TEST_DEVICE,
 * from the backends of RETHINK_BACKEND_PATH.  Whatever fails fails the test. */
#ifndef RK_TEST_DEVICE_BENCH_H
#define RK_TEST_DEVICE_BENCH_H
#include "bench.h"
#include "train/trainer.h"

/* What a test needs from the build: the state of a group of tests. */
typedef struct world {
    rk_registry *plugins;
    rk_hub *hub;
    const char *device;
} world;
int world_setup(void **state);
int world_teardown(void **state);

void must(rk_status status, const rk_error *e);
rk_trainer *open_trainer(const world *w, rk_config *c);
/* A whole buffer of floats and their number; the caller frees. */
float *read_floats(rk_session *s, const char *name, int64_t *n);
/* The device's parameters become the interpreter's. */
void copy_parameters(const rk_trainer *t, const bench *b);
/* An epoch on both; returns the largest relative difference of a batch's loss. */
double epoch_difference(rk_trainer *t, bench *b, int64_t epoch);
#endif
