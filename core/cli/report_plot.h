/* report_plot.h: the figures of a study: what is drawn, as numbers, as SVG and as CSV. */
#ifndef RK_CLI_REPORT_PLOT_H
#define RK_CLI_REPORT_PLOT_H
#include "base/moments.h"
#include "cli/report.h"
#include "cli/study.h"

/* Values that are finite: of several seeds. */
typedef struct rk_band {
    rk_moments of;
    double least, most;
} rk_band;
void rk_band_add(rk_band *b, double x);

/* More than so many lines nobody tells apart. */
enum { RK_SERIES_MAX = 24 };

/* A line of points.  Every value is a mean over seeds; low and high are a standard deviation away
 * from it, or the value itself. */
typedef struct rk_series {
    const char *name;
    double *x, *y, *x_low, *x_high, *low, *high;
    uint32_t n;
    double *z;     /* of a surface: means; NULL of a line */
    uint32_t look; /* which of the looks */
} rk_series;

/* Texts and arrays are the study's pool's. */
typedef struct rk_plot {
    rk_figure_kind kind;
    const char *title, *x_name, *y_name; /* measures, or parameters */
    const char *x_of, *y_of;             /* of a frontier: which variants */
    const char **category;               /* of bars: a row each */
    uint32_t n_categories;
    bool x_log, y_log, z_log, y_percent, x_percent;
    rk_series *series, paper; /* paper.n is 0 if the paper has no number of it */
    uint32_t n;               /* series that are drawn */
    uint32_t left_out; /* series behind them that are in the CSV only: a picture has too many */
} rk_plot;

/* x: NULL, or another progress of curves than the preset's, "seconds".  No series: there is nothing
 * to draw. */
rk_status rk_plot_make(rk_study *s, const rk_figure *f, const char *x, rk_plot *out, rk_error *e);
/* Room for a series of so many points, the next of the plot, which is not yet counted. */
rk_status rk_plot_series(rk_study *s, rk_plot *p, const char *name, uint32_t points,
                         rk_series **out, rk_error *e);
/* The means of x and y over seeds, and how far they go; nothing if one has none. */
void rk_series_add(rk_series *r, const rk_band *x, const rk_band *y);
/* Texts between bars, "a | b", in a list that ends with NULL. */
rk_status rk_plot_split(rk_study *s, const char *text, const char ***list, rk_error *e);
/* Stored curves of diagnostics, or surfaces, whose points are in order of x, then y. */
rk_status rk_plot_diagnostic(rk_study *s, const rk_figure *f, rk_plot *p, rk_error *e);
/* A picture of lines of equal height, of points in order of x, then y.  RK_E_UNSUPPORTED if they
 * are no grid. */
rk_status rk_plot_contours(const rk_plot *p, FILE *f, rk_error *e);
/* What an axis is called; a text in quotes of gnuplot. */
const char *rk_plot_axis_name(const char *name);
void rk_plot_quoted(FILE *f, const char *text);
/* As rk_report_figure. */
rk_status rk_plot_svg(const rk_plot *p, uint32_t number, char **svg, rk_error *e);
/* All figures of the study, as the page has them; *number counts them. */
rk_status rk_report_plots(FILE *f, rk_study *s, uint32_t *number, rk_error *e);
/* A row per point: series,x,x_low,x_high,y,low,high. */
void rk_plot_csv(const rk_plot *p, FILE *f);
#endif
