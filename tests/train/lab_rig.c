#include "lab_rig.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void train_rig(const world *w, rig *r, const rk_lab_watch *watch)
{
    rk_error e = rk_error_new();
    r->trainer = open_trainer(w, &r->config);
    must(rk_trainer_begin(r->trainer, 0, &e), &e);
    for (int64_t step = 0; step < r->trainer->steps; step++)
        must(rk_trainer_step(r->trainer, step, &e), &e);
    must(rk_lab_new(w->hub, r->trainer, &r->config, watch, &r->lab, &e), &e);
}

void open_rig(const world *w, const char *model, const char *device, rig *r)
{
    world at = *w;
    if (device) at.device = device;
    r->config = rk_config_default();
    r->config.model = model;
    r->config.data = "synth16:n=25,test=2";
    r->config.batch = 8;
    train_rig(&at, r, NULL);
}

void close_rig(rig *r)
{
    rk_lab_free(r->lab);
    rk_trainer_close(r->trainer);
}

rk_config linear_config(void)
{
    rk_config c = rk_config_default();
    c.model = "linear";
    c.data = "synth16:n=83,test=7";
    c.batch = 8;
    return c;
}

rig *new_rig(const world *w, const rk_config *c, const rk_lab_watch *watch)
{
    rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->config = *c;
    train_rig(w, r, watch);
    return r;
}

void free_rig(rig *r)
{
    close_rig(r);
    free(r);
}

rk_lab_report run_item(const world *w, const rig *r, const char *text)
{
    rk_error e = rk_error_new();
    rk_lab_report report;
    rk_spec *s = parse_item(w->plugins, RK_KIND_DIAGNOSTIC, text);
    must(rk_lab_run(r->lab, s, &report, &e), &e);
    assert_null(rk_args_misused(s->args));
    rk_spec_free(s);
    return report;
}

double value(const rk_lab_report *r, const char *name)
{
    for (uint32_t i = 0; i < r->n_values; i++)
        if (strcmp(r->value[i].name, name) == 0) return r->value[i].value;
    fail_msg("it does not report %s", name);
    return NAN;
}
