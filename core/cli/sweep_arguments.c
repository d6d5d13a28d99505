#include "base/text.h"
#include "cli/sweep.h"
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_SEEDS = RK_OPTION_OWN,
    OPTION_SPREAD,
    OPTION_DRY_RUN,
    OPTION_TASK,
    OPTION_PLAN,
    OPTION_EMIT,
    OPTION_PARTITION,
    OPTION_TIME,
    OPTION_SBATCH,
    OPTION_WORKER,
    JOBS_MAX = 1024
};

static const struct argp_option own_options[] = {
    {"seeds", OPTION_SEEDS, "LIST", 0, "Every run with each of these seeds, as 1..5 or 1,2,7", 2},
    {"jobs", 'j', "J", 0,
     "At most so many runs at once (1; with --spread one a device); they share the cores", 2},
    {"spread", OPTION_SPREAD, NULL, 0,
     "Each run once, on whichever of the devices is free, instead of on each of them", 2},
    {"dry-run", OPTION_DRY_RUN, NULL, 0,
     "Only print the runs, which of them are done, and about how long the others take", 2},
    {"quiet", 'q', NULL, 0, "Print nothing but failures", 2},
    {"task", OPTION_TASK, "LIST", 0, "Only the runs of these numbers, as --dry-run prints them", 3},
    {"plan", OPTION_PLAN, "DIGEST", 0,
     "Refuse to run if a preset or an option is not what it was when this digest was printed", 3},
    {"emit", OPTION_EMIT, "slurm", 0, "Print a job script: an array of the same runs", 3},
    {"partition", OPTION_PARTITION, "P", 0, "With --emit: the partition of the cluster", 3},
    {"time", OPTION_TIME, "T", 0, "With --emit: the time limit of each run, as sbatch reads it", 3},
    {"sbatch", OPTION_SBATCH, "OPTION", 0,
     "With --emit: another option of sbatch, as --sbatch=--gres=gpu:1; may be repeated", 3},
    {"worker", OPTION_WORKER, NULL, OPTION_HIDDEN, NULL, 3},
    {0}};

static bool is_set(const rk_run_arguments *a, const char *key)
{
    for (uint32_t i = 0; i < a->n_own; i++)
        if (strcmp(a->own[i].key, key) == 0) return true;
    return false;
}

/* What cannot be said together. */
static error_t check(const rk_sweep_arguments *a, const struct argp_state *state)
{
    if (a->seeds.n && is_set(&a->run, "seed"))
        return rk_cli_misuse(state, "--seed and --seeds contradict each other: give one of them");
    if (!a->emit && (a->partition || a->time || a->n_sbatch))
        return rk_cli_misuse(state, "--%s is for job scripts: it goes with --emit slurm",
                             a->partition ? "partition"
                             : a->time    ? "time"
                                          : "sbatch");
    if (a->emit && (a->dry_run || a->only.n || a->plan || a->run.json))
        return rk_cli_misuse(state, "--emit and --%s contradict each other: give one of them",
                             a->dry_run  ? "dry-run"
                             : a->only.n ? "task"
                             : a->plan   ? "plan"
                                         : "json");
    return 0;
}

/* A value that is refused is one line like any other. */
static error_t refused(const rk_error *e)
{
    rk_cli_fail(e);
    return ECANCELED;
}

static error_t set_jobs(rk_sweep_arguments *a, const char *text)
{
    int64_t n = 0;
    if (rk_parse_i64(text, &n) && n >= 1 && n <= JOBS_MAX) {
        a->jobs = (uint32_t)n;
        return 0;
    }
    rk_cli_failf("--jobs: '%.64s' is not a whole number from 1 to %d", text, (int)JOBS_MAX);
    return ECANCELED;
}

static error_t set_emit(rk_sweep_arguments *a, const char *text)
{
    a->emit = strcmp(text, "slurm") == 0;
    if (a->emit) return 0;
    rk_cli_failf("--emit: no script for '%.64s'; known: slurm", text);
    return ECANCELED;
}

static error_t set_list(const char *option, const char *text, int64_t lo, int64_t hi,
                        rk_numbers *out)
{
    rk_error e = rk_error_new();
    return rk_numbers_parse(option, text, lo, hi, out, &e) == RK_OK ? 0 : refused(&e);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    rk_sweep_arguments *a = state->input;
    switch (key) {
    case OPTION_SEEDS: return set_list("seeds", arg, 0, INT64_MAX, &a->seeds);
    case OPTION_TASK: return set_list("task", arg, 1, INT32_MAX, &a->only);
    case 'j': return set_jobs(a, arg);
    case OPTION_SPREAD: a->spread = true; return 0;
    case OPTION_DRY_RUN: a->dry_run = true; return 0;
    case OPTION_PLAN: a->plan = arg; return 0;
    case OPTION_EMIT: return set_emit(a, arg);
    case OPTION_PARTITION: a->partition = arg; return 0;
    case OPTION_TIME: a->time = arg; return 0;
    case OPTION_SBATCH:
        return rk_cli_append(&a->sbatch, &a->n_sbatch, arg, &a->run.e) == RK_OK ? 0 : ENOMEM;
    case OPTION_WORKER: a->worker = true; return 0;
    case ARGP_KEY_END: return check(a, state);
    default: return rk_train_option(key, arg, &a->run);
    }
}

bool rk_sweep_parse(int argc, char **argv, rk_sweep_arguments *out, int *status)
{
    struct argp_option options[RK_TRAIN_OPTIONS_MAX];
    const struct argp argp = {
        options,
        parse,
        "[PRESET]",
        "Runs what 'rethink run' would, times seeds, each in a process of its own.  It may be "
        "stopped or killed at any time: the same command goes on, to the same bits; what is done "
        "is not done again.\v"
        "The exit status is 0 if every run is done.  On a cluster: rethink sweep PRESET --seeds "
        "1..5 --emit slurm >job.sh, then sbatch job.sh, then the line at the script's end.",
        NULL,
        NULL,
        NULL};
    rk_train_options(options, own_options);
    *out = (rk_sweep_arguments){.run = {.out = RK_CLI_RESULTS, .e = rk_error_new()}};
    return rk_cli_parse(&argp, argc, argv, out, status);
}

void rk_sweep_arguments_free(rk_sweep_arguments *a)
{
    rk_numbers_free(&a->seeds);
    rk_numbers_free(&a->only);
    rk_run_arguments_free(&a->run);
    free(a->sbatch);
}
