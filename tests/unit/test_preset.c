/* Options and their levels, presets and their damage, the runs that they ask for. */
#include "scratch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/error.h"
#include "cli/jobs.h"

static rk_settings apply(const rk_assignment *list, uint32_t n, rk_pool *pool)
{
    rk_settings s = rk_settings_default();
    rk_error e = rk_error_new();
    if (rk_settings_apply(&s, list, n, pool, &e) != RK_OK) fail_msg("%s", e.text);
    return s;
}

static void test_every_key(void **state)
{
    const rk_assignment list[] = {
        {"model", "linear"},       {"data", "mnist"},       {"randomize", "labels:p=1"},
        {"optimizer", "sgd"},      {"momentum", "0.5"},     {"schedule", "constant"},
        {"lr-decay", "0.98"},      {"regularize", "l2"},    {"lr", "0.05"},
        {"batch", "50"},           {"epochs", "7"},         {"seed", "9223372036854775807"},
        {"stop-accuracy", "1"},    {"stop-loss", "1e-3"},   {"device", "opencl?"},
        {"threads", "2"},          {"isa", "avx2"},         {"numerics", "fast"},
        {"fallback", "reference"}, {"unfused", "yes"},      {"checkpoint-seconds", "2.5"},
        {"augment", "flip"},       {"scale", "small"},      {"eval-labels", "corrupted"},
        {"stop-patience", "9"},    {"eval-limit", "40"},    {"scores", "yes"},
        {"el2n-epoch", "4"},       {"randomize-seed", "8"}, {"data-path", "/a,b"},
        {"diagnose", "hessian"},   {"weights", "/w"},       {"hold-out", "0.25"}};
    rk_pool pool = {0};
    size_t n;
    (void)state;
    rk_settings_table(&n);
    assert_int_equal(n, sizeof list / sizeof *list); /* none is untested */
    rk_settings s = apply(list, (uint32_t)n, &pool);
    const rk_config *c = &s.config;
    assert_string_equal(c->model, "linear");
    assert_string_equal(c->data, "mnist:path=/a\\,b");
    assert_string_equal(c->randomize, "labels:p=1");
    assert_string_equal(c->optimizer, "sgd:momentum=0.5");
    assert_string_equal(c->schedule, "exponential:decay=0.98");
    assert_string_equal(c->regularize, "l2");
    assert_string_equal(c->augment, "flip");
    assert_string_equal(c->scale, "small");
    assert_true(c->corrupt_test && c->stop_patience == 9);
    assert_true(c->scores && c->el2n_epoch == 4 && c->randomize_seed == 8);
    assert_true(c->rate == 0.05 && c->batch == 50 && c->epochs == 7 && c->stop_accuracy == 1);
    assert_true(c->eval_limit == 40);
    assert_string_equal(c->diagnose, "hessian");
    assert_string_equal(c->weights, "/w");
    assert_true(c->hold_out == 0.25);
    assert_true(c->stop_loss == 1e-3 && c->checkpoint_seconds == 2.5 && c->session.unfused);
    assert_true(c->seed == INT64_MAX && c->session.seed == INT64_MAX);
    assert_true(c->session.numerics == RK_NUMERICS_FAST);
    assert_true(c->session.fallback == RK_FALLBACK_REFERENCE);
    assert_string_equal(s.threads, "2");
    assert_string_equal(s.isa, "avx2");
    assert_int_equal(s.n_devices, 1);
    assert_string_equal(s.device[0], "opencl?");
    rk_pool_free(&pool);
}

static void test_levels(void **state)
{
    const rk_assignment first[] = {{"randomize", "labels:p=1"}, {"randomize", "pixels"},
                                   {"augment", "crop:pad=4"},   {"augment", "flip"},
                                   {"device", "cpu"},           {"device", "opencl"},
                                   {"diagnose", "a:p=1"},       {"diagnose", "b+c"}};
    const rk_assignment second[] = {{"randomize", "labels:p=0.5"}, {"device", "auto"}};
    rk_pool pool = {0};
    rk_settings s = apply(first, 8, &pool);
    (void)state;
    assert_string_equal(s.config.randomize, "labels:p=1+pixels");
    assert_string_equal(s.config.augment, "crop:pad=4+flip");
    assert_string_equal(s.config.diagnose, "a:p=1+b+c");
    assert_int_equal(s.n_devices, 2);
    assert_int_equal(rk_settings_apply(&s, second, 2, &pool, NULL), RK_OK);
    assert_string_equal(s.config.randomize, "labels:p=0.5");
    assert_int_equal(s.n_devices, 1);
    assert_string_equal(s.device[0], "auto");
    rk_pool_free(&pool);
}

