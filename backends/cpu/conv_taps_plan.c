/* Plans of y and dx: their grids, and how they are cut into units; see conv_taps.c. */
#include <rethink/numerics.h>
#include "conv_taps.h"

#ifdef CPU_VEC
enum {
    COLUMNS = 256,              /* of a unit of bands, about */
    MOST_COLUMNS = 32 * CPU_NR, /* of one of small images, */
    LONG = 512,                 /* if this many taps take the time in which columns move */
    MOST_TAPS = 4096,           /* of a channel; else the plain loops */
    MOST_MASKED = 64,           /* likewise, of those that are read in place */
    LEAST_DEPTH = 8,            /* for which it pays to make their masks */
    LONG_PIECE = 640,           /* of which tiles begin and end seldom, */
    FEW_ROWS = 2 * CPU_MR       /* unless so few panels read it that it ought to stay in L1 */
};
static const double most_scratch = 0x1p26; /* bytes of a thread; likewise */

static void taps_of_y(const cpu_conv *v, const cpu_planes *p, cpu_grid *g)
{
    for (int64_t t = 0; t < g->taps; t++) {
        g->number[t] = t;
        g->offset[t] = cpu_planes_tap(p, t / v->S, t % v->S);
    }
}

/* Those taps for which whole oh, ow exist, where they are in g's planes at the grid's first row and
 * column. */
static void taps_of_dx(const cpu_conv *v, const cpu_planes *p, cpu_grid *g)
{
    for (int64_t t = 0; t < v->R * v->S; t++) {
        int64_t top = g->h0 + v->ph - t / v->S, left = g->w0 + v->pw - t % v->S;
        if (top % v->sh || left % v->sw) continue;
        g->number[g->taps] = t;
        g->offset[g->taps++] = (top / v->sh - p->low_h) * p->width + left / v->sw - p->low_w;
    }
}

/* Groups of whole images: half a tile is lost at the end of a unit's columns, if they do not fill
 * it, and about as much to begin one. */
static int64_t groups_of(int64_t images, int64_t plane, int threads)
{
    int64_t best = 0, least = 0;
    for (int64_t n = 1; n == 1 || (n <= images && n * plane <= MOST_COLUMNS); n++) {
        int64_t groups = (images + n - 1) / n;
        groups = cpu_least((groups + threads - 1) / threads * threads, images);
        int64_t columns = (images + groups - 1) / groups * plane;
        int64_t cost = (groups + threads - 1) / threads * ((columns + CPU_VEC - 1) / CPU_VEC + 1);
        if (best && cost >= least) continue;
        best = groups;
        least = cost;
    }
    return best;
}

/* Whole images while they are small, else bands of rows that make whole tiles; units of about so
 * many columns. */
static void cut_about(cpu_taps *f, int64_t images, int64_t columns, int threads)
{
    const cpu_grid *g = &f->grid[0];
    int64_t plane = g->rows * g->columns, step = CPU_NR;
    if (plane <= 3 * columns / 4) {
        f->groups = (images * plane + columns - 1) / columns;
        f->groups = cpu_least((f->groups + threads - 1) / threads * threads, images);
    } else if (plane > 3 * columns / 2) {
        while (step > 1 && step / 2 * g->columns % CPU_NR == 0) step /= 2;
        if (step * g->columns > 2 * columns) step = 1;
        f->rows = cpu_least(cpu_most(columns / g->columns / step, 1) * step, g->rows);
    }
}

/* columns: of a unit, about; 0: by the rule. */
static void cut(cpu_taps *f, int64_t images, int64_t columns, int threads)
{
    const cpu_grid *g = &f->grid[0];
    int64_t plane = g->rows * g->columns;
    f->groups = images;
    f->rows = g->rows;
    if (!columns && plane <= MOST_COLUMNS && f->depth * f->taps >= LONG)
        f->groups = groups_of(images, plane, threads);
    else
        cut_about(f, images, columns ? columns : COLUMNS, threads);
    f->images = (images + f->groups - 1) / f->groups;
    f->bands = (g->rows + f->rows - 1) / f->rows;
    f->columns = f->images * f->rows * g->columns;
    int64_t units = f->groups * f->bands;
    f->parts = units % threads && units < 4 * threads ? cpu_least(cpu_panels(f->m), threads) : 1;
}

static rk_status make_grids(rk_kernel *k, const cpu_conv *v, cpu_taps *f)
{
    int64_t high = cpu_least(f->sh, f->h), wide = cpu_least(f->sw, f->w);
    f->grids = high * wide;
    f->grid = cpu_kernel_alloc(k, (size_t)f->grids * sizeof *f->grid);
    if (!f->grid) return RK_E_NOMEM;
    for (int64_t i = 0; i < f->grids; i++) {
        cpu_grid *g = &f->grid[i];
        g->h0 = i / wide;
        g->w0 = i % wide;
        g->rows = (f->h - g->h0 + f->sh - 1) / f->sh;
        g->columns = (f->w - g->w0 + f->sw - 1) / f->sw;
        g->offset = cpu_kernel_alloc(k, 2 * (size_t)f->taps * sizeof *g->offset);
        if (!g->offset) return RK_E_NOMEM;
        g->number = g->offset + f->taps;
        g->taps = v->which == RK_CONV_Y ? f->taps : 0;
    }
    return RK_OK;
}

