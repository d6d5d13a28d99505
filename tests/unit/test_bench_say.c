/* What a process of a bench says is what is heard; and what a bench does when. */
#include "cli/bench.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* The lines that are said go to a file. */
static FILE *notes;

static int open_notes(void **state)
{
    (void)state;
    notes = tmpfile();
    return notes && dup2(fileno(notes), RK_FD_NOTES) == RK_FD_NOTES ? 0 : -1;
}

static int close_notes(void **state)
{
    (void)state;
    if (fileno(notes) != RK_FD_NOTES) close(RK_FD_NOTES);
    return fclose(notes);
}

/* All that was said, heard. */
static rk_bench_heard hear_all(void)
{
    rk_bench_heard h = {.part = -1};
    char *line = NULL;
    size_t cap = 0;
    rewind(notes);
    for (ssize_t n = getline(&line, &cap, notes); n > 0; n = getline(&line, &cap, notes)) {
        assert_int_equal(line[n - 1], '\n');
        assert_true(rk_bench_hear(&h, line));
    }
    free(line);
    return h;
}

static void test_values(void **state)
{
    rk_bench_value v = {.suite = "op",
                        .subject = "matmul \"1\"\n",
                        .tier = "fast",
                        .name = "seconds",
                        .unit = "s",
                        .text = "bytes \xff of a driver, ü",
                        .x = 0.1,
                        .spread = {5, 1.0 / 3, 2e-300, 3e300, -4.5, 5, 6, 7}};
    rk_bench_value none = {.suite = "",
                           .subject = "",
                           .tier = "",
                           .name = "",
                           .unit = "",
                           .text = NULL,
                           .spread = rk_spread_of(NULL, 0)};
    (void)state;
    assert_true(rk_bench_say_value(&v) && rk_bench_say_value(&none) && rk_bench_say_end());
    rk_bench_heard h = hear_all();
    assert_true(h.n == 2 && h.ended && !h.failed);
    const rk_bench_value *got = &h.value[0];
    assert_string_equal(got->suite, v.suite);
    assert_string_equal(got->subject, v.subject);
    assert_string_equal(got->tier, v.tier);
    assert_string_equal(got->name, v.name);
    assert_string_equal(got->unit, v.unit);
    assert_string_equal(got->text, "bytes ? of a driver, ??");
    assert_true(got->x == v.x && got->spread.n == 5 && got->spread.median == v.spread.median);
    assert_true(got->spread.q1 == v.spread.q1 && got->spread.q3 == v.spread.q3);
    assert_true(got->spread.least == v.spread.least && got->spread.most == v.spread.most);
    assert_true(got->spread.mean == v.spread.mean && got->spread.sd == v.spread.sd);
    assert_true(h.value[1].spread.n == 0 && isnan(h.value[1].spread.median));
    assert_string_equal(h.value[1].text, "");
    rk_pool_free(&h.pool);
}

static void test_device(void **state)
{
    size_t n;
    const rk_bench_field *field = rk_bench_device_texts(&n);
    rk_bench_device d = {.memory = INT64_C(1) << 40, .threads = 3};
    (void)state;
    for (size_t i = 0; i < n; i++) {
        void *at = (char *)&d + field[i].offset;
        *(const char **)at = field[i].name; /* each its own */
    }
    assert_true(rk_bench_say_device(&d));
    rk_bench_heard h = hear_all();
    assert_true(h.identified && h.device.memory == d.memory && h.device.threads == 3);
    assert_string_equal(h.device.spec, "spec");
    assert_string_equal(h.device.processor, "processor");
    assert_string_equal(h.device.energy, "energy");
    rk_pool_free(&h.pool);
}

static void test_parts(void **state)
{
    (void)state;
    assert_true(rk_bench_say_failed("no device") && rk_bench_say_part(1));
    assert_true(rk_bench_say_progress("matmul", 0.25) && rk_bench_say_failed("no memory"));
    rk_bench_heard h = hear_all();
    assert_true(h.part == 1 && h.fraction == 0.25 && h.failed && !h.ended && h.n == 2);
    assert_string_equal(h.what, "matmul");
    assert_string_equal(h.value[0].subject, "");
    assert_string_equal(h.value[1].suite, "machine");
    assert_string_equal(h.value[1].name, "failed");
    assert_string_equal(h.value[1].subject, "op");
    assert_string_equal(h.value[1].text, "no memory");
    rk_pool_free(&h.pool);
}

/* What no process of this program says. */
static void test_garbage(void **state)
{
    static const char *const lines[] = {
        "",
        "{",
        "{}",
        "[1]",
        "{\"part\": -1}",
        "{\"part\": 99}",
        "{\"value\": [\"op\"], \"reals\": [], \"n\": 1}",
        "{\"value\": [1, 2, 3, 4, 5, 6], \"reals\": [0, 0, 0, 0, 0, 0, 0, 0]}",
        "{\"device\": [\"a\"]}"};
    rk_bench_heard h = {.part = -1};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_false(rk_bench_hear(&h, lines[i]));
    assert_true(h.n == 0 && h.part == -1 && !h.identified && !h.ended);
    rk_pool_free(&h.pool);
}

/* Devices in turn, each round begins one later; some suites are of the first process alone. */
static void test_plan(void **state)
{
    static const uint32_t want[] = {0, 1, 2, 1, 2, 0, 2, 0, 1};
    rk_bench_arguments a = {.size = RK_BENCH_NORMAL, .processes = 3};
    rk_bench_plan p = {.a = &a, .n = 3, .times = 2};
    uint32_t n;
    const rk_bench_part *part = rk_bench_parts(&n);
    (void)state;
    for (uint32_t i = 0; i < 9; i++) assert_int_equal(rk_bench_plan_device(&p, i), want[i]);
    assert_int_equal(rk_bench_suites_parse("numerics,step", &p.suites, NULL), RK_OK);
    for (uint32_t i = 0; i < n; i++) {
        bool step = strcmp(part[i].suite[0], "step") == 0, op = part[i].run == rk_bench_ops;
        assert_int_equal(rk_bench_plan_has(&p, i, 1), step || op);
        assert_int_equal(rk_bench_plan_has(&p, i, 2), step);
        assert_true(rk_bench_plan_seconds(&p, i) == 2 * part[i].seconds);
    }
    assert_true(rk_bench_suites_keep(&p.suites, "numerics"));
    assert_false(rk_bench_suites_keep(&p.suites, "op"));
    assert_true(rk_bench_suites_keep(&p.suites, "machine"));
    assert_int_equal(rk_bench_suites_parse("step,", &p.suites, NULL), RK_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, open_notes, close_notes),
        cmocka_unit_test_setup_teardown(test_device, open_notes, close_notes),
        cmocka_unit_test_setup_teardown(test_parts, open_notes, close_notes),
        cmocka_unit_test(test_garbage), cmocka_unit_test(test_plan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