static void test_paths(void **state)
{
    const rk_assignment list[] = {{"data", "mnist:path=old,limit=9"}, {"data-path", "mnist=/m"}};
    const rk_assignment other[] = {{"data-path", "cifar10=/c"}}, all[] = {{"data-path", "./a=b"}};
    rk_pool pool = {0};
    rk_settings s = apply(list, 2, &pool);
    (void)state;
    assert_string_equal(s.config.data, "mnist:path=/m,limit=9");
    assert_int_equal(rk_settings_apply(&s, other, 1, &pool, NULL), RK_OK);
    assert_string_equal(s.config.data, "mnist:path=/m,limit=9");
    assert_int_equal(rk_settings_apply(&s, all, 1, &pool, NULL), RK_OK);
    assert_string_equal(s.config.data, "mnist:path=./a=b,limit=9");
    rk_pool_free(&pool);
}

static void refuse(const char *key, const char *value, const char *said)
{
    rk_settings s = rk_settings_default();
    rk_pool pool = {0};
    rk_error e = rk_error_new();
    rk_assignment one = {key, value};
    assert_int_equal(rk_settings_apply(&s, &one, 1, &pool, &e), RK_E_INVALID);
    if (!strstr(e.text, said)) fail_msg("\"%s\" does not say \"%s\"", e.text, said);
    rk_pool_free(&pool);
}

static void test_refusals(void **state)
{
    static const char *const whole[] = {"",  "x",  "1x",  " 1",  "1 ",
                                        "0", "-1", "1.5", "1e3", "99999999999999999999"};
    static const char *const real[] = {"", "x", "0.1x", " 1", "nan", "inf", "-0.1", "1,5"};
    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        if (strcmp(whole[i], "0") != 0)
            refuse("epochs", whole[i], "whole number from 0 to 1000000");
        refuse("batch", whole[i], "whole number");
        refuse("threads", whole[i], "whole number");
        if (strcmp(whole[i], "0") != 0) refuse("seed", whole[i], "whole number");
    }
    for (size_t i = 0; i < sizeof real / sizeof *real; i++) {
        refuse("lr", real[i], "number from 0 on");
        refuse("momentum", real[i], "number from 0 to 1");
        refuse("lr-decay", real[i], "number from 0 to 1");
        refuse("stop-accuracy", real[i], "number from 0 to 1");
        refuse("stop-loss", real[i], "number from 0 on");
        refuse("checkpoint-seconds", real[i], "number from 0 on");
    }
    refuse("stop-accuracy", "1.1", "1.1");
    refuse("data-path", "", "names no folder");
    refuse("data-path", "mnist=", "'mnist=' names no folder");
    refuse("isa", "avx", "plain|avx2|avx512");
    refuse("numerics", "exac", "exact|fast");
    refuse("fallback", "", "forbid|reference");
    refuse("unfused", "true", "no|yes");
    refuse("device", "", "no device");
    refuse("device", "?", "no device");
    refuse("epoch", "1", "did you mean 'epochs'?");
    refuse("data", "mnist:path=n\xff\xfe", "text of --data 'mnist:path=n\\xff\\xfe' is not UTF-8");
    refuse("data-path", "/\xc3(", "text of --data-path '/\\xc3(' is not UTF-8");
    refuse("weights", "\xed\xa0\x80\xf4\x90\x80\x80",
           "'\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80' is not UTF-8");
    refuse("model", "\xc0\xaf\xe2\x82", "'\\xc0\\xaf\\xe2\\x82' is not UTF-8");
    rk_assignment fine = {"weights", "/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"};
    rk_pool pool = {0};
    assert_string_equal(apply(&fine, 1, &pool).config.weights, fine.value);
}

static rk_status read_text(const char *text, rk_preset *p, rk_error *e)
{
    const char *path = scratch("preset.ini");
    scratch_write(path, text, strlen(text));
    return rk_preset_read(path, "name", p, e);
}

#define TWO_VARIANTS                                                                               \
    "; a comment\n[preset]\ndoc = a doc\nmodel = linear\nepochs = 3\nseed = 5\n"                   \
    "[variant true labels]\nrandomize =\n[variant random labels]\nrandomize = labels:p=1\n"

static void test_read(void **state)
{
    rk_preset p;
    (void)state;
    assert_int_equal(read_text(TWO_VARIANTS "[grid]\nseed = 1 | 2 |3\n", &p, NULL), RK_OK);
    assert_string_equal(p.name, "name");
    assert_string_equal(p.doc, "a doc");
    assert_int_equal(p.base.n, 3);
    assert_int_equal(p.n_variants, 2);
    assert_string_equal(p.variant[1].label, "random labels");
    assert_string_equal(p.variant[1].list[0].value, "labels:p=1");
    assert_int_equal(p.n_axes, 1);
    assert_int_equal(p.axis[0].n, 3);
    assert_string_equal(p.axis[0].value[1], "2");
    rk_preset_free(&p);
}

