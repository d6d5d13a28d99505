/* report_plot.h: the figures of a study: what is drawn, as numbers, as SVG and as CSV. */
#ifndef RK_CLI_REPORT_PLOT_H
#define RK_CLI_REPORT_PLOT_H
#include "cli/report.h"
#include "cli/study.h"

/* A line of points.  Every value is a mean over seeds; low and high are a standard deviation away
 * from it, or the value itself. */
typedef struct rk_series {
    const char *name;
    double *x, *y, *x_low, *x_high, *low, *high;
    uint32_t n;
    uint32_t look; /* which of the looks */
} rk_series;

/* Texts and arrays are the study's pool's. */
typedef struct rk_plot {
    rk_figure_kind kind;
    const char *title, *x_name, *y_name; /* measures, or parameters */
    const char *x_of, *y_of;             /* of a frontier: which variants */
    const char **category;               /* of bars: a row each */
    uint32_t n_categories;
    bool x_log, y_log, y_percent, x_percent;
    rk_series *series, paper; /* paper.n is 0 if the paper has no number of it */
    uint32_t n;
} rk_plot;

/* x: NULL, or another progress of curves than the preset's, "seconds".  No series: there is nothing
 * to draw. */
rk_status rk_plot_make(rk_study *s, const rk_figure *f, const char *x, rk_plot *out, rk_error *e);
/* As rk_report_figure. */
rk_status rk_plot_svg(const rk_plot *p, uint32_t number, char **svg, rk_error *e);
/* A row per point: series,x,x_low,x_high,y,low,high. */
void rk_plot_csv(const rk_plot *p, FILE *f);
#endif
