/* world.h: what tests of training on a device need from the build: the plugins of
 * RETHINK_TEST_PLUGINS, the backends of RETHINK_BACKEND_PATH, the device RETHINK_TEST_DEVICE. */
#ifndef RK_TEST_WORLD_H
#define RK_TEST_WORLD_H
#include "../unit/data_harness.h"
#include "train/trainer.h"

typedef struct world {
    rk_registry *plugins;
    rk_hub *hub;
    const char *device;
} world;

/* Group fixtures of cmocka: *state is a world. */
int world_setup(void **state);
int world_teardown(void **state);
/* Fails the test unless the status is RK_OK. */
void must(rk_status status, const rk_error *e);
/* A run made ready on the device; c->device is set. */
rk_trainer *open_trainer(const world *w, rk_config *c);
#endif
