/* Benches in the results database. */
#include "train/results_bench.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/pool.h"
#include "train/results_db.h"

#define COLUMN(record, type, f)                                                                    \
    {                                                                                              \
#f, RK_COLUMN_##type, offsetof(record, f), false, 5                                        \
    }
#define BENCH(f) COLUMN(rk_bench_record, TEXT, f)
#define DEVICE(type, f) COLUMN(rk_bench_device, type, f)
#define VALUE(type, f) COLUMN(rk_bench_value, type, f)
#define SPREAD(type, f)                                                                            \
    {                                                                                              \
#f, RK_COLUMN_##type, offsetof(rk_bench_value, spread.f), false, 5                         \
    }
static const rk_column bench_columns[] = {BENCH(started), BENCH(status), BENCH(size),
                                          BENCH(version), BENCH(host),   BENCH(config)};
static const rk_column device_columns[] = {
    DEVICE(WHOLE, bench),      DEVICE(WHOLE, device),   DEVICE(TEXT, spec),
    DEVICE(TEXT, name),        DEVICE(TEXT, vendor),    DEVICE(TEXT, platform),
    DEVICE(TEXT, driver),      DEVICE(TEXT, backend),   DEVICE(TEXT, type),
    DEVICE(TEXT, compiler),    DEVICE(TEXT, processor), DEVICE(TEXT, clocks),
    DEVICE(TEXT, environment), DEVICE(TEXT, system),    DEVICE(TEXT, tuning),
    DEVICE(TEXT, selftest),    DEVICE(TEXT, energy),    DEVICE(WHOLE, memory),
    DEVICE(WHOLE, threads)};
static const rk_column value_columns[] = {
    VALUE(WHOLE, bench),  VALUE(WHOLE, device), VALUE(WHOLE, process), VALUE(TEXT, suite),
    VALUE(TEXT, subject), VALUE(TEXT, tier),    VALUE(TEXT, name),     VALUE(REAL, x),
    VALUE(TEXT, unit),    SPREAD(WHOLE, n),     SPREAD(REAL, median),  SPREAD(REAL, q1),
    SPREAD(REAL, q3),     SPREAD(REAL, least),  SPREAD(REAL, most),    SPREAD(REAL, mean),
    SPREAD(REAL, sd),     VALUE(TEXT, text)};

const rk_bench_table *rk_bench_tables(size_t *n)
{
    static const rk_bench_table tables[] = {
        {"benches", bench_columns, sizeof bench_columns / sizeof *bench_columns, NULL},
        {"bench_devices", device_columns, sizeof device_columns / sizeof *device_columns,
         "bench, device"},
        {"bench_values", value_columns, sizeof value_columns / sizeof *value_columns,
         "bench, device, suite, subject, tier, name, x, process"}};
    *n = sizeof tables / sizeof *tables;
    return tables;
}

static const char doing[] = "writing a bench:";
enum { BENCHES, DEVICES, VALUES }; /* the tables */

static const rk_bench_table *table(int which)
{
    size_t n;
    return &rk_bench_tables(&n)[which];
}

/* ---- writing --------------------------------------------------------------------------------- */

static rk_status no_memory(const rk_results *r, rk_error *e)
{
    return RK_FAIL(e, RK_E_NOMEM, "no memory to write to %s", r->path);
}

/* Binds a record from parameter `first` on and makes the step; the statement is ready again. */
static rk_status put(rk_results *r, sqlite3_stmt *s, const rk_bench_table *t, const void *record,
                     rk_error *e)
{
    int bad = 0;
    for (size_t i = 0; i < t->n; i++) bad |= rk_column_bind(s, (int)i + 1, &t->columns[i], record);
    if (bad) return no_memory(r, e);
    if (sqlite3_step(s) != SQLITE_DONE) return rk_results_error(r, doing, e);
    return sqlite3_reset(s) == SQLITE_OK ? RK_OK : rk_results_error(r, doing, e);
}

static rk_status prepare(rk_results *r, const char *verb, const rk_bench_table *t,
                         sqlite3_stmt **out, rk_error *e)
{
    return rk_results_prepare_insert(r, verb, t->name, NULL, t->columns, t->n, out, e);
}

rk_status rk_results_bench_add(rk_results *r, rk_bench_record *bench, rk_error *e)
{
    sqlite3_stmt *s;
    bench->status = "running";
    RK_TRY(prepare(r, "INSERT", table(BENCHES), &s, e));
    rk_status status = put(r, s, table(BENCHES), bench, e);
    sqlite3_finalize(s);
    if (status == RK_OK) bench->id = sqlite3_last_insert_rowid(r->db);
    return status;
}

rk_status rk_results_bench_finish(rk_results *r, int64_t id, const char *status, rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(rk_results_prepare(r, "UPDATE benches SET status = ? WHERE id = ?", &s, e));
    sqlite3_bind_text(s, 1, status, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, id);
    RK_TRY(rk_results_step(r, s, doing, e));
    if (sqlite3_changes(r->db) == 1) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID, "%s has no bench %lld", r->path, (long long)id);
}

rk_status rk_results_bench_device(rk_results *r, const rk_bench_device *d, rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(prepare(r, "INSERT OR REPLACE", table(DEVICES), &s, e));
    rk_status status = put(r, s, table(DEVICES), d, e);
    sqlite3_finalize(s);
    return status;
}

