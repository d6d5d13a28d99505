#include "bench/steps_work.h"
#include "base/error.h"
#include "bench/give.h"
#include <stdio.h>
#include <string.h>

const char rk_workload_same_why[] = "the device has no kernels of the fast tier for this workload";

void rk_workload_subject(const rk_workload *w, char out[RK_SUBJECT_MAX])
{
    snprintf(out, RK_SUBJECT_MAX, "%s, %s, batch %lld", w->model, w->image, (long long)w->batch);
}

const char *rk_workload_tier(rk_numerics n) { return n == RK_NUMERICS_FAST ? "fast" : "exact"; }

rk_status rk_workload_open(const rk_bench_case *c, const rk_workload *w, rk_numerics n,
                           uint64_t seed, rk_trainer **out, rk_error *e)
{
    rk_config config = rk_config_default();
    *out = NULL;
    if (!c->plugins) return RK_FAIL(e, RK_E_INTERNAL, "no plugins to train %s with", w->model);
    config.model = w->model;
    config.data = w->data;
    config.randomize = w->randomize ? w->randomize : "";
    config.optimizer = "sgd:momentum=0.9";
    config.device = c->spec;
    config.batch = w->batch;
    config.rate = w->rate;
    config.seed = seed;
    config.session.numerics = n;
    return rk_trainer_open(c->hub, c->plugins, &config, out, e);
}

bool rk_workload_same(const rk_trainer *a, const rk_trainer *b)
{
    return strcmp(rk_program_describe(a->step)->kernels, rk_program_describe(b->step)->kernels) ==
           0;
}

rk_status rk_workload_late(const rk_bench_case *c, rk_error *e)
{
    return RK_FAIL(e, RK_E_UNSUPPORTED, "not measured: the %.0f s of this suite were used up",
                   c->options->seconds);
}

rk_status rk_workload_skip(const rk_bench_case *c, const rk_workload *w, const char *suite,
                           rk_error *e)
{
    char subject[RK_SUBJECT_MAX];
    rk_error why = rk_error_new();
    const rk_bench_of of = {c, suite, subject, "exact"};
    rk_workload_subject(w, subject);
    rk_workload_late(c, &why);
    return rk_bench_give_none(&of, "seconds", "s", why.text, e);
}
