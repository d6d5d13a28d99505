/* A run's configuration as JSON and back; items joined by '+'; unions of kernel lists. */
#include "data_harness.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "train/config.h"
#include "train/record.h"

static void cut(char *text, const char *part)
{
    char *at = strstr(text, part);
    assert_non_null(at);
    memmove(at, at + strlen(part), strlen(at + strlen(part)) + 1);
}

static void test_round_trip(void **state)
{
    rk_config c = rk_config_default(), got;
    json_t *owner;
    (void)state;
    c.model = "mlp:hidden=4";
    c.data = "mnist:path=/a\\,b \"q\"";
    c.randomize = "labels:p=1";
    c.augment = "crop:pad=4+flip";
    c.device = "opencl:0.0";
    c.variant = "random labels";
    c.epochs = 7;
    c.batch = 13;
    c.seed = INT64_MAX;
    c.rate = 0.1;
    c.stop_accuracy = 1;
    c.stop_loss = 1e-3;
    c.checkpoint_seconds = 0;
    c.corrupt_test = true;
    c.stop_patience = 17;
    c.diagnose = "hessian+margins";
    c.weights = "w";
    c.hold_out = 0.3;
    c.session = (rk_session_options){.numerics = RK_NUMERICS_FAST,
                                     .fallback = RK_FALLBACK_REFERENCE,
                                     .unfused = true,
                                     .seed = INT64_MAX};
    char *text = rk_config_write(&c), *again;
    assert_non_null(text);
    assert_int_equal(rk_config_read(text, &got, &owner, NULL), RK_OK);
    assert_string_equal(got.data, c.data);
    assert_string_equal(got.augment, "crop:pad=4+flip");
    assert_string_equal(got.variant, "random labels");
    assert_true(got.seed == INT64_MAX && got.session.seed == INT64_MAX && got.rate == 0.1);
    assert_true(got.epochs == 7 && got.batch == 13 && got.stop_accuracy == 1);
    assert_true(got.stop_loss == 1e-3 && got.checkpoint_seconds == 0 && got.session.unfused);
    assert_true(got.session.numerics == RK_NUMERICS_FAST);
    assert_true(got.corrupt_test && got.stop_patience == 17);
    assert_string_equal(got.diagnose, "hessian+margins");
    assert_string_equal(got.weights, "w");
    assert_true(got.hold_out == 0.3);
    assert_true(got.session.fallback == RK_FALLBACK_REFERENCE);
    again = rk_config_write(&got);
    assert_string_equal(again, text); /* every field */
    json_decref(owner);
    free(again);
    free(text);
}

/* What was recorded before these keys were there. */
static void test_older_records(void **state)
{
    rk_config c = rk_config_default(), got;
    json_t *owner;
    (void)state;
    c.augment = "flip";
    c.batch = 13;
    c.corrupt_test = true;
    c.stop_patience = 17;
    char *text = rk_config_write(&c);
    assert_non_null(text);
    cut(text, "\"augment\":\"flip\",");
    cut(text, "\"eval-labels\":\"corrupted\",");
    cut(text, "\"stop-patience\":17,");
    assert_int_equal(rk_config_read(text, &got, &owner, NULL), RK_OK);
    assert_string_equal(got.augment, "");
    assert_true(!got.corrupt_test && got.stop_patience == 0 && got.batch == 13);
    json_decref(owner);
    free(text);
}

static void test_damaged_text(void **state)
{
    static const char *const bad[] = {"", "{", "[]", "{}", "{\"model\": 1}"};
    rk_config c;
    json_t *owner;
    rk_error e = rk_error_new();
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(rk_config_read(bad[i], &c, &owner, &e), RK_E_INVALID);
        assert_null(owner);
    }
}

static void expect_bad(const rk_config *c, const char *said)
{
    rk_error e = rk_error_new();
    assert_int_equal(rk_config_check(c, &e), RK_E_INVALID);
    if (!strstr(e.text, said)) fail_msg("\"%s\" does not say \"%s\"", e.text, said);
}

static void test_ranges(void **state)
{
    const rk_config good = rk_config_default();
    rk_config c = good;
    (void)state;
    assert_int_equal(rk_config_check(&c, NULL), RK_OK);
    c.epochs = 0; /* trains nothing, and may begin with the weights of a file */
    c.weights = "a.safetensors";
    assert_int_equal(rk_config_check(&c, NULL), RK_OK);
    c.epochs = 1;
    expect_bad(&c, "weights=a.safetensors, but epochs=1");
    c = good;
    c.epochs = -1;
    expect_bad(&c, "epochs=-1");
    c = good;
    c.batch = 0;
    expect_bad(&c, "batch=0");
    c = good;
    c.rate = NAN;
    expect_bad(&c, "lr=");
    c.rate = -1;
    expect_bad(&c, "lr=-1");
    c = good;
    c.stop_accuracy = 1.5;
    expect_bad(&c, "stop-accuracy=1.5");
    c = good;
    c.stop_loss = -1;
    expect_bad(&c, "stop-loss=-1");
    c = good;
    c.checkpoint_seconds = NAN;
    expect_bad(&c, "checkpoint-seconds=");
    c = good;
    c.stop_patience = -1;
    expect_bad(&c, "stop-patience=-1");
    c = good;
    c.seed = (uint64_t)INT64_MAX + 1;
    expect_bad(&c, "seed=");
}

