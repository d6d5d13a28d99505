/* What the command run says at its end. */
#include "scratch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/summary.h"

static void test_first_difference(void **state)
{
    rk_epoch_record a[3] = {
        {.epoch = 1, .digest = "x"}, {.epoch = 2, .digest = "y"}, {.epoch = 3, .digest = "z"}};
    rk_epoch_record b[3];
    (void)state;
    memcpy(b, a, sizeof b);
    assert_int_equal(rk_first_difference(a, 3, b, 3), 0);
    assert_int_equal(rk_first_difference(a, 0, b, 0), 0);
    assert_int_equal(rk_first_difference(a, 3, b, 2), 3);
    assert_int_equal(rk_first_difference(a, 0, b, 2), 1);
    strcpy(b[1].digest, "Y");
    assert_int_equal(rk_first_difference(a, 3, b, 3), 2);
    assert_int_equal(rk_first_difference(a, 1, b, 1), 0);
    b[0].epoch = 5;
    assert_int_equal(rk_first_difference(a, 3, b, 3), 1);
}

/* A run of some epochs; the last digest ends with c. */
static rk_done add_run(rk_results *r, uint32_t job, const char *numerics, const char *end,
                       int64_t epochs, char c)
{
    rk_run_record run = {.device = "cpu:0", .variant = "true labels", .numerics = numerics};
    assert_int_equal(rk_results_add(r, &run, NULL), RK_OK);
    for (int64_t epoch = 1; epoch <= epochs; epoch++) {
        rk_epoch_record row = {.epoch = epoch};
        memset(row.digest, '0', 32);
        if (epoch == epochs) row.digest[31] = c;
        assert_int_equal(rk_results_epoch(r, &run, &row, NULL), RK_OK);
    }
    assert_int_equal(rk_results_finish(r, run.id, end, "", NULL), RK_OK);
    return (rk_done){run.id, job};
}

/* What is said of runs, and whether that is a failure.  A text with a newline at its end is all. */
static void expect(rk_results *r, const rk_done *done, uint32_t n, bool failure, const char *said)
{
    char text[1024] = "";
    size_t length = strlen(said);
    bool differ = !failure;
    FILE *f = fmemopen(text, sizeof text - 1, "w");
    assert_int_equal(rk_summary_agreement(r, done, n, f, &differ, NULL), RK_OK);
    fclose(f);
    assert_int_equal(differ, failure);
    if (!strstr(text, said)) fail_msg("\"%s\" does not say \"%s\"", text, said);
    if (!length || said[length - 1] == '\n') assert_string_equal(text, said);
}

static void test_agreement(void **state)
{
    rk_results *r;
    (void)state;
    assert_int_equal(rk_results_open(scratch("agree.sqlite"), false, &r, NULL), RK_OK);
    rk_done a = add_run(r, 0, "exact", "done", 3, 'a'), b = add_run(r, 0, "exact", "done", 3, 'a');
    rk_done other = add_run(r, 0, "exact", "done", 3, 'b');
    rk_done shorter = add_run(r, 0, "exact", "done", 2, '0');
    rk_done stopped = add_run(r, 0, "exact", "stopped", 2, '0');
    rk_done next = add_run(r, 1, "exact", "done", 1, 'z');
    rk_done fast = add_run(r, 2, "fast", "done", 3, 'a'),
            too = add_run(r, 2, "fast", "done", 3, 'b');
    expect(r, (rk_done[]){a}, 1, false, "");
    expect(r, (rk_done[]){a, next}, 2, false, ""); /* another experiment */
    expect(r, (rk_done[]){a, b}, 2, false, "Digests agree");
    expect(r, (rk_done[]){a, b, next}, 3, false, "every one of 3 epochs");
    expect(r, (rk_done[]){a, other}, 2, true, "DIGESTS DIFFER, true labels: cpu:0 (run 1)");
    expect(r, (rk_done[]){a, b, other}, 3, true, "(run 3) from epoch 3 on");
    expect(r, (rk_done[]){a, shorter}, 2, true, "from epoch 3 on");
    expect(r, (rk_done[]){a, stopped}, 2, false, "every one of 2 epochs");
    expect(r, (rk_done[]){fast, too}, 2, false, "fast numerics promise no equal bits");
    rk_results_close(r);
}

/* A run without epochs whose weights have a digest, if it is not "". */
static rk_done add_untrained(rk_results *r, uint32_t job, const char *end, const char *digest)
{
    rk_done done = add_run(r, job, "exact", end, 0, '0');
    rk_run_record run = {.id = done.id, .digest = digest};
    assert_int_equal(rk_results_summary(r, &run, NULL), RK_OK);
    return done;
}

static void test_agreement_without_epochs(void **state)
{
    rk_results *r;
    (void)state;
    assert_int_equal(rk_results_open(scratch("none.sqlite"), false, &r, NULL), RK_OK);
    rk_done a = add_untrained(r, 0, "done", "x"), b = add_untrained(r, 0, "done", "x");
    rk_done other = add_untrained(r, 0, "done", "y"), stopped = add_untrained(r, 0, "stopped", "");
    rk_done trained = add_run(r, 0, "exact", "done", 3, 'a');
    rk_done next[2] = {add_run(r, 1, "exact", "done", 3, 'a'),
                       add_run(r, 1, "exact", "done", 3, 'a')};
    expect(r, (rk_done[]){a, b}, 2, false, "agree: the devices have the same weights in every run");
    expect(
        r, (rk_done[]){a, other}, 2, true,
        "DIFFER, true labels: cpu:0 (run 1) and cpu:0 (run 3) without an epoch; 'rethink compare");
    expect(r, (rk_done[]){a, stopped}, 2, false, "and cpu:0 (run 4) have no epoch in common");
    expect(r, (rk_done[]){trained, stopped}, 2, false,
           "NOT COMPARED, true labels: cpu:0 (run 5) and cpu:0 (run 4) have no epoch in common\n");
    expect(r, (rk_done[]){trained, a}, 2, false, "NOT COMPARED");
    expect(r, (rk_done[]){a, b, next[0], next[1]}, 4, false, "in every one of 3 epochs\nDigests");
    rk_results_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_difference),
                                       cmocka_unit_test(test_agreement),
                                       cmocka_unit_test(test_agreement_without_epochs)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
