/* What a bench reads of the machine, from folders that look like /proc and /sys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "bench/identity.h"
#include "bench/machine.h"
#include "bench/machine_read.h"
#include "fake_root.h"
#include "scratch.h"
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- clocks and load ------------------------------------------------------------------------- */

#define CPU "/sys/devices/system/cpu/cpu"
static void test_clocks(void **state)
{
    const char *root = new_root(), *source;
    double hz[4];
    (void)state;
    assert_int_equal(rk_machine_clocks(root, hz, 4, &source), 0);
    put(root, "/proc/cpuinfo",
        "processor\t: 0\ncpu MHz\t\t: 2445.432\n\nprocessor\t: 1\ncpu MHz\t\t: 1200.000\n");
    assert_int_equal(rk_machine_clocks(root, hz, 4, &source), 2);
    assert_string_equal(source, "/proc/cpuinfo");
    near(hz[0], 2445.432e6);
    near(hz[1], 1200e6);
    put(root, CPU "0/cpufreq/scaling_cur_freq", "1500000\n");
    put(root, CPU "1/cpufreq/scaling_cur_freq", "3400000\n");
    put(root, CPU "2/cpufreq/scaling_cur_freq", "800000\n");
    assert_int_equal(rk_machine_clocks(root, hz, 4, &source), 3);
    assert_string_equal(source, "cpufreq");
    near(hz[1], 3.4e9);
    near(hz[2], 0.8e9);
    assert_int_equal(rk_machine_clocks(root, hz, 2, &source), 2); /* no more than fit */
}

static void test_load(void **state)
{
    const char *root = new_root();
    rk_machine_load a, b;
    (void)state;
    assert_false(rk_machine_load_now(root, &a));
    put(root, "/proc/stat", "cpu  100 0 100 800 100 0 0 0 0 0\ncpu0 1 2 3\n");
    put(root, "/proc/loadavg", "1.25 9.00 8.00 3/412 9999\n");
    assert_true(rk_machine_load_now(root, &a));
    assert_true(a.runnable == 3);
    put(root, "/proc/stat", "cpu  150 10 110 860 110 0 0 60 0 0\ncpu0 1 2 3\n");
    assert_true(rk_machine_load_now(root, &b));
    /* 200 ticks later 70 were idle; this process used none of the other 130 but what it did. */
    b.own = a.own;
    near(rk_machine_others(&a, &b), 130.0 / 200);
    b.own = a.own + 0.5 * (b.all - a.all);
    near(rk_machine_others(&a, &b), 30.0 / 200);
    b.own = a.own + 2 * (b.all - a.all);
    assert_true(rk_machine_others(&a, &b) == 0);
    assert_true(isnan(rk_machine_others(&a, &a)));
}

static void test_own_memory(void **state)
{
    enum { BYTES = 64 << 20 };
    (void)state;
    bool reset = rk_machine_reset_peak();
    double before = rk_machine_peak(), held = rk_machine_held();
    assert_true(held > 0 && before >= held / 2);
    /* Not malloc, which may keep what is freed. */
    char *block = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(block != MAP_FAILED);
    memset(block, 1, BYTES);
    assert_true(rk_machine_peak() >= held + 0.9 * BYTES || !reset);
    assert_int_equal(block[BYTES / 2], 1);
    munmap(block, BYTES);
    if (rk_machine_reset_peak()) assert_true(rk_machine_peak() < held + 0.9 * BYTES);
}

/* ---- identity -------------------------------------------------------------------------------- */

static void expect_text(void (*add)(const char *, rk_str *), const char *root, const char *want)
{
    rk_str t = {0};
    add(root, &t);
    assert_string_equal(t.s, want);
    rk_str_free(&t);
}

#define THREAD(package, core)                                                                      \
    "model name\t: Some CPU 7\nphysical id\t: " package "\ncore id\t\t: " core                     \
    "\ncpu MHz\t\t: 2500.4\n\n"
