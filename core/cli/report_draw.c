/* Plots as SVG, by gnuplot, and as CSV. */
#include "base/error.h"
#include "cli/report_plot.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 10, ROW_PIXELS = 22 };

const char *rk_plot_axis_name(const char *name)
{
    static const char *const names[][2] = {
        {"steps", "steps"},
        {"seconds", "seconds"},
        {"epochs", "epochs"},
        {"train_loss", "training loss"},
        {"online_loss", "mean training loss of the epoch"},
        {"test_loss", "test loss"},
        {"train", "training accuracy, %"},
        {"train_accuracy", "training accuracy, %"},
        {"online_accuracy", "training accuracy of the epoch, %"},
        {"test", "test accuracy, %"},
        {"test_accuracy", "test accuracy, %"},
        {"best_test", "best test accuracy, %"},
        {"fit_test", "test accuracy at interpolation, %"},
        {"noisy_true", "put into the true class, %"},
        {"fit_epoch", "epochs to fit"},
        {"fit_steps", "steps to fit"},
        {"steps_loss05", "steps to a loss of 0.5"},
        {"steps_loss01", "steps to a loss of 0.1"},
        {"steps_acc99", "steps to 99 % accuracy"},
        {"p", "part of labels made random"},
        {"n", "training examples"},
        {"hidden", "units of the hidden layer"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i][0]) == 0) return names[i][1];
    return name;
}

/* A text for gnuplot: quotes are doubled, what would end a line goes. */
void rk_plot_quoted(FILE *f, const char *text)
{
    fputc('\'', f);
    for (; *text; text++) {
        if (*text == '\'') fputc('\'', f);
        if ((unsigned char)*text >= ' ') fputc(*text, f);
    }
    fputc('\'', f);
}

/* The same where gnuplot takes a text for a format. */
static void write_tic(FILE *f, const char *text)
{
    fputc('\'', f);
    for (; *text; text++) {
        if (strchr("\'%", *text)) fputc(*text, f);
        if ((unsigned char)*text >= ' ') fputc(*text, f);
    }
    fputc('\'', f);
}

/* "training accuracy, %", or of a frontier "random labels: training accuracy, %". */
static void write_axis(FILE *f, const char *name, const char *of)
{
    char text[160];
    int n = of ? (int)strcspn(of, ",") : 0;
    snprintf(text, sizeof text, "%.*s%s%s", n, of ? of : "", of ? ": " : "",
             rk_plot_axis_name(name));
    rk_plot_quoted(f, text);
}

static void write_rows_settings(FILE *f, const rk_plot *p)
{
    size_t widest = 0;
    for (uint32_t i = 0; i < p->n_categories; i++)
        widest = strlen(p->category[i]) > widest ? strlen(p->category[i]) : widest;
    fprintf(f, "set lmargin %zu\nset grid xtics lc rgb 'gray' lw 0.5 dt 1\nset ytics (",
            widest + 2);
    for (uint32_t i = 0; i < p->n_categories; i++) {
        if (i) fputs(", ", f);
        write_tic(f, p->category[i]);
        fprintf(f, " %u", i);
    }
    fprintf(f, ")\nset yrange [%g:-0.6] \n", p->n_categories - 0.4);
    if (p->x_percent) fputs("set xrange [0:102]\n", f);
    bool rate = strcmp(p->x_name, "seconds") != 0;
    if (p->x_log) fprintf(f, "set logscale x\nset format x '%s'\n", rate ? "%.0s%c" : "%g");
}

