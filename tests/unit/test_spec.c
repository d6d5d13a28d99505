/* "name:key=value,...": values, canonical text, and what is said of each mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "data/args.h"
#include "data/registry.h"

/* A registry of the variant "good": a data item "empty" with the parameters count (INT, 1 to 64,
 * 3), share (REAL, 0 to 1, 0.5), way (left|right|lefter, left), path; schedules half and early. */
static int setup(void **state)
{
    char path[512];
    const char *folder = getenv("RETHINK_TEST_VARIANTS"), *extra = path;
    rk_registry *r;
    assert_non_null(folder);
    unsetenv("RETHINK_PLUGIN_PATH");
    snprintf(path, sizeof path, "%s/good.so", folder);
    assert_int_equal(rk_registry_new(&extra, 1, &r, NULL), RK_OK);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    rk_registry_free(*state);
    return 0;
}

static rk_spec *parse(void **state, const char *text)
{
    rk_error e = rk_error_new();
    rk_spec *s = NULL;
    if (rk_spec_parse(*state, RK_KIND_DATA, text, &s, &e) != RK_OK)
        fail_msg("%s: %s", text, e.text);
    return s;
}

static void expect_kind(void **state, uint32_t kind, const char *text, const char *const *said)
{
    rk_error e = rk_error_new();
    rk_spec *s = (rk_spec *)(void *)&e; /* must become NULL */
    assert_int_equal(rk_spec_parse(*state, kind, text, &s, &e), RK_E_INVALID);
    assert_null(s);
    assert_int_equal(e.code, RK_E_INVALID);
    assert_null(strchr(e.text, '\n'));
    for (; *said; said++)
        if (!strstr(e.text, *said)) fail_msg("'%s' gives '%s', lacks '%s'", text, e.text, *said);
}
#define EXPECT(text, ...)                                                                          \
    expect_kind(state, RK_KIND_DATA, text, (const char *const[]){__VA_ARGS__, NULL})

static void test_values(void **state)
{
    rk_spec *s = parse(state, "empty:way=right,path=/a/b,count=64,share=0.125");
    assert_string_equal(s->item->name, "empty");
    assert_true(rk_arg_int(s->args, "count") == 64);
    assert_true(rk_arg_real(s->args, "share") == 0.125);
    assert_string_equal(rk_arg_text(s->args, "way"), "right");
    assert_string_equal(rk_arg_text(s->args, "path"), "/a/b");
    assert_int_equal(s->limit[RK_LIMIT_TRAIN], 0);
    assert_int_equal(s->limit[RK_LIMIT_TEST], 0);
    assert_null(rk_args_misused(s->args));
    rk_spec_free(s);
}

static void test_misuse_is_remembered(void **state)
{
    rk_spec *s = parse(state, "empty:path=x");
    assert_true(rk_arg_int(s->args, "share") == 0);
    assert_string_equal(rk_args_misused(s->args), "share");
    assert_true(rk_arg_real(s->args, "count") == 0);
    assert_string_equal(rk_arg_text(s->args, "count"), "");
    assert_string_equal(rk_arg_text(s->args, "absent"), "");
    assert_string_equal(rk_args_misused(s->args), "share"); /* the first */
    rk_spec_free(s);
}

