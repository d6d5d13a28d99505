/* cli.h: what the commands share.
 *
 * A command is int rk_cli_NAME(argc, argv): argv[0] is "rethink NAME", the value is the exit
 * status: 0 only on success, 1 for a failure, 2 for a misuse.  Data goes to stdout, everything else
 * to stderr.  A failure is one line on stderr: "rethink: TEXT". */
#ifndef RK_CLI_CLI_H
#define RK_CLI_CLI_H
#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include "base/error.h"
#include "rethink/graph.h"

/* The whole program: finds the command by its name. */
RK_API int rk_main(int argc, char **argv);

int rk_cli_run(int argc, char **argv);
int rk_cli_sweep(int argc, char **argv);
int rk_cli_bench(int argc, char **argv);
int rk_cli_devices(int argc, char **argv);
int rk_cli_check(int argc, char **argv);
int rk_cli_plugins(int argc, char **argv);
int rk_cli_list(int argc, char **argv);
int rk_cli_show(int argc, char **argv);
int rk_cli_export(int argc, char **argv);
int rk_cli_report(int argc, char **argv);
int rk_cli_compare(int argc, char **argv);
int rk_cli_merge(int argc, char **argv);
int rk_cli_scores(int argc, char **argv);
int rk_cli_diagnose(int argc, char **argv);
int rk_cli_doctor(int argc, char **argv);
int rk_cli_verdict(int argc, char **argv);
int rk_cli_tune(int argc, char **argv);

/* Results are here unless --out names another file. */
#define RK_CLI_RESULTS "rethink.sqlite"

/* ---- errors ---------------------------------------------------------------------------------- */

enum { RK_CLI_FAILURE = 1, RK_CLI_MISUSE = 2 };

/* Prints the line and returns RK_CLI_FAILURE. */
int rk_cli_fail(const rk_error *e);
/* The same from a format. */
int rk_cli_failf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- arguments ------------------------------------------------------------------------------- */

/* Keys of options that have no short name. */
enum {
    RK_OPTION_OUT = 0x100,
    RK_OPTION_PRESET,
    RK_OPTION_VARIANT,
    RK_OPTION_JSON,
    RK_OPTION_CSV,
    RK_OPTION_BACKEND,
    RK_OPTION_PLUGIN,
    RK_OPTION_TUNING,
    RK_OPTION_OWN /* a command's own count up from here */
};
/* argp_parse with --help (-h), and one line for each misuse.  True: go on.  False: return
 * *status. */
bool rk_cli_parse(const struct argp *argp, int argc, char **argv, void *input, int *status);
/* For parser functions of argp: prints the line and returns what the parser returns. */
error_t rk_cli_misuse(const struct argp_state *state, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The keys of argp that name a results file, for commands that read one: an argument, or --out. */
error_t rk_cli_results_file(int key, char *arg, const struct argp_state *state,
                            const char **results);
/* Adds a text to a list that is freed by free(); the texts stay the caller's. */
rk_status rk_cli_append(const char ***list, uint32_t *n, const char *text, rk_error *e);

/* ---- output ---------------------------------------------------------------------------------- */

/* Waits until what was printed is written: a full disk is a failure of the command. */
rk_status rk_cli_flush(FILE *f, const char *name, rk_error *e);
/* True if f is a terminal that shows colours and the user did not set NO_COLOR. */
bool rk_cli_colour(FILE *f);
/* RFC 4180: quoted where needed, quotes doubled; and what follows the cell. */
void rk_cli_csv_cell(FILE *f, const char *text, const char *end);
/* Indented, with a newline; frees root.  NULL, as jansson gives without memory, is an error. */
rk_status rk_cli_json(FILE *f, json_t *root, rk_error *e);

/* Columns as wide as their cells.  align has a letter per column: 'l' or 'r'.  Lack of memory is
 * remembered and reported by print. */
typedef struct rk_table rk_table;
rk_table *rk_table_new(const char *align, const char *const *heads);
/* The next cell, row by row. */
void rk_table_cell(rk_table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
rk_status rk_table_print(const rk_table *t, FILE *f, rk_error *e);
void rk_table_free(rk_table *t); /* NULL is nothing */
#endif
