/* Curves and surfaces that diagnostics stored, as means over seeds. */
#include "base/error.h"
#include "cli/report_plot.h"
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One curve of one run: every point of that name. */
typedef struct curve {
    const rk_found *found;
    const char *name;
} curve;

static bool find(const rk_study *s, const char *label, uint32_t seed, const char *name, curve *out)
{
    char diagnostic[512];
    uint32_t run;
    if (!rk_study_find(s, label, s->seed[seed], &run)) return false;
    if (rk_found_split(name, diagnostic, sizeof diagnostic, &out->name, NULL) != RK_OK)
        return false;
    out->found = rk_found_of(&s->runs->found[run], diagnostic, s->runs->run[run]->digest);
    return out->found;
}

/* The point that follows `after`, or NULL. */
static const rk_found_point *next(const curve *c, const rk_found_point *after)
{
    const rk_found_point *end = c->found->point + c->found->n_points;
    for (const rk_found_point *p = after ? after + 1 : c->found->point; p < end; p++)
        if (strcmp(p->curve, c->name) == 0) return p;
    return NULL;
}

static uint32_t count(const curve *c)
{
    uint32_t n = 0;
    for (const rk_found_point *p = next(c, NULL); p; p = next(c, p)) n++;
    return n;
}

/* The curves of all seeds, side by side. */
typedef struct sheaf {
    curve *curve;
    const rk_found_point **at;
    uint32_t n, points; /* points: of the longest */
    bool surface;
} sheaf;

static rk_status gather(rk_study *s, const char *label, const char *name, sheaf *out, rk_error *e)
{
    *out = (sheaf){.curve = rk_pool_array(&s->pool, s->n_seeds + (size_t)1, sizeof *out->curve),
                   .at = rk_pool_array(&s->pool, s->n_seeds + (size_t)1, sizeof *out->at)};
    if (!out->curve || !out->at) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
    for (uint32_t i = 0; i < s->n_seeds; i++) {
        curve c;
        uint32_t n = find(s, label, i, name, &c) ? count(&c) : 0;
        if (!n) continue;
        out->curve[out->n++] = c;
        out->points = n > out->points ? n : out->points;
        out->surface = !isnan(next(&c, NULL)->z);
    }
    return RK_OK;
}

static rk_status add_series(rk_study *s, rk_plot *p, const char *title, sheaf *all, rk_error *e)
{
    rk_series *r;
    RK_TRY(rk_plot_series(s, p, title, all->points, &r, e));
    if (all->surface) {
        r->z = rk_pool_array(&s->pool, all->points, sizeof *r->z);
        if (!r->z) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
    }
    for (uint32_t k = 0; k < all->points; k++) {
        rk_band x = {0}, y = {0}, z = {0};
        for (uint32_t i = 0; i < all->n; i++) {
            if (k && !all->at[i]) continue;
            const rk_found_point *at = all->at[i] = next(&all->curve[i], all->at[i]);
            if (!at) continue;
            rk_band_add(&x, at->x);
            rk_band_add(&y, at->y);
            rk_band_add(&z, at->z);
        }
        if (r->z) r->z[r->n] = rk_moments_mean(&z.of);
        rk_series_add(r, &x, &y);
    }
    p->n += r->n > 0;
    return RK_OK;
}

/* What tells the lines apart: labels, curves, or both. */
static const char *title_of(rk_study *s, const char *label, const char *name, bool labels,
                            bool names)
{
    char text[256];
    const char *dot = strrchr(name, '.');
    if (!names) return label;
    if (!labels) return dot ? dot + 1 : name;
    snprintf(text, sizeof text, "%s: %s", label, dot ? dot + 1 : name);
    return rk_pool_string(&s->pool, text);
}

rk_status rk_plot_diagnostic(rk_study *s, const rk_figure *f, rk_plot *p, rk_error *e)
{
    const char *name[RK_SERIES_MAX + 1];
    uint32_t labels = 0;
    RK_TRY(rk_plot_split(s, f->series, name, e));
    for (uint32_t i = 0; i < s->n_labels; i++) labels += fnmatch(f->only, s->label[i], 0) == 0;
    for (uint32_t i = 0; i < s->n_labels; i++)
        for (uint32_t k = 0; name[k] && p->n < RK_SERIES_MAX; k++) {
            sheaf all;
            if (fnmatch(f->only, s->label[i], 0) != 0) continue;
            RK_TRY(gather(s, s->label[i], name[k], &all, e));
            if (all.points == 0) continue;
            const char *title = title_of(s, s->label[i], name[k], labels > 1, name[1] != NULL);
            if (!title) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
            RK_TRY(add_series(s, p, title, &all, e));
        }
    return RK_OK;
}

/* ---- contours ------------------------------------------------------------------------------- */

typedef struct place {
    double x, y, z;
} place;

static int by_place(const void *a, const void *b)
{
    const place *p = a, *q = b;
    if (p->x < q->x || p->x > q->x) return p->x < q->x ? -1 : 1;
    return (p->y > q->y) - (p->y < q->y);
}

/* Rows of equal x, with an empty line between them, as splot takes a grid. */
static void write_grid(FILE *f, const rk_series *r)
{
    place *grid = calloc(r->n + (size_t)1, sizeof *grid);
    fputs("$s << EOD\n", f);
    for (uint32_t i = 0; grid && i < r->n; i++) grid[i] = (place){r->x[i], r->y[i], r->z[i]};
    if (grid) qsort(grid, r->n, sizeof *grid, by_place);
    for (uint32_t i = 0; grid && i < r->n; i++) {
        if (i && grid[i].x > grid[i - 1].x) fputc('\n', f);
        fprintf(f, "%.9g %.9g %.9g\n", grid[i].x, grid[i].y, grid[i].z);
    }
    fputs("EOD\n", f);
    free(grid);
}

void rk_plot_contours(const rk_plot *p, FILE *f)
{
    fputs("set encoding utf8\n"
          "set terminal svg size 480,420 dynamic noenhanced font 'sans-serif,14'\n"
          "set border 31 lw 1\nset tics nomirror out scale 0.6\nunset key\n"
          "set view map\nset size ratio 1\n"
          "set lmargin at screen 0.16\nset rmargin at screen 0.8\n"
          "set tmargin at screen 0.97\nset bmargin at screen 0.15\n"
          "set contour base\nunset surface\nset cntrparam levels auto 14\n"
          "set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', "
          "1 '#fde725')\nset format cb '%g'\nset xlabel ",
          f);
    rk_plot_quoted(f, rk_plot_axis_name(p->x_name));
    fputs(" offset 0,0.3\nset ylabel ", f);
    rk_plot_quoted(f, rk_plot_axis_name(p->y_name));
    fputs(" offset 0.5\n", f);
    if (p->z_log) fputs("set logscale z\nset logscale cb\n", f);
    write_grid(f, &p->series[0]);
    fputs("splot $s using 1:2:3 with lines lw 1.5 palette notitle\n", f);
}
