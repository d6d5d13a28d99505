/* merge_rows.h: runs of a database that is attached to another one become the other's. */
#ifndef RK_TRAIN_MERGE_ROWS_H
#define RK_TRAIN_MERGE_ROWS_H
#include "train/merge.h"
#include "train/results_db.h"

typedef enum rk_merge_act { RK_MERGE_ADDED, RK_MERGE_UPDATED, RK_MERGE_KNOWN } rk_merge_act;

/* One run: from is its number in the attached database, to in the other; twin, if not 0, is the
 * number there of a run that is the same but for its digests. */
typedef rk_status (*rk_merge_each)(void *ctx, rk_merge_act act, int64_t from, int64_t to,
                                   int64_t twin, rk_error *e);

/* Brings every run of the database that is attached to r as "part", which has the same schema, into
 * r's own, and calls each for it. */
rk_status rk_merge_rows(rk_results *r, rk_merge_each each, void *ctx, rk_error *e);

/* The same for benches; what happened to each is counted. */
typedef struct rk_merge_counts {
    uint32_t added, updated, known;
} rk_merge_counts;
rk_status rk_merge_benches(rk_results *r, rk_merge_counts *out, rk_error *e);

/* Prepares what was appended, with up to two numbers bound; and makes the step. */
rk_status rk_merge_prepare(rk_results *r, sqlite3_str *sql, int64_t a, int64_t b,
                           sqlite3_stmt **out, rk_error *e);
rk_status rk_merge_step(rk_results *r, sqlite3_str *sql, int64_t a, int64_t b, rk_error *e);
#endif
