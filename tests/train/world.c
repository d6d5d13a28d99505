#include "world.h"
#include <stdlib.h>

int world_setup(void **state)
{
    static world w;
    rk_error e = rk_error_new();
    w.plugins = load_plugins();
    w.device = getenv("RETHINK_TEST_DEVICE");
    assert_non_null(w.device);
    must(rk_hub_new(NULL, 0, &w.hub, &e), &e);
    *state = &w;
    return 0;
}

int world_teardown(void **state)
{
    world *w = *state;
    rk_hub_free(w->hub);
    rk_registry_free(w->plugins);
    return 0;
}

void must(rk_status status, const rk_error *e)
{
    if (status != RK_OK) fail_msg("%s", e->text);
}

rk_trainer *open_trainer(const world *w, rk_config *c)
{
    rk_error e = rk_error_new();
    rk_trainer *t;
    c->device = w->device;
    must(rk_trainer_open(w->hub, w->plugins, c, &t, &e), &e);
    return t;
}
