/* What is made of scores, against values by hand; scores in the results database. */
#include "scratch.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/error.h"
#include "train/results_scores.h"

static double auc(const double *score, const bool *positive, uint32_t n)
{
    double out = -1;
    assert_int_equal(rk_auc(score, positive, n, &out, NULL), RK_OK);
    return out;
}

/* Pairs of a positive and a negative, counted by hand. */
static void test_auc(void **state)
{
    static const double plain[] = {0.1, 0.9, 0.4, 0.35, 0.8}, ties[] = {1, 1, 2, 2, 1},
                        ends[] = {INFINITY, 3, INFINITY, -INFINITY, NAN};
    static const bool p1[] = {false, true, false, true, false},
                      p2[] = {true, false, true, false, false},
                      p3[] = {true, false, false, false, true};
    (void)state;
    assert_true(auc(plain, p1, 5) == 4.0 / 6); /* 0.9 beats 3, 0.35 beats 1 */
    /* 1 ties with 1 and 1 and loses to 2; 2 beats 1 and 1 and ties with 2 */
    assert_true(auc(ties, p2, 5) == (0.5 + 0.5 + 2 + 0.5) / 6);
    assert_true(auc(ends, p3, 5) == 2.5 / 3); /* NaN is left out */
    assert_true(isnan(auc(plain, p1, 1)) && isnan(auc(plain, p1, 0)));
}

static void test_kinds(void **state)
{
    static const rk_example_score rows[] = {{.label = 1,
                                             .true_label = 1,
                                             .learned = 2,
                                             .forgotten = 3,
                                             .aum = 4,
                                             .el2n = 0.5,
                                             .loss = 1,
                                             .p_mean = 0.75,
                                             .p_variance = 0.125},
                                            {.label = 1,
                                             .true_label = 0,
                                             .learned = 0,
                                             .forgotten = 0,
                                             .aum = -4,
                                             .el2n = 1.5,
                                             .loss = 9,
                                             .p_mean = 0.25,
                                             .p_variance = 0.5}};
    static const double first[] = {1, 4, 0.5, 3, 2, 0.75, 0.125};
    static const double second[] = {9, -4, 1.5, INFINITY, INFINITY, 0.25, 0.5};
    static const char *const names[] = {"loss",    "aum",    "el2n",      "forgotten",
                                        "learned", "p_mean", "p_variance"};
    size_t n;
    const rk_score_kind *kinds = rk_score_kinds(&n);
    (void)state;
    assert_int_equal(n, 7);
    for (size_t k = 0; k < n; k++) {
        double area = -1;
        assert_string_equal(kinds[k].name, names[k]);
        assert_true(kinds[k].value(&rows[0]) == first[k] && kinds[k].value(&rows[1]) == second[k]);
        assert_int_equal(rk_scores_auc(rows, 2, &kinds[k], &area, NULL), RK_OK);
        assert_true(area == 1); /* every one finds the changed label, none by mistake */
    }
}

static void test_easiness(void **state)
{
    static const uint32_t right[] = {4, 0, 2, 4, 1}, same[] = {4, 4};
    (void)state;
    rk_easiness x = rk_easiness_of(right, 5, 4);
    assert_true(x.runs == 4 && x.examples == 5);
    assert_true(fabs(x.accuracy - 11.0 / 20) < 1e-15);
    /* accuracies 1, 0, .5, 1, .25: squares of deviations from .55 */
    double variance = (0.2025 + 0.3025 + 0.0025 + 0.2025 + 0.09) / 5;
    assert_true(fabs(x.variance - variance) < 1e-15);
    assert_true(fabs(x.ratio - variance / (0.55 * 0.45 / 4)) < 1e-12);
    assert_true(x.always_right == 2.0 / 5 && x.always_wrong == 1.0 / 5);
    x = rk_easiness_of(same, 2, 4);
    assert_true(x.accuracy == 1 && isnan(x.ratio) && x.always_right == 1 && x.always_wrong == 0);
    assert_true(isnan(rk_easiness_of(right, 0, 4).ratio));
}

static rk_example_score sample(int64_t i)
{
    return (rk_example_score){.example = i,
                              .label = i % 10,
                              .true_label = i % 7,
                              .prediction = i % 3,
                              .learned = i % 5,
                              .forgotten = i % 2,
                              .aum = -1.0 / 3 * (double)(i + 1),
                              .el2n = i ? 0.5 : NAN,
                              .loss = 2.5,
                              .p_mean = 0.25,
                              .p_variance = 1.0 / 16};
}

