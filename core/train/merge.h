/* merge.h: joining results files.
 *
 * A run is the same one in two files if everything that was known at its start is the same, to the
 * millisecond, and no epoch that both have has another digest; of two copies the one that is
 * further counts, and it has what diagnostics found in either.  Runs that are the same but for
 * digests are both kept.  A run gets the next free number; its folder is copied, and the number in
 * it changed.  Files of older schemas are read as they are, and written as the newest.
 *
 * A bench is the same one if it began in the same millisecond on a machine of the same name with
 * the same options, and nothing that identifies its devices differs; of two copies the one with
 * more values counts.  Hence benches of machines that call themselves alike stay apart. */
#ifndef RK_TRAIN_MERGE_H
#define RK_TRAIN_MERGE_H
#include "train/results.h"

typedef struct rk_merged {
    uint32_t added, updated, known; /* known: there already, as far or further */
    uint32_t conflicting;           /* of the added: there already with other digests */
    uint32_t benches_added, benches_updated, benches_known;
} rk_merged;

/* Brings all runs of n files into the one at path, which is made if it is not there.  All or
 * nothing: after a failure or a kill the target holds the runs that it held.  said, if not NULL, is
 * called for each conflict: a text that names both. */
rk_status rk_results_merge(const char *path, const char *const *from, uint32_t n,
                           void (*said)(const char *text), rk_merged *out, rk_error *e);
/* The same with the benches alone. */
rk_status rk_results_merge_benches(const char *path, const char *const *from, uint32_t n,
                                   rk_merged *out, rk_error *e);
#endif