static void refuse_text(const char *text, const char *said)
{
    rk_preset p;
    rk_error e = rk_error_new();
    assert_int_equal(read_text(text, &p, &e), RK_E_INVALID);
    if (!strstr(e.text, said)) fail_msg("\"%s\" does not say \"%s\"", e.text, said);
    assert_non_null(strstr(e.text, "preset.ini"));
}

static void test_bad_presets(void **state)
{
    char line[400];
    (void)state;
    refuse_text("[preset]\nmodle = mlp\n", ":2: no option 'modle'; did you mean 'model'?");
    refuse_text("[preset]\nmodel = mlp\n[varaint x]\nseed=1\n", ":4: no section [varaint x]");
    refuse_text("[preset]\nepochs = -1\n", "--epochs: '-1'");
    refuse_text("[variant a]\nlr = x\n", "--lr: 'x'");
    refuse_text("[grid]\nseed = 1 | x\n", "--seed: 'x'");
    refuse_text("[preset\nmodel = mlp\n", ":1: neither");
    refuse_text("model = mlp\n", ":1: no section []");
    refuse_text("[preset]\nmodel\n", ":2: neither");
    refuse_text("", "has no section with a key");
    refuse_text("; [preset]\n[grid]\n", "has no section with a key");
    memset(line, 'x', sizeof line);
    memcpy(line, "[preset]\ndoc = ", 15);
    line[sizeof line - 1] = '\0';
    refuse_text(line, ":2: more than 190 characters");
}

static void test_search(void **state)
{
    rk_preset p;
    rk_error e = rk_error_new();
    (void)state;
    const char *path = scratch("first.ini");
    scratch_write(path, TWO_VARIANTS, strlen(TWO_VARIANTS));
    char folder[256], list[600];
    strcpy(folder, path);
    *strrchr(folder, '/') = '\0';
    snprintf(list, sizeof list, "/nowhere::%s", folder);
    setenv("RETHINK_PRESET_PATH", list, 1);
    assert_int_equal(rk_preset_load("first", &p, &e), RK_OK);
    assert_string_equal(p.path, path);
    rk_preset_free(&p);
    assert_int_equal(rk_preset_load("frist", &p, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "did you mean 'first'?"));
    assert_int_equal(rk_preset_load("../first", &p, &e), RK_E_INVALID);
    snprintf(list, sizeof list, "%s/folder.ini", folder);
    assert_int_equal(mkdir(list, 0777), 0);
    setenv("RETHINK_PRESET_PATH", folder, 1);
    assert_int_equal(rk_preset_load("folder", &p, &e), RK_E_IO);
    if (!strstr(e.text, "/folder.ini: it is no regular file")) fail_msg("%s", e.text);
    rmdir(list);
    unsetenv("RETHINK_PRESET_PATH");
}

static rk_jobs jobs_of(const char *text, rk_preset *p, const rk_assignment *own, uint32_t n)
{
    rk_jobs jobs;
    rk_error e = rk_error_new();
    if (read_text(text, p, &e) != RK_OK) fail_msg("%s", e.text);
    if (rk_jobs_make(p, own, n, &jobs, &e) != RK_OK) fail_msg("%s", e.text);
    return jobs;
}

static void test_grid(void **state)
{
    rk_preset p;
    (void)state;
    rk_jobs j = jobs_of(TWO_VARIANTS "[grid]\nseed = 1 | 2 | 3\nbatch = 5|6|7\n", &p, NULL, 0);
    assert_int_equal(j.n, 18);
    assert_string_equal(j.job[0].label, "true labels, seed=1, batch=5");
    assert_string_equal(j.job[17].label, "random labels, seed=3, batch=7");
    assert_string_equal(j.job[17].s.config.variant, j.job[17].label);
    assert_string_equal(j.job[17].s.config.preset, "name");
    assert_true(j.job[17].s.config.seed == 3 && j.job[17].s.config.batch == 7);
    assert_string_equal(j.job[17].s.config.randomize, "labels:p=1");
    assert_string_equal(j.job[16].s.config.randomize, "");
    assert_int_equal(j.job[17].s.config.epochs, 3);
    rk_jobs_free(&j);
    rk_preset_free(&p);
}

