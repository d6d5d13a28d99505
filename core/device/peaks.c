/* What a device reaches: the two numbers that every kernel is measured by. */
#include <stdio.h>
#include "base/os.h"
#include "device/profile.h"
#include "device/program.h"

enum { SIZES = 3, RUNS = 5, SMALLEST = 256, ELEMENTS = 8 << 20 };

typedef struct trial {
    rk_program *product[SIZES], *triad;
} trial;

static rk_status add(rk_session *s, rk_graph *g, const char *name, rk_program **out, rk_error *e)
{
    rk_status status = rk_graph_check(g, e);
    if (status == RK_OK) status = rk_session_add(s, g, name, out, e);
    rk_graph_free(g);
    return status;
}

static rk_status add_product(rk_session *s, int64_t size, rk_program **out, rk_error *e)
{
    rk_graph *g = rk_graph_new();
    if (!g) return RK_FAIL(e, RK_E_NOMEM, "no memory to measure a device");
    char from[32], to[32];
    snprintf(from, sizeof from, "peak/a/%lld", (long long)size);
    snprintf(to, sizeof to, "peak/aa/%lld", (long long)size);
    rk_value a = rk_state(g, RK_F32, RK_SHAPE(size, size), from);
    rk_value product = rk_state(g, RK_F32, RK_SHAPE(size, size), to);
    rk_assign(g, product, rk_matmul(g, a, a, false, false));
    return add(s, g, "matrix product", out, e);
}

static rk_status add_triad(rk_session *s, rk_program **out, rk_error *e)
{
    rk_graph *g = rk_graph_new();
    if (!g) return RK_FAIL(e, RK_E_NOMEM, "no memory to measure a device");
    rk_value a = rk_state(g, RK_F32, RK_SHAPE(ELEMENTS), "peak/sum");
    rk_value b = rk_state(g, RK_F32, RK_SHAPE(ELEMENTS), "peak/b");
    rk_value c = rk_state(g, RK_F32, RK_SHAPE(ELEMENTS), "peak/c");
    rk_assign(g, a, rk_add(g, b, rk_mul(g, rk_const_f(g, 3), c)));
    return add(s, g, "sum of arrays", out, e);
}

/* Seconds of the fastest run; the first one, which makes ready, does not count. */
static rk_status fastest(rk_session *s, rk_program *p, double *out, rk_error *e)
{
    for (int i = 0; i <= RUNS; i++) {
        uint64_t begun = rk_os_now_ns();
        RK_TRY(rk_program_run(p, e));
        RK_TRY(rk_session_sync(s, e));
        double took = 1e-9 * (double)(rk_os_now_ns() - begun + 1);
        if (i == 1 || (i > 1 && took < *out)) *out = took;
    }
    return RK_OK;
}

static rk_status measure(rk_session *s, rk_peaks *out, rk_error *e)
{
    trial t;
    double seconds = 1;
    for (int i = 0; i < SIZES; i++)
        RK_TRY(add_product(s, (int64_t)SMALLEST << i, &t.product[i], e));
    RK_TRY(add_triad(s, &t.triad, e));
    RK_TRY(rk_session_commit(s, e));
    for (int i = 0; i < SIZES; i++) {
        RK_TRY(fastest(s, t.product[i], &seconds, e));
        double flops = rk_program_describe(t.product[i])->flop / seconds;
        if (flops > out->flops) out->flops = flops;
    }
    RK_TRY(fastest(s, t.triad, &seconds, e));
    out->bytes = 3.0 * sizeof(float) * ELEMENTS / seconds;
    return RK_OK;
}

rk_status rk_session_peaks(const rk_session *s, rk_peaks *out, rk_error *e)
{
    rk_session *own;
    *out = (rk_peaks){0, 0};
    RK_TRY(rk_session_open(s->hub, s->entry->spec, &s->options, &own, e));
    rk_status status = measure(own, out, e);
    rk_session_close(own);
    return status;
}
