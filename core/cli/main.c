/* The command table, and help. */
#include "cli/cli.h"
#include "cli/helper.h"
#include "data/names.h"
#include <string.h>

typedef struct command {
    const char *name, *doc;
    int (*run)(int argc, char **argv);
} command;

static const command commands[] = {
    {"run", "train models on randomized data, on one device or on several", rk_cli_run},
    {"sweep", "a grid of runs, several at once; stopped or killed, it goes on", rk_cli_sweep},
    {"devices", "what can compute, and why the rest cannot", rk_cli_devices},
    {"tune", "finds the fastest kernels of a device, with the same bits", rk_cli_tune},
    {"check", "is a backend right: the conformance suite", rk_cli_check},
    {"bench", "how fast and how portable devices are, and how exact", rk_cli_bench},
    {"plugins", "models, data sets, transforms and their parameters", rk_cli_plugins},
    {"list", "runs and benches in the results database", rk_cli_list},
    {"show", "everything about one run", rk_cli_show},
    {"compare", "what differs between two runs, and from which bit on", rk_cli_compare},
    {"merge", "joins results files, as those of a cluster's tasks", rk_cli_merge},
    {"scores", "which examples are hard, or have a wrong label", rk_cli_scores},
    {"verdict", "what papers and presets claim, beside what was measured", rk_cli_verdict},
    {"diagnose", "measures the weights of a run: curvature, sharpness, margins, ...",
     rk_cli_diagnose},
    {"doctor", "why a run does not fit its training set", rk_cli_doctor},
    {"export", "runs and their epochs, or benches, as JSON or CSV", rk_cli_export},
    {"report", "one HTML file: curves, tables, provenance", rk_cli_report},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static int print_help(FILE *f)
{
    fprintf(f, "rethink: the same deep-learning randomization experiment on any device, with the "
               "same bits\n\nUsage: rethink COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(f, "  %-10s%s\n", commands[i].name, commands[i].doc);
    fprintf(f, "\n  rethink run quickstart        a first experiment, about a minute\n"
               "  rethink COMMAND --help        the options of a command\n"
               "  rethink --version\n");
    rk_error e = rk_error_new();
    return rk_cli_flush(f, "standard output", &e) == RK_OK ? 0 : rk_cli_fail(&e);
}

static int unknown(const char *name)
{
    const char *known[N_COMMANDS];
    char hint[RK_HINT_MAX];
    for (size_t i = 0; i < N_COMMANDS; i++) known[i] = commands[i].name;
    rk_name_hint(name, known, N_COMMANDS, hint, sizeof hint);
    rk_cli_failf("no command '%s'%s", name, hint);
    return RK_CLI_MISUSE;
}

int rk_main(int argc, char **argv)
{
    char full[64];
    if (argc < 2) {
        rk_cli_failf("which command?  'rethink --help' lists them");
        return RK_CLI_MISUSE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return print_help(stdout);
    if (!strcmp(argv[1], "--version")) return printf("rethink %s\n", RETHINK_VERSION) < 0;
    if (!strcmp(argv[1], "compile") && argc == 3 && !strcmp(argv[2], "--worker"))
        return rk_helper_work();
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) != 0) continue;
        snprintf(full, sizeof full, "rethink %s", commands[i].name);
        argv[1] = full;
        return commands[i].run(argc - 1, argv + 1);
    }
    return unknown(argv[1]);
}
