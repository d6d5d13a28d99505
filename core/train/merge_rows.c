#include "train/merge_rows.h"
#include <stdlib.h>
#include <string.h>

static rk_status no_memory(const rk_results *r, rk_error *e)
{
    return RK_FAIL(e, RK_E_NOMEM, "no memory to merge into %s", r->path);
}

rk_status rk_merge_prepare(rk_results *r, sqlite3_str *sql, int64_t a, int64_t b,
                           sqlite3_stmt **out, rk_error *e)
{
    RK_TRY(rk_results_prepare_built(r, sql, out, e));
    sqlite3_bind_int64(*out, 1, a);
    if (sqlite3_bind_parameter_count(*out) > 1) sqlite3_bind_int64(*out, 2, b);
    return RK_OK;
}

rk_status rk_merge_step(rk_results *r, sqlite3_str *sql, int64_t a, int64_t b, rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(rk_merge_prepare(r, sql, a, b, &s, e));
    return rk_results_step(r, s, "merging into:", e);
}

/* "a, b, c": the columns of runs but for the number. */
static void add_columns(sqlite3_str *sql)
{
    size_t n;
    const rk_column *c = rk_run_columns(&n);
    for (size_t i = 0; i < n; i++) sqlite3_str_appendf(sql, "%s%s", i ? ", " : "", c[i].name);
}

/* What is known of a run when it starts, and never changes. */
static bool is_fixed(const rk_column *c)
{
    return !c->summary && strcmp(c->name, "status") != 0 && strcmp(c->name, "error") != 0;
}

/* The run that is the same one, or else one that differs in its digests alone; 0 for none. */
static rk_status find(rk_results *r, int64_t part, int64_t *same, int64_t *twin, rk_error *e)
{
    size_t n;
    sqlite3_stmt *s;
    const rk_column *c = rk_run_columns(&n);
    sqlite3_str *sql = sqlite3_str_new(r->db);
    *same = *twin = 0;
    sqlite3_str_appendall(
        sql, "SELECT m.id, EXISTS (SELECT 1 FROM part.epochs a JOIN main.epochs b ON a.epoch = "
             "b.epoch WHERE a.run = ?1 AND b.run = m.id AND a.digest <> b.digest) "
             "FROM part.runs p JOIN main.runs m ON 1");
    for (size_t i = 0; i < n; i++)
        if (is_fixed(&c[i])) sqlite3_str_appendf(sql, " AND m.%s IS p.%s", c[i].name, c[i].name);
    sqlite3_str_appendall(sql, " WHERE p.id = ?1 ORDER BY 2, 1");
    RK_TRY(rk_merge_prepare(r, sql, part, 0, &s, e));
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW) *(sqlite3_column_int(s, 1) ? twin : same) = sqlite3_column_int64(s, 0);
    rk_status status = RK_OK;
    if (code != SQLITE_ROW && code != SQLITE_DONE) status = rk_results_error(r, "merging into:", e);
    sqlite3_finalize(s);
    return status;
}

static rk_status is_further(rk_results *r, int64_t part, int64_t main, bool *out, rk_error *e)
{
    sqlite3_stmt *s;
    sqlite3_str *sql = sqlite3_str_new(r->db);
    sqlite3_str_appendall(
        sql, "SELECT (p.status = 'done', p.epochs_done) > (m.status = 'done', m.epochs_done) "
             "FROM part.runs p, main.runs m WHERE p.id = ?1 AND m.id = ?2");
    RK_TRY(rk_merge_prepare(r, sql, part, main, &s, e));
    rk_status status = RK_OK;
    if (sqlite3_step(s) == SQLITE_ROW)
        *out = sqlite3_column_int(s, 0);
    else
        status = rk_results_error(r, "merging into:", e);
    sqlite3_finalize(s);
    return status;
}

/* ---- the rows of a run in other tables ------------------------------------------------------- */

/* Every table with a column "run" belongs to runs; what diagnostics found is not replaced. */
static const char tables_sql[] =
    "SELECT name FROM main.sqlite_master t WHERE type = 'table' AND name NOT IN ('diagnostics', "
    "'found_values', 'found_points', 'found_notes') AND EXISTS "
    "(SELECT 1 FROM pragma_table_info(t.name) WHERE name = 'run') ORDER BY name";

/* Columns of a table but for "run", each after a comma. */
static rk_status other_columns(rk_results *r, const char *table, char **out, rk_error *e)
{
    sqlite3_stmt *s;
    sqlite3_str *list = sqlite3_str_new(r->db);
    rk_status status =
        rk_results_prepare(r, "SELECT name FROM pragma_table_info(?) WHERE name <> 'run'", &s, e);
    if (status == RK_OK) {
        sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
        while (sqlite3_step(s) == SQLITE_ROW)
            sqlite3_str_appendf(list, ", \"%w\"", sqlite3_column_text(s, 0));
        sqlite3_finalize(s);
    }
    *out = sqlite3_str_finish(list);
    if (status == RK_OK && !*out) status = no_memory(r, e);
    return status;
}

static rk_status copy_table(rk_results *r, const char *table, int64_t from, int64_t to, rk_error *e)
{
    char *columns = NULL;
    sqlite3_str *sql = sqlite3_str_new(r->db);
    sqlite3_str_appendf(sql, "DELETE FROM main.\"%w\" WHERE run = ?", table);
    RK_TRY(rk_merge_step(r, sql, to, 0, e));
    rk_status status = other_columns(r, table, &columns, e);
    if (status == RK_OK) {
        sql = sqlite3_str_new(r->db);
        sqlite3_str_appendf(sql,
                            "INSERT INTO main.\"%w\" (run%s) SELECT ?2%s FROM part.\"%w\" WHERE "
                            "run = ?1",
                            table, columns, columns, table);
        status = rk_merge_step(r, sql, from, to, e);
    }
    sqlite3_free(columns);
    return status;
}

