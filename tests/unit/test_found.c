/* What diagnostics found: what is written is read, wholly or not at all; names find it. */
#include "scratch.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>
#include <cmocka.h>
#include "base/error.h"
#include "train/diagnose.h"
#include "train/found.h"

static rk_results *open_results(const char *path)
{
    rk_results *r;
    rk_error e = rk_error_new();
    if (rk_results_open(path, false, &r, &e) != RK_OK) fail_msg("%s", e.text);
    return r;
}

static int64_t add_run(rk_results *r)
{
    rk_run_record run = {.started = "2026-01-02T03:04:05Z", .config = "{}", .device = "cpu:0"};
    assert_int_equal(rk_results_add(r, &run, NULL), RK_OK);
    return run.id;
}

static rk_found_value values[] = {{"lambda_max", 4.5}, {"trace", NAN}, {"big", 1e300}};
static rk_found_point points[] = {
    {"line", 0, 1.0 / 3, NAN}, {"line", 1, 2, NAN}, {"bowl", -1, 0.25, 7}};
static const char *notes[] = {"a choice", "another"};

static rk_found sample(const char *spec, const char *digest)
{
    return (rk_found){.spec = spec,
                      .name = "hessian",
                      .measured = "2026-01-02T03:04:06.789Z",
                      .digest = digest,
                      .device = "cpu:0",
                      .device_name = "a processor",
                      .version = "1",
                      .error = "",
                      .epoch = 3,
                      .bytes = INT64_C(5) << 32,
                      .seconds = 0.125,
                      .value = values,
                      .point = points,
                      .note = notes,
                      .n_values = 3,
                      .n_points = 3,
                      .n_notes = 2};
}

static bool put(rk_results *r, int64_t run, rk_found f)
{
    bool replaced;
    rk_error e = rk_error_new();
    if (rk_results_put_found(r, run, &f, &replaced, &e) != RK_OK) fail_msg("%s", e.text);
    return replaced;
}

static void check_sample(const rk_found *f)
{
    assert_string_equal(f->name, "hessian");
    assert_string_equal(f->measured, "2026-01-02T03:04:06.789Z");
    assert_string_equal(f->device_name, "a processor");
    assert_true(f->epoch == 3 && f->bytes == INT64_C(5) << 32 && f->seconds == 0.125);
    assert_true(f->n_values == 3 && f->n_points == 3 && f->n_notes == 2);
    assert_string_equal(f->value[0].name, "lambda_max");
    assert_true(f->value[0].value == 4.5 && isnan(f->value[1].value) && f->value[2].value == 1e300);
    assert_string_equal(f->point[1].curve, "line");
    assert_true(f->point[0].y == 1.0 / 3 && isnan(f->point[0].z) && f->point[1].x == 1);
    assert_string_equal(f->point[2].curve, "bowl");
    assert_true(f->point[2].x == -1 && f->point[2].y == 0.25 && f->point[2].z == 7);
    assert_string_equal(f->note[0], "a choice");
    assert_string_equal(f->note[1], "another");
}

static void test_round_trip(void **state)
{
    rk_found_list l;
    rk_results *r = open_results(scratch("round.sqlite"));
    int64_t run = add_run(r), other = add_run(r);
    (void)state;
    assert_false(put(r, run, sample("hessian:norm=batch", "d")));
    assert_false(put(r, other, sample("hessian:norm=batch", "d")));
    assert_false(put(r, run, sample("hessian:norm=running", "d")));
    assert_int_equal(rk_results_found(r, run, true, &l, NULL), RK_OK);
    assert_int_equal(l.n, 2);
    assert_string_equal(l.found[0].spec, "hessian:norm=batch");
    assert_true(l.found[0].number == 1 && l.found[1].number == 2);
    for (uint32_t i = 0; i < 2; i++) check_sample(&l.found[i]);
    rk_found_list_free(&l);
    assert_int_equal(rk_results_found(r, run, false, &l, NULL), RK_OK);
    assert_true(l.found[0].n_points == 0 && l.found[0].n_values == 3 && l.found[0].n_notes == 2);
    rk_found_list_free(&l);
    assert_int_equal(rk_results_found(r, 99, true, &l, NULL), RK_OK);
    assert_int_equal(l.n, 0);
    rk_results_close(r);
}

