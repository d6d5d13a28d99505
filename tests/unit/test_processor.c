/* What the CPU backend calls the processor, from files that look like /proc/cpuinfo. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "../../backends/cpu/cpu.h"
#include "scratch.h"

static void is_called(const char *text, const char *name, const char *vendor)
{
    const char *path = scratch("cpuinfo");
    rk_devinfo d = {0};
    scratch_write(path, text, strlen(text));
    cpu_processor(path, &d);
    assert_string_equal(d.name, name);
    assert_string_equal(d.vendor, vendor);
}

static void test_names(void **state)
{
    (void)state;
    is_called(
        "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 85\nmodel name\t: Some CPU 7\n",
        "Some CPU 7", "GenuineIntel");
    is_called("processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n"
              "CPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\nCPU revision\t: 1\n\n"
              "processor\t: 1\nCPU implementer\t: 0x41\nCPU variant\t: 0x1\nCPU part\t: 0xd08\n",
              "processor of implementer 0x41, part 0xd0c, variant 0x3", "unknown processor");
    is_called("processor\t: 0\nCPU implementer\t: 0x41\n", "unknown processor",
              "unknown processor");
    is_called("", "unknown processor", "unknown processor");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
