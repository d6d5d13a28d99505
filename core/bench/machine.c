/* Suite 'machine': whether the machine was the same and alone from the first suite to the last. */
#include "bench/machine.h"
#include "base/error.h"
#include "bench/give.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Products that also a slow driver does in a tenth of a second, and that fill a GPU. */
enum { SAMPLES = 5, CLOCKS = 512, PRODUCT_CPU = 128, PRODUCT_GPU = 1024, RUNS_MAX = 1024 };
#define PRODUCT_SECONDS 0.01

typedef struct machine {
    rk_session *session; /* NULL: the device does not multiply, as why says */
    rk_program *product;
    rk_error why;
    int64_t runs; /* of a sample, at the begin and at the end the same */
    double device[2][SAMPLES], host[2][SAMPLES]; /* FLOP/s at the begin, at the end */
    double clock[CLOCKS];
    uint32_t n_clock;
    const char *clock_source;
    rk_machine_load load[2];
    bool loaded;
} machine;

/* ---- the device's matrix product ------------------------------------------------------------- */

static rk_status add_product(machine *m, int64_t size, rk_error *e)
{
    rk_graph *g = rk_graph_new();
    if (!g) return RK_FAIL(e, RK_E_NOMEM, "no memory for a matrix product");
    rk_value a = rk_state(g, RK_F32, RK_SHAPE(size, size), "machine/a");
    rk_value product = rk_state(g, RK_F32, RK_SHAPE(size, size), "machine/aa");
    rk_assign(g, product, rk_matmul(g, a, a, false, false));
    rk_status status = rk_graph_check(g, e);
    if (status == RK_OK) status = rk_session_add(m->session, g, "matrix product", &m->product, e);
    rk_graph_free(g);
    return status == RK_OK ? rk_session_commit(m->session, e) : status;
}

static rk_status run_products(machine *m, double *seconds, rk_error *e)
{
    double begun = rk_bench_now();
    for (int64_t i = 0; i < m->runs; i++) RK_TRY(rk_program_run(m->product, e));
    RK_TRY(rk_session_sync(m->session, e));
    *seconds = rk_bench_now() - begun;
    return RK_OK;
}

/* So many runs that a sample is not short; the first one may compile. */
static rk_status choose_runs(machine *m, rk_error *e)
{
    double seconds;
    m->runs = 1;
    RK_TRY(run_products(m, &seconds, e));
    RK_TRY(run_products(m, &seconds, e));
    double runs = seconds > 0 ? ceil(PRODUCT_SECONDS / seconds) : RUNS_MAX;
    m->runs = runs < RUNS_MAX ? (int64_t)runs : RUNS_MAX;
    return RK_OK;
}

/* The exact tier, whose kernels are there for the other suites in any case; the fast one of a
 * device that is not exact. */
static rk_status open_product(machine *m, const rk_bench_case *c, rk_error *e)
{
    const rk_session_options exact = {.numerics = RK_NUMERICS_EXACT};
    const rk_session_options fast = {.numerics = RK_NUMERICS_FAST};
    if (rk_session_open(c->hub, c->spec, &exact, &m->session, NULL) != RK_OK)
        RK_TRY(rk_session_open(c->hub, c->spec, &fast, &m->session, e));
    bool gpu = rk_session_device(m->session)->info.type == RK_DEV_GPU;
    RK_TRY(add_product(m, gpu ? PRODUCT_GPU : PRODUCT_CPU, e));
    return choose_runs(m, e);
}

static void forget_product(machine *m)
{
    rk_session_close(m->session);
    m->session = NULL;
}

/* ---- samples --------------------------------------------------------------------------------- */

static rk_status sample_product(machine *m, double *out, rk_error *e)
{
    double seconds;
    RK_TRY(run_products(m, &seconds, e));
    *out = rk_program_describe(m->product)->flop * (double)m->runs / seconds;
    return RK_OK;
}

static void sample(machine *m, int end)
{
    m->loaded = rk_machine_load_now("", &m->load[end]) && (m->loaded || !end);
    for (int i = 0; i < SAMPLES; i++) {
        m->host[end][i] = rk_machine_chain();
        if (m->session && sample_product(m, &m->device[end][i], &m->why) != RK_OK)
            forget_product(m);
    }
    /* Of processors that have just worked. */
    m->n_clock +=
        rk_machine_clocks("", m->clock + m->n_clock, CLOCKS - m->n_clock, &m->clock_source);
}

rk_status rk_bench_machine_begin(const rk_bench_case *c, void **out, rk_error *e)
{
    machine *m = calloc(1, sizeof *m);
    *out = NULL;
    if (!m) return RK_FAIL(e, RK_E_NOMEM, "no memory to watch the machine");
    m->why = rk_error_new();
    if (open_product(m, c, &m->why) != RK_OK) forget_product(m);
    sample(m, 0);
    *out = m;
    return RK_OK;
}

/* ---- giving ---------------------------------------------------------------------------------- */

static double median(double *x) { return rk_spread_of(x, SAMPLES).median; }

/* Of the device's product; and of one thread of the host. */
static rk_status give_drift(const rk_bench_case *c, machine *m, rk_error *e)
{
    const rk_bench_of device = {c, "machine", NULL, NULL}, host = {c, "machine", "host", NULL};
    if (m->session)
        RK_TRY(rk_bench_give_one(&device, "drift", "", median(m->device[1]) / median(m->device[0]),
                                 "the device's matrix product at the end over the beginning", e));
    else
        RK_TRY(rk_bench_give_none(&device, "drift", "", m->why.text, e));
    return rk_bench_give_one(&host, "drift", "", median(m->host[1]) / median(m->host[0]),
                             "a thread of the host at the end over the beginning", e);
}

static rk_status give_load(const rk_bench_of *of, const machine *m, rk_error *e)
{
    double runnable[] = {m->load[0].runnable, m->load[1].runnable};
    if (!m->loaded) {
        RK_TRY(rk_bench_give_none(of, "others", "", "not measured: no /proc/stat", e));
        return rk_bench_give_none(of, "load", "", "not measured: no /proc/loadavg", e);
    }
    RK_TRY(rk_bench_give_one(of, "others", "", rk_machine_others(&m->load[0], &m->load[1]),
                             "the processors' time that other programs used", e));
    return rk_bench_give_all(of, "load", "", runnable, 2,
                             "runnable at the beginning and at the end, this one too", e);
}

static rk_status give_all(const rk_bench_case *c, machine *m, rk_error *e)
{
    const rk_bench_of of = {c, "machine", NULL, NULL};
    RK_TRY(give_drift(c, m, e));
    RK_TRY(give_load(&of, m, e));
    if (m->n_clock)
        return rk_bench_give_all(&of, "clock", "Hz", m->clock, m->n_clock, m->clock_source, e);
    return rk_bench_give_none(&of, "clock", "Hz", "not measured: no cpufreq, none in /proc/cpuinfo",
                              e);
}

rk_status rk_bench_machine_end(const rk_bench_case *c, void *context, rk_error *e)
{
    machine *m = context;
    sample(m, 1);
    rk_status status = give_all(c, m, e);
    forget_product(m);
    free(m);
    return status;
}
