/* The tables.  The columns of a record are listed once, here: the statements that make, fill and
 * read the tables are written from the lists. */
#include "train/results_db.h"
#include <math.h>
#include <string.h>

enum { SCHEMA = 6, APPLICATION = 0x52544b31 /* "RTK1", in the file's header */ };

#define TEXT(f) TEXT_SINCE(0, f)
#define TEXT_SINCE(schema, f)                                                                      \
    {                                                                                              \
#f, RK_COLUMN_TEXT, offsetof(rk_run_record, f), false, schema                              \
    }
#define WHOLE(f) WHOLE_SINCE(0, f)
#define WHOLE_SINCE(schema, f)                                                                     \
    {                                                                                              \
#f, RK_COLUMN_WHOLE, offsetof(rk_run_record, f), false, schema                             \
    }
#define REAL(f) REAL_SINCE(0, f)
#define REAL_SINCE(schema, f)                                                                      \
    {                                                                                              \
#f, RK_COLUMN_REAL, offsetof(rk_run_record, f), false, schema                              \
    }
#define SUMMARY(type, f)                                                                           \
    {                                                                                              \
#f, RK_COLUMN_##type, offsetof(rk_run_record, f), true, 0                                  \
    }
static const rk_column run_columns[] = {TEXT(started),
                                        TEXT(status),
                                        TEXT(error),
                                        TEXT(preset),
                                        TEXT(variant),
                                        TEXT(model),
                                        TEXT(data),
                                        TEXT(randomize),
                                        TEXT_SINCE(2, augment),
                                        TEXT(optimizer),
                                        TEXT(schedule),
                                        TEXT(regularize),
                                        TEXT(device),
                                        TEXT(device_name),
                                        TEXT(driver),
                                        TEXT(backend),
                                        TEXT(numerics),
                                        WHOLE(seed),
                                        WHOLE(epochs),
                                        WHOLE(batch),
                                        REAL(rate),
                                        WHOLE(parameters),
                                        TEXT(plan_digest),
                                        TEXT(kernels),
                                        WHOLE(steps_fallback),
                                        TEXT(fallback_note),
                                        TEXT(data_digest),
                                        TEXT(label_digest),
                                        REAL(changed_labels),
                                        TEXT(version),
                                        TEXT(config),
                                        WHOLE_SINCE(3, classes),
                                        WHOLE_SINCE(3, inputs),
                                        WHOLE_SINCE(3, train_examples),
                                        WHOLE_SINCE(3, test_examples),
                                        TEXT_SINCE(3, transform_digests),
                                        REAL_SINCE(6, ready_seconds),
                                        WHOLE_SINCE(6, programs_compiled),
                                        WHOLE_SINCE(6, programs_cached),
                                        SUMMARY(WHOLE, epochs_done),
                                        SUMMARY(WHOLE, fit_epoch),
                                        SUMMARY(REAL, train_accuracy),
                                        SUMMARY(REAL, test_accuracy),
                                        SUMMARY(REAL, train_loss),
                                        SUMMARY(REAL, test_loss),
                                        SUMMARY(TEXT, digest),
                                        SUMMARY(REAL, seconds)};

#define ROW(type, f) ROW_SINCE(0, type, f)
#define ROW_SINCE(schema, type, f)                                                                 \
    {                                                                                              \
#f, RK_COLUMN_##type, offsetof(rk_epoch_record, f), false, schema                          \
    }
static const rk_column epoch_columns[] = {ROW(WHOLE, epoch),
                                          ROW(WHOLE, steps),
                                          ROW(REAL, seconds),
                                          ROW(REAL, rate),
                                          ROW(REAL, online_loss),
                                          ROW(REAL, online_accuracy),
                                          ROW(REAL, train_loss),
                                          ROW(REAL, train_accuracy),
                                          ROW(REAL, test_loss),
                                          ROW(REAL, test_accuracy),
                                          ROW_SINCE(3, REAL, clean_fit),
                                          ROW_SINCE(3, REAL, noisy_fit),
                                          ROW_SINCE(3, REAL, noisy_true)};

const rk_column *rk_run_columns(size_t *n)
{
    *n = sizeof run_columns / sizeof *run_columns;
    return run_columns;
}

