/* The results database: what is written is read; what cannot be written is said. */
#include "broken_folder.h"
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
#include <sys/stat.h>
#include <unistd.h>
#include <sqlite3.h>
#include <cmocka.h>
#include "base/error.h"
#include "train/merge_folder.h"
#include "train/results_db.h"

static void test_round_trip(void **state)
{
    const char *path = scratch("round.sqlite");
    rk_run_record run = sample(), *got;
    rk_epoch_record row = sample_row(1), *rows;
    uint32_t n;
    (void)state;
    rk_results *r = open_results(path);
    assert_int_equal(rk_results_add(r, &run, NULL), RK_OK);
    assert_int_equal(run.id, 1);
    run.epochs_done = 1;
    run.train_accuracy = 0.75;
    run.test_loss = NAN;
    run.digest = row.digest;
    assert_int_equal(rk_results_epoch(r, &run, &row, NULL), RK_OK);
    rk_results_close(r);

    assert_int_equal(rk_results_open(path, true, &r, NULL), RK_OK);
    assert_string_equal(rk_results_path(r), path);
    assert_int_equal(rk_results_run(r, 1, &got, NULL), RK_OK);
    assert_string_equal(got->variant, "random 'labels'");
    assert_string_equal(got->status, "running");
    assert_string_equal(got->error, "");
    assert_string_equal(got->config, "{\"a\":1}");
    assert_string_equal(got->digest, row.digest);
    assert_true(got->seed == INT64_MAX && got->parameters == 68362 && got->epochs_done == 1);
    assert_true(got->rate == 0.1 && got->changed_labels == 0.9 && got->train_accuracy == 0.75);
    assert_true(isnan(got->test_loss));
    assert_true(got->classes == 10 && got->inputs == 256);
    assert_true(got->train_examples == 1000 && got->test_examples == 2000);
    assert_string_equal(got->transform_digests, "labels");
    assert_true(got->ready_seconds == 1.5);
    assert_true(got->programs_compiled == 77 && got->programs_cached == 4);
    rk_run_record_free(got);
    assert_int_equal(rk_results_history(r, 1, &rows, &n, NULL), RK_OK);
    assert_int_equal(n, 1);
    assert_true(rows->steps == 20 && rows->rate == 1.0 / 3 && rows->online_accuracy == 0.5);
    assert_true(rows->seconds == 0.5 && rows->train_loss == 1.125 && isnan(rows->test_loss));
    assert_true(rows->online_loss == 2.25 && rows->test_accuracy == 0.1);
    assert_true(rows->clean_fit == 0.875 && isnan(rows->noisy_fit) && rows->noisy_true == 0.0625);
    assert_string_equal(rows->digest, row.digest);
    free(rows);
    rk_results_close(r);
}

static void test_rows_in_order_and_replaced(void **state)
{
    rk_run_record run = sample(), next = sample();
    rk_epoch_record *rows;
    uint32_t n;
    (void)state;
    rk_results *r = open_results(scratch("order.sqlite"));
    assert_int_equal(rk_results_add(r, &run, NULL), RK_OK);
    for (int64_t epoch = 9; epoch >= 1; epoch--) {
        rk_epoch_record row = sample_row(epoch);
        assert_int_equal(rk_results_epoch(r, &run, &row, NULL), RK_OK);
    }
    rk_epoch_record again = sample_row(5), others = sample_row(10);
    assert_int_equal(rk_results_add(r, &next, NULL), RK_OK);
    assert_int_equal(rk_results_epoch(r, &next, &others, NULL), RK_OK);
    again.train_loss = 7;
    assert_int_equal(rk_results_epoch(r, &run, &again, NULL), RK_OK);
    assert_int_equal(rk_results_history(r, run.id, &rows, &n, NULL), RK_OK);
    assert_int_equal(n, 9);
    for (uint32_t i = 0; i < n; i++) assert_int_equal(rows[i].epoch, i + 1);
    assert_true(rows[4].train_loss == 7 && rows[3].train_loss == 1.125);
    free(rows);
    rk_results_close(r);
}

/* A row that cannot be written leaves the summary as it was: one transaction. */
static void test_one_transaction(void **state)
{
    const char *path = scratch("transaction.sqlite");
    rk_run_record run = sample(), *got;
    rk_epoch_record row = sample_row(1);
    rk_error e = rk_error_new();
    sqlite3 *db;
    (void)state;
    rk_results *r = open_results(path);
    assert_int_equal(rk_results_add(r, &run, NULL), RK_OK);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "CREATE TRIGGER no BEFORE INSERT ON epochs BEGIN SELECT "
                                  "RAISE(ABORT, 'refused'); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    run.epochs_done = 1;
    assert_int_equal(rk_results_epoch(r, &run, &row, &e), RK_E_IO);
    assert_non_null(strstr(e.text, "refused"));
    assert_int_equal(rk_results_run(r, run.id, &got, NULL), RK_OK);
    assert_int_equal(got->epochs_done, 0);
    rk_run_record_free(got);
    rk_results_close(r);
}

