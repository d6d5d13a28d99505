/* Stands in for the suites until they are there. */
#include <stdlib.h>
#include <string.h>
#include "bench/bench.h"
#include "base/error.h"
static rk_status give(const rk_bench_case *c, const char *suite, const char *subject,
                      const char *tier, const char *name, const char *unit, double x, rk_error *e)
{
    double v[5] = {x, x * 1.01, x * 1.02, x, x};
    rk_bench_value b = {.suite = suite,
                        .subject = subject,
                        .tier = tier,
                        .name = name,
                        .unit = unit,
                        .text = "stand-in",
                        .spread = rk_spread_of(v, 5)};
    if (c->sink->progress) c->sink->progress(c->sink->ctx, name, 0.5);
    if (c->sink->stopping && c->sink->stopping(c->sink->ctx))
        return RK_FAIL(e, RK_E_STOPPED, "stopped");
    return c->sink->value(c->sink->ctx, &b, e);
}
rk_status rk_bench_ops(const rk_bench_case *c, rk_error *e)
{
    if (getenv("STANDIN_CRASH") && strstr(c->spec, "cpu")) abort();
    while (getenv("STANDIN_HANG") && strstr(c->spec, "cpu")) {
    }
    RK_TRY(give(c, "op", "matmul 8x8x8", "exact", "seconds", "s", 1e-6, e));
    RK_TRY(give(c, "op", "matmul 8x8x8", "exact", "flop", "FLOP", 1024, e));
    RK_TRY(give(c, "op", "matmul 8x8x8", "exact", "bytes", "B", 768, e));
    return give(c, "numerics", "matmul 8x8x8", "exact", "equal", "", 1, e);
}
rk_status rk_bench_support(const rk_bench_case *c, rk_error *e)
{
    return give(c, "support", "matmul", "", "support", "", 0, e);
}