const rk_column *rk_epoch_columns(size_t *n)
{
    *n = sizeof epoch_columns / sizeof *epoch_columns;
    return epoch_columns;
}

int rk_column_bind(sqlite3_stmt *s, int i, const rk_column *c, const void *record)
{
    const void *field = (const char *)record + c->offset;
    if (c->type == RK_COLUMN_TEXT) {
        const char *text = *(const char *const *)field;
        return sqlite3_bind_text(s, i, text ? text : "", -1, SQLITE_STATIC);
    }
    if (c->type == RK_COLUMN_WHOLE) return sqlite3_bind_int64(s, i, *(const int64_t *)field);
    double value = *(const double *)field;
    return isfinite(value) ? sqlite3_bind_double(s, i, value) : sqlite3_bind_null(s, i);
}

static void declare(sqlite3_str *sql, const rk_column *columns, size_t n)
{
    static const char *const types[] = {"TEXT NOT NULL", "INTEGER NOT NULL", "REAL"};
    for (size_t i = 0; i < n; i++)
        sqlite3_str_appendf(sql, ", %s %s", columns[i].name, types[columns[i].type]);
}

/* Per example, of runs with --scores; a run's rows leave with it. */
static void declare_scores(sqlite3_str *sql, bool test)
{
    size_t n;
    const rk_column *columns = rk_score_columns(test, &n);
    sqlite3_str_appendf(sql,
                        "CREATE TABLE IF NOT EXISTS %s (run INTEGER NOT NULL REFERENCES runs "
                        "ON DELETE CASCADE",
                        test ? "test_scores" : "scores");
    declare(sql, columns, n);
    sqlite3_str_appendall(sql, ", PRIMARY KEY (run, example)) WITHOUT ROWID;");
}

/* What diagnostics found: the lists leave with the diagnostic, and that with its run. */
static void declare_found(sqlite3_str *sql)
{
    static const char *const lists[][2] = {
        {"found_values", "name TEXT NOT NULL, value REAL"},
        {"found_points", "curve TEXT NOT NULL, x REAL, y REAL, z REAL"},
        {"found_notes", "text TEXT NOT NULL"}};
    size_t n;
    const rk_column *columns = rk_found_columns(&n);
    sqlite3_str_appendall(sql, "CREATE TABLE IF NOT EXISTS diagnostics (run INTEGER NOT NULL "
                               "REFERENCES runs ON DELETE CASCADE");
    declare(sql, columns, n);
    sqlite3_str_appendall(sql, ", PRIMARY KEY (run, spec)) WITHOUT ROWID;");
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        sqlite3_str_appendf(sql,
                            "CREATE TABLE IF NOT EXISTS %s (run INTEGER NOT NULL, spec TEXT NOT "
                            "NULL, position INTEGER NOT NULL, %s, PRIMARY KEY (run, spec, "
                            "position), FOREIGN KEY (run, spec) REFERENCES diagnostics ON DELETE "
                            "CASCADE) WITHOUT ROWID;",
                            lists[i][0], lists[i][1]);
}

static void declare_benches(sqlite3_str *sql)
{
    size_t n;
    const rk_bench_table *t = rk_bench_tables(&n);
    sqlite3_str_appendf(sql, "CREATE TABLE IF NOT EXISTS %s (id INTEGER PRIMARY KEY AUTOINCREMENT",
                        t->name);
    declare(sql, t->columns, t->n);
    sqlite3_str_appendall(sql, ");");
    for (size_t i = 1; i < n; i++) {
        sqlite3_str_appendf(sql,
                            "CREATE TABLE IF NOT EXISTS %s (%s INTEGER NOT NULL REFERENCES %s ON "
                            "DELETE CASCADE",
                            t[i].name, t[i].columns->name, t->name);
        declare(sql, t[i].columns + 1, t[i].n - 1);
        sqlite3_str_appendf(sql, ", PRIMARY KEY (%s)) WITHOUT ROWID;", t[i].key);
    }
}

static void declare_more(sqlite3_str *sql)
{
    declare_scores(sql, false);
    declare_scores(sql, true);
    declare_found(sql);
    declare_benches(sql);
}

