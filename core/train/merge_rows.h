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
#endif
