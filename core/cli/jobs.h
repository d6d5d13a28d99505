/* jobs.h: the runs that a command line asks for. */
#ifndef RK_CLI_JOBS_H
#define RK_CLI_JOBS_H
#include <stdio.h>
#include "cli/preset.h"

/* One configuration, to be run on each of its devices. */
typedef struct rk_job {
    rk_settings s;
    const char *label;  /* "random labels, seed=2"; "" without a preset */
    const char *text;   /* as JSON, but for its label: equal jobs have equal texts */
    const char **after; /* [n_after]: labels of jobs of the same preset and seed that come before */
    uint32_t n_after;
} rk_job;

typedef struct rk_jobs {
    rk_pool pool;
    rk_job *job;
    uint32_t n;
} rk_jobs;

/* The variants of the preset at a scale (its usual one unless own has one) times its grid, the same
 * of every preset that it names, or one job without a preset (NULL), each with the user's own
 * assignments on top.  A grid key that the user gave is no longer varied; variants that become the
 * same are one job.  Texts belong to the preset, the user's list and *out. */
rk_status rk_jobs_make(const rk_preset *preset, const rk_assignment *own, uint32_t n, rk_jobs *out,
                       rk_error *e);
/* Only those whose label matches, seeds and grid left aside or not: * any text, ? any letter.  NULL
 * is any. */
rk_status rk_jobs_keep(rk_jobs *j, const char *pattern, rk_error *e);
/* Finds mistakes in the last job before the first one is trained; of a preset (or NULL) an error
 * names file and line. */
rk_status rk_jobs_check(const rk_jobs *j, const rk_preset *preset, const rk_registry *plugins,
                        rk_error *e);
/* Puts each behind those that it comes after; rk_jobs_make has done it. */
rk_status rk_jobs_order(rk_jobs *j, rk_error *e);
/* True if the other's run must be done before. */
bool rk_job_is_after(const rk_job *job, const rk_job *other);
/* A row for each. */
rk_status rk_jobs_print(const rk_jobs *j, FILE *f, rk_error *e);
/* An array: of each its configuration, as in records, but for devices (an array), threads and isa
 * (null: the backend's choice). */
rk_status rk_jobs_print_json(const rk_jobs *j, FILE *f, rk_error *e);
void rk_jobs_free(rk_jobs *j);
#endif
