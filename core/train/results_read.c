#include "train/results_db.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* SELECT of the key column or columns, then of all others, in the order of the lists. */
static rk_status prepare_select(rk_results *r, const char *keys, const rk_column *columns, size_t n,
                                const char *rest, sqlite3_stmt **out, rk_error *e)
{
    sqlite3_str *sql = sqlite3_str_new(r->db);
    sqlite3_str_appendf(sql, "SELECT %s", keys);
    for (size_t i = 0; i < n; i++)
        sqlite3_str_appendf(sql, ", %s", columns[i].since <= r->schema ? columns[i].name : "NULL");
    sqlite3_str_appendf(sql, " %s", rest);
    return rk_results_prepare_built(r, sql, out, e);
}

bool rk_column_read(rk_pool *pool, sqlite3_stmt *s, int i, const rk_column *c, void *record)
{
    void *field = (char *)record + c->offset;
    if (c->type == RK_COLUMN_TEXT) {
        const char *text = (const char *)sqlite3_column_text(s, i);
        char *copy = pool ? rk_pool_string(pool, text ? text : "") : strdup(text ? text : "");
        *(char **)field = copy;
        return copy;
    }
    if (c->type == RK_COLUMN_WHOLE)
        *(int64_t *)field = sqlite3_column_int64(s, i);
    else
        *(double *)field =
            sqlite3_column_type(s, i) == SQLITE_NULL ? NAN : sqlite3_column_double(s, i);
    return true;
}

bool rk_column_fetch(sqlite3_stmt *s, int i, const rk_column *c, void *record)
{
    return rk_column_read(NULL, s, i, c, record);
}

void rk_run_record_free(rk_run_record *run)
{
    size_t n;
    const rk_column *columns = rk_run_columns(&n);
    if (!run) return;
    for (size_t i = 0; i < n; i++)
        if (columns[i].type == RK_COLUMN_TEXT)
            free(*(char **)(void *)((char *)run + columns[i].offset));
    free(run);
}

static rk_status fetch_run(rk_results *r, sqlite3_stmt *s, rk_run_record **out, rk_error *e)
{
    size_t n;
    const rk_column *columns = rk_run_columns(&n);
    rk_run_record *run = calloc(1, sizeof *run);
    bool good = run;
    if (run) run->id = sqlite3_column_int64(s, 0);
    for (size_t i = 0; good && i < n; i++) good = rk_column_fetch(s, (int)i + 1, &columns[i], run);
    if (good) {
        *out = run;
        return RK_OK;
    }
    rk_run_record_free(run);
    return RK_FAIL(e, RK_E_NOMEM, "no memory to read %s", r->path);
}

rk_status rk_results_run(rk_results *r, int64_t id, rk_run_record **out, rk_error *e)
{
    size_t n;
    const rk_column *columns = rk_run_columns(&n);
    sqlite3_stmt *s;
    rk_status status;
    *out = NULL;
    RK_TRY(prepare_select(r, "id", columns, n, "FROM runs WHERE id = ?", &s, e));
    sqlite3_bind_int64(s, 1, id);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        status = fetch_run(r, s, out, e);
    else if (code == SQLITE_DONE)
        status = RK_FAIL(e, RK_E_INVALID, "%s has no run %lld: 'rethink list --out %s' shows them",
                         r->path, (long long)id, r->path);
    else
        status = rk_results_error(r, "reading:", e);
    sqlite3_finalize(s);
    return status;
}

/* Grows an array of n entries for one more. */
static void *grown(void *list, uint32_t n, size_t bytes)
{
    if (n & (n - 1)) return list; /* room is made for 1, 2, 4, ... entries */
    return realloc(list, (n ? 2 * (size_t)n : 1) * bytes);
}

static rk_status fetch_id(sqlite3_stmt *s, void *entry)
{
    *(int64_t *)entry = sqlite3_column_int64(s, 0);
    return RK_OK;
}

static rk_status fetch_row(sqlite3_stmt *s, void *entry)
{
    size_t n;
    const rk_column *columns = rk_epoch_columns(&n);
    rk_epoch_record *row = entry;
    const char *digest = (const char *)sqlite3_column_text(s, 0);
    memset(row, 0, sizeof *row);
    if (digest) strncpy(row->digest, digest, sizeof row->digest - 1);
    for (size_t i = 0; i < n; i++) rk_column_fetch(s, (int)i + 1, &columns[i], row);
    return RK_OK;
}

rk_status rk_results_collect(rk_results *r, sqlite3_stmt *s,
                             rk_status (*one)(sqlite3_stmt *, void *), size_t bytes, void **out,
                             uint32_t *n, rk_error *e)
{
    char *list = NULL;
    rk_status status = RK_OK;
    int code = sqlite3_step(s);
    for (*n = 0; status == RK_OK && code == SQLITE_ROW; code = sqlite3_step(s)) {
        char *longer = grown(list, *n, bytes);
        if (longer) {
            list = longer;
            status = one(s, list + (*n)++ * bytes);
        } else
            status = RK_FAIL(e, RK_E_NOMEM, "no memory to read %s", r->path);
    }
    if (status == RK_OK && code != SQLITE_DONE) status = rk_results_error(r, "reading:", e);
    sqlite3_finalize(s);
    if (status != RK_OK) {
        free(list);
        list = NULL;
        *n = 0;
    }
    *out = list;
    return status;
}

rk_status rk_results_list(rk_results *r, const char *preset, int64_t **ids, uint32_t *n,
                          rk_error *e)
{
    sqlite3_stmt *s;
    void *list = NULL;
    *ids = NULL;
    RK_TRY(rk_results_prepare(r, "SELECT id FROM runs WHERE ?1 IS NULL OR preset = ?1 ORDER BY id",
                              &s, e));
    if (preset) sqlite3_bind_text(s, 1, preset, -1, SQLITE_STATIC);
    rk_status status = rk_results_collect(r, s, fetch_id, sizeof **ids, &list, n, e);
    *ids = list;
    return status;
}

rk_status rk_results_history(rk_results *r, int64_t id, rk_epoch_record **rows, uint32_t *n,
                             rk_error *e)
{
    size_t n_columns;
    const rk_column *columns = rk_epoch_columns(&n_columns);
    sqlite3_stmt *s;
    void *list = NULL;
    *rows = NULL;
    RK_TRY(prepare_select(r, "digest", columns, n_columns,
                          "FROM epochs WHERE run = ? ORDER BY epoch", &s, e));
    sqlite3_bind_int64(s, 1, id);
    rk_status status = rk_results_collect(r, s, fetch_row, sizeof **rows, &list, n, e);
    *rows = list;
    return status;
}