/* A later result replaces an older one; a failure only one of other weights. */
static void test_replaced(void **state)
{
    rk_found_list l;
    rk_results *r = open_results(scratch("replaced.sqlite"));
    int64_t run = add_run(r);
    rk_found later = sample("hessian:norm=batch", "d"), failed = later;
    (void)state;
    put(r, run, sample("hessian:norm=batch", "d"));
    put(r, run, sample("hessian:norm=running", "d"));
    later.n_values = later.n_notes = 1;
    later.n_points = 0;
    assert_true(put(r, run, later));
    failed.error = "no memory";
    failed.n_values = failed.n_points = failed.n_notes = 0;
    put(r, run, failed);
    assert_int_equal(rk_results_found(r, run, true, &l, NULL), RK_OK);
    assert_int_equal(l.n, 2);
    assert_string_equal(l.found[1].spec, "hessian:norm=batch"); /* it is the last one now */
    assert_string_equal(l.found[1].error, "");
    assert_true(l.found[1].n_values == 1 && l.found[1].n_points == 0 && l.found[1].n_notes == 1);
    rk_found_list_free(&l);
    failed.digest = "other";
    put(r, run, failed);
    assert_int_equal(rk_results_found(r, run, true, &l, NULL), RK_OK);
    assert_string_equal(l.found[1].error, "no memory");
    assert_int_equal(l.found[1].n_values, 0);
    rk_found_list_free(&l);
    rk_results_close(r);
}

