/* What is read off the epochs of a run, against values by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "train/measures.h"

static void test_known(void **state)
{
    static const rk_epoch_record rows[] = {{.epoch = 1,
                                            .steps = 8,
                                            .seconds = 1,
                                            .online_loss = 2.3,
                                            .train_accuracy = 0.2,
                                            .test_accuracy = 0.4,
                                            .noisy_true = 0.3},
                                           {.epoch = 2,
                                            .steps = 16,
                                            .seconds = 2,
                                            .online_loss = 0.5,
                                            .train_accuracy = 0.99,
                                            .test_accuracy = 0.7,
                                            .noisy_true = 0.25},
                                           {.epoch = 3,
                                            .steps = 24,
                                            .seconds = 3,
                                            .online_loss = 0.6,
                                            .train_accuracy = 0.98,
                                            .test_accuracy = 0.7,
                                            .noisy_true = 0.5},
                                           {.epoch = 4,
                                            .steps = 32,
                                            .seconds = 4,
                                            .online_loss = 0.2,
                                            .train_accuracy = 1,
                                            .test_accuracy = 0.6,
                                            .noisy_true = 0},
                                           {.epoch = 5,
                                            .steps = 40,
                                            .seconds = 5,
                                            .online_loss = 0.1,
                                            .train_accuracy = 1,
                                            .test_accuracy = 0.65,
                                            .noisy_true = 0}};
    rk_run_record run = {.fit_epoch = 4};
    (void)state;
    rk_run_measures m = rk_run_measure(&run, rows, 5);
    assert_true(m.fit_steps == 32 && m.fit_seconds == 4 && m.fit_test == 0.6);
    assert_true(m.steps_acc99 == 16 && m.steps_loss05 == 16 && m.steps_loss01 == 40);
    assert_true(m.best_test == 0.7 && m.best_test_epoch == 2 && m.best_noisy_true == 0.25);
    assert_ptr_equal(rk_first_accurate(rows, 5, 0.2), &rows[0]);
    assert_ptr_equal(rk_first_below(rows, 5, 0.3), &rows[3]);
}

/* No epoch meets a criterion, or there is no epoch, or it diverged. */
static void test_none(void **state)
{
    rk_epoch_record row = {
        .epoch = 1, .steps = 8, .online_loss = NAN, .train_accuracy = NAN, .test_accuracy = NAN};
    rk_run_record run = {0};
    (void)state;
    for (uint32_t n = 0; n < 2; n++) {
        rk_run_measures m = rk_run_measure(&run, &row, n);
        assert_true(!m.fit_steps && isnan(m.fit_seconds) && isnan(m.fit_test));
        assert_true(!m.steps_acc99 && !m.steps_loss05 && !m.steps_loss01);
        assert_true(isnan(m.best_test) && !m.best_test_epoch && isnan(m.best_noisy_true));
    }
    assert_null(rk_first_accurate(&row, 1, 0));
}

/* An epoch that is not a number is no best one, before or after one that is. */
static void test_nan_is_never_best(void **state)
{
    rk_epoch_record rows[] = {{.epoch = 1, .test_accuracy = NAN},
                              {.epoch = 2, .test_accuracy = 0.1, .noisy_true = 0.75},
                              {.epoch = 3, .test_accuracy = NAN}};
    rk_run_record run = {0};
    (void)state;
    rk_run_measures m = rk_run_measure(&run, rows, 3);
    assert_true(m.best_test == 0.1 && m.best_test_epoch == 2 && m.best_noisy_true == 0.75);
}

/* Where some of the examples are evaluated, the batches decide whether it fits. */
static void test_part(void **state)
{
    rk_epoch_record rows[] = {{.epoch = 1,
                               .steps = 8,
                               .train_accuracy = 1,
                               .online_accuracy = 0.9,
                               .train_loss = 0.1,
                               .online_loss = 0.3},
                              {.epoch = 2, .steps = 16, .train_accuracy = 1, .online_accuracy = 1}};
    rk_run_record run = {.fit_epoch = 2};
    (void)state;
    assert_true(rk_goal_accuracy(rows, true) == 0.9 && rk_goal_accuracy(rows, false) == 1);
    assert_true(rk_goal_loss(rows, true) == 0.3 && rk_goal_loss(rows, false) == 0.1);
    assert_true(rk_run_measure(&run, rows, 2).fit_steps == 16);
    run.fit_epoch = 0;
    assert_true(rk_run_measure(&run, rows, 1).fit_steps == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known), cmocka_unit_test(test_none),
                                       cmocka_unit_test(test_nan_is_never_best),
                                       cmocka_unit_test(test_part)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
