/* Curves and surfaces that diagnostics stored, as means over seeds. */
#include "base/error.h"
#include "cli/report_plot.h"
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOLES_MAX = 4 }; /* of a grid as many places at most as it has points, times this */

/* A point of a curve, or of a surface if z is a number, of one seed. */
typedef struct dot {
    const rk_found_point *at;
    uint32_t seed, number; /* number: counts those of the seed */
} dot;

/* The points of all seeds. */
typedef struct sheaf {
    dot *dot;
    uint32_t n;
} sheaf;

/* What a diagnostic found of the label's run with a seed; NULL: nothing.  *curve is the name of the
 * points. */
static const rk_found *find(const rk_study *s, const char *label, uint64_t seed, const char *name,
                            const char **curve)
{
    char diagnostic[512];
    uint32_t run;
    if (!rk_study_find(s, label, seed, &run)) return NULL;
    if (rk_found_split(name, diagnostic, sizeof diagnostic, curve, NULL) != RK_OK) return NULL;
    return rk_found_of(&s->runs->found[run], diagnostic, s->runs->run[run]->digest);
}

static rk_status gather(rk_study *s, const char *label, const char *name, sheaf *out, rk_error *e)
{
    const char *curve;
    size_t room = 0;
    *out = (sheaf){0};
    for (uint32_t i = 0; i < s->n_seeds; i++) {
        const rk_found *f = find(s, label, s->seed[i], name, &curve);
        room += f ? f->n_points : 0;
    }
    if (room == 0) return RK_OK;
    out->dot = rk_pool_array(&s->pool, room, sizeof *out->dot);
    if (!out->dot) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
    for (uint32_t i = 0; i < s->n_seeds; i++) {
        const rk_found *f = find(s, label, s->seed[i], name, &curve);
        uint32_t number = 0;
        for (uint32_t k = 0; f && k < f->n_points; k++)
            if (strcmp(f->point[k].curve, curve) == 0)
                out->dot[out->n++] = (dot){&f->point[k], i, number++};
    }
    return RK_OK;
}

/* Where two points are to each other; of a curve only x is a place. */
static int place(const rk_found_point *a, const rk_found_point *b)
{
    if (a->x < b->x || a->x > b->x) return a->x < b->x ? -1 : 1;
    return isnan(a->z) || isnan(b->z) ? 0 : (a->y > b->y) - (a->y < b->y);
}

static int by_place(const void *a, const void *b)
{
    const dot *p = a, *q = b;
    int order = place(p->at, q->at);
    return order ? order : (p->seed > q->seed) - (p->seed < q->seed);
}

static int by_number(const void *a, const void *b)
{
    const dot *p = a, *q = b;
    if (p->number != q->number) return p->number < q->number ? -1 : 1;
    return (p->seed > q->seed) - (p->seed < q->seed);
}

/* Points that seeds have at the same place belong together: a seed may lack some.  Where most have
 * a place of their own, as the quantiles of a distribution, the k-th of each seed do.  Sorts the
 * points; false: by number. */
static bool sort_dots(const sheaf *all)
{
    uint32_t shared = 0;
    bool twice = false;
    qsort(all->dot, all->n, sizeof *all->dot, by_place);
    for (uint32_t i = 0; i < all->n; i++) {
        const dot *d = &all->dot[i];
        bool left = i && place(d[-1].at, d->at) == 0;
        shared += left || (i + 1 < all->n && place(d->at, d[1].at) == 0);
        twice = twice || (left && d[-1].seed == d->seed);
    }
    if (!isnan(all->dot[0].at->z) || (!twice && shared >= all->n / 2)) return true;
    qsort(all->dot, all->n, sizeof *all->dot, by_number);
    return false;
}

static rk_status add_series(rk_study *s, rk_plot *p, const char *title, const sheaf *all,
                            rk_error *e)
{
    rk_series *r;
    RK_TRY(rk_plot_series(s, p, title, all->n, &r, e));
    if (!isnan(all->dot[0].at->z)) {
        r->z = rk_pool_array(&s->pool, all->n, sizeof *r->z);
        if (!r->z) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
    }
    const bool places = sort_dots(all);
    for (uint32_t i = 0; i < all->n;) {
        const dot *first = &all->dot[i];
        rk_band x = {0}, y = {0}, z = {0};
        for (; i < all->n; i++) {
            const dot *d = &all->dot[i];
            if (places ? place(first->at, d->at) != 0 : first->number != d->number) break;
            rk_band_add(&x, d->at->x);
            rk_band_add(&y, d->at->y);
            rk_band_add(&z, d->at->z);
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
    const char **name;
    uint32_t labels = 0;
    RK_TRY(rk_plot_split(s, f->series, &name, e));
    for (uint32_t i = 0; i < s->n_labels; i++) labels += fnmatch(f->only, s->label[i], 0) == 0;
    for (uint32_t i = 0; i < s->n_labels; i++)
        for (uint32_t k = 0; name[k]; k++) {
            sheaf all;
            if (fnmatch(f->only, s->label[i], 0) != 0) continue;
            RK_TRY(gather(s, s->label[i], name[k], &all, e));
            if (all.n == 0) continue;
            const char *title = title_of(s, s->label[i], name[k], labels > 1, name[1] != NULL);
            if (!title) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
            RK_TRY(add_series(s, p, title, &all, e));
        }
    return RK_OK;
}

/* ---- contours ------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The distinct values, ascending; how many. */
static uint32_t distinct(double *list, uint32_t n)
{
    uint32_t kept = 0;
    qsort(list, n, sizeof *list, by_value);
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || list[i] > list[kept - 1]) list[kept++] = list[i];
    return kept;
}

/* Rows of equal x, with an empty line between them, as splot takes a grid: all of the same places
 * y, NaN where there is no point. */
static void write_rows(FILE *f, const rk_series *r, const double *y, uint32_t n)
{
    for (uint32_t i = 0, begin = 0; i < r->n; begin = i) {
        if (i) fputc('\n', f);
        for (uint32_t k = 0; k < n; k++) {
            bool here = i < r->n && r->x[i] <= r->x[begin] && r->y[i] <= y[k];
            fprintf(f, "%.9g %.9g %.9g\n", r->x[begin], y[k], here ? r->z[i] : (double)NAN);
            i += here;
        }
    }
}

static rk_status write_grid(FILE *f, const rk_series *r, rk_error *e)
{
    double *y = calloc(r->n + (size_t)1, sizeof *y);
    rk_status status = RK_OK;
    uint32_t rows = 0;
    if (!y) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
    memcpy(y, r->y, r->n * sizeof *y);
    for (uint32_t i = 0; i < r->n; i++) rows += i == 0 || r->x[i] > r->x[i - 1];
    uint32_t columns = distinct(y, r->n);
    if (rows < 2 || columns < 2 || (uint64_t)rows * columns > (uint64_t)HOLES_MAX * r->n)
        status = RK_FAIL(e, RK_E_UNSUPPORTED,
                         "%u points at %u places of x and %u of y are no grid, and lines of equal "
                         "height need one",
                         r->n, rows, columns);
    fputs("$s << EOD\n", f);
    if (status == RK_OK) write_rows(f, r, y, columns);
    fputs("EOD\n", f);
    free(y);
    return status;
}

rk_status rk_plot_contours(const rk_plot *p, FILE *f, rk_error *e)
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
    RK_TRY(write_grid(f, &p->series[0], e));
    fputs("splot $s using 1:2:3 with lines lw 1.5 palette notitle\n", f);
    return RK_OK;
}
