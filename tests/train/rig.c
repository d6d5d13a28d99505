#include "rig.h"
#include <math.h>
#include <string.h>

void open_rig(rig *r, const world *w, const char *model, const char *data, int64_t epochs)
{
    rk_error e = rk_error_new();
    *r = (rig){.w = w, .c = rk_config_default()};
    r->c.model = model;
    r->c.data = data;
    r->c.batch = 20;
    r->c.rate = 0.02;
    r->trainer = open_trainer(w, &r->c);
    for (int64_t epoch = 0; epoch < epochs; epoch++) {
        must(rk_trainer_begin(r->trainer, epoch, &e), &e);
        for (int64_t i = 0; i < r->trainer->steps; i++)
            must(rk_trainer_step(r->trainer, i, &e), &e);
    }
    must(rk_lab_new(w->hub, r->trainer, &r->c, NULL, &r->lab, &e), &e);
}

static void forget(rig *r)
{
    rk_lab_report_free(&r->report);
    rk_spec_free(r->item);
    r->item = NULL;
}

void close_rig(rig *r)
{
    forget(r);
    rk_lab_free(r->lab);
    rk_trainer_close(r->trainer);
}

void run(rig *r, const char *diagnostic)
{
    rk_error e = rk_error_new();
    forget(r);
    r->item = parse_item(r->w->plugins, RK_KIND_DIAGNOSTIC, diagnostic);
    must(rk_lab_run(r->lab, r->item, &r->report, &e), &e);
    assert_null(rk_args_misused(r->item->args));
}

double value(const rig *r, const char *name)
{
    for (uint32_t i = 0; i < r->report.n_values; i++)
        if (strcmp(r->report.value[i].name, name) == 0) return r->report.value[i].value;
    fail_msg("%s does not report %s", r->item->text, name);
    return 0;
}

void near(double got, double want, double bound)
{
    if (!(fabs(got / want - 1) <= bound)) fail_msg("%.9g is not %.9g", got, want);
}

rk_lab_dot point(const rig *r, const char *series, double x, double y)
{
    for (uint32_t i = 0; i < r->report.n_points; i++) {
        const rk_lab_dot *p = &r->report.point[i];
        if (strcmp(p->series, series) == 0 && p->x == x && (p->dims == 2 || p->y == y)) return *p;
    }
    fail_msg("%s has no point of %s at %g", r->item->text, series, x);
    return (rk_lab_dot){0};
}