static void test_processor(void **state)
{
    const char *root = new_root();
    (void)state;
    expect_text(rk_identity_processor, root, "unknown");
    expect_text(rk_identity_clocks, root, "unknown");
    put(root, "/proc/cpuinfo",
        THREAD("0", "0") THREAD("0", "0") THREAD("0", "1") THREAD("1", "0") THREAD("1", "0"));
    expect_text(rk_identity_processor, root, "Some CPU 7, 3 cores, 5 threads");
    expect_text(rk_identity_clocks, root, "no governor (no cpufreq); 2500 MHz now");
    put(root, CPU "0/cache/index0/level", "1\n");
    put(root, CPU "0/cache/index0/type", "Data\n");
    put(root, CPU "0/cache/index0/size", "32K\n");
    put(root, CPU "0/cache/index1/level", "3\n");
    put(root, CPU "0/cache/index1/type", "Unified\n");
    put(root, CPU "0/cache/index1/size", "32768K\n");
    expect_text(rk_identity_processor, root,
                "Some CPU 7, 3 cores, 5 threads, caches L1d 32K, L3 32768K");
    put(root, CPU "0/cpufreq/scaling_governor", "powersave\n");
    put(root, CPU "0/cpufreq/cpuinfo_min_freq", "800000\n");
    put(root, CPU "0/cpufreq/cpuinfo_max_freq", "4200000\n");
    expect_text(rk_identity_clocks, root, "powersave, 800 to 4200 MHz");
}

static void test_system(void **state)
{
    const char *root = new_root();
    rk_str t = {0};
    (void)state;
    put(root, "/etc/os-release", "NAME=\"X\"\nPRETTY_NAME=\"Some Linux 12 (nice)\"\nID=x\n");
    rk_identity_system(root, &t);
    assert_non_null(strstr(t.s, ", Some Linux 12 (nice)"));
    assert_null(strchr(t.s, '"'));
    rk_str_free(&t);
}

static void test_environment(void **state)
{
    char *const variables[] = {"POCL_MAX_CU=1",
                               "HOME=/root",
                               "OMP_NUM_THREADS=2",
                               "LD_PRELOAD=a b",
                               "OMPX=1",
                               "LD_PRELOADED=1",
                               "RETHINK_X=a\\b",
                               "LP_=",
                               "RETHINK_PLUGIN_PATH=/home/me/plugins",
                               NULL};
    char *const none[] = {"HOME=/root", NULL};
    rk_str t = {0}, empty = {0};
    (void)state;
    rk_identity_environment(variables, &t);
    assert_string_equal(t.s, "LD_PRELOAD=a\\x20b LP_= OMP_NUM_THREADS=2 POCL_MAX_CU=1 "
                             "RETHINK_X=a\\x5cb");
    rk_identity_environment(none, &empty);
    assert_string_equal(empty.s, "none set");
    rk_str_free(&t);
    rk_str_free(&empty);
}

/* ---- pinning --------------------------------------------------------------------------------- */

/* Asks with the processors of a set; whether workers are pinned now. */
static bool pinned(const cpu_set_t *set, const char *threads)
{
    if (sched_setaffinity(0, sizeof *set, set) != 0) return false;
    bool said = rk_bench_pin(threads);
    const char *value = getenv("POCL_AFFINITY");
    assert_int_equal(said, value && strcmp(value, "1") == 0);
    unsetenv("POCL_AFFINITY");
    return said;
}

/* Only a process that may use all processors, for all threads, and if the user said nothing. */
static void test_pin(void **state)
{
    cpu_set_t all, some;
    (void)state;
    unsetenv("POCL_AFFINITY");
    unsetenv("POCL_MAX_PTHREAD_COUNT");
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    bool whole = n > 1 && CPU_COUNT(&all) == n && CPU_ISSET((size_t)n - 1, &all);
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &all)) continue;
        some = all;
        CPU_CLR(i, &some);
        assert_false(pinned(&some, NULL));
    }
    assert_int_equal(pinned(&all, NULL), whole);
    assert_int_equal(pinned(&all, "4096"), whole);
    assert_false(pinned(&all, "1"));
    setenv("POCL_MAX_PTHREAD_COUNT", "1", 1);
    assert_false(pinned(&all, NULL));
    unsetenv("POCL_MAX_PTHREAD_COUNT");
    setenv("POCL_AFFINITY", "0", 1);
    assert_false(pinned(&all, NULL)); /* and forgets it */
    assert_int_equal(pinned(&all, NULL), whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clocks),      cmocka_unit_test(test_load),
        cmocka_unit_test(test_own_memory),  cmocka_unit_test(test_pin),
        cmocka_unit_test(test_processor),   cmocka_unit_test(test_system),
        cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
