/* Scores in the results database. */
#include "train/results_scores.h"
#include <stdlib.h>
#include <string.h>

#define SCORE(type, f)                                                                             \
    {                                                                                              \
#f, RK_COLUMN_##type, offsetof(rk_example_score, f), false, 3                              \
    }
#define HELD                                                                                       \
    {                                                                                              \
        "held", RK_COLUMN_WHOLE, offsetof(rk_example_score, held), false, 4                        \
    }
static const rk_column train_columns[] = {
    SCORE(WHOLE, example),    SCORE(WHOLE, label),     SCORE(WHOLE, true_label),
    SCORE(WHOLE, prediction), SCORE(WHOLE, learned),   SCORE(WHOLE, forgotten),
    SCORE(REAL, aum),         SCORE(REAL, el2n),       SCORE(REAL, loss),
    SCORE(REAL, p_mean),      SCORE(REAL, p_variance), HELD};
static const rk_column test_columns[] = {SCORE(WHOLE, example), SCORE(WHOLE, label),
                                         SCORE(WHOLE, prediction)};

const rk_column *rk_score_columns(bool test, size_t *n)
{
    *n = test ? sizeof test_columns / sizeof *test_columns
              : sizeof train_columns / sizeof *train_columns;
    return test ? test_columns : train_columns;
}

static const char *table_of(bool test) { return test ? "test_scores" : "scores"; }

static rk_status prepare_insert(rk_results *r, bool test, sqlite3_stmt **out, rk_error *e)
{
    size_t n;
    const rk_column *columns = rk_score_columns(test, &n);
    sqlite3_str *sql = sqlite3_str_new(r->db);
    sqlite3_str_appendf(sql, "INSERT INTO %s (run", table_of(test));
    for (size_t i = 0; i < n; i++) sqlite3_str_appendf(sql, ", %s", columns[i].name);
    sqlite3_str_appendall(sql, ") VALUES (?");
    for (size_t i = 0; i < n; i++) sqlite3_str_appendall(sql, ", ?");
    sqlite3_str_appendall(sql, ")");
    return rk_results_prepare_built(r, sql, out, e);
}

static rk_status clear(rk_results *r, int64_t id, bool test, rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(rk_results_prepare(
        r, test ? "DELETE FROM test_scores WHERE run = ?" : "DELETE FROM scores WHERE run = ?", &s,
        e));
    sqlite3_bind_int64(s, 1, id);
    return rk_results_step(r, s, "writing scores:", e);
}

static rk_status put(rk_results *r, int64_t id, bool test, const rk_example_score *rows,
                     uint32_t count, rk_error *e)
{
    size_t n;
    const rk_column *columns = rk_score_columns(test, &n);
    sqlite3_stmt *s;
    RK_TRY(clear(r, id, test, e));
    RK_TRY(prepare_insert(r, test, &s, e));
    int bad = sqlite3_bind_int64(s, 1, id);
    for (uint32_t k = 0; !bad && k < count; k++) {
        for (size_t i = 0; i < n; i++) bad |= rk_column_bind(s, (int)i + 2, &columns[i], &rows[k]);
        bad |= sqlite3_step(s) != SQLITE_DONE;
        bad |= sqlite3_reset(s);
    }
    rk_status status = bad ? rk_results_error(r, "writing scores:", e) : RK_OK;
    sqlite3_finalize(s);
    return status;
}