static size_t floats(int64_t n) { return cpu_aligned((size_t)n * sizeof(float)); }

/* Where the result has rows as long as the operand's, which follow one another without a gap,
 * neighbours in the result are neighbours in memory for any tap. */
static void read_in_place(cpu_taps *f)
{
    cpu_planes *p = &f->planes;
    if (p->direct || p->step_h != 1 || p->step_w != 1 || f->sh != 1 || f->sw != 1 || p->W != f->w ||
        f->taps > MOST_MASKED || f->depth < LEAST_DEPTH)
        return;
    f->masked = p->direct = 1;
    p->width = p->W;
    f->origin = p->low_h * p->width + p->low_w;
}

static int64_t mask_count(cpu_taps *f)
{
    f->lanes = CPU_NV + CPU_NR / (f->rows * f->w) + 1;
    return (f->columns + CPU_NR - 1) / CPU_NR * f->lanes * f->taps;
}

/* Taps and packed weights of the grids, and the scratch memory of a thread: planes of the channels
 * that a piece reads, results that are not built up in place, chains, a panel of columns. */
static size_t lay_out(cpu_conv *v, cpu_taps *f)
{
    int64_t fewest = f->taps, at = 0;
    for (int64_t i = 0; i < f->grids; i++) {
        cpu_grid *g = &f->grid[i];
        if (v->which == RK_CONV_Y)
            taps_of_y(v, &f->planes, g);
        else
            taps_of_dx(v, &f->planes, g);
        if (g->taps) fewest = cpu_least(fewest, g->taps);
        g->panels = at;
        at += f->m * f->depth * g->taps + cpu_panels(f->m) * CPU_VEC;
    }
    v->work = (uint64_t)at * sizeof(float);
    f->slots = cpu_least(f->depth, (f->piece - 1) / fewest + 2);
    f->strip_at = f->planes.direct ? 0 : floats(f->slots * f->planes.channel);
    if (f->masked) f->strip_at = cpu_aligned((size_t)mask_count(f) * sizeof(vec_mask));
    f->chain_at = f->strip_at;
    if (f->grids > 1 || f->images > 1)
        f->chain_at += floats(f->m * f->columns * cpu_least(f->sw, f->w));
    f->panel_at = f->chain_at + (f->blocks > 1 ? floats(f->m * f->columns) : 0);
    return f->panel_at + floats(CPU_NR * f->piece + CPU_NR);
}

rk_status CPU_NAME(cpu_conv_taps_plan)(rk_kernel *k, cpu_conv *v, size_t *scratch)
{
    int y = v->which == RK_CONV_Y;
    cpu_taps *f = cpu_kernel_alloc(k, sizeof *f);
    if (!f) return RK_E_NOMEM;
    f->planes = y ? CPU_NAME(cpu_planes_of_x)(v) : CPU_NAME(cpu_planes_of_g)(v);
    f->m = v->dim[1];
    f->low = f->m / cpu_most(cpu_panels(f->m), 1);
    f->higher = f->m % cpu_most(cpu_panels(f->m), 1);
    f->depth = y ? v->C : v->K;
    f->piece = CPU_VEC == 16 && f->m > FEW_ROWS ? LONG_PIECE : CPU_KC;
    f->taps = v->R * v->S;
    f->h = v->dim[2];
    f->w = v->dim[3];
    f->apart = y ? v->apart : f->m * f->h * f->w;
    f->sh = y ? 1 : v->sh;
    f->sw = y ? 1 : v->sw;
    if (v->count == 0 || f->depth * f->taps == 0 || v->R > MOST_TAPS || v->S > MOST_TAPS ||
        f->taps > MOST_TAPS || cpu_least(f->sh, f->h) * cpu_least(f->sw, f->w) > CPU_MOST_GRIDS)
        return RK_OK;
    read_in_place(f);
    f->blocks = (f->depth * f->taps + RK_CONV_BLOCK - 1) / RK_CONV_BLOCK;
    rk_status s = make_grids(k, v, f);
    if (s != RK_OK) return s;
    cut(f, v->N, k->choice.columns, k->threads);
    double room = (double)cpu_least(f->depth, f->piece) * (double)f->images *
                  (double)(f->planes.phases_h * f->planes.phases_w) *
                  (double)(f->rows + f->planes.halo_h) * (double)f->planes.width;
    double result = (double)f->m * (double)f->columns * (double)cpu_least(f->sw, f->w);
    if ((!f->planes.direct && 4 * room > most_scratch) || 4 * result > most_scratch) return RK_OK;
    if (!f->planes.direct)
        CPU_NAME(cpu_planes_room)(&f->planes, f->rows + f->planes.halo_h, f->images);
    *scratch = lay_out(v, f);
    v->fast = f;
    v->run = CPU_NAME(cpu_conv_taps_run);
    return RK_OK;
}
#endif
