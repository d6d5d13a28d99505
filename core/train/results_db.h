/* results_db.h: what the files of the results database share. */
#ifndef RK_TRAIN_RESULTS_DB_H
#define RK_TRAIN_RESULTS_DB_H
#include <sqlite3.h>
#include "base/error.h"
#include "base/pool.h"
#include "train/results.h"

struct rk_results {
    sqlite3 *db;
    char *path;
    int64_t schema; /* of the file */
    int64_t next;   /* the number that the next run gets, 0: any */
};

typedef enum rk_column_type {
    RK_COLUMN_TEXT,
    RK_COLUMN_WHOLE, /* int64_t, or a uint64_t below 2^63 */
    RK_COLUMN_REAL
} rk_column_type;

/* A column and the field of its record. */
typedef struct rk_column {
    const char *name;
    rk_column_type type;
    size_t offset;
    bool summary; /* of a run: changes with every epoch */
    int since;    /* the first schema that has it, 0: all */
} rk_column;

/* Columns in the order of the tables, without the key columns. */
const rk_column *rk_run_columns(size_t *n);
const rk_column *rk_epoch_columns(size_t *n);

/* Of the tables of scores. */
const rk_column *rk_score_columns(bool test, size_t *n);

/* Of what diagnostics found. */
const rk_column *rk_found_columns(size_t *n);

/* The tables of benches, which list their key columns too; the first has the key "id" (key is
 * NULL), and all others belong to a row of it, which their first column names. */
typedef struct rk_bench_table {
    const char *name;
    const rk_column *columns;
    size_t n;
    const char *key;
} rk_bench_table;
const rk_bench_table *rk_bench_tables(size_t *n);

/* Binds a field to parameter i; texts must live until the statement is reset. */
int rk_column_bind(sqlite3_stmt *s, int i, const rk_column *c, const void *record);

/* The opposite, from column i of a row; a text is copied.  False without memory. */
bool rk_column_fetch(sqlite3_stmt *s, int i, const rk_column *c, void *record);
/* The same with the text in a pool; NULL: to be freed by free(). */
bool rk_column_read(rk_pool *pool, sqlite3_stmt *s, int i, const rk_column *c, void *record);

/* The last failure of the database as one line: the path, what is wrong, and the remedy. */
rk_status rk_results_error(const rk_results *r, const char *doing, rk_error *e);

/* A statement, to be finalized by the caller. */
rk_status rk_results_prepare(rk_results *r, const char *sql, sqlite3_stmt **out, rk_error *e);
/* The same from a text that was appended to, and is freed. */
rk_status rk_results_prepare_built(rk_results *r, sqlite3_str *sql, sqlite3_stmt **out,
                                   rk_error *e);
/* "VERB INTO table (key, columns) VALUES (?, ...)": the keys, which may be NULL, have the first
 * parameters. */
rk_status rk_results_prepare_insert(rk_results *r, const char *verb, const char *table,
                                    const char *keys, const rk_column *columns, size_t n,
                                    sqlite3_stmt **out, rk_error *e);
/* All rows of a statement as one array of entries of `bytes`, freed by free(); finalizes the
 * statement. */
rk_status rk_results_collect(rk_results *r, sqlite3_stmt *s,
                             rk_status (*one)(sqlite3_stmt *, void *), size_t bytes, void **out,
                             uint32_t *n, rk_error *e);
/* Runs a statement that gives no rows, and finalizes it. */
rk_status rk_results_step(rk_results *r, sqlite3_stmt *s, const char *doing, rk_error *e);
/* Statements without parameters. */
rk_status rk_results_exec(rk_results *r, const char *sql, const char *doing, rk_error *e);
/* The first column of the first row of a query. */
rk_status rk_results_number(rk_results *r, const char *sql, int64_t *out, rk_error *e);

/* Refuses what is no results file, or that of a newer program; sets r->schema.  Writes nothing.  An
 * empty file is none to read from. */
rk_status rk_results_check(rk_results *r, bool read_only, bool *empty, rk_error *e);
/* Makes the tables of an empty file, checks those of another. */
rk_status rk_results_schema(rk_results *r, bool read_only, rk_error *e);
#endif