static void write_settings(FILE *f, const rk_plot *p)
{
    bool rows = p->kind == RK_FIGURE_BARS;
    unsigned height = rows ? 80 + ROW_PIXELS * p->n_categories : 320;
    fprintf(f,
            "set encoding utf8\n"
            "set terminal svg size %u,%u dynamic noenhanced font 'sans-serif,14'\n"
            "set border 3 lw 1\nset tics nomirror out\nunset key\nset rmargin 3\nset tmargin 0.8\n"
            "set bmargin 3.2\nset xlabel ",
            rows ? 640U : 480U, height);
    write_axis(f, p->x_name, p->x_of);
    fputs(" offset 0,0.3\n", f);
    if (rows) {
        write_rows_settings(f, p);
        return;
    }
    fputs("set lmargin 10\nset grid ytics lc rgb 'gray' lw 0.5 dt 1\nset ylabel ", f);
    write_axis(f, p->y_name, p->y_of);
    fputs(" offset 1\n", f);
    if (p->kind == RK_FIGURE_CURVES) fputs("set xrange [0:*]\nset xtics autofreq\n", f);
    if (p->x_log) fputs("set logscale x\nset format x '%g'\n", f);
    if (p->y_log) fputs("set logscale y\nset format y '%g'\n", f);
    if (p->kind == RK_FIGURE_FRONTIER)
        fprintf(f, "set yrange [*:*]\nset offsets graph 0.03, 0, graph 0.08, graph 0.08\n%s",
                p->x_percent ? "set xrange [*:102]\n" : "");
    else if (p->y_percent)
        fputs("set yrange [0:102]\nset ytics 0,20,100\n", f);
    else if (p->kind == RK_FIGURE_DIAGNOSTIC)
        fputs("set offsets 0, 0, graph 0.05, graph 0.05\n", f);
    else if (!p->y_log)
        fputs("set yrange [0:*]\n", f);
}

static void write_data(FILE *f, const char *name, const rk_series *r)
{
    fprintf(f, "$%s << EOD\n", name);
    for (uint32_t i = 0; i < r->n; i++)
        fprintf(f, "%.9g %.9g %.9g %.9g %.9g %.9g\n", r->x[i], r->y[i], r->x_low[i], r->x_high[i],
                r->low[i], r->high[i]);
    fputs("EOD\n", f);
}

/* What a series is drawn with: its band or bars first, so that the line is above. */
static void write_band(FILE *f, const rk_plot *p, uint32_t i, const char *lead)
{
    rk_look look = rk_report_series_look(p->series[i].look);
    const char *style = "using 1:5:6 with filledcurves fs transparent solid 0.18 noborder";
    if (p->kind == RK_FIGURE_SWEEP) style = "using 1:2:5:6 with yerrorbars pt 0 lw 1.5";
    if (p->kind == RK_FIGURE_FRONTIER) style = "using 1:2:3:4:5:6 with xyerrorbars pt 0 lw 1";
    if (p->kind == RK_FIGURE_BARS) style = "using 1:2:3:4 with xerrorbars pt 0 lw 1.5";
    fprintf(f, "%s $s%u %s lc rgb '%s' notitle", lead, i, style, look.colour);
}

static void write_line(FILE *f, const rk_plot *p, uint32_t i)
{
    const rk_series *r = &p->series[i];
    rk_look look = rk_report_series_look(r->look);
    bool curve = p->kind == RK_FIGURE_CURVES || p->kind == RK_FIGURE_DIAGNOSTIC;
    uint32_t every = curve ? r->n / POINTS : 1;
    fprintf(f, ",\\\n $s%u using 1:2 with %s lc rgb '%s' lw 2 pt %d ps 0.8", i,
            p->kind == RK_FIGURE_BARS ? "points" : "linespoints", look.colour, look.point);
    if (p->kind != RK_FIGURE_BARS) fprintf(f, " pi %u", every ? every : 1);
    fputs(" notitle", f);
}

/* True if a point is above 0 on each of these axes. */
static bool is_above(const rk_plot *p, bool x, bool y, bool z)
{
    for (uint32_t i = 0; i < p->n; i++)
        for (uint32_t k = 0; k < p->series[i].n; k++) {
            const rk_series *r = &p->series[i];
            if ((!x || r->x[k] > 0) && (!y || r->y[k] > 0) && (!z || (r->z && r->z[k] > 0)))
                return true;
        }
    return false;
}