static rk_status make_tables(rk_results *r, rk_error *e)
{
    size_t n_run, n_epoch;
    const rk_column *run = rk_run_columns(&n_run), *epoch = rk_epoch_columns(&n_epoch);
    sqlite3_str *sql = sqlite3_str_new(r->db);
    sqlite3_str_appendall(sql, "CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT");
    declare(sql, run, n_run);
    sqlite3_str_appendall(sql, "); CREATE TABLE epochs (run INTEGER NOT NULL REFERENCES runs "
                               "ON DELETE CASCADE");
    declare(sql, epoch, n_epoch);
    sqlite3_str_appendf(sql,
                        ", digest TEXT NOT NULL, PRIMARY KEY (run, epoch)) WITHOUT ROWID;"
                        "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                        APPLICATION, SCHEMA);
    declare_more(sql);
    char *text = sqlite3_str_finish(sql);
    if (!text) return RK_FAIL(e, RK_E_NOMEM, "no memory to open %s", r->path);
    rk_status status = rk_results_exec(r, text, "making tables:", e);
    sqlite3_free(text);
    return status;
}

/* Columns that later schemas have added: older runs have the value that means "not there". */
static void add_columns(sqlite3_str *sql, const char *table, const rk_column *columns, size_t n,
                        int64_t schema)
{
    static const char *const types[] = {"TEXT NOT NULL DEFAULT ''", "INTEGER NOT NULL DEFAULT 0",
                                        "REAL"};
    for (size_t i = 0; i < n; i++)
        if (columns[i].since > schema)
            sqlite3_str_appendf(sql, "ALTER TABLE %s ADD COLUMN %s %s;", table, columns[i].name,
                                types[columns[i].type]);
}

static rk_status bring_up(rk_results *r, rk_error *e)
{
    size_t n_run, n_epoch, n_score;
    const rk_column *run = rk_run_columns(&n_run), *epoch = rk_epoch_columns(&n_epoch);
    const rk_column *score = rk_score_columns(false, &n_score);
    sqlite3_str *sql = sqlite3_str_new(r->db);
    add_columns(sql, "runs", run, n_run, r->schema);
    add_columns(sql, "epochs", epoch, n_epoch, r->schema);
    if (r->schema == 3) add_columns(sql, "scores", score, n_score, r->schema);
    declare_more(sql);
    sqlite3_str_appendf(sql, "PRAGMA user_version = %d", SCHEMA);
    char *text = sqlite3_str_finish(sql);
    if (!text) return RK_FAIL(e, RK_E_NOMEM, "no memory to open %s", r->path);
    rk_status status = rk_results_exec(r, text, "bringing up to this version:", e);
    sqlite3_free(text);
    if (status == RK_OK) r->schema = SCHEMA;
    return status;
}

rk_status rk_results_check(rk_results *r, bool read_only, bool *empty, rk_error *e)
{
    int64_t application = 0, version = 0, tables = 0;
    RK_TRY(rk_results_number(r, "PRAGMA application_id", &application, e));
    RK_TRY(rk_results_number(r, "PRAGMA user_version", &version, e));
    RK_TRY(rk_results_number(r, "SELECT count(*) FROM sqlite_master", &tables, e));
    *empty = tables == 0;
    r->schema = *empty ? SCHEMA : version;
    if (*empty && !read_only) return RK_OK;
    if (application != APPLICATION || version < 1)
        return RK_FAIL(e, RK_E_INVALID,
                       "%s is a database of something else: name another file with --out", r->path);
    if (version > SCHEMA)
        return RK_FAIL(e, RK_E_INVALID,
                       "%s was written by a newer rethink (schema %lld, this one knows %d): "
                       "update, or name another file with --out",
                       r->path, (long long)version, SCHEMA);
    return RK_OK;
}

rk_status rk_results_schema(rk_results *r, bool read_only, rk_error *e)
{
    bool empty = false;
    RK_TRY(rk_results_exec(r, read_only ? "BEGIN" : "BEGIN IMMEDIATE", "opening:", e));
    rk_status status = rk_results_check(r, read_only, &empty, e);
    if (status == RK_OK && empty) status = make_tables(r, e);
    if (status == RK_OK && r->schema < SCHEMA && !read_only) status = bring_up(r, e);
    if (status == RK_OK) return rk_results_exec(r, "COMMIT", "opening:", e);
    sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}
