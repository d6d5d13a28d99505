/* Benches of a database that is attached to another one become the other's. */
#include "train/merge_rows.h"
#include <string.h>

/* "a, b, c": columns of a table from number `first` on. */
static void add_columns(sqlite3_str *sql, const rk_bench_table *t, size_t first)
{
    for (size_t i = first; i < t->n; i++)
        sqlite3_str_appendf(sql, "%s%s", i > first ? ", " : "", t->columns[i].name);
}

/* True for two rows of devices, a and b, that both say what they are, and do not say the same. */
static void add_difference(sqlite3_str *sql, const rk_bench_table *devices)
{
    sqlite3_str_appendall(sql, "(0");
    for (size_t i = 0; i < devices->n; i++) {
        const char *c = devices->columns[i].name;
        if (devices->columns[i].type == RK_COLUMN_TEXT)
            sqlite3_str_appendf(sql, " OR (a.%s <> b.%s AND 'unknown' NOT IN (a.%s, b.%s))", c, c,
                                c, c);
    }
    sqlite3_str_appendall(sql, ")");
}

/* The bench of r's own that is the same one, 0 for none; *further: the attached one has more. */
static rk_status find(rk_results *r, const rk_bench_table *t, int64_t part, int64_t *same,
                      bool *further, rk_error *e)
{
    sqlite3_stmt *s;
    sqlite3_str *sql = sqlite3_str_new(r->db);
    *same = 0;
    sqlite3_str_appendall(
        sql, "SELECT m.id, (m.status = 'running' AND p.status <> 'running') OR (SELECT count(*) "
             "FROM part.bench_values WHERE bench = p.id) > (SELECT count(*) FROM "
             "main.bench_values WHERE bench = m.id) FROM part.benches p JOIN main.benches m ON 1");
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->columns[i].name, "status") != 0)
            sqlite3_str_appendf(sql, " AND m.%s = p.%s", t->columns[i].name, t->columns[i].name);
    sqlite3_str_appendall(
        sql, " WHERE p.id = ?1 AND NOT EXISTS (SELECT 1 FROM part.bench_devices a JOIN "
             "main.bench_devices b ON a.device = b.device WHERE a.bench = p.id AND b.bench = m.id "
             "AND ");
    add_difference(sql, &t[1]);
    sqlite3_str_appendall(sql, ") ORDER BY m.id");
    RK_TRY(rk_merge_prepare(r, sql, part, 0, &s, e));
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW) *same = sqlite3_column_int64(s, 0);
    *further = code == SQLITE_ROW && sqlite3_column_int(s, 1);
    rk_status status = RK_OK;
    if (code != SQLITE_ROW && code != SQLITE_DONE) status = rk_results_error(r, "merging into:", e);
    sqlite3_finalize(s);
    return status;
}

/* The rows of a bench in another table take the place of those that are there. */
static rk_status copy(rk_results *r, const rk_bench_table *t, int64_t part, int64_t to, rk_error *e)
{
    sqlite3_str *sql = sqlite3_str_new(r->db);
    sqlite3_str_appendf(sql, "DELETE FROM main.%s WHERE bench = ?1", t->name);
    RK_TRY(rk_merge_step(r, sql, to, 0, e));
    sql = sqlite3_str_new(r->db);
    sqlite3_str_appendf(sql, "INSERT INTO main.%s (bench, ", t->name);
    add_columns(sql, t, 1);
    sqlite3_str_appendall(sql, ") SELECT ?2, ");
    add_columns(sql, t, 1);
    sqlite3_str_appendf(sql, " FROM part.%s WHERE bench = ?1", t->name);
    return rk_merge_step(r, sql, part, to, e);
}

static rk_status add(rk_results *r, const rk_bench_table *t, int64_t part, int64_t *to, rk_error *e)
{
    sqlite3_str *sql = sqlite3_str_new(r->db);
    sqlite3_str_appendall(sql, "INSERT INTO main.benches (");
    add_columns(sql, t, 0);
    sqlite3_str_appendall(sql, ") SELECT ");
    add_columns(sql, t, 0);
    sqlite3_str_appendall(sql, " FROM part.benches WHERE id = ?1");
    RK_TRY(rk_merge_step(r, sql, part, 0, e));
    *to = sqlite3_last_insert_rowid(r->db);
    return RK_OK;
}

static rk_status merge_one(rk_results *r, int64_t part, rk_merge_counts *out, rk_error *e)
{
    size_t n;
    const rk_bench_table *t = rk_bench_tables(&n);
    int64_t to;
    bool further;
    RK_TRY(find(r, t, part, &to, &further, e));
    if (to && !further) {
        out->known++;
        return RK_OK;
    }
    if (to) {
        sqlite3_str *sql = sqlite3_str_new(r->db);
        sqlite3_str_appendall(sql, "UPDATE main.benches SET status = (SELECT status FROM "
                                   "part.benches WHERE id = ?1) WHERE id = ?2");
        RK_TRY(rk_merge_step(r, sql, part, to, e));
        out->updated++;
    } else {
        RK_TRY(add(r, t, part, &to, e));
        out->added++;
    }
    for (size_t i = 1; i < n; i++) RK_TRY(copy(r, &t[i], part, to, e));
    return RK_OK;
}

rk_status rk_merge_benches(rk_results *r, rk_merge_counts *out, rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(rk_results_prepare(r, "SELECT id FROM part.benches ORDER BY id", &s, e));
    rk_status status = RK_OK;
    int code = sqlite3_step(s);
    for (; status == RK_OK && code == SQLITE_ROW; code = sqlite3_step(s))
        status = merge_one(r, sqlite3_column_int64(s, 0), out, e);
    if (status == RK_OK && code != SQLITE_DONE) status = rk_results_error(r, "merging into:", e);
    sqlite3_finalize(s);
    return status;
}