static rk_status copy_tables(rk_results *r, int64_t from, int64_t to, rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(rk_results_prepare(r, tables_sql, &s, e));
    rk_status status = RK_OK;
    int code = sqlite3_step(s);
    for (; status == RK_OK && code == SQLITE_ROW; code = sqlite3_step(s))
        status = copy_table(r, (const char *)sqlite3_column_text(s, 0), from, to, e);
    if (status == RK_OK && code != SQLITE_DONE) status = rk_results_error(r, "merging into:", e);
    sqlite3_finalize(s);
    return status;
}

/* A statement in which the table, its columns but for the run twice, and the table again take the
 * places of %s. */
static rk_status step_with_columns(rk_results *r, const char *table, const char *sql, int64_t from,
                                   int64_t to, rk_error *e)
{
    char *columns = NULL;
    RK_TRY(other_columns(r, table, &columns, e));
    sqlite3_str *text = sqlite3_str_new(r->db);
    sqlite3_str_appendf(text, sql, table, columns, columns, table);
    sqlite3_free(columns);
    return rk_merge_step(r, text, from, to, e);
}

/* What diagnostics found in either file: of two results of one spec the one that succeeded, or that
 * was measured later. */
static rk_status merge_found(rk_results *r, int64_t from, int64_t to, rk_error *e)
{
    static const char *const lists[] = {"found_values", "found_points", "found_notes"};
    sqlite3_str *sql = sqlite3_str_new(r->db);
    sqlite3_str_appendall(
        sql, "DELETE FROM main.diagnostics WHERE run = ?2 AND spec IN (SELECT p.spec FROM "
             "part.diagnostics p JOIN main.diagnostics m ON m.run = ?2 AND m.spec = p.spec WHERE "
             "p.run = ?1 AND (p.error = '', p.measured) > (m.error = '', m.measured))");
    RK_TRY(rk_merge_step(r, sql, from, to, e));
    RK_TRY(step_with_columns(
        r, "diagnostics",
        "INSERT OR IGNORE INTO main.%s (run%s) SELECT ?2%s FROM part.%s WHERE run = ?1", from, to,
        e));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        RK_TRY(step_with_columns(
            r, lists[i],
            "INSERT OR IGNORE INTO main.%s (run%s) SELECT ?2%s FROM part.%s WHERE run = ?1 AND "
            "spec IN (SELECT p.spec FROM part.diagnostics p JOIN main.diagnostics m ON m.run = ?2 "
            "AND m.spec = p.spec AND m.measured = p.measured AND m.digest = p.digest WHERE p.run = "
            "?1)",
            from, to, e));
    return RK_OK;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static rk_status add(rk_results *r, int64_t part, int64_t *to, rk_error *e)
{
    sqlite3_str *sql = sqlite3_str_new(r->db);
    sqlite3_str_appendall(sql, "INSERT INTO main.runs (");
    add_columns(sql);
    sqlite3_str_appendall(sql, ") SELECT ");
    add_columns(sql);
    sqlite3_str_appendall(sql, " FROM part.runs WHERE id = ?");
    RK_TRY(rk_merge_step(r, sql, part, 0, e));
    *to = sqlite3_last_insert_rowid(r->db);
    RK_TRY(copy_tables(r, part, *to, e));
    return merge_found(r, part, *to, e);
}

static rk_status update(rk_results *r, int64_t part, int64_t to, rk_error *e)
{
    sqlite3_str *sql = sqlite3_str_new(r->db);
    sqlite3_str_appendall(sql, "UPDATE main.runs SET (");
    add_columns(sql);
    sqlite3_str_appendall(sql, ") = (SELECT ");
    add_columns(sql);
    sqlite3_str_appendall(sql, " FROM part.runs WHERE id = ?1) WHERE id = ?2");
    RK_TRY(rk_merge_step(r, sql, part, to, e));
    return copy_tables(r, part, to, e);
}

static rk_status merge_one(rk_results *r, int64_t part, rk_merge_each each, void *ctx, rk_error *e)
{
    int64_t to, twin;
    bool further = false;
    RK_TRY(find(r, part, &to, &twin, e));
    if (!to) {
        RK_TRY(add(r, part, &to, e));
        return each(ctx, RK_MERGE_ADDED, part, to, twin, e);
    }
    RK_TRY(is_further(r, part, to, &further, e));
    if (further) RK_TRY(update(r, part, to, e));
    RK_TRY(merge_found(r, part, to, e));
    return each(ctx, further ? RK_MERGE_UPDATED : RK_MERGE_KNOWN, part, to, 0, e);
}

rk_status rk_merge_rows(rk_results *r, rk_merge_each each, void *ctx, rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(rk_results_prepare(r, "SELECT id FROM part.runs ORDER BY id", &s, e));
    rk_status status = RK_OK;
    int code = sqlite3_step(s);
    for (; status == RK_OK && code == SQLITE_ROW; code = sqlite3_step(s))
        status = merge_one(r, sqlite3_column_int64(s, 0), each, ctx, e);
    if (status == RK_OK && code != SQLITE_DONE) status = rk_results_error(r, "merging into:", e);
    sqlite3_finalize(s);
    return status;
}
