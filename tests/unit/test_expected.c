/* The corruption audit by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "train/expected.h"

static void test_value(void **state)
{
    char v[16];
    (void)state;
    assert_true(rk_spec_value("mlp:layers=3,init=he", "init", v, sizeof v));
    assert_string_equal(v, "he");
    assert_true(rk_spec_value("a:init=x+l2:strength=0.5,on=all", "strength", v, sizeof v));
    assert_string_equal(v, "0.5");
    assert_true(rk_spec_value("a:k=1+b:j=2", "k", v, 2) && strcmp(v, "1") == 0);
    assert_false(rk_spec_value("mlp:reinit=3,layers=1", "init", v, sizeof v));
    assert_false(rk_spec_value("p=3", "p", v, sizeof v)); /* no parameter of anything */
    assert_false(rk_spec_value("mlp", "init", v, sizeof v));
}

/* p = 0.5 of 10 classes and 900 labels: 0.45 +- 4 sqrt(0.45 0.55 / 900) = 0.0663 */
static void test_expected(void **state)
{
    (void)state;
    rk_expected x = rk_expect_changed("labels:p=0.5", 900, 10, 0.45 + 0.0663);
    assert_true(x.known && fabs(x.fraction - 0.45) < 1e-15 && !x.outside);
    assert_true(fabs(x.sigma - sqrt(0.45 * 0.55 / 900)) < 1e-15);
    assert_true(rk_expect_changed("labels:p=0.5", 900, 10, 0.45 + 0.0664).outside);
    assert_true(
        rk_expect_changed("pixels:mode=random+labels:p=0.5", 900, 10, 0.45 - 0.0664).outside);
    assert_false(rk_expect_changed("labels:p=0.5+pixels", 900, 10, 0.45 - 0.0663).outside);
    assert_true(fabs(rk_expect_changed("labels", 900, 10, 0.9).fraction - 0.9) < 1e-15);
    assert_false(rk_expect_changed("", 900, 10, 0).outside);
    assert_true(rk_expect_changed("", 900, 10, 1.0 / 900).outside);
    assert_true(rk_expect_changed("pixels", 900, 10, 1.0 / 900).outside);
}

/* Another plugin's transform, labels that change twice, a record of before schema 3. */
static void test_unknown(void **state)
{
    (void)state;
    assert_false(rk_expect_changed("slip:p=0.5", 900, 10, 0).known);
    assert_false(rk_expect_changed("labels:p=0.5+labels:p=0.5", 900, 10, 0).known);
    assert_false(rk_expect_changed("labelsx", 900, 10, 0).known);
    assert_false(rk_expect_changed("labels:p=0.5", 0, 10, 0).known);
    assert_false(rk_expect_changed("labels:p=0.5", 900, 0, 0).outside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_value),
                                       cmocka_unit_test(test_expected),
                                       cmocka_unit_test(test_unknown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
