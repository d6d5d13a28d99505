/* report_bench.h: the part of the HTML report that shows what `rethink bench` measured. */
#ifndef RK_CLI_REPORT_BENCH_H
#define RK_CLI_REPORT_BENCH_H
#include "bench/portability.h"
#include "cli/bench.h"
#include "cli/report.h"
#include "cli/report_plot.h"
#include "cli/report_sheet.h"

/* All benches of a results file. */
typedef struct rk_bench_report {
    rk_benches file;
    rk_portability p;
    const char **tag; /* of each platform: as short as it can be, for plots: "cpu:0" */
    rk_pool pool;
} rk_bench_report;
/* None, if the file has none; it may be of an older schema. */
rk_status rk_bench_report_load(const char *path, rk_bench_report *out, rk_error *e);
void rk_bench_report_free(rk_bench_report *b);

/* All sections; *number counts figures.  Nothing if there is no bench. */
rk_status rk_report_benches(FILE *f, const rk_bench_report *b, uint32_t *number, rk_error *e);
/* Four lines of a platform, to paste into an issue: what it is, its roofs, its work, its bits. */
void rk_bench_brief(FILE *f, const rk_bench_report *b, uint32_t platform);

/* ---- parts ----------------------------------------------------------------------------------- */

/* Each is a section or nothing; what they share is below. */
rk_status rk_bench_part_identity(FILE *f, const rk_bench_report *b, rk_error *e);
rk_status rk_bench_part_roofline(FILE *f, const rk_bench_report *b, uint32_t *number, rk_error *e);
rk_status rk_bench_part_efficiency(FILE *f, const rk_bench_report *b, uint32_t *number,
                                   rk_error *e);
rk_status rk_bench_part_training(FILE *f, const rk_bench_report *b, uint32_t *number, rk_error *e);
rk_status rk_bench_part_operations(FILE *f, const rk_bench_report *b, rk_error *e);
rk_status rk_bench_part_numerics(FILE *f, const rk_bench_report *b, uint32_t *number, rk_error *e);
rk_status rk_bench_part_variance(FILE *f, const rk_bench_report *b, rk_error *e);
/* The cascade of a suite, by one efficiency. */
rk_status rk_bench_cascade(FILE *f, const rk_bench_report *b, const char *suite,
                           rk_efficiency which, uint32_t *number, rk_error *e);

/* A value of a platform over its processes; false if there is none. */
bool rk_bench_find(const rk_bench_report *b, uint32_t platform, const char *suite,
                   const char *subject, const char *tier, const char *name, rk_aggregate *out);
typedef struct rk_short {
    char s[40];
} rk_short;
/* "1.50 TFLOP/s", "12.3 ms"; "-" of NaN. */
rk_short rk_bench_si(double x, const char *unit);
/* Three digits, or all before the point. */
rk_short rk_bench_number(double x);
/* A cell of a value, or that it was not measured, and why. */
void rk_bench_cell(rk_sheet *t, const rk_aggregate *a, const char *unit);
/* A column for each platform. */
void rk_bench_columns(rk_sheet *t, const rk_bench_report *b);
/* How equal the bits of a platform's exact operations are to the reference's. */
typedef struct rk_bits {
    uint32_t compared, different, wrong; /* wrong: fast, or not compared, and wrong all the same */
} rk_bits;
rk_bits rk_bench_bits(const rk_bench_report *b, uint32_t platform);
/* How many times slower an operation is than is to be expected: of the roofline, of what the
 * platform's other operations reach of it, and of a launch; or of what another application takes.
 * 0 unless it is more than RK_SLOW. */
enum { RK_SLOW = 4 };
double rk_bench_slow(const rk_bench_report *b, uint32_t problem, rk_application a,
                     uint32_t platform);

/* A series of so many points in the bench's pool; NULL without memory. */
bool rk_bench_series(rk_pool *pool, rk_series *out, const char *name, uint32_t points,
                     uint32_t look);
/* A figure with its legend, its caption and its numbers as CSV. */
typedef struct rk_bench_figure {
    const char *script; /* of gnuplot; NULL: plot is drawn */
    size_t bytes;
    const rk_plot *plot; /* whose series are in the legend and in the CSV */
    const char *caption, *file;
    const char *legend; /* more of it, as HTML */
    uint32_t in_legend; /* so many series are in it, 0: all */
    bool bare;          /* the legend is written elsewhere */
} rk_bench_figure;
void rk_bench_legend(FILE *f, const rk_bench_figure *x);
/* Begins a key of the legend whose lines have the text's colour; the rest is its attributes. */
#define RK_BENCH_KEY                                                                               \
    "<span><svg class=key viewBox='-14 -8 28 16' fill='none' stroke='currentColor' "
rk_status rk_bench_draw(FILE *f, const rk_bench_figure *x, uint32_t *number, rk_error *e);
#endif
