/* Learning curves.  gnuplot draws them; colours of text and axes are left to the page, so that they
 * follow light and dark. */
#include "cli/report.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Okabe and Ito, "Color universal design", 2008: told apart by colour-blind readers.  Of its
 * colours those that show on white and on black come first. */
static const rk_look looks[] = {
    {"#0072B2", 7, "<circle r='4'/>"},
    {"#D55E00", 5, "<path d='M-4-4h8v8h-8z'/>"},
    {"#009E73", 9, "<path d='M0-5l5 8h-10z'/>"},
    {"#CC79A7", 13, "<path d='M0-5l5 5-5 5-5-5z'/>"},
    {"#808080", 11, "<path d='M0 5l5-8h-10z'/>"},
    {"#E69F00", 15, "<path d='M0-5l5 4-2 5h-6l-2-5z'/>"},
    {"#56B4E9", 6, "<circle r='4' fill='none' stroke-width='2'/>"},
    {"#009E73", 4, "<path d='M-4-4h8v8h-8z' fill='none' stroke-width='2'/>"},
    {"#D55E00", 8, "<path d='M0-5l5 8h-10z' fill='none' stroke-width='2'/>"},
    {"#0072B2", 12, "<path d='M0-5l5 5-5 5-5-5z' fill='none' stroke-width='2'/>"},
};
enum { N_LOOKS = sizeof looks / sizeof *looks, N_FIXED = 5, POINTS = 10 };

/* The five classical randomizations always look the same; others take what is left, in order. */
rk_look rk_report_look(const rk_group *g, uint32_t kind)
{
    static const char *const fixed[N_FIXED] = {"true labels", "random labels", "shuffled pixels",
                                               "random pixels", "Gaussian noise"};
    char title[64];
    uint32_t others = 0;
    for (uint32_t k = 0; k <= kind; k++) {
        rk_randomize_title(g->kind[k], title, sizeof title);
        uint32_t i = 0;
        while (i < N_FIXED && strcmp(title, fixed[i]) != 0) i++;
        if (i < N_FIXED && k == kind) return looks[i];
        if (i == N_FIXED && k < kind) others++;
    }
    return looks[N_FIXED + others % (N_LOOKS - N_FIXED)];
}

rk_look rk_report_series_look(uint32_t i) { return looks[i % N_LOOKS]; }

static double value_of(const rk_epoch_record *x, int what)
{
    switch (what) {
    case RK_FIGURE_LOSS: return x->train_loss > 0 ? x->train_loss : NAN;
    case RK_FIGURE_TRAIN: return 100 * x->train_accuracy;
    default: return 100 * x->test_accuracy;
    }
}

static bool has_points(const rk_runs *r, uint32_t run, int what)
{
    for (uint32_t i = 0; i < r->epochs[run]; i++)
        if (isfinite(value_of(&r->history[run][i], what))) return true;
    return false;
}

/* A curve is drawn once for all devices that gave the same bits. */
static bool is_drawn(const rk_runs *r, const rk_group *g, uint32_t at, int what)
{
    uint32_t run = g->runs.index[at];
    if (!has_points(r, run, what)) return false;
    for (uint32_t i = 0; i < g->runs.n; i++) {
        uint32_t other = g->runs.index[i];
        if (i == at || !rk_runs_comparable(r, run, other)) continue;
        bool longer = r->epochs[other] > r->epochs[run];
        bool earlier = r->epochs[other] == r->epochs[run] && i < at;
        if ((longer || earlier) && rk_runs_first_difference(r, run, other) == 0) return false;
    }
    return true;
}

static uint32_t kind_of(const rk_runs *r, const rk_group *g, uint32_t run)
{
    const char *randomize = r->run[run]->randomize;
    uint32_t k = 0;
    while (k + 1 < g->n_kinds && strcmp(g->kind[k], randomize ? randomize : "") != 0) k++;
    return k;
}

static void write_settings(FILE *f, int what)
{
    static const char *const labels[] = {"training loss", "training accuracy, %",
                                         "test accuracy, %"};
    fputs("set encoding utf8\n"
          "set terminal svg size 440,300 dynamic noenhanced font 'sans-serif,14'\n"
          "set border 3 lw 1\nset tics nomirror out\nset grid ytics lc rgb 'gray' lw 0.5 dt 1\n"
          "set lmargin 10\nset rmargin 1.5\nset tmargin 0.8\nset bmargin 3.2\n"
          "unset key\nset xlabel 'epoch' offset 0,0.3\nset xrange [0:*]\n",
          f);
    fprintf(f, "set ylabel '%s' offset 1\n", labels[what]);
    if (what == RK_FIGURE_LOSS)
        fputs("set logscale y\nset format y '%g'\n", f);
    else
        fputs("set yrange [0:102]\nset ytics 0,20,100\n", f);
}