rk_status rk_results_put_scores(rk_results *r, int64_t id, const rk_example_score *train,
                                uint32_t n_train, const rk_example_score *test, uint32_t n_test,
                                rk_error *e)
{
    RK_TRY(rk_results_exec(r, "BEGIN IMMEDIATE", "writing scores:", e));
    rk_status status = put(r, id, false, train, n_train, e);
    if (status == RK_OK) status = put(r, id, true, test, n_test, e);
    if (status == RK_OK) status = rk_results_exec(r, "COMMIT", "writing scores:", e);
    if (status != RK_OK) sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

static rk_status fetch_score(sqlite3_stmt *s, const rk_column *columns, size_t n, void *entry)
{
    memset(entry, 0, sizeof(rk_example_score));
    for (size_t i = 0; i < n; i++) rk_column_fetch(s, (int)i, &columns[i], entry);
    return RK_OK;
}

static rk_status fetch_train(sqlite3_stmt *s, void *entry)
{
    return fetch_score(s, train_columns, sizeof train_columns / sizeof *train_columns, entry);
}

static rk_status fetch_test(sqlite3_stmt *s, void *entry)
{
    return fetch_score(s, test_columns, sizeof test_columns / sizeof *test_columns, entry);
}

rk_status rk_results_scores(rk_results *r, int64_t id, bool test, rk_example_score **out,
                            uint32_t *n, rk_error *e)
{
    size_t n_columns;
    const rk_column *columns = rk_score_columns(test, &n_columns);
    sqlite3_stmt *s;
    void *list = NULL;
    *out = NULL;
    *n = 0;
    if (r->schema >= 3) {
        sqlite3_str *sql = sqlite3_str_new(r->db);
        for (size_t i = 0; i < n_columns; i++)
            sqlite3_str_appendf(sql, i ? ", %s" : "SELECT %s",
                                columns[i].since <= r->schema ? columns[i].name : "NULL");
        sqlite3_str_appendf(sql, " FROM %s WHERE run = ? ORDER BY example", table_of(test));
        RK_TRY(rk_results_prepare_built(r, sql, &s, e));
        sqlite3_bind_int64(s, 1, id);
        RK_TRY(
            rk_results_collect(r, s, test ? fetch_test : fetch_train, sizeof **out, &list, n, e));
    }
    *out = list;
    if (*n) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID,
                   "run %lld of %s has no scores: they are kept of a run that was started with "
                   "--scores and came to its end",
                   (long long)id, r->path);
}

/* Runs are of the same data if their digests say so. */
rk_status rk_results_check_same(rk_results *r, int64_t first, int64_t other, rk_error *e)
{
    rk_run_record *a = NULL, *b = NULL;
    rk_status status = rk_results_run(r, first, &a, e);
    if (status == RK_OK) status = rk_results_run(r, other, &b, e);
    if (status == RK_OK && strcmp(a->data_digest, b->data_digest) != 0)
        status = RK_FAIL(e, RK_E_INVALID,
                         "runs %lld and %lld have different data, so that their examples cannot be "
                         "compared: give randomized runs one --randomize-seed",
                         (long long)first, (long long)other);
    rk_run_record_free(a);
    rk_run_record_free(b);
    return status;
}

/* Adds a run's right predictions; the first run makes the arrays. */
static rk_status add_run(rk_results *r, int64_t id, bool test, rk_example_score **examples,
                         uint32_t **right, uint32_t *n, rk_error *e)
{
    rk_example_score *rows;
    uint32_t count;
    RK_TRY(rk_results_scores(r, id, test, &rows, &count, e));
    if (!*right) {
        *examples = rows;
        *n = count;
        *right = calloc(count, sizeof **right);
        if (!*right) return RK_FAIL(e, RK_E_NOMEM, "no memory for %u examples", count);
    }
    for (uint32_t i = 0; i < *n && i < count; i++)
        (*right)[i] += rows[i].prediction == rows[i].label;
    if (rows != *examples) free(rows);
    return RK_OK;
}

rk_status rk_results_easiness(rk_results *r, const int64_t *ids, uint32_t n, bool test,
                              rk_easiness *out, rk_example_score **examples, uint32_t **right,
                              rk_error *e)
{
    rk_example_score *rows = NULL;
    uint32_t *counts = NULL, n_rows = 0;
    rk_status status = RK_OK;
    if (n < 2) return RK_FAIL(e, RK_E_INVALID, "easy examples take two runs or more, not %u", n);
    for (uint32_t i = 0; i < n && status == RK_OK; i++) {
        status = rk_results_check_same(r, ids[0], ids[i], e);
        if (status == RK_OK) status = add_run(r, ids[i], test, &rows, &counts, &n_rows, e);
    }
    if (status == RK_OK) *out = rk_easiness_of(counts, n_rows, n);
    if (status == RK_OK && examples) {
        *examples = rows;
        *right = counts;
        return RK_OK;
    }
    free(rows);
    free(counts);
    return status;
}