static void test_list_and_finish(void **state)
{
    rk_run_record run = sample(), *got;
    int64_t *ids;
    uint32_t n;
    rk_error e = rk_error_new();
    (void)state;
    rk_results *r = open_results(scratch("list.sqlite"));
    assert_int_equal(rk_results_list(r, NULL, &ids, &n, NULL), RK_OK);
    assert_int_equal(n, 0);
    free(ids);
    for (int i = 0; i < 5; i++) {
        run.preset = i % 2 ? "other" : "quickstart";
        assert_int_equal(rk_results_add(r, &run, NULL), RK_OK);
    }
    assert_int_equal(rk_results_list(r, "quickstart", &ids, &n, NULL), RK_OK);
    assert_int_equal(n, 3);
    assert_true(ids[0] == 1 && ids[1] == 3 && ids[2] == 5);
    free(ids);
    assert_int_equal(rk_results_finish(r, 3, "failed", "the device is lost", NULL), RK_OK);
    assert_int_equal(rk_results_run(r, 3, &got, NULL), RK_OK);
    assert_string_equal(got->status, "failed");
    assert_string_equal(got->error, "the device is lost");
    rk_run_record_free(got);
    assert_int_equal(rk_results_finish(r, 9, "done", "", &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "no run 9"));
    assert_int_equal(rk_results_run(r, 9, &got, &e), RK_E_INVALID);
    assert_null(got);
    run.seed = (uint64_t)INT64_MAX + 1;
    assert_int_equal(rk_results_add(r, &run, &e), RK_E_INVALID);
    rk_results_close(r);
}

/* Another process sees each epoch as soon as it is written, and writers take turns. */
static void test_two_at_once(void **state)
{
    const char *path = scratch("two.sqlite");
    rk_run_record a = sample(), b = sample();
    rk_epoch_record row = sample_row(1), *rows;
    rk_results *reader;
    uint32_t n;
    (void)state;
    rk_results *one = open_results(path), *two = open_results(path);
    assert_int_equal(rk_results_open(path, true, &reader, NULL), RK_OK);
    assert_int_equal(rk_results_add(one, &a, NULL), RK_OK);
    assert_int_equal(rk_results_add(two, &b, NULL), RK_OK);
    assert_true(a.id == 1 && b.id == 2);
    assert_int_equal(rk_results_epoch(two, &b, &row, NULL), RK_OK);
    assert_int_equal(rk_results_history(reader, 2, &rows, &n, NULL), RK_OK);
    assert_int_equal(n, 1);
    free(rows);
    assert_int_equal(rk_results_add(reader, &a, NULL), RK_E_IO);
    rk_results_close(one);
    rk_results_close(two);
    rk_results_close(reader);
}

static void refuse(const char *path, bool read_only, const char *said)
{
    rk_results *r;
    rk_error e = rk_error_new();
    assert_int_not_equal(rk_results_open(path, read_only, &r, &e), RK_OK);
    assert_null(r);
    if (!strstr(e.text, said)) fail_msg("\"%s\" does not say \"%s\"", e.text, said);
    assert_null(strchr(e.text, '\n'));
}

static void exec(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Refused, and not a byte of it has changed. */
static void refuse_untouched(const char *path, const char *said)
{
    size_t before, after;
    char *was = scratch_read(path, &before);
    refuse(path, false, said);
    char *is = scratch_read(path, &after);
    assert_int_equal(before, after);
    assert_memory_equal(was, is, before);
    free(was);
    free(is);
}

static void test_refusals(void **state)
{
    const char *path = scratch("bad.sqlite");
    char junk[8192];
    (void)state;
    refuse(scratch("none.sqlite"), true, "does not exist");
    refuse(scratch("none/x.sqlite"), false, "does not exist: make it");
    assert_int_equal(mkdir(scratch("folder"), 0777), 0);
    refuse(scratch("folder"), false, "is a folder");
    refuse("/dev/full", false, "is a device");
    memset(junk, 'x', sizeof junk);
    scratch_write(path, junk, sizeof junk);
    refuse(path, false, "not a results database");
    refuse(path, true, "not a results database");
    unlink(path);
    exec(path, "CREATE TABLE t (x)");
    refuse_untouched(path, "something else");
    unlink(path);
    exec(path, "CREATE TABLE t (x); PRAGMA user_version = 1");
    refuse_untouched(path, "something else");
    unlink(path);
    rk_results_close(open_results(path));
    exec(path, "PRAGMA user_version = 7; PRAGMA journal_mode = DELETE");
    refuse_untouched(path, "newer rethink");
}

static size_t page_of_runs(const char *path)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT rootpage FROM sqlite_master WHERE name = 'runs'",
                                        -1, &s, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    size_t page = (size_t)sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return page;
}