static rk_status put_values(rk_results *r, const rk_bench_value *v, uint32_t n, rk_error *e)
{
    sqlite3_stmt *s;
    rk_status status = RK_OK;
    RK_TRY(prepare(r, "INSERT OR REPLACE", table(VALUES), &s, e));
    for (uint32_t i = 0; i < n && status == RK_OK; i++)
        status = isfinite(v[i].x) ? put(r, s, table(VALUES), &v[i], e)
                                  : RK_FAIL(e, RK_E_INVALID, "the value %s of %s has no x",
                                            v[i].name, v[i].suite);
    sqlite3_finalize(s);
    return status;
}

rk_status rk_results_bench_values(rk_results *r, const rk_bench_value *v, uint32_t n, rk_error *e)
{
    RK_TRY(rk_results_exec(r, "BEGIN IMMEDIATE", doing, e));
    rk_status status = put_values(r, v, n, e);
    if (status == RK_OK) status = rk_results_exec(r, "COMMIT", doing, e);
    if (status != RK_OK) sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

static rk_status fetch_id(sqlite3_stmt *s, void *entry)
{
    *(int64_t *)entry = sqlite3_column_int64(s, 0);
    return RK_OK;
}

rk_status rk_results_benches(rk_results *r, int64_t **ids, uint32_t *n, rk_error *e)
{
    sqlite3_stmt *s;
    void *list = NULL;
    *ids = NULL;
    *n = 0;
    if (r->schema < 5) return RK_OK;
    RK_TRY(rk_results_prepare(r, "SELECT id FROM benches ORDER BY id", &s, e));
    rk_status status = rk_results_collect(r, s, fetch_id, sizeof **ids, &list, n, e);
    *ids = list;
    return status;
}

/* One row into a record; texts are the pool's. */
static bool fetch(rk_pool *pool, sqlite3_stmt *s, const rk_bench_table *t, void *record)
{
    bool good = true;
    for (size_t i = 0; i < t->n && good; i++)
        good = rk_column_read(pool, s, (int)i, &t->columns[i], record);
    return good;
}

/* All rows of a bench in a table, as an array of the pool of records of `bytes`. */
static rk_status read_rows(rk_results *r, int64_t id, int which, rk_pool *pool, size_t bytes,
                           void **out, uint32_t *n, rk_error *e)
{
    const rk_bench_table *t = table(which);
    sqlite3_stmt *s;
    sqlite3_str *sql = sqlite3_str_new(r->db);
    for (size_t i = 0; i < t->n; i++)
        sqlite3_str_appendf(sql, i ? ", %s" : "SELECT %s", t->columns[i].name);
    sqlite3_str_appendf(sql, " FROM %s WHERE %s = ? ORDER BY %s", t->name, t->key ? "bench" : "id",
                        t->key ? t->key : "id");
    RK_TRY(rk_results_prepare_built(r, sql, &s, e));
    sqlite3_bind_int64(s, 1, id);
    char *rows = NULL;
    bool good = true;
    int code = sqlite3_step(s);
    for (*n = 0; good && code == SQLITE_ROW; code = sqlite3_step(s)) {
        rows = rk_pool_longer(pool, rows, *n, bytes);
        good = rows && fetch(pool, s, t, rows + (*n)++ * bytes);
    }
    rk_status status = RK_OK;
    if (!good)
        status = RK_FAIL(e, RK_E_NOMEM, "no memory to read %s", r->path);
    else if (code != SQLITE_DONE)
        status = rk_results_error(r, "reading:", e);
    sqlite3_finalize(s);
    *out = rows;
    return status;
}

static rk_status read_bench(rk_results *r, int64_t id, rk_bench *b, rk_error *e)
{
    void *list = NULL;
    uint32_t n = 0;
    if (r->schema >= 5) RK_TRY(read_rows(r, id, BENCHES, b->texts, sizeof b->record, &list, &n, e));
    if (n == 0)
        return RK_FAIL(e, RK_E_INVALID, "%s has no bench %lld: 'rethink list --out %s' shows them",
                       r->path, (long long)id, r->path);
    b->record = *(rk_bench_record *)list;
    b->record.id = id;
    RK_TRY(read_rows(r, id, DEVICES, b->texts, sizeof *b->device, &list, &b->n_device, e));
    b->device = list;
    RK_TRY(read_rows(r, id, VALUES, b->texts, sizeof *b->value, &list, &b->n_value, e));
    b->value = list;
    return RK_OK;
}

rk_status rk_results_bench(rk_results *r, int64_t id, rk_bench **out, rk_error *e)
{
    rk_bench *b = calloc(1, sizeof *b);
    *out = NULL;
    if (b) b->texts = calloc(1, sizeof(rk_pool));
    if (!b || !b->texts) {
        free(b);
        return RK_FAIL(e, RK_E_NOMEM, "no memory to read %s", r->path);
    }
    rk_status status = read_bench(r, id, b, e);
    if (status == RK_OK)
        *out = b;
    else
        rk_bench_free(b);
    return status;
}

void rk_bench_free(rk_bench *b)
{
    if (!b) return;
    rk_pool_free(b->texts);
    free(b->texts);
    free(b);
}