static void write_data(FILE *f, const rk_runs *r, uint32_t run, int what)
{
    fprintf(f, "$run%u << EOD\n", run);
    for (uint32_t i = 0; i < r->epochs[run]; i++)
        fprintf(f, "%lld %.9g\n", (long long)r->history[run][i].epoch,
                value_of(&r->history[run][i], what));
    fputs("EOD\n", f);
}

/* A curve that an exact run of the same bits should have had is dashed: it stands out. */
static void write_curve(FILE *f, const rk_runs *r, const rk_group *g, uint32_t run, bool first)
{
    rk_look look = rk_report_look(g, kind_of(r, g, run));
    uint32_t every = r->epochs[run] / POINTS;
    bool fast = strcmp(r->run[run]->numerics ? r->run[run]->numerics : "", "fast") == 0;
    fprintf(
        f, "%s $run%u using 1:2 with linespoints lc rgb '%s' lw 2 pt %d ps 0.7 pi %u dt %d notitle",
        first ? "plot" : ",\\\n", run, look.colour, look.point, every ? every : 1, fast ? 2 : 1);
}

static void write_script(FILE *f, const rk_runs *r, const rk_group *g, int what)
{
    bool first = true;
    write_settings(f, what);
    for (uint32_t i = 0; i < g->runs.n; i++)
        if (is_drawn(r, g, i, what)) write_data(f, r, g->runs.index[i], what);
    for (uint32_t i = 0; i < g->runs.n; i++) {
        if (!is_drawn(r, g, i, what)) continue;
        write_curve(f, r, g, g->runs.index[i], first);
        first = false;
    }
    fputs(first ? "set label 1 'no numbers to draw' at graph 0.5, 0.5 center\n"
                  "plot [0:1] [1:2] -1 notitle\n"
                : "\n",
          f);
}

/* Writes svg without its prolog, its own title, and with ids that no other figure has. */
static void write_unique(FILE *f, const char *svg, uint32_t number)
{
    static const char *const ids[] = {"gpPt",    "gpDot",   "gnuplot_canvas", "gnuplot_plot_",
                                      "textbox", "greybox", "_plot_"};
    static const char title[] = "<title>Gnuplot</title>";
    const char *start = strstr(svg, "<svg");
    for (const char *p = start ? start : svg; *p;) {
        bool id = false;
        for (size_t i = 0; !id && i < sizeof ids / sizeof *ids; i++)
            id = strncmp(p, ids[i], strlen(ids[i])) == 0 && strchr("'\"#", p[-1]);
        if (strncmp(p, title, sizeof title - 1) == 0) {
            p += sizeof title - 1;
            continue;
        }
        if (id) fprintf(f, "f%u", number);
        fputc(*p++, f);
    }
}

rk_status rk_report_svg(const char *script, size_t bytes, uint32_t number, char **svg, rk_error *e)
{
    char *raw = NULL;
    size_t n = 0;
    *svg = NULL;
    RK_TRY(rk_gnuplot(script, bytes, &raw, e));
    rk_status status = RK_OK;
    FILE *f = open_memstream(svg, &n);
    if (f) {
        write_unique(f, raw, number);
        status = rk_cli_flush(f, "a figure", e);
        fclose(f);
    } else {
        status = RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
    }
    free(raw);
    if (status == RK_OK) return RK_OK;
    free(*svg);
    *svg = NULL;
    return status;
}

rk_status rk_report_figure(const rk_runs *r, const rk_group *g, int what, uint32_t number,
                           char **svg, rk_error *e)
{
    char *script = NULL;
    size_t n = 0;
    *svg = NULL;
    FILE *f = open_memstream(&script, &n);
    if (!f) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
    write_script(f, r, g, what);
    rk_status status = rk_cli_flush(f, "a figure's script", e);
    fclose(f);
    if (status == RK_OK) status = rk_report_svg(script, n, number, svg, e);
    free(script);
    return status;
}
