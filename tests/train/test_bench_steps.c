/* What suites of a bench that train give, on the cpu backend: units, counts that can be counted by
 * hand, and what is said where nothing was measured.  Times are only asked to be there. */
#include "given.h"
#include "bench/machine.h"
#include "bench/steps.h"
#include "base/os.h"
#include "device/profile.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MLP "mlp:layers=3,hidden=64, 16x16x1, batch 128"
#define CNN "cnn:filters1=8,filters2=16, 16x16x1, batch 128"

/* ---- steps ----------------------------------------------------------------------------------- */

static double device_memory(const world *w, const given *g)
{
    static const rk_workload mlp = {.model = "mlp:layers=3,hidden=64",
                                    .data = "synth16:n=512,test=16",
                                    .batch = 128,
                                    .rate = 0.01};
    rk_error e = rk_error_new();
    rk_trainer *t;
    (void)w;
    must(rk_workload_open(&g->c, &mlp, RK_NUMERICS_EXACT, 1, &t, &e), &e);
    double bytes = (double)rk_session_bytes(t->session);
    assert_int_equal(rk_program_launches(t->step),
                     g->v[given_find(g, MLP, NULL, "launches")].spread.median);
    rk_trainer_close(t);
    return bytes;
}

static void test_steps(void **state)
{
    given g;
    given_open(&g, *state);
    given_run(&g, rk_bench_steps);
    for (uint32_t i = 0; i < g.n; i++) assert_string_equal(g.v[i].suite, "step");
    /* 256 inputs, layers of 64, 10 classes: products forward, of weights, of inputs but the first
     * layer's; two operations each. */
    double forward = 256 * 64 + 2 * 64 * 64 + 64 * 10, inputs = forward - 256 * 64;
    given_is(&g, MLP, "flop", "FLOP", 2.0 * 128 * (2 * forward + inputs));
    given_is(&g, MLP, "images", "", 128);
    given_is(&g, CNN, "images", "", 128);
    given_is(&g, MLP, "device memory", "B", device_memory(*state, &g));
    given_times(&g, MLP, "seconds", 3);
    given_times(&g, CNN, "seconds", 3);
    given_times(&g, MLP, "kernel seconds", 3);
    given_times(&g, MLP, "gap seconds", 3);
    given_times(&g, MLP, "host seconds", 3);
    given_times(&g, MLP, "plan warm", 1);
    assert_true(g.v[given_find(&g, MLP, "exact", "seconds")].spread.least > 0);
    given_none(&g, MLP, "exact", "plan cold", "not empty");
    given_none(&g, MLP, "exact", "tune", "no tuner");
    uint32_t bytes = given_find(&g, MLP, "exact", "bytes");
    assert_true(g.v[bytes].spread.median > 4.0 * 3 * (256 * 64 + 2 * 64 * 64)); /* weights alone */
    uint32_t peak = given_find(&g, MLP, "exact", "host memory");
    assert_true(g.v[peak].spread.median > 1e6);
}

/* The cpu backend has no kernels of the fast tier: that is said, and nothing is measured twice. */
static void test_no_fast_tier(void **state)
{
    given g;
    given_open(&g, *state);
    g.options.fast = true;
    given_run(&g, rk_bench_steps);
    given_none(&g, MLP, "fast", "seconds", "no kernels of the fast tier");
    given_none(&g, CNN, "fast", "seconds", "no kernels of the fast tier");
    assert_int_equal(given_count(&g, "flop"), 2);
}

/* Without time the first workload is measured all the same, twice and not three times. */
static void test_no_time(void **state)
{
    given g;
    given_open(&g, *state);
    g.options.fast = true;
    g.options.seconds = 0;
    given_run(&g, rk_bench_steps);
    given_times(&g, MLP, "seconds", 2);
    given_none(&g, MLP, "fast", "seconds", "were used up");
    given_none(&g, CNN, "exact", "seconds", "were used up");
    assert_int_equal(given_count(&g, "flop"), 1);
}

static void test_cold(void **state)
{
    char folder[RK_PATH_MAX], inside[RK_PATH_MAX];
    struct stat s;
    rk_error e = rk_error_new();
    given g;
    given_open(&g, *state);
    g.options.process = 1;
    g.options.seconds = 0;
    must(rk_bench_cold_begin(folder, &e), &e);
    assert_true(rk_os_join(inside, folder, "POCL_CACHE_DIR"));
    assert_string_equal(getenv("POCL_CACHE_DIR"), inside);
    assert_int_equal(stat(inside, &s), 0);
    given_run(&g, rk_bench_steps); /* other suites may have compiled */
    given_none(&g, MLP, "exact", "plan cold", "not empty");
    given_times(&g, MLP, "plan warm", 1);
    must(rk_bench_cold_measure(&g.c, &e), &e);
    assert_true(g.c.cold.plan > 0 && g.c.cold.first > 0);
    g.c.cold.plan = 1000;
    given_run(&g, rk_bench_steps);
    given_times(&g, MLP, "plan cold", 1);
    assert_true(g.v[given_find(&g, MLP, "exact", "plan cold")].spread.median >= 1000);
    g.c.cold.model = NULL;
    g.options.process = 2;
    must(rk_bench_cold_measure(&g.c, &e), &e);
    assert_null(g.c.cold.model);
    given_run(&g, rk_bench_steps);
    given_none(&g, MLP, "exact", "plan cold", "not empty");
    rk_bench_cold_end(folder);
    assert_int_equal(stat(folder, &s), -1);
    unsetenv("RETHINK_CACHE_DIR");
}