static void test_own_settings_win(void **state)
{
    const rk_assignment seed[] = {{"seed", "9"}, {"epochs", "4"}};
    const rk_assignment labels[] = {{"randomize", "labels:p=0.5"}};
    rk_preset p;
    (void)state;
    rk_jobs j = jobs_of(TWO_VARIANTS "[grid]\nseed = 1 | 2 | 3\n", &p, seed, 2);
    assert_int_equal(j.n, 2); /* the grid's key is given: it is no longer varied */
    assert_string_equal(j.job[1].label, "random labels");
    assert_true(j.job[1].s.config.seed == 9 && j.job[1].s.config.epochs == 4);
    rk_jobs_free(&j);
    rk_preset_free(&p);
    j = jobs_of(TWO_VARIANTS, &p, labels, 1);
    assert_int_equal(j.n, 1); /* both variants became the same */
    assert_string_equal(j.job[0].label, "");
    assert_string_equal(j.job[0].s.config.randomize, "labels:p=0.5");
    rk_jobs_free(&j);
    rk_preset_free(&p);
    assert_int_equal(rk_jobs_make(NULL, seed, 2, &j, NULL), RK_OK);
    assert_int_equal(j.n, 1);
    assert_string_equal(j.job[0].s.config.preset, "");
    rk_jobs_free(&j);
}

/* Sizes of an experiment: settings, variants and grids of one or of all. */
#define SCALED                                                                                     \
    "[preset]\nepochs = 3\n[scale micro]\nbatch = 5\n[scale full]\nbatch = 500\nepochs = 9\n"      \
    "[grid @ micro]\nseed = 1..3\n[variant a]\nlr = 1\n[variant b @ full]\nlr = 2\n"               \
    "[variant a @ full]\nlr = 3\n"

static void test_scales(void **state)
{
    const rk_assignment full[] = {{"scale", "full"}, {"seed", "4"}, {"epochs", "2"}};
    const rk_assignment small = {"scale", "small"};
    rk_error e = rk_error_new();
    rk_preset p;
    (void)state;
    rk_jobs j = jobs_of(SCALED, &p, NULL, 0);
    assert_int_equal(j.n, 3);
    assert_string_equal(j.job[2].label, "a, seed=3");
    assert_string_equal(j.job[2].s.config.scale, "micro");
    assert_string_equal(j.job[2].s.config.changed, "");
    assert_true(j.job[2].s.config.batch == 5 && j.job[2].s.config.epochs == 3);
    assert_true(j.job[2].s.config.rate == 1);
    rk_jobs_free(&j);
    rk_preset_free(&p);
    j = jobs_of(SCALED, &p, full, 3);
    assert_int_equal(j.n, 2);
    assert_string_equal(j.job[0].label, "a");
    assert_string_equal(j.job[1].label, "b");
    assert_true(j.job[0].s.config.rate == 3 && j.job[1].s.config.rate == 2);
    assert_true(j.job[0].s.config.batch == 500 && j.job[0].s.config.epochs == 2);
    assert_string_equal(j.job[0].s.config.changed, "epochs=2");
    rk_jobs_free(&j);
    assert_int_equal(rk_jobs_make(&p, &small, 1, &j, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "has no scale small: micro, full"));
    rk_preset_free(&p);
    assert_int_equal(rk_jobs_make(NULL, &small, 1, &j, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "--scale is of presets"));
    assert_int_equal(read_text(TWO_VARIANTS, &p, NULL), RK_OK);
    assert_int_equal(rk_jobs_make(&p, &small, 1, &j, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "has no scales"));
    rk_preset_free(&p);
}

/* What was installed is read as it is shipped. */
static void test_shipped(void **state)
{
    rk_preset p;
    rk_jobs j;
    rk_error e = rk_error_new();
    (void)state;
    setenv("RETHINK_PRESET_PATH", getenv("RETHINK_TEST_PRESETS"), 1);
    if (rk_preset_load("quickstart", &p, &e) != RK_OK) fail_msg("%s", e.text);
    assert_int_equal(rk_jobs_make(&p, NULL, 0, &j, NULL), RK_OK);
    assert_int_equal(j.n, 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(j.job[i].s.n_devices, 2);
        assert_true(j.job[i].s.config.stop_accuracy == 1);
    }
    rk_jobs_free(&j);
    rk_preset_free(&p);
    unsetenv("RETHINK_PRESET_PATH");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_key),
                                       cmocka_unit_test(test_levels),
                                       cmocka_unit_test(test_paths),
                                       cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_read),
                                       cmocka_unit_test(test_bad_presets),
                                       cmocka_unit_test(test_search),
                                       cmocka_unit_test(test_grid),
                                       cmocka_unit_test(test_own_settings_win),
                                       cmocka_unit_test(test_scales),
                                       cmocka_unit_test(test_shipped)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
