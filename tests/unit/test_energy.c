/* Sensors of energy: folders that look like /sys, and a library that looks like NVML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/os.h"
#include "bench/energy.h"
#include "fake_root.h"
#include "scratch.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_zone(const char *root, const char *zone, const char *name, const char *uj,
                     const char *range)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/class/powercap/%s/name", zone);
    put(root, path, name);
    snprintf(path, sizeof path, "/sys/class/powercap/%s/max_energy_range_uj", zone);
    put(root, path, range);
    snprintf(path, sizeof path, "/sys/class/powercap/%s/energy_uj", zone);
    if (uj) put(root, path, uj);
}

static rk_devinfo device(uint32_t type, const char *vendor, const char *name)
{
    rk_devinfo d = {.type = type};
    snprintf(d.vendor, sizeof d.vendor, "%s", vendor);
    snprintf(d.name, sizeof d.name, "%s", name);
    return d;
}

static char text[256]; /* of the sensor that was opened last */
static rk_energy *open_sensor(const char *root, uint32_t type, const char *vendor, const char *name)
{
    const rk_devinfo d = device(type, vendor, name);
    rk_energy *s;
    rk_energy_open(root, getenv("RETHINK_TEST_NVML"), &d, &s, text, sizeof text);
    return s;
}

static rk_energy *open_cpu(const char *root)
{
    return open_sensor(root, RK_DEV_CPU, "AuthenticAMD", "EPYC");
}

static void expect_none(rk_energy *s, const char *said)
{
    assert_null(s);
    assert_true(strncmp(text, "not measured: ", 14) == 0);
    if (!strstr(text, said)) fail_msg("'%s' is not in '%s'", said, text);
}

static void sample(rk_energy *s)
{
    rk_error e = rk_error_new();
    if (rk_energy_sample(s, &e) != RK_OK) fail_msg("%s", e.text);
}

static void begin(rk_energy *s)
{
    rk_error e = rk_error_new();
    assert_non_null(s);
    assert_int_equal(rk_energy_begin(s, &e), RK_OK);
}

/* ---- counters -------------------------------------------------------------------------------- */

/* The package alone: not its parts, not the platform, not the same counter by another way. */
static void test_packages(void **state)
{
    const char *root = new_root();
    (void)state;
    put_zone(root, "intel-rapl:0", "package-0\n", "1000000\n", "262143328850\n");
    put_zone(root, "intel-rapl:0:0", "core\n", "500000\n", "262143328850\n");
    put_zone(root, "intel-rapl:1", "package-1\n", "2000000\n", "262143328850\n");
    put_zone(root, "intel-rapl:2", "psys\n", "9000000\n", "262143328850\n");
    put_zone(root, "intel-rapl-mmio:0", "package-0\n", "1000000\n", "262143328850\n");
    put(root, "/sys/class/powercap/intel-rapl/enabled", "1\n");
    rk_energy *s = open_cpu(root);
    begin(s);
    assert_string_equal(text, "RAPL, 2 packages");
    put_zone(root, "intel-rapl:0", "package-0\n", "1250000\n", "262143328850\n");
    put_zone(root, "intel-rapl:0:0", "core\n", "777777\n", "262143328850\n");
    put_zone(root, "intel-rapl:1", "package-1\n", "2500000\n", "262143328850\n");
    put_zone(root, "intel-rapl:2", "psys\n", "9999999\n", "262143328850\n");
    put_zone(root, "intel-rapl-mmio:0", "package-0\n", "1250000\n", "262143328850\n");
    sample(s);
    near(rk_energy_joules(s), 0.75);
    begin(s); /* anew */
    near(rk_energy_joules(s) + 1, 1);
    sample(s);
    near(rk_energy_joules(s) + 1, 1);
    rk_energy_close(s);
}

/* The counter passes its range between two samples, more than once in all. */
static void test_wrap_around(void **state)
{
    const char *root = new_root();
    (void)state;
    put_zone(root, "intel-rapl:0", "package-0\n", "64999900\n", "65000000\n");
    rk_energy *s = open_cpu(root);
    begin(s);
    put_zone(root, "intel-rapl:0", "package-0\n", "300\n", "65000000\n");
    sample(s);
    near(rk_energy_joules(s), 400e-6);
    put_zone(root, "intel-rapl:0", "package-0\n", "60000000\n", "65000000\n");
    sample(s);
    put_zone(root, "intel-rapl:0", "package-0\n", "50000000\n", "65000000\n");
    sample(s);
    near(rk_energy_joules(s), 400e-6 + 59.9997 + 55);
    rk_energy_close(s);
}

/* Without a range a counter that is lower than before has not counted. */
static void test_going_back(void **state)
{
    const char *root = new_root();
    rk_error e = rk_error_new();
    (void)state;
    put_zone(root, "intel-rapl:0", "package-0\n", "5000\n", "\n");
    rk_energy *s = open_cpu(root);
    begin(s);
    put_zone(root, "intel-rapl:0", "package-0\n", "4000\n", "\n");
    assert_int_equal(rk_energy_sample(s, &e), RK_E_IO);
    assert_non_null(strstr(e.text, "went back from 5000 to 4000"));
    put_zone(root, "intel-rapl:0", "package-0\n", "nonsense\n", "\n");
    assert_int_equal(rk_energy_sample(s, &e), RK_E_IO);
    assert_non_null(strstr(e.text, "cannot be read any more"));
    rk_energy_close(s);
}