/* Of an axis without anything above 0 there is no logarithm. */
static rk_plot with_logs(const rk_plot *p)
{
    rk_plot out = *p;
    out.x_log = p->x_log && is_above(p, true, false, false);
    out.y_log = p->y_log && is_above(p, out.x_log, true, false);
    out.z_log = p->z_log && is_above(p, false, false, true);
    return out;
}

static rk_status write_script(FILE *f, const rk_plot *p, rk_error *e)
{
    char name[16];
    if (p->series[0].z) return rk_plot_contours(p, f, e);
    write_settings(f, p);
    for (uint32_t i = 0; i < p->n; i++) {
        snprintf(name, sizeof name, "s%u", i);
        write_data(f, name, &p->series[i]);
    }
    if (p->paper.n) write_data(f, "paper", &p->paper);
    for (uint32_t i = 0; i < p->n; i++) write_band(f, p, i, i ? ",\\\n" : "plot");
    if (p->paper.n)
        fprintf(f, ",\\\n $paper %s pt 4 ps 1.1 lw 1.5 lc rgb 'black' notitle",
                p->kind == RK_FIGURE_BARS ? "using 1:2:3:4 with xerrorbars"
                                          : "using 1:2:5:6 with yerrorbars");
    for (uint32_t i = 0; i < p->n; i++) write_line(f, p, i);
    fputc('\n', f);
    return RK_OK;
}

rk_status rk_plot_svg(const rk_plot *p, uint32_t number, char **svg, rk_error *e)
{
    char *script = NULL;
    size_t n = 0;
    *svg = NULL;
    FILE *f = open_memstream(&script, &n);
    if (!f) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
    const rk_plot drawn = with_logs(p);
    rk_status status = write_script(f, &drawn, e);
    if (status == RK_OK) status = rk_cli_flush(f, "a figure's script", e);
    fclose(f);
    if (status == RK_OK) status = rk_report_svg(script, n, number, svg, e);
    free(script);
    return status;
}

static void csv_series(FILE *f, const rk_plot *p, const rk_series *r)
{
    bool rows = p->kind == RK_FIGURE_BARS;
    for (uint32_t i = 0; i < r->n; i++) {
        rk_cli_csv_cell(f, r->name, ",");
        if (rows) {
            rk_cli_csv_cell(f, p->category[(uint32_t)(r->y[i] + 0.5)], ",");
            fprintf(f, "%.9g,%.9g,%.9g\n", r->x[i], r->x_low[i], r->x_high[i]);
            continue;
        }
        fprintf(f, "%.9g,%.9g,%.9g,%.9g,%.9g,%.9g", r->x[i], r->x_low[i], r->x_high[i], r->y[i],
                r->low[i], r->high[i]);
        if (r->z) fprintf(f, ",%.9g", r->z[i]);
        fputc('\n', f);
    }
}

/* "x,x_low,x_high", and what follows them. */
static void csv_heads(FILE *f, const char *name, const char *end)
{
    char low[300], high[300];
    snprintf(low, sizeof low, "%s_low", name);
    snprintf(high, sizeof high, "%s_high", name);
    rk_cli_csv_cell(f, name, ",");
    rk_cli_csv_cell(f, low, ",");
    rk_cli_csv_cell(f, high, end);
}

void rk_plot_csv(const rk_plot *p, FILE *f)
{
    if (p->kind == RK_FIGURE_BARS) {
        fputs("series,variant,", f);
        rk_cli_csv_cell(f, p->x_name, ",low,high\n");
    } else {
        fputs("series,", f);
        csv_heads(f, p->x_name, ",");
        csv_heads(f, p->y_name, p->series[0].z ? ",z\n" : "\n");
    }
    for (uint32_t i = 0; i < p->n + p->left_out; i++) csv_series(f, p, &p->series[i]);
    csv_series(f, p, &p->paper);
}
