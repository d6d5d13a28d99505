#include "bench/give.h"
#include "base/error.h"
#include "base/os.h"

static const char *or_empty(const char *text) { return text ? text : ""; }

rk_status rk_bench_give(const rk_bench_of *of, const char *name, const char *unit, rk_spread s,
                        const char *text, rk_error *e)
{
    const rk_bench_sink *sink = of->c->sink;
    const rk_bench_value v = {.suite = of->suite,
                              .subject = or_empty(of->subject),
                              .tier = or_empty(of->tier),
                              .name = name,
                              .unit = unit,
                              .text = or_empty(text),
                              .spread = s};
    return sink->value(sink->ctx, &v, e);
}

rk_status rk_bench_give_all(const rk_bench_of *of, const char *name, const char *unit, double *x,
                            int64_t n, const char *text, rk_error *e)
{
    return rk_bench_give(of, name, unit, rk_spread_of(x, n), text, e);
}

rk_status rk_bench_give_one(const rk_bench_of *of, const char *name, const char *unit, double x,
                            const char *text, rk_error *e)
{
    return rk_bench_give(of, name, unit, rk_spread_one(x), text, e);
}

rk_status rk_bench_give_none(const rk_bench_of *of, const char *name, const char *unit,
                             const char *reason, rk_error *e)
{
    return rk_bench_give(of, name, unit, rk_spread_of(NULL, 0), reason, e);
}

rk_status rk_bench_progress(const rk_bench_case *c, const char *what, double fraction, rk_error *e)
{
    const rk_bench_sink *sink = c->sink;
    if (sink->stopping && sink->stopping(sink->ctx))
        return RK_FAIL(e, RK_E_STOPPED, "stopped while measuring %s", what);
    if (sink->progress) sink->progress(sink->ctx, what, fraction);
    return RK_OK;
}

double rk_bench_now(void) { return 1e-9 * (double)rk_os_now_ns(); }
