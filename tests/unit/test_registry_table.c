/* Every way in which a plugin's table can be wrong, one at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "data/load.h"
#include "data/names.h"
#include "data/registry.h"

static double half(double rate0, int64_t epoch, const rk_args *a)
{
    (void)epoch;
    (void)a;
    return rate0 / 2;
}

static rk_status nothing(rk_dataset *d, const rk_args *a, rk_error *e)
{
    (void)d;
    (void)a;
    (void)e;
    return RK_OK;
}

/* A right table, to be spoiled. */
typedef struct table {
    rk_plugin plugin;
    uint64_t tail; /* what a later version may append */
    rk_item items[2];
    rk_param_spec params[RK_PARAMS_MAX + 3];
} table;

static table right(void)
{
    table t = {.plugin = {sizeof(rk_plugin), RK_PLUGIN_ABI, "p", "1", NULL, sizeof(rk_item), 2},
               .items = {RK_ITEM(RK_KIND_SCHEDULE, .name = "s", .doc = "d", .rate = half),
                         RK_ITEM(RK_KIND_DATA, .name = "d", .doc = "d", .data = nothing)},
               .params = {{"count", "3", "d", RK_PARAM_INT, 1, 64, NULL},
                          {"way", "left", "d", RK_PARAM_CHOICE, 0, 0, "left|right"}}};
    return t;
}

static rk_error check(table *t)
{
    rk_error e = rk_error_new();
    t->plugin.items = t->items;
    t->items[1].params = t->params;
    rk_status status = rk_plugin_check(&t->plugin, &e);
    assert_int_equal(status, e.code);
    return e;
}

static void expect(table *t, const char *reason)
{
    rk_error e = check(t);
    if (e.code == RK_OK || !strstr(e.text, reason)) fail_msg("'%s' lacks '%s'", e.text, reason);
}

#define SPOIL(change, reason)                                                                      \
    do {                                                                                           \
        table t = right();                                                                         \
        t.change;                                                                                  \
        expect(&t, reason);                                                                        \
    } while (0)

static void test_right(void **state)
{
    (void)state;
    table t = right();
    assert_int_equal(check(&t).code, RK_OK);
    t.plugin.size += sizeof t.tail; /* longer, and zero */
    assert_int_equal(check(&t).code, RK_OK);
}

static void test_plugin(void **state)
{
    (void)state;
    SPOIL(plugin.size = 8, "the table's size is 8");
    SPOIL(plugin.size = 1u << 30, "the table's size is");
    SPOIL(plugin.abi = 0, "written for version 0");
    SPOIL(plugin.name = NULL, "no proper name");
    SPOIL(plugin.name = "Has space", "no proper name");
    SPOIL(plugin.version = NULL, "no proper name or version");
    SPOIL(plugin.version = "", "no proper name or version");
    SPOIL(plugin.n_items = 0, "has 0 items");
    SPOIL(plugin.n_items = 1u << 20, "items, from 1");
    SPOIL(plugin.item_size = 8, "item_size is 8");
    SPOIL(plugin.item_size = sizeof(rk_item) + 1, "item_size is");
    table t = right();
    t.plugin.size += sizeof t.tail;
    t.tail = 1;
    expect(&t, "fields that this version does not know");
    t = right();
    t.plugin.items = NULL; /* which check would mend */
    rk_error e = rk_error_new();
    assert_int_equal(rk_plugin_check(&t.plugin, &e), RK_E_INVALID);
}

static void test_items(void **state)
{
    (void)state;
    SPOIL(items[0].size = 4, "item 0: size 4");
    SPOIL(items[1].size = sizeof(rk_item) + 8, "item 1: size");
    SPOIL(items[0].name = NULL, "'(null)' is no name");
    SPOIL(items[0].name = "", "'' is no name");
    SPOIL(items[0].name = "a:b", "'a:b' is no name");
    SPOIL(items[0].name = "9a", "'9a' is no name");
    SPOIL(items[0].doc = NULL, "s has no doc");
    SPOIL(items[0].doc = "", "s has no doc");
    SPOIL(items[0].kind = 0, "the kind 0 of s");
    SPOIL(items[0].kind = 9, "the kind 9 of s");
    SPOIL(items[0].rate = NULL, "s lacks the function of its kind, schedule");
    SPOIL(items[0].kind = RK_KIND_OPTIMIZER, "s lacks the function of its kind, optimizer");
    SPOIL(items[0].kind = RK_KIND_AUGMENT, "s lacks the function of its kind, augmentation");
    SPOIL(items[1].data = NULL, "d lacks the function of its kind, data");
    table t = right();
    t.items[1] = t.items[0];
    expect(&t, "the schedule s is there twice");
}

static void test_parameters(void **state)
{
    (void)state;
    SPOIL(params[0].name = "", "'' is no name for a parameter");
    SPOIL(params[0].name = "Count", "'Count' is no name for a parameter");
    SPOIL(params[0].doc = NULL, "count has no doc");
    SPOIL(params[0].type = 0, "unknown type 0");
    SPOIL(params[0].type = 5, "unknown type 5");
    SPOIL(params[0].lo = 65, "empty range");
    SPOIL(params[0].lo = NAN, "empty range");
    SPOIL(params[0].initial = "65", "default: count=65 is out of range");
    SPOIL(params[0].initial = "", "default: count= is not a whole number");
    SPOIL(params[1].initial = "up", "default: way=up is not one of left|right");
    SPOIL(params[1].choices = NULL, "way has no choices");
    SPOIL(params[1].choices = "", "way has no choices");
    SPOIL(params[0].name = "limit", "the core's own");
    SPOIL(params[1].name = "count", "count is there twice");
}

