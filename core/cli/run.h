/* run.h: the run command: its arguments, and what it does with them. */
#ifndef RK_CLI_RUN_H
#define RK_CLI_RUN_H
#include "cli/cli.h"
#include "cli/settings.h"
#include "train/results.h"

typedef struct rk_run_arguments {
    rk_assignment *own; /* settings given on the command line */
    const char **backends, **plugins, *preset, *out, *resume, *variant, *trace;
    uint32_t n_own, n_backends, n_plugins;
    bool json, quiet, verbose, estimate, dry_run, profile;
    rk_error e;
} rk_run_arguments;

/* Parses; as rk_cli_parse. */
bool rk_run_parse(int argc, char **argv, rk_run_arguments *out, int *status);
/* The results file to write to.  That of a run which is there already is not made. */
rk_status rk_run_results(const rk_run_arguments *a, rk_results **out, rk_error *e);
void rk_run_arguments_free(rk_run_arguments *a);
/* Of a run that is there only some settings may be said: the first of a's that is none of the n
 * that are fine, or NULL. */
const char *rk_run_fixed_setting(const rk_run_arguments *a, const char *const *fine, size_t n);
/* What was said of a run that is there: its data, moved to where --data-path says, threads, isa,
 * devices; the rest of *out is not the run's.  Texts are made in the pool. */
rk_status rk_run_settings(const rk_run_arguments *a, const rk_run_record *run, rk_pool *pool,
                          rk_settings *out, rk_error *e);

/* For every command that trains: a preset, the settings, where results go, what is loaded, what is
 * printed. */
enum { RK_TRAIN_OPTIONS_MAX = 96 };
/* Writes their options and then own's, which end with zeros, as the option table of argp. */
void rk_train_options(struct argp_option out[RK_TRAIN_OPTIONS_MAX], const struct argp_option *own);
/* A parser of them, for argp; ARGP_ERR_UNKNOWN for any other key. */
error_t rk_train_option(int key, char *arg, rk_run_arguments *a);
#endif
