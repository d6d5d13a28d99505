/* Starting a task in a process of its own. */
#include "base/os.h"
#include "cli/spawn.h"
#include "cli/sweep.h"
#include "train/config.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the child is to do; NULL without memory. */
static char *order(const rk_sweep_common *c, const rk_task *t)
{
    const rk_run_arguments *run = &c->a->run;
    rk_config config = t->config;
    config.device = t->device[0];
    char *text = rk_config_write(&config), *out = NULL;
    const char *threads = t->threads ? t->threads : c->threads;
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:o, s:o}", "results", c->results,
                  "config", text ? text : "", "threads", threads, "isa", t->isa ? t->isa : "",
                  "resume", (json_int_t)(t->state == RK_TASK_RESUME ? t->run : 0), "number",
                  (json_int_t)t->keep, "parent", (json_int_t)getpid(), "verbose", (int)run->verbose,
                  "backends", rk_spawn_list(c->backends, c->n_backends), "plugins",
                  rk_spawn_list(run->plugins, run->n_plugins));
    if (root && text) out = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    free(text);
    return out;
}

rk_status rk_sweep_spawn(const rk_sweep_common *c, rk_task *t, rk_sweep_child *out, rk_error *e)
{
    rk_spawned child;
    char *text = order(c, t);
    if (!text) return RK_FAIL(e, RK_E_NOMEM, "no memory to start a run");
    memset(out, 0, sizeof *out);
    rk_status status = rk_spawn("sweep", text, c->lock, &child, e);
    free(text);
    RK_TRY(status);
    out->pid = child.pid;
    out->task = t;
    out->notes = child.notes;
    out->text = child.text;
    out->start_ns = (double)rk_os_now_ns();
    t->resumed = t->state == RK_TASK_RESUME;
    t->state = RK_TASK_RUNNING;
    return RK_OK;
}
