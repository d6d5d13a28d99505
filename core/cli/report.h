/* report.h: the parts of the HTML report.
 *
 * Runs that differ only in what was randomized, in the seed and in the device belong to one group:
 * one set of curves and one table.  Whatever else decides their bits, or what is measured, is the
 * same, as epochs, the randomize seed and what is held out. */
#ifndef RK_CLI_REPORT_H
#define RK_CLI_REPORT_H
#include "cli/runs.h"

enum { RK_GROUP_KINDS = 24 }; /* randomizations of one group that get a curve of their own look */

/* Indices of runs. */
typedef struct rk_index_list {
    uint32_t *index;
    uint32_t n;
} rk_index_list;

typedef struct rk_group {
    rk_index_list runs;               /* ascending */
    const char *kind[RK_GROUP_KINDS]; /* distinct randomize texts, in order of first appearance */
    uint32_t n_kinds;
    uint32_t others; /* runs whose randomization found no place */
} rk_group;

typedef struct rk_groups {
    rk_group *group;
    uint32_t n;
} rk_groups;
/* Of the runs i of which left_out[i] is false; NULL: of all. */
rk_status rk_groups_make(const rk_runs *r, const bool *left_out, rk_groups *out, rk_error *e);
void rk_groups_free(rk_groups *g);
/* "20 epochs, hold-out 0.3": what the runs of a group have in common that no column tells. */
void rk_report_settings(FILE *f, const rk_run_record *run);

/* ---- comparison ------------------------------------------------------------------------------ */

/* The first epoch at which two runs have different digests; 0 if they agree as far as both went. */
int64_t rk_runs_first_difference(const rk_runs *r, uint32_t a, uint32_t b);
/* True if two runs of a group must have the same bits: exact numerics, and alike but for the
 * device. */
bool rk_runs_comparable(const rk_runs *r, uint32_t a, uint32_t b);

/* ---- figures --------------------------------------------------------------------------------- */

/* How a randomization is drawn, the same in every report. */
typedef struct rk_look {
    const char *colour; /* "#0072B2" */
    int point;          /* gnuplot's point type */
    const char *shape;  /* the same point as SVG elements around 0, 0 */
} rk_look;
rk_look rk_report_look(const rk_group *g, uint32_t kind);
/* The look of any series by its number. */
rk_look rk_report_series_look(uint32_t i);

enum { RK_FIGURE_LOSS, RK_FIGURE_TRAIN, RK_FIGURE_TEST, RK_FIGURES };
/* Draws one figure of a group as SVG elements for an HTML page; ids begin with "f<number>".  *svg
 * is freed by free(). */
rk_status rk_report_figure(const rk_runs *r, const rk_group *g, int what, uint32_t number,
                           char **svg, rk_error *e);
/* What gnuplot draws of a script, for an HTML page; as above. */
rk_status rk_report_svg(const char *script, size_t bytes, uint32_t number, char **svg, rk_error *e);
/* Runs gnuplot on a script: its standard output, as a text.  *out is freed by free(). */
rk_status rk_gnuplot(const char *script, size_t bytes, char **out, rk_error *e);

/* ---- studies --------------------------------------------------------------------------------- */

/* A section for every study of a preset that claims or draws something; *number counts figures.
 * taken[i] is set for finished runs of a label that such a study has; others are not shown so. */
rk_status rk_report_studies(FILE *f, const rk_runs *r, bool *taken, uint32_t *number, rk_error *e);
/* Runs that are shown as one: those of a variant with all seeds, or a single one. */
typedef struct rk_found_row {
    const char *title;
    uint32_t *run, n; /* n > 0 */
} rk_found_row;
/* What diagnostics found of them: means over runs, notes, costs; nothing if there is nothing. */
rk_status rk_report_found(FILE *f, const rk_runs *r, const rk_found_row *row, uint32_t n,
                          rk_error *e);
/* A legend's line and point. */
void rk_report_key(FILE *f, rk_look look);

/* ---- the page -------------------------------------------------------------------------------- */

/* Text with &, <, > and quotes made harmless. */
void rk_html(FILE *f, const char *text);
void rk_report_style(FILE *f);
/* What the benchmark needs beside it. */
void rk_report_bench_style(FILE *f);
/* The table of results of a group, with what its digests say. */
rk_status rk_report_table(FILE *f, const rk_runs *r, const rk_group *g, rk_error *e);
/* What was found in a few sentences: the accuracies of some groups, the rest of all. */
void rk_report_summary(FILE *f, const rk_runs *r, const rk_groups *some, const rk_groups *all);
/* Devices, configurations and digests of all runs. */
void rk_report_provenance(FILE *f, const rk_runs *r, const rk_groups *g);
#endif