static void test_joined_items(void **state)
{
    rk_registry *plugins = load_plugins();
    rk_config c = rk_config_default();
    rk_recipe r;
    rk_error e = rk_error_new();
    (void)state;
    c.randomize = "labels:p=1e+0+pixels:mode=shuffle";
    c.augment = "flip+crop:pad=2";
    c.regularize = "";
    assert_int_equal(rk_recipe_parse(plugins, &c, &r, &e), RK_OK);
    assert_int_equal(r.transforms.n, 2);
    assert_string_equal(r.transforms.spec[0]->item->name, "labels");
    assert_string_equal(r.transforms.spec[1]->item->name, "pixels");
    assert_string_equal(r.augments.text, "flip:p=0.5+crop:size=0,pad=2");
    assert_string_equal(r.regularizers.text, "");
    assert_int_equal(rk_recipe_audit(&r, &e), RK_OK);
    rk_config canonical = c;
    canonical.randomize = r.transforms.text;
    canonical.model = r.model->text;
    rk_recipe again;
    assert_int_equal(rk_recipe_parse(plugins, &canonical, &again, &e), RK_OK);
    assert_string_equal(again.transforms.text, r.transforms.text);
    assert_string_equal(again.model->text, r.model->text);
    rk_recipe_clear(&again);
    rk_recipe_clear(&r);
    c.randomize = "labels:p=1+no-such:a=1";
    assert_int_equal(rk_recipe_parse(plugins, &c, &r, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "no-such"));
    assert_null(r.model);
    rk_registry_free(plugins);
}

/* What is recorded reads as it was given: a '+' in a value joins nothing. */
static void test_joined_items_with_plus(void **state)
{
    static const char *const path[] = {"a+b,c\\+", "1+2"};
    rk_registry *plugins = load_plugins();
    rk_config c = rk_config_default();
    rk_recipe r, again;
    rk_error e = rk_error_new();
    (void)state;
    c.diagnose = "theorem1:export=a\\+b\\,c\\\\\\++theorem1:depth=3,export=1+2";
    assert_int_equal(rk_recipe_parse(plugins, &c, &r, &e), RK_OK);
    assert_non_null(strstr(r.diagnostics.text, "export=a\\+b\\,c\\\\\\++theorem1:"));
    assert_non_null(strstr(r.diagnostics.text, "export=1+2"));
    c.diagnose = r.diagnostics.text;
    assert_int_equal(rk_recipe_parse(plugins, &c, &again, &e), RK_OK);
    assert_string_equal(again.diagnostics.text, r.diagnostics.text);
    assert_int_equal(again.diagnostics.n, 2);
    for (int i = 0; i < 2; i++)
        assert_string_equal(rk_arg_text(again.diagnostics.spec[i]->args, "export"), path[i]);
    rk_recipe_clear(&again);
    rk_recipe_clear(&r);
    rk_registry_free(plugins);
}

static void test_union(void **state)
{
    const char *const lists[] = {"a, x; b b", "", "b b;c", "ab; a, x", "a; b"};
    char *text = rk_record_union(lists, 5);
    (void)state;
    assert_string_equal(text, "a, x; b b; c; ab; a; b");
    free(text);
}

static void test_summary_of_epochs(void **state)
{
    rk_run_record run = {0};
    rk_epoch_record rows[3] = {{.epoch = 1, .train_accuracy = 0.99, .seconds = 1},
                               {.epoch = 2, .train_accuracy = 1, .seconds = 2},
                               {.epoch = 3, .train_accuracy = 1, .test_loss = 4, .seconds = 3}};
    (void)state;
    rk_record_epoch(&run, &rows[0], rows[0].train_accuracy >= 1);
    assert_int_equal(run.fit_epoch, 0);
    rk_record_epoch(&run, &rows[1], rows[1].train_accuracy >= 1);
    rk_record_epoch(&run, &rows[2], rows[2].train_accuracy >= 1);
    assert_true(run.fit_epoch == 2 && run.epochs_done == 3 && run.test_loss == 4);
    assert_true(run.seconds == 3 && run.digest == rows[2].digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_older_records),
        cmocka_unit_test(test_damaged_text), cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_joined_items), cmocka_unit_test(test_joined_items_with_plus),
        cmocka_unit_test(test_union),        cmocka_unit_test(test_summary_of_epochs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
