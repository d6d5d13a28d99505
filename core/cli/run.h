/* run.h: the run command: its arguments, and what it does with them. */
#ifndef RK_CLI_RUN_H
#define RK_CLI_RUN_H
#include "cli/settings.h"

typedef struct rk_run_arguments {
    rk_assignment *own; /* settings given on the command line */
    const char **backends, **plugins, *preset, *out, *resume;
    uint32_t n_own, n_backends, n_plugins;
    bool json, quiet, verbose, estimate, dry_run;
    rk_error e;
} rk_run_arguments;

/* Parses; as rk_cli_parse. */
bool rk_run_parse(int argc, char **argv, rk_run_arguments *out, int *status);
void rk_run_arguments_free(rk_run_arguments *a);
#endif