/* How kernels were timed is said. */
static void test_kernel_times(void **state)
{
    static const rk_workload mlp = {
        .model = "mlp", .data = "synth16:n=512,test=16", .image = "?", .batch = 128, .rate = 0.01};
    static const char *const text[] = {"launches waited for one by one",
                                       "launches in a row, by the device's clock"};
    rk_error e = rk_error_new();
    given g;
    given_open(&g, *state);
    rk_step_run r = {.c = &g.c, .work = &mlp, .sensor_text = "no sensor"};
    must(rk_step_run_measure(&r, &e), &e);
    assert_false(r.tier[0].in_a_row); /* the cpu's are not */
    for (int i = 0; i < 2; i++) {
        g.n = 0;
        r.tier[0].in_a_row = i;
        must(rk_step_run_give(&r, &e), &e);
        uint32_t at = given_find(&g, "mlp, ?, batch 128", "exact", "kernel seconds");
        assert_string_equal(g.v[at].text, text[i]);
    }
    rk_step_run_close(&r);
}

/* A model that a device cannot run is a result. */
static void test_failing_workload(void **state)
{
    static const rk_workload bad = {
        .model = "mlp", .data = "synth16:n=0", .image = "?", .batch = 128};
    rk_error e = rk_error_new();
    given g;
    given_open(&g, *state);
    rk_step_run r = {.c = &g.c, .work = &bad, .sensor_text = ""};
    must(rk_step_run_measure(&r, &e), &e);
    must(rk_step_run_give(&r, &e), &e);
    rk_step_run_close(&r);
    given_none(&g, "mlp, ?, batch 128", "exact", "seconds", "n=0");
}

static void test_stopping(void **state)
{
    rk_status (*const suites[])(const rk_bench_case *, rk_error *) = {
        rk_bench_steps, rk_bench_memorize, rk_bench_distance};
    given g;
    given_open(&g, *state);
    g.options.process = 1;
    for (int i = 0; i < 3; i++)
        for (uint32_t at = 1; at <= 7; at += 2) {
            rk_error e = rk_error_new();
            g.n = g.asked = 0;
            g.stop_at = at;
            assert_int_equal(suites[i](&g.c, &e), RK_E_STOPPED);
            assert_int_equal(g.asked, at); /* and not asked again */
            assert_non_null(strstr(e.text, "stopped"));
        }
}

/* ---- the machine and who it is --------------------------------------------------------------- */

static void test_machine(void **state)
{
    rk_error e = rk_error_new();
    void *machine;
    given g;
    given_open(&g, *state);
    must(rk_bench_machine_begin(&g.c, &machine, &e), &e);
    assert_int_equal(g.n, 0);
    must(rk_bench_machine_end(&g.c, machine, &e), &e);
    for (uint32_t i = 0; i < g.n; i++) assert_string_equal(g.v[i].suite, "machine");
    assert_int_equal(given_count(&g, "drift"), 2);
    assert_true(g.v[given_find(&g, "host", NULL, "drift")].spread.median > 0);
    assert_true(g.v[given_find(&g, "", NULL, "load")].spread.n == 2);
    double others = g.v[given_find(&g, "", NULL, "others")].spread.median;
    assert_true(others >= 0 && others <= 1);
    uint32_t clock = given_find(&g, "", NULL, "clock");
    assert_true(g.v[clock].spread.n == 0 || g.v[clock].spread.least > 1e7);
}

/* A device that there is not is not measured, and not an error of the machine. */
static void test_machine_without_device(void **state)
{
    rk_error e = rk_error_new();
    void *machine;
    given g;
    given_open(&g, *state);
    g.c.spec = "cpu:7";
    must(rk_bench_machine_begin(&g.c, &machine, &e), &e);
    must(rk_bench_machine_end(&g.c, machine, &e), &e);
    assert_int_equal(g.v[0].spread.n, 0);
    assert_non_null(strstr(g.v[0].text, "cpu:7"));
}

static void test_identity(void **state)
{
    const rk_device_entry *entry;
    const world *w = *state;
    rk_error e = rk_error_new();
    rk_bench_device d;
    given g;
    given_open(&g, w);
    setenv("OMP_TEST_MARK", "a b", 1);
    must(rk_hub_option(w->hub, "threads", "2", &e), &e);
    must(rk_bench_identity(&g.c, &d, &e), &e);
    assert_true(rk_hub_devices(w->hub, &entry) > 0);
    assert_string_equal(d.name, entry->info.name);
    assert_string_equal(d.type, "cpu");
    assert_string_equal(d.selftest, "exact");
    assert_int_equal(d.threads, 2);
    assert_int_equal(d.memory, entry->info.mem_total);
    assert_true(strncmp(d.backend, "cpu ", 4) == 0 && d.backend[4]);
    assert_non_null(strstr(d.compiler, __VERSION__));
    assert_non_null(strstr(d.compiler, "backend: C compiler"));
    assert_non_null(strstr(d.environment, "OMP_TEST_MARK=a\\x20b"));
    assert_non_null(strstr(d.system, "Linux "));
    assert_true(d.energy[0] && d.processor[0] && d.clocks[0] && d.tuning[0] && d.driver[0]);
    rk_bench_identity_free(&d);
    assert_null(d.name);
    g.c.spec = "no such device";
    assert_int_equal(rk_bench_identity(&g.c, &d, &e), RK_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_no_fast_tier),
        cmocka_unit_test(test_no_time),
        cmocka_unit_test(test_cold),
        cmocka_unit_test(test_kernel_times),
        cmocka_unit_test(test_failing_workload),
        cmocka_unit_test(test_stopping),
        cmocka_unit_test(test_machine),
        cmocka_unit_test(test_machine_without_device),
        cmocka_unit_test(test_identity),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