static void exec(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* What cannot be written whole is not written at all, and leaves what was there. */
static void test_one_transaction(void **state)
{
    const char *path = scratch("transaction.sqlite");
    rk_error e = rk_error_new();
    rk_found_list l;
    rk_results *r = open_results(path);
    int64_t run = add_run(r);
    rk_found again = sample("hessian", "d");
    (void)state;
    put(r, run, sample("hessian", "d"));
    exec(path, "CREATE TRIGGER no BEFORE INSERT ON found_notes WHEN NEW.position = 1 BEGIN SELECT "
               "raise(ABORT, 'no room'); END");
    assert_int_equal(rk_results_put_found(r, run, &again, NULL, &e), RK_E_IO);
    assert_non_null(strstr(e.text, "no room"));
    assert_int_equal(rk_results_found(r, run, true, &l, NULL), RK_OK);
    assert_int_equal(l.n, 1);
    check_sample(&l.found[0]);
    rk_found_list_free(&l);
    exec(path, "DROP TRIGGER no; PRAGMA foreign_keys = ON; DELETE FROM runs");
    exec(path, "CREATE TABLE t (x CHECK (x = 0)); INSERT INTO t SELECT (SELECT count(*) FROM "
               "diagnostics) + (SELECT count(*) FROM found_values) + (SELECT count(*) FROM "
               "found_points) + (SELECT count(*) FROM found_notes)"); /* all has left with it */
    rk_results_close(r);
}

static void refuse(rk_found f, const char *said)
{
    rk_error e = rk_error_new();
    assert_int_equal(rk_found_check(&f, &e), RK_E_INVALID);
    if (!strstr(e.text, said)) fail_msg("\"%s\" does not say \"%s\"", e.text, said);
}

static void test_bounds(void **state)
{
    rk_found_value bad = {"Not a name", 1}, twice[] = {{"a", 1}, {"b", 1}, {"a", 2}};
    rk_found_point point = {"", 1, 2, NAN};
    char name[70];
    rk_found f = {.value = &bad, .n_values = 1};
    (void)state;
    refuse(f, "'Not a name' is no name of a number");
    memset(name, 'a', sizeof name);
    name[65] = '\0';
    bad.name = name;
    refuse(f, "no name of a number");
    name[64] = '\0';
    assert_int_equal(rk_found_check(&f, NULL), RK_OK);
    refuse((rk_found){.value = twice, .n_values = 3}, "a is reported twice");
    refuse((rk_found){.point = &point, .n_points = 1}, "'' is no name of a curve");
    refuse((rk_found){.n_values = 1001}, "1001 numbers, the most is 1000");
    refuse((rk_found){.n_points = 1000000}, "1000000 points of curves, the most is 100000");
    refuse((rk_found){.n_notes = 101}, "101 notes");
}

static void test_names(void **state)
{
    static const char *const bad[] = {"hessian", ".x", "hessian.", "Hessian.x", ":a=1.x", ""};
    char diagnostic[64];
    const char *rest;
    (void)state;
    assert_int_equal(rk_found_split("a:e=0.0005,n=b.phi", diagnostic, 64, &rest, NULL), RK_OK);
    assert_string_equal(diagnostic, "a:e=0.0005,n=b");
    assert_string_equal(rest, "phi");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(rk_found_split(bad[i], diagnostic, 64, &rest, NULL), RK_E_INVALID);
    const char *spec = "a:e=0.0005,n=b,text=x y";
    assert_true(rk_found_matches(spec, "a") && rk_found_matches(spec, "a:n=b"));
    assert_true(rk_found_matches(spec, "a:e=5e-4") &&
                rk_found_matches(spec, "a:text=x y,e=0.0005"));
    assert_false(rk_found_matches(spec, "b") || rk_found_matches(spec, "a:e=5e-3"));
    assert_false(rk_found_matches(spec, "a:n=b,e=1") || rk_found_matches(spec, "a:m=b"));
    assert_false(rk_found_matches(spec, "ab") || rk_found_matches("ab:n=b", "a"));
    assert_false(rk_found_matches(spec, "a:n=bb") || rk_found_matches("a", "a:n=b"));
}

static void test_numbers(void **state)
{
    rk_found_value first[] = {{"x", 1}, {"nothing", NAN}}, second[] = {{"x", 2}};
    rk_found found[] = {
        {.spec = "a:p=1", .name = "a", .digest = "d", .error = "", .value = first, .n_values = 2},
        {.spec = "a:p=2", .name = "a", .digest = "d", .error = "", .value = second, .n_values = 1},
        {.spec = "a:p=3", .name = "a", .digest = "d", .error = "it failed"},
        {.spec = "a:p=4", .name = "a", .digest = "e", .error = "", .value = first, .n_values = 1}};
    rk_found_list l = {.found = found, .n = 4};
    (void)state;
    assert_true(rk_found_number(&l, "a.x", "d") == 2); /* the last that succeeded */
    assert_true(rk_found_number(&l, "a:p=1.x", "d") == 1);
    assert_true(rk_found_number(&l, "a.x", "e") == 1); /* of other weights */
    assert_true(isnan(rk_found_number(&l, "a:p=1.nothing", "d")));
    assert_true(isnan(rk_found_number(&l, "a:p=3.x", "d")));
    assert_true(isnan(rk_found_number(&l, "a.y", "d")) && isnan(rk_found_number(&l, "a", "d")));
    assert_null(rk_found_of(&l, "b", "d"));
}

static void check_label(const char *label, const char *want)
{
    char text[80];
    snprintf(text, sizeof text, "%s", label);
    rk_label_without_seed(text);
    assert_string_equal(text, want);
}

static void test_labels(void **state)
{
    (void)state;
    check_label("large batch", "large batch");
    check_label("large batch, seed=2", "large batch");
    check_label("a, seed=2, lr=0.1", "a, lr=0.1");
    check_label("seed=2, lr=0.1", "lr=0.1");
    check_label("seed=2", "");
    check_label("my seed=2", "my seed=2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_one_transaction), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_names),           cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_labels)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
