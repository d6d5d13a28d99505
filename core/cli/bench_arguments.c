/* rethink bench: the arguments. */
#include "cli/bench.h"
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_QUICK = RK_OPTION_OWN,
    OPTION_FULL,
    OPTION_PROCESSES,
    OPTION_REPEATS,
    OPTION_SUITE,
    OPTION_DEVICE,
    OPTION_MERGE,
    OPTION_COMPARE,
    OPTION_SECONDS,
    OPTION_THREADS,
    OPTION_TIMEOUT,
    OPTION_WORKER,
    PROCESSES_MAX = 100,
    REPEATS_MAX = 1000
};

static const struct argp_option options[] = {
    {"quick", OPTION_QUICK, NULL, 0, "About half a minute for each device", 1},
    {"full", OPTION_FULL, NULL, 0,
     "All of it, up to half an hour or so for each device; without either, minutes", 1},
    {"device", OPTION_DEVICE, "DEVICE", 0,
     "Measure this device, as 'rethink devices' names it; may be repeated (all of them)", 1},
    {"suite", OPTION_SUITE, "LIST", 0,
     "Only these: roofline, op, numerics, support, step, memorize, distance", 1},
    {"processes", OPTION_PROCESSES, "N", 0, "Start so many processes for each device (3)", 2},
    {"repeats", OPTION_REPEATS, "N", 0, "Repeat each measurement at least so often (5)", 2},
    {"threads", OPTION_THREADS, "N", 0, "Threads of the cpu backend (its own choice)", 2},
    {"seconds", OPTION_SECONDS, "SECONDS", 0,
     "About so long for each device, instead of what the size means", 2},
    {"timeout", OPTION_TIMEOUT, "SECONDS", 0,
     "A process that says nothing for so long is given up (300)", 2},
    {"backend", RK_OPTION_BACKEND, "FILE.so", 0, "Load this backend too; may be repeated", 2},
    {"plugin", RK_OPTION_PLUGIN, "FILE.so", 0, "Load this plugin too; may be repeated", 2},
    {"merge", OPTION_MERGE, "FILE...", 0,
     "Measure nothing: join the benches of these results files into --out", 3},
    {"compare", OPTION_COMPARE, "A,B", OPTION_ARG_OPTIONAL,
     "Measure nothing: compare benches A and B of the results file, by default the last two: which "
     "numbers differ by more than they vary",
     3},
    {"out", RK_OPTION_OUT, "FILE.sqlite", 0, "The results file (" RK_CLI_RESULTS ")", 4},
    {"csv", RK_OPTION_CSV, "FILE", 0,
     "Write efficiencies of all benches in the results file, with the columns of p3-analysis", 4},
    {"json", RK_OPTION_JSON, NULL, 0, "Print JSON", 4},
    {"quiet", 'q', NULL, 0, "Print nothing but failures", 4},
    {"verbose", 'v', NULL, 0, "What drivers print, too", 4},
    {"worker", OPTION_WORKER, NULL, OPTION_HIDDEN, NULL, 4},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t count(const char *option, const char *text, int64_t most, uint32_t *out)
{
    int64_t n = 0;
    if (rk_parse_i64(text, &n) && n >= 1 && n <= most) {
        *out = (uint32_t)n;
        return 0;
    }
    rk_cli_failf("--%s: '%.64s' is not a whole number from 1 to %d", option, text, (int)most);
    return ECANCELED;
}

/* "3,5", or nothing. */
static error_t set_compare(rk_bench_arguments *a, const char *text)
{
    char first[24];
    const char *comma = text ? strchr(text, ',') : NULL;
    a->compare = true;
    if (!text) return 0;
    snprintf(first, sizeof first, "%.*s", comma ? (int)(comma - text) : 0, text);
    if (comma && rk_parse_i64(first, &a->first) && rk_parse_i64(comma + 1, &a->second) &&
        a->first > 0 && a->second > 0)
        return 0;
    rk_cli_failf("--compare: '%.64s' is not two numbers of benches, as in --compare=1,2", text);
    return ECANCELED;
}

static error_t set_threads(rk_bench_arguments *a, const char *text)
{
    uint32_t n;
    a->threads = text;
    return count("threads", text, 4096, &n);
}

static error_t seconds(const char *option, const char *text, double *out)
{
    if (rk_parse_f64(text, out) && *out > 0 && *out <= 86400) return 0;
    rk_cli_failf("--%s: '%.64s' is no number of seconds up to 86400", option, text);
    return ECANCELED;
}

static error_t parse_number(int key, char *arg, rk_bench_arguments *a)
{
    switch (key) {
    case OPTION_PROCESSES: return count("processes", arg, PROCESSES_MAX, &a->processes);
    case OPTION_REPEATS: return count("repeats", arg, REPEATS_MAX, &a->repeats);
    case OPTION_THREADS: return set_threads(a, arg);
    case OPTION_TIMEOUT: return seconds("timeout", arg, &a->timeout);
    case OPTION_COMPARE: return set_compare(a, arg);
    case OPTION_SECONDS: return seconds("seconds", arg, &a->seconds);
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_flag(int key, char *arg, rk_bench_arguments *a)
{
    switch (key) {
    case OPTION_QUICK: a->size = RK_BENCH_QUICK; return 0;
    case OPTION_FULL: a->size = RK_BENCH_FULL; return 0;
    case OPTION_WORKER: a->worker = true; return 0;
    case RK_OPTION_JSON: a->json = true; return 0;
    case 'q': a->quiet = true; return 0;
    case 'v': a->verbose = true; return 0;
    default: return parse_number(key, arg, a);
    }
}

/* Files after --merge FILE belong to it. */
static error_t add_file(rk_bench_arguments *a, char *arg, bool first)
{
    if (!first && !a->n_merge) return ARGP_ERR_UNKNOWN;
    return rk_cli_append(&a->merge, &a->n_merge, arg, &a->e) == RK_OK ? 0 : ENOMEM;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    rk_bench_arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_ARG: return add_file(a, arg, false);
    case OPTION_MERGE: return add_file(a, arg, true);
    case OPTION_SUITE: a->suites = arg; return 0;
    case RK_OPTION_OUT: a->out = arg; return 0;
    case RK_OPTION_CSV: a->csv = arg; return 0;
    case OPTION_DEVICE:
        return rk_cli_append(&a->devices, &a->n_devices, arg, &a->e) == RK_OK ? 0 : ENOMEM;
    case RK_OPTION_BACKEND:
        return rk_cli_append(&a->backends, &a->n_backends, arg, &a->e) == RK_OK ? 0 : ENOMEM;
    case RK_OPTION_PLUGIN:
        return rk_cli_append(&a->plugins, &a->n_plugins, arg, &a->e) == RK_OK ? 0 : ENOMEM;
    default: return parse_flag(key, arg, a);
    }
}

bool rk_bench_parse(int argc, char **argv, rk_bench_arguments *out, int *status)
{
    static const struct argp argp = {
        options,
        parse,
        NULL,
        "Measures devices: rooflines, operations against them and against vendors' libraries, "
        "training steps, the time to memorize random labels, numerics and what is supported.  "
        "Each device is measured in several processes of its own, in turn with the others.\v"
        "'rethink report' draws what was measured, and how portable it is.  A process that crashes "
        "or hangs is said and noted, and the exit status is 1.  Measure on a quiet machine.  "
        "PoCL's "
        "threads stay on a processor each (POCL_AFFINITY=1), unless this variable is set.",
        NULL,
        NULL,
        NULL};
    *out = (rk_bench_arguments){.size = RK_BENCH_NORMAL,
                                .processes = 3,
                                .repeats = 5,
                                .timeout = 300,
                                .out = RK_CLI_RESULTS,
                                .e = rk_error_new()};
    return rk_cli_parse(&argp, argc, argv, out, status);
}

void rk_bench_arguments_free(rk_bench_arguments *a)
{
    free(a->devices);
    free(a->backends);
    free(a->plugins);
    free(a->merge);
}
