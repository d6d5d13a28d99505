/* Writing runs and epochs; results_read.c reads them. */
#include "train/results.h"
#include "train/results_db.h"
#include <string.h>

static rk_status no_memory(const rk_results *r, rk_error *e)
{
    return RK_FAIL(e, RK_E_NOMEM, "no memory to write to %s", r->path);
}

void rk_results_number_next(rk_results *r, int64_t id) { r->next = id; }

/* SQLite's own counter of AUTOINCREMENT is moved past the numbers. */
static rk_status move_counter(rk_results *r, int64_t n, int64_t *first, rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(rk_results_number(r, "SELECT 1 + coalesce(max(id), 0) FROM runs", first, e));
    RK_TRY(rk_results_exec(r,
                           "INSERT INTO sqlite_sequence (name, seq) SELECT 'runs', 0 WHERE NOT "
                           "EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'runs')",
                           "numbering runs:", e));
    RK_TRY(rk_results_prepare(r, "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'runs'",
                              &s, e));
    sqlite3_bind_int64(s, 1, *first + n - 1);
    return rk_results_step(r, s, "numbering runs:", e);
}

rk_status rk_results_keep(rk_results *r, int64_t n, int64_t *first, rk_error *e)
{
    RK_TRY(rk_results_exec(r, "BEGIN IMMEDIATE", "numbering runs:", e));
    rk_status status = move_counter(r, n, first, e);
    if (status == RK_OK) status = rk_results_exec(r, "COMMIT", "numbering runs:", e);
    if (status != RK_OK) sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

rk_status rk_results_add(rk_results *r, rk_run_record *run, rk_error *e)
{
    size_t n;
    const rk_column *columns = rk_run_columns(&n);
    sqlite3_stmt *s;
    if (run->seed > INT64_MAX)
        return RK_FAIL(e, RK_E_INVALID, "the seed %llu is not below 2^63",
                       (unsigned long long)run->seed);
    run->status = "running";
    RK_TRY(rk_results_prepare_insert(r, "INSERT", "runs", "id", columns, n, &s, e));
    int bad = r->next ? sqlite3_bind_int64(s, 1, r->next) : sqlite3_bind_null(s, 1);
    r->next = 0;
    for (size_t i = 0; i < n; i++) bad |= rk_column_bind(s, (int)i + 2, &columns[i], run);
    if (bad) {
        sqlite3_finalize(s);
        return no_memory(r, e);
    }
    RK_TRY(rk_results_step(r, s, "adding a run:", e));
    run->id = sqlite3_last_insert_rowid(r->db);
    return RK_OK;
}

static rk_status put_row(rk_results *r, int64_t id, const rk_epoch_record *row, rk_error *e)
{
    size_t n;
    const rk_column *columns = rk_epoch_columns(&n);
    sqlite3_stmt *s;
    RK_TRY(rk_results_prepare_insert(r, "INSERT OR REPLACE", "epochs", "run, digest", columns, n,
                                     &s, e));
    int bad = sqlite3_bind_int64(s, 1, id);
    bad |= sqlite3_bind_text(s, 2, row->digest, -1, SQLITE_STATIC);
    for (size_t i = 0; i < n; i++) bad |= rk_column_bind(s, (int)i + 3, &columns[i], row);
    if (bad) {
        sqlite3_finalize(s);
        return no_memory(r, e);
    }
    return rk_results_step(r, s, "writing an epoch:", e);
}

/* The statement must have changed one run. */
static rk_status step_on_run(rk_results *r, sqlite3_stmt *s, int64_t id, rk_error *e)
{
    RK_TRY(rk_results_step(r, s, "writing a run:", e));
    if (sqlite3_changes(r->db) == 1) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID, "%s has no run %lld", r->path, (long long)id);
}

static rk_status put_summary(rk_results *r, const rk_run_record *run, rk_error *e)
{
    size_t n;
    const rk_column *columns = rk_run_columns(&n);
    sqlite3_stmt *s;
    int at = 0, bad = 0;
    sqlite3_str *sql = sqlite3_str_new(r->db);
    sqlite3_str_appendall(sql, "UPDATE runs SET ");
    for (size_t i = 0; i < n; i++)
        if (columns[i].summary)
            sqlite3_str_appendf(sql, "%s%s = ?", at++ ? ", " : "", columns[i].name);
    sqlite3_str_appendall(sql, " WHERE id = ?");
    RK_TRY(rk_results_prepare_built(r, sql, &s, e));
    at = 0;
    for (size_t i = 0; i < n; i++)
        if (columns[i].summary) bad |= rk_column_bind(s, ++at, &columns[i], run);
    bad |= sqlite3_bind_int64(s, ++at, run->id);
    if (bad) {
        sqlite3_finalize(s);
        return no_memory(r, e);
    }
    return step_on_run(r, s, run->id, e);
}

rk_status rk_results_summary(rk_results *r, const rk_run_record *run, rk_error *e)
{
    return put_summary(r, run, e);
}

rk_status rk_results_epoch(rk_results *r, const rk_run_record *run, const rk_epoch_record *row,
                           rk_error *e)
{
    RK_TRY(rk_results_exec(r, "BEGIN IMMEDIATE", "writing an epoch:", e));
    rk_status status = put_summary(r, run, e);
    if (status == RK_OK) status = put_row(r, run->id, row, e);
    if (status == RK_OK) status = rk_results_exec(r, "COMMIT", "writing an epoch:", e);
    if (status != RK_OK) sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

rk_status rk_results_finish(rk_results *r, int64_t id, const char *status, const char *error,
                            rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(rk_results_prepare(r, "UPDATE runs SET status = ?, error = ? WHERE id = ?", &s, e));
    int bad = sqlite3_bind_text(s, 1, status, -1, SQLITE_STATIC);
    bad |= sqlite3_bind_text(s, 2, error ? error : "", -1, SQLITE_STATIC);
    bad |= sqlite3_bind_int64(s, 3, id);
    if (bad) {
        sqlite3_finalize(s);
        return no_memory(r, e);
    }
    return step_on_run(r, s, id, e);
}