/* One of two packages would look like half of the energy. */
static void test_unreadable(void **state)
{
    const char *root = new_root();
    (void)state;
    put_zone(root, "intel-rapl:0", "package-0\n", "5000\n", "65000000\n");
    put_zone(root, "intel-rapl:1", "package-1\n", NULL, "65000000\n");
    expect_none(open_cpu(root), "RAPL /sys/class/powercap/intel-rapl:1/energy_uj cannot be read");
    expect_none(open_sensor(root, RK_DEV_OTHER, "Xilinx", "FPGA"), "no sensor");
    expect_none(open_sensor(root, RK_DEV_GPU, "AMD", "gfx1100"), "no sensor"); /* not the host's */
    expect_none(open_cpu(new_root()), "no sensor in powercap or hwmon");
}

static void test_amd_energy(void **state)
{
    const char *root = new_root();
    (void)state;
    put(root, "/sys/class/hwmon/hwmon0/name", "nvme\n");
    put(root, "/sys/class/hwmon/hwmon3/name", "amd_energy\n");
    put(root, "/sys/class/hwmon/hwmon3/energy1_label", "Ecore000\n");
    put(root, "/sys/class/hwmon/hwmon3/energy1_input", "10\n");
    put(root, "/sys/class/hwmon/hwmon3/energy2_label", "Esocket0\n");
    put(root, "/sys/class/hwmon/hwmon3/energy2_input", "1000000\n");
    rk_energy *s = open_cpu(root);
    begin(s);
    assert_string_equal(text, "hwmon amd_energy, energy counter");
    put(root, "/sys/class/hwmon/hwmon3/energy1_input", "500000\n");
    put(root, "/sys/class/hwmon/hwmon3/energy2_input", "4000000\n");
    sample(s);
    near(rk_energy_joules(s), 3);
    rk_energy_close(s);
}

/* ---- powers ---------------------------------------------------------------------------------- */

static double now(void) { return 1e-9 * (double)rk_os_now_ns(); }

/* 1 W at the beginning and 3 W at the end are 2 W between. */
static void test_power(void **state)
{
    const char *root = new_root();
    (void)state;
    put(root, "/sys/class/hwmon/hwmon1/name", "amdgpu\n");
    put(root, "/sys/class/hwmon/hwmon1/power1_average", "1000000\n");
    rk_energy *s = open_sensor(root, RK_DEV_GPU, "Advanced Micro Devices, Inc.", "gfx1100");
    double outer = now();
    begin(s);
    double inner = now();
    assert_string_equal(text, "hwmon amdgpu, power, integrated");
    put(root, "/sys/class/hwmon/hwmon1/power1_average", "3000000\n");
    while (now() - inner < 0.02) continue;
    inner = now() - inner;
    sample(s);
    outer = now() - outer;
    assert_true(rk_energy_joules(s) >= 2 * inner && rk_energy_joules(s) <= 2 * outer);
    rk_energy_close(s);
    put(root, "/sys/class/hwmon/hwmon2/name", "amdgpu\n");
    expect_none(open_sensor(root, RK_DEV_GPU, "Advanced Micro Devices, Inc.", "gfx1100"),
                "2 chips named amdgpu");
}

/* ---- NVML ------------------------------------------------------------------------------------ */

static void test_nvml(void **state)
{
    const char *root = new_root();
    (void)state;
    rk_energy *s = open_sensor(root, RK_DEV_GPU, "NVIDIA Corporation", "New GPU");
    begin(s);
    assert_string_equal(text, "NVML, energy counter");
    sample(s);
    sample(s);
    near(rk_energy_joules(s), 5);
    rk_energy_close(s);
    s = open_sensor(root, RK_DEV_GPU, "NVIDIA Corporation", "Old GPU");
    double outer = now();
    begin(s); /* 11 W */
    assert_string_equal(text, "NVML, power, integrated");
    sample(s); /* 12 W */
    outer = now() - outer;
    assert_true(rk_energy_joules(s) > 0 && rk_energy_joules(s) <= 11.5 * outer);
    rk_energy_close(s);
    expect_none(open_sensor(root, RK_DEV_GPU, "NVIDIA Corporation", "Twin GPU"),
                "NVML knows 2 GPUs named Twin GPU");
    expect_none(open_sensor(root, RK_DEV_GPU, "NVIDIA Corporation", "No GPU"),
                "NVML knows 0 GPUs named No GPU");
}

static void test_no_nvml(void **state)
{
    const rk_devinfo d = device(RK_DEV_GPU, "NVIDIA Corporation", "New GPU");
    rk_energy *s;
    (void)state;
    rk_energy_open("", "/nonexistent/libnvidia-ml.so.1", &d, &s, text, sizeof text);
    expect_none(s, "no NVML");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packages),   cmocka_unit_test(test_wrap_around),
        cmocka_unit_test(test_going_back), cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_amd_energy), cmocka_unit_test(test_power),
        cmocka_unit_test(test_nvml),       cmocka_unit_test(test_no_nvml),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