static rk_results *make(const char *path, const char *digest)
{
    rk_results *r;
    rk_error e = rk_error_new();
    rk_run_record run = {.config = "{}", .data_digest = digest};
    if (rk_results_open(path, false, &r, &e) != RK_OK) fail_msg("%s", e.text);
    assert_int_equal(rk_results_add(r, &run, NULL), RK_OK);
    return r;
}

static void put(rk_results *r, int64_t id, int64_t n, int64_t shift)
{
    rk_example_score rows[40];
    for (int64_t i = 0; i < n; i++) {
        rows[i] = sample(n - 1 - i); /* they come back in order */
        rows[i].prediction = (rows[i].prediction + shift) % 3;
    }
    assert_int_equal(rk_results_put_scores(r, id, rows, (uint32_t)n, rows, 2, NULL), RK_OK);
}

static void test_round_trip(void **state)
{
    rk_results *r = make(scratch("scores.sqlite"), "");
    rk_example_score *got;
    uint32_t n;
    rk_error e = rk_error_new();
    (void)state;
    assert_int_equal(rk_results_scores(r, 1, false, &got, &n, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "--scores"));
    put(r, 1, 40, 0);
    put(r, 1, 30, 0); /* again: what there was is replaced */
    assert_int_equal(rk_results_scores(r, 1, false, &got, &n, NULL), RK_OK);
    assert_int_equal(n, 30);
    for (int64_t i = 0; i < 30; i++) {
        rk_example_score want = sample(i);
        assert_true(isnan(got[i].el2n) == (i == 0));
        if (i == 0) want.el2n = got[i].el2n = 0;
        assert_memory_equal(&got[i], &want, sizeof want);
    }
    free(got);
    assert_int_equal(rk_results_scores(r, 1, true, &got, &n, NULL), RK_OK);
    assert_int_equal(n, 2);
    assert_true(got[0].example == 28 && got[1].example == 29 && got[1].label == 9);
    assert_true(got[1].prediction == 2 && got[1].true_label == 0 && got[1].loss == 0);
    free(got);
    rk_results_close(r);
}

/* The first run predicts i % 3, the second (i + 1) % 3, of labels i % 10. */
static void test_over_runs(void **state)
{
    rk_results *r = make(scratch("over.sqlite"), "same");
    rk_run_record more = {.config = "{}", .data_digest = "same"}, other = {.config = "{}"};
    rk_example_score *rows;
    uint32_t *right, both = 0, one = 0;
    rk_easiness x;
    rk_error e = rk_error_new();
    static const int64_t ids[] = {1, 2}, different[] = {1, 3};
    (void)state;
    assert_int_equal(rk_results_add(r, &more, NULL), RK_OK);
    assert_int_equal(rk_results_add(r, &other, NULL), RK_OK);
    put(r, 1, 40, 0);
    put(r, 2, 40, 1);
    put(r, 3, 40, 0);
    assert_int_equal(rk_results_easiness(r, ids, 2, false, &x, &rows, &right, NULL), RK_OK);
    assert_int_equal(x.examples, 40);
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t want = (i % 3 == i % 10 ? 1u : 0u) + ((i % 3 + 1) % 3 == i % 10 ? 1u : 0u);
        assert_int_equal(right[i], want);
        assert_int_equal(rows[i].example, i);
        one += want == 1;
        both += want == 2;
    }
    assert_true(one > 0 && both == 0 && fabs(x.accuracy - one / 80.0) < 1e-15);
    free(rows);
    free(right);
    assert_int_equal(rk_results_easiness(r, ids, 2, true, &x, NULL, NULL, NULL), RK_OK);
    assert_int_equal(x.examples, 2);
    assert_int_equal(rk_results_easiness(r, different, 2, false, &x, NULL, NULL, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "--randomize-seed"));
    assert_int_equal(rk_results_easiness(r, ids, 1, false, &x, NULL, NULL, &e), RK_E_INVALID);
    rk_results_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auc), cmocka_unit_test(test_kinds), cmocka_unit_test(test_easiness),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_over_runs)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
