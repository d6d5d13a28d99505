/* scores.h: the parts of rethink scores. */
#ifndef RK_CLI_SCORES_H
#define RK_CLI_SCORES_H
#include "cli/runs.h"
#include "train/scores.h"

typedef struct rk_scores_arguments {
    const char *run, *results, *by, *over, *preset, *variant;
    int64_t top; /* lines of examples; 0: none */
    bool csv, json, test;
} rk_scores_arguments;

/* Scores of one run: a summary, the examples of --top, or all as CSV or JSON. */
rk_status rk_scores_one(const rk_scores_arguments *a, rk_error *e);
/* How right each example is over several runs. */
rk_status rk_scores_over(const rk_scores_arguments *a, rk_error *e);
/* Memorization and influence, of runs that held out examples. */
rk_status rk_scores_memory(const rk_scores_arguments *a, rk_results *r, const int64_t *ids,
                           uint32_t n, rk_error *e);
#endif