/* Defaults filled in, the table's order, numbers in their shortest form; and again the same. */
static void test_canonical(void **state)
{
    static const char *const rows[][2] = {
        {"empty:path=x", "empty:count=3,share=0.5,way=left,path=x"},
        {"empty:path=x,share=.10,count=+07", "empty:count=7,share=0.1,way=left,path=x"},
        {"empty:share=1e0,path=x", "empty:count=3,share=1,way=left,path=x"},
        {"empty:share=0.30000000000000004,path=x",
         "empty:count=3,share=0.30000000000000004,way=left,path=x"},
        {"empty:path=x,limit=2000", "empty:count=3,share=0.5,way=left,path=x,limit=2000"},
        {"empty:limit-test=30,path=x", "empty:count=3,share=0.5,way=left,path=x,limit-test=30"},
        {"empty:limit-test=3,path=x,limit=2",
         "empty:count=3,share=0.5,way=left,path=x,limit=2,limit-test=3"},
        {"empty:path=x,limit=0", "empty:count=3,share=0.5,way=left,path=x"},
        {"empty:path=a=b:c", "empty:count=3,share=0.5,way=left,path=a=b:c"},
        {"empty:path=a\\,b\\\\c", "empty:count=3,share=0.5,way=left,path=a\\,b\\\\c"},
        {"empty:path=a\\b", "empty:count=3,share=0.5,way=left,path=ab"},
        {"empty:path=", "empty:count=3,share=0.5,way=left,path="},
        {"empty:path=x,", "empty:count=3,share=0.5,way=left,path=x"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rk_spec *s = parse(state, rows[i][0]);
        assert_string_equal(s->text, rows[i][1]);
        rk_spec *again = parse(state, s->text);
        assert_string_equal(again->text, s->text);
        assert_string_equal(rk_arg_text(s->args, "path"), rk_arg_text(again->args, "path"));
        assert_memory_equal(s->limit, again->limit, sizeof s->limit);
        rk_spec_free(s);
        rk_spec_free(again);
    }
    rk_spec *s = parse(state, "empty:path=a\\,b\\\\c");
    assert_string_equal(rk_arg_text(s->args, "path"), "a,b\\c");
    rk_spec_free(s);
}

static void test_item_without_parameters(void **state)
{
    rk_spec *s = NULL;
    assert_int_equal(rk_spec_parse(*state, RK_KIND_SCHEDULE, "half", &s, NULL), RK_OK);
    assert_string_equal(s->text, "half");
    rk_spec_free(s);
    assert_int_equal(rk_spec_parse(*state, RK_KIND_SCHEDULE, "half:", &s, NULL), RK_OK);
    rk_spec_free(s);
    expect_kind(state, RK_KIND_SCHEDULE, "half:limit=3",
                (const char *const[]){"half: no parameter 'limit'", NULL});
}

static void test_unknown_names(void **state)
{
    EXPECT("emty:path=x", "unknown data 'emty'", "did you mean 'empty'?", "Known: empty");
    EXPECT("zzzzzzz", "unknown data 'zzzzzzz'; known: empty");
    EXPECT("", "unknown data ''");
    EXPECT("half", "'half' is a schedule, not a data");
    expect_kind(state, RK_KIND_SCHEDULE, "hafl",
                (const char *const[]){"did you mean 'half'?", "early, half", NULL});
    expect_kind(state, RK_KIND_MODEL, "mlp",
                (const char *const[]){"unknown model 'mlp'", "known: none", "plugins -v", NULL});
}

static void test_unknown_keys(void **state)
{
    EXPECT("empty:path=x,cuont=4", "empty: no parameter 'cuont'", "did you mean 'count'?",
           "count, share, way, path, limit, limit-test");
    EXPECT("empty:path=x,=4", "no parameter ''");
}

static void test_bad_values(void **state)
{
    EXPECT("empty:path=x,count=0", "empty: count=0 is out of range: from 1 to 64 (how many)");
    EXPECT("empty:path=x,count=65", "count=65 is out of range");
    EXPECT("empty:path=x,count=99999999999999999999", "is out of range");
    EXPECT("empty:path=x,count=1.5", "count=1.5 is not a whole number");
    EXPECT("empty:path=x,count=", "count= is not a whole number");
    EXPECT("empty:path=x,count=0x10", "count=0x10 is not a whole number");
    EXPECT("empty:path=x,count= 4", "count= 4 is not a whole number");
    EXPECT("empty:path=x,share=1.5", "empty: share=1.5 is out of range: from 0 to 1 (how much)");
    EXPECT("empty:path=x,share=-0.1", "share=-0.1 is out of range");
    EXPECT("empty:path=x,share=nan", "share=nan is not a number");
    EXPECT("empty:path=x,share=inf", "share=inf is not a number");
    EXPECT("empty:path=x,share=half", "share=half is not a number");
    EXPECT("empty:path=x,share=1e999", "share=1e999 is out of range");
    EXPECT("empty:path=x,way=up", "way=up is not one of left|right|lefter (which way)");
    EXPECT("empty:path=x,way=lef", "way=lef is not one of");
    EXPECT("empty:path=x,way=eft", "way=eft is not one of");
    EXPECT("empty:path=x,way=left|right", "way=left|right is not one of");
    EXPECT("empty:path=x,way=", "way= is not one of");
    EXPECT("empty:path=x,limit=-1", "limit=-1 is out of range");
    EXPECT("empty:path=x,count", "'count' has no value: write count=VALUE");
    EXPECT("empty:path=x,count=4,count=4", "count is given twice");
    EXPECT("empty:path=x,limit=4,limit=4", "limit is given twice");
    EXPECT("empty:path=x,limit-test=4,limit-test=4", "limit-test is given twice");
    EXPECT("empty", "empty: path is missing: write empty:path=VALUE (where)");
}

/* lefter must be found although left, a beginning of it, comes first. */
static void test_choice_with_common_beginning(void **state)
{
    rk_spec *s = parse(state, "empty:path=x,way=lefter");
    assert_string_equal(rk_arg_text(s->args, "way"), "lefter");
    rk_spec_free(s);
}

/* A range wider than what int64_t holds does not let overflow through. */
static void test_overflow(void **state)
{
    rk_param_spec p = {"n", "0", "a number", RK_PARAM_INT, -1e30, 1e30, NULL};
    rk_arg_value v = {0};
    rk_error e = rk_error_new();
    (void)state;
    assert_int_equal(rk_param_parse(&p, "9223372036854775807", &v, &e), RK_OK);
    assert_true(v.whole == INT64_MAX);
    free(v.text);
    assert_int_equal(rk_param_parse(&p, "9223372036854775808", &v, &e), RK_E_INVALID);
}

static void test_without_error_record(void **state)
{
    rk_spec *s;
    assert_int_equal(rk_spec_parse(*state, RK_KIND_DATA, "empty:count=0", &s, NULL), RK_E_INVALID);
    assert_null(s);
}

/* Texts that are too long for an error record are cut, not written past its end. */
static void test_long_text(void **state)
{
    enum { LENGTH = 100000 };
    char *text = malloc(LENGTH + 1);
    rk_error e = rk_error_new();
    rk_spec *s;
    assert_non_null(text);
    memset(text, 'a', LENGTH);
    text[LENGTH] = '\0';
    assert_int_equal(rk_spec_parse(*state, RK_KIND_DATA, text, &s, &e), RK_E_INVALID);
    memcpy(text, "empty:", 6);
    assert_int_equal(rk_spec_parse(*state, RK_KIND_DATA, text, &s, &e), RK_E_INVALID);
    memcpy(text, "empty:count=", 12);
    assert_int_equal(rk_spec_parse(*state, RK_KIND_DATA, text, &s, &e), RK_E_INVALID);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),        cmocka_unit_test(test_misuse_is_remembered),
        cmocka_unit_test(test_canonical),     cmocka_unit_test(test_item_without_parameters),
        cmocka_unit_test(test_unknown_names), cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_bad_values),    cmocka_unit_test(test_choice_with_common_beginning),
        cmocka_unit_test(test_overflow),      cmocka_unit_test(test_without_error_record),
        cmocka_unit_test(test_long_text)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