/* The runs are overwritten: reading says that the file is damaged. */
static void test_damaged(void **state)
{
    const char *path = scratch("broken.sqlite");
    rk_run_record run = sample(), *got;
    rk_results *r = open_results(path);
    size_t bytes;
    rk_error e = rk_error_new();
    (void)state;
    assert_int_equal(rk_results_add(r, &run, NULL), RK_OK);
    rk_results_close(r);
    size_t page = page_of_runs(path);
    char *data = scratch_read(path, &bytes);
    assert_true(page > 1 && 4096 * page <= bytes);
    memset(data + 4096 * (page - 1), 0xff, 4096);
    scratch_write(path, data, bytes);
    free(data);
    assert_int_equal(rk_results_open(path, true, &r, &e), RK_OK);
    assert_int_equal(rk_results_run(r, 1, &got, &e), RK_E_IO);
    assert_non_null(strstr(e.text, path));
    assert_non_null(strstr(e.text, "damaged"));
    rk_results_close(r);
}

/* Root may write to a write-protected file, so the test writes through a connection that is
 * read-only, and has SQLite itself run out of pages instead of filling a disk. */
static void test_full(void **state)
{
    const char *path = scratch("full.sqlite");
    rk_run_record run = sample(), *got;
    char config[100000];
    rk_error e = rk_error_new();
    (void)state;
    rk_results *r = open_results(path);
    assert_int_equal(rk_results_add(r, &run, NULL), RK_OK);
    memset(config, 'x', sizeof config - 1);
    config[sizeof config - 1] = '\0';
    run.config = config;
    assert_int_equal(sqlite3_exec(r->db, "PRAGMA max_page_count = 10", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(rk_results_add(r, &run, &e), RK_E_IO);
    assert_non_null(strstr(e.text, path));
    assert_non_null(strstr(e.text, "the disk is full: free some space"));
    assert_int_equal(rk_results_run(r, 1, &got, NULL), RK_OK);
    rk_run_record_free(got);
    rk_results_close(r);
}

/* A run's folder that cannot be read to its end is not copied in part, nor taken for complete. */
static void test_folder_that_cannot_be_read(void **state)
{
    char from[300], to[300];
    rk_error e = rk_error_new();
    bool yes;
    (void)state;
    snprintf(from, sizeof from, "%s", scratch("from.sqlite"));
    snprintf(to, sizeof to, "%s", scratch("to.sqlite"));
    assert_int_equal(mkdir(scratch("from.sqlite.runs"), 0777), 0);
    assert_int_equal(mkdir(scratch("from.sqlite.runs/1"), 0777), 0);
    scratch_write(scratch("from.sqlite.runs/1/a.txt"), "a", 1);
    assert_int_equal(rk_stage_open(to, &e), RK_OK);
    for (int entries = 0; entries < 4; entries++) {
        broken_folder_after(entries);
        assert_int_equal(rk_stage_copy(to, from, 1, 7, &yes, &e), RK_E_IO);
        assert_false(yes);
        assert_non_null(strstr(e.text, "from.sqlite.runs/1: Input/output error"));
    }
    broken_folder_after(-1);
    assert_int_equal(rk_stage_copy(to, from, 1, 7, &yes, &e), RK_OK);
    assert_true(yes);
    assert_int_equal(rk_stage_move(to, 7, &e), RK_OK);
    broken_folder_after(0);
    assert_int_equal(rk_stage_lacks(to, from, 1, 7, &yes, &e), RK_E_IO);
    assert_int_equal(rk_stage_lacks(to, from, 1, 7, &yes, &e), RK_OK);
    assert_false(yes);
    rk_stage_close(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip),
                                       cmocka_unit_test(test_rows_in_order_and_replaced),
                                       cmocka_unit_test(test_one_transaction),
                                       cmocka_unit_test(test_list_and_finish),
                                       cmocka_unit_test(test_two_at_once),
                                       cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_damaged),
                                       cmocka_unit_test(test_full),
                                       cmocka_unit_test(test_folder_that_cannot_be_read)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
