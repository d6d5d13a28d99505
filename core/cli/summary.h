/* summary.h: what is said after the runs: a table, and whether devices agree. */
#ifndef RK_CLI_SUMMARY_H
#define RK_CLI_SUMMARY_H
#include "cli/cli.h"
#include "train/results.h"

typedef struct rk_done {
    int64_t id;
    uint32_t job; /* runs of one job differ in nothing but the device */
} rk_done;

/* The first epoch whose digests differ, or that only one history has; 0 if there is none. */
int64_t rk_first_difference(const rk_epoch_record *a, uint32_t n_a, const rk_epoch_record *b,
                            uint32_t n_b);

/* A row per run: variant, device, accuracies, epochs to fit, seconds, digest. */
rk_status rk_summary_table(rk_results *r, const rk_done *done, uint32_t n, FILE *f, rk_error *e);
/* Lines that say whether runs of the same job have the same digests, if there are any two: those of
 * the epochs that both have, or of the weights if neither has any.  A pair of which only one has an
 * epoch is named as not compared.  *differ is set if some do not although they are exact. */
rk_status rk_summary_agreement(rk_results *r, const rk_done *done, uint32_t n, FILE *f,
                               bool *differ, rk_error *e);
/* The array of runs as 'rethink export --json' gives them. */
rk_status rk_summary_json(rk_results *r, const rk_done *done, uint32_t n, FILE *f, rk_error *e);
#endif
