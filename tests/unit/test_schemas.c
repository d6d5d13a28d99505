/* Results files of older schemas. */
#include "bench_sample.h"
#include "results_sample.h"
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
#include "train/found.h"
#include "train/results_db.h"

static void exec(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* What older schemas did not have, so that a file of today becomes one of theirs. */
static const char to_schema_5[] =
    "ALTER TABLE runs DROP COLUMN ready_seconds; ALTER TABLE runs DROP COLUMN programs_compiled; "
    "ALTER TABLE runs DROP COLUMN programs_cached; PRAGMA user_version = 5";
static const char to_schema_4[] = "DROP TABLE bench_values; DROP TABLE bench_devices; DROP TABLE "
                                  "benches; PRAGMA user_version = 4";
static const char to_schema_3[] =
    "DROP TABLE found_values; DROP TABLE found_points; DROP TABLE found_notes; DROP TABLE "
    "diagnostics; ALTER TABLE scores DROP COLUMN held; PRAGMA user_version = 3";
static const char to_schema_2[] =
    "ALTER TABLE runs DROP COLUMN classes; ALTER TABLE runs DROP COLUMN inputs; ALTER TABLE runs "
    "DROP COLUMN train_examples; ALTER TABLE runs DROP COLUMN test_examples; ALTER TABLE runs DROP "
    "COLUMN transform_digests; ALTER TABLE epochs DROP COLUMN clean_fit; ALTER TABLE epochs DROP "
    "COLUMN noisy_fit; ALTER TABLE epochs DROP COLUMN noisy_true; DROP TABLE scores; DROP TABLE "
    "test_scores; PRAGMA user_version = 2";
static const char to_schema_1[] = "ALTER TABLE runs DROP COLUMN augment; PRAGMA user_version = 1";

/* The run and the row that an older file had are what they were; what it could not have is not
 * there. */
static void check_old(rk_results *r, int schema)
{
    rk_run_record run = sample(), *got;
    rk_epoch_record want = sample_row(1), *rows;
    uint32_t n;
    assert_int_equal(rk_results_run(r, 1, &got, NULL), RK_OK);
    assert_string_equal(got->augment, schema == 1 ? "" : "crop");
    assert_string_equal(got->config, run.config);
    assert_string_equal(got->transform_digests, schema < 3 ? "" : run.transform_digests);
    assert_true(got->classes == (schema < 3 ? 0 : run.classes));
    assert_true(got->inputs == (schema < 3 ? 0 : run.inputs));
    assert_true(got->train_examples == (schema < 3 ? 0 : run.train_examples));
    assert_true(got->test_examples == (schema < 3 ? 0 : run.test_examples));
    assert_true(got->changed_labels == run.changed_labels);
    assert_true(isnan(got->ready_seconds));
    assert_true(got->programs_compiled == 0 && got->programs_cached == 0);
    rk_run_record_free(got);
    assert_int_equal(rk_results_history(r, 1, &rows, &n, NULL), RK_OK);
    assert_int_equal(n, 1);
    assert_true(rows->train_accuracy == want.train_accuracy && rows->steps == want.steps);
    assert_string_equal(rows->digest, want.digest);
    assert_true(isnan(rows->clean_fit) == (schema < 3) && isnan(rows->noisy_fit));
    assert_true(isnan(rows->noisy_true) == (schema < 3));
    free(rows);
    rk_found_list found;
    assert_int_equal(rk_results_found(r, 1, true, &found, NULL), RK_OK);
    assert_int_equal(found.n, 0);
    rk_found_list_free(&found);
}

/* A reader finds no benches; a writer makes room for them. */
static void check_benches(rk_results *r, uint32_t want)
{
    int64_t *ids;
    uint32_t n;
    assert_int_equal(rk_results_benches(r, &ids, &n, NULL), RK_OK);
    assert_int_equal(n, want);
    free(ids);
}

/* A file of an older schema can be read, and the first writer brings it up. */
static void older(int schema)
{
    static const char *const names[] = {"old1.sqlite", "old2.sqlite", "old3.sqlite", "old4.sqlite",
                                        "old5.sqlite"};
    const char *path = scratch(names[schema - 1]);
    rk_run_record run = sample(), *got;
    rk_epoch_record row = sample_row(1);
    rk_results *r = open_results(path);
    run.augment = "crop";
    assert_int_equal(rk_results_add(r, &run, NULL), RK_OK);
    assert_int_equal(rk_results_epoch(r, &run, &row, NULL), RK_OK);
    rk_results_close(r);
    exec(path, to_schema_5);
    if (schema < 5) exec(path, to_schema_4);
    if (schema < 4) exec(path, to_schema_3);
    if (schema < 3) exec(path, to_schema_2);
    if (schema == 1) exec(path, to_schema_1);
    assert_int_equal(rk_results_open(path, true, &r, NULL), RK_OK);
    check_old(r, schema);
    check_benches(r, 0);
    rk_results_close(r);
    for (int i = 0; i < 2; i++) { /* the second time there is nothing to do */
        r = open_results(path);
        check_old(r, schema);
        run.augment = "flip:p=0.5";
        assert_int_equal(rk_results_add(r, &run, NULL), RK_OK);
        assert_int_equal(rk_results_run(r, run.id, &got, NULL), RK_OK);
        assert_string_equal(got->augment, "flip:p=0.5");
        assert_true(got->classes == 10);
        rk_run_record_free(got);
        bench_sample(r, "a host");
        check_benches(r, (uint32_t)i + 1);
        rk_results_close(r);
    }
    exec(path, "INSERT INTO scores VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);"
               "INSERT INTO test_scores VALUES (1, 0, 0, 0);"
               "INSERT INTO diagnostics VALUES (1, 'a', 'a', 1, '', '', 0, '', '', '', '', 0, 0);"
               "INSERT INTO found_values VALUES (1, 'a', 0, 'x', 1)");
}

static void test_older_schemas(void **state)
{
    (void)state;
    older(1);
    older(3);
    older(4);
    older(5);
    older(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_older_schemas)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