static void test_table_without_end(void **state)
{
    (void)state;
    static const char *const letters = "abcdefghijklmnopqrstuvwxyz";
    char names[RK_PARAMS_MAX + 1][3];
    table t = right();
    for (size_t i = 0; i <= RK_PARAMS_MAX; i++) {
        names[i][0] = letters[i / 26];
        names[i][1] = letters[i % 26];
        names[i][2] = '\0';
        t.params[i] = (rk_param_spec){names[i], "3", "d", RK_PARAM_INT, 1, 64, NULL};
    }
    expect(&t, "more than 64 parameters");
    t.params[RK_PARAMS_MAX].name = NULL;
    assert_int_equal(check(&t).code, RK_OK);
}

/* An item of an earlier, shorter version: what it lacks reads as zero. */
static void test_shorter_item(void **state)
{
    (void)state;
    table t = right();
    t.items[0].kind = RK_KIND_MODEL;
    t.items[0].size = offsetof(rk_item, params) + sizeof(void *);
    t.items[0].model =
        (rk_value(*)(rk_graph *, rk_value, uint32_t, const rk_args *))(void (*)(void))nothing;
    expect(&t, "lacks the function of its kind, model"); /* it lies beyond the item's size */
    rk_item item = rk_plugin_item(&t.plugin, 0);
    assert_null(item.model);
    assert_string_equal(item.name, "s");
}

/* Items of a later, longer version are fine as long as what is not known here is zero. */
static void test_longer_item(void **state)
{
    (void)state;
    struct {
        rk_item known;
        uint64_t unknown;
    } items[2] = {{right().items[0], 0}, {right().items[1], 0}};
    rk_plugin p = right().plugin;
    rk_error e = rk_error_new();
    p.items = &items[0].known;
    p.item_size = items[0].known.size = items[1].known.size = sizeof items[0];
    assert_int_equal(rk_plugin_check(&p, &e), RK_OK);
    assert_string_equal(rk_plugin_item(&p, 1).name, "d");
    items[1].unknown = 1;
    assert_int_equal(rk_plugin_check(&p, &e), RK_E_ABI);
    assert_string_equal(e.text, "item 1: it uses fields that this version does not know");
}

static void test_names(void **state)
{
    (void)state;
    assert_true(rk_name_valid("mlp"));
    assert_true(rk_name_valid("a-b_9"));
    assert_false(rk_name_valid(NULL));
    assert_false(rk_name_valid(""));
    assert_false(rk_name_valid("-a"));
    assert_false(rk_name_valid("a,b"));
    assert_false(rk_name_valid("a=b"));
    assert_false(rk_name_valid("a+b"));
    char longest[RK_NAME_MAX + 2] = {0};
    memset(longest, 'a', RK_NAME_MAX);
    assert_true(rk_name_valid(longest));
    longest[RK_NAME_MAX] = 'a';
    assert_false(rk_name_valid(longest));
    assert_int_equal(rk_name_distance("kitten", "sitting"), 3);
    assert_int_equal(rk_name_distance("", "abc"), 3);
    assert_int_equal(rk_name_distance("abc", ""), 3);
    assert_int_equal(rk_name_distance("flaw", "lawn"), 2);
    assert_int_equal(rk_name_distance("mlp", "mlp"), 0);
    assert_true(rk_name_distance(longest, "a") == SIZE_MAX);
}

static void hint_is(size_t n, size_t cap, const char *want)
{
    static const char *const known[] = {"aum", "el2n", "forgotten", "learned", "loss"};
    char out[200];
    memset(out, 'x', sizeof out);
    rk_name_hint("zzzzzzzz", known, n, out, cap);
    assert_string_equal(out, want);
    assert_true(strlen(out) < cap);
}

static void test_hints(void **state)
{
    (void)state;
    const char whole[] = "; known: aum, el2n, forgotten, learned, loss";
    hint_is(5, sizeof whole, whole);
    hint_is(5, sizeof whole - 1, "; known: aum, el2n, forgotten, and 2 more");
    hint_is(5, 42, "; known: aum, el2n, forgotten, and 2 more");
    hint_is(5, 41, "; known: aum, el2n, and 3 more");
    hint_is(5, 26, "; known: aum, and 4 more");
    hint_is(1, 26, "; known: aum");
    hint_is(5, 24, "; known: 5 more");
    hint_is(0, 26, "; known: none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_right),
                                       cmocka_unit_test(test_plugin),
                                       cmocka_unit_test(test_items),
                                       cmocka_unit_test(test_parameters),
                                       cmocka_unit_test(test_table_without_end),
                                       cmocka_unit_test(test_shorter_item),
                                       cmocka_unit_test(test_longer_item),
                                       cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_hints)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
