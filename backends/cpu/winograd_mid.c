/* Between Winograd's transforms: weights, products and epilogues, for tiles of any size; see
 * winograd.h. */
#include "winograd_4x4.h"

#ifdef CPU_VEC

/* cpu_panel_start, without its divisions. */
static int64_t panel_start(const cpu_winograd *f, int64_t p)
{
    return p * f->low + cpu_least(p, f->higher);
}

/* ---- weights ---- */

/* The panels of one point follow those of the one before; each has a column a channel. */
static float *panel_of(const cpu_winograd *f, float *work, int64_t point, int64_t i)
{
    return work + (point * f->m + i) * f->depth;
}

static inline __attribute__((always_inline)) void weights_to_points(const vec *g, vec *u)
{
    static const float one_half = 0.5f;
    vec half = v_all(&one_half), even = g[0] + g[2];
    u[0] = g[0];
    u[1] = half * (even + g[1]);
    u[2] = half * (even - g[1]);
    u[3] = g[2];
}

/* Kernels of 3 x 3 weights in the lanes of g to u[row][column], `edge` of both. */
static inline __attribute__((always_inline)) void kernels_to_points(const vec *g, vec *u, int edge)
{
    vec s[3][6];
    CPU_UNROLL for (int c = 0; c < 3; c++)
    {
        const vec column[3] = {g[c], g[3 + c], g[6 + c]};
        if (edge == 4)
            weights_to_points(column, s[c]);
        else
            rk_w4_weights(column, s[c]);
    }
    CPU_UNROLL for (int r = 0; r < edge; r++)
    {
        const vec row[3] = {s[0][r], s[1][r], s[2][r]};
        if (edge == 4)
            weights_to_points(row, u + edge * r);
        else
            rk_w4_weights(row, u + edge * r);
    }
}

/* Vectors go along the rows of a panel; they may end in its next column, which is written later. */
static inline __attribute__((always_inline)) void pack_panel(const cpu_conv_job *j, int64_t panel,
                                                             int edge)
{
    const cpu_winograd *f = j->v->fast;
    int64_t i = panel_start(f, panel), rows = panel_start(f, panel + 1) - i;
    int y = j->v->which == RK_CONV_Y;
    for (int64_t l = 0; l < f->depth; l++) {
        float lanes[9 * CPU_VEC];
        vec g[9], u[36];
        const float *w = j->b + 9 * (y ? i * f->depth + l : l * f->m + i);
        pack_along(lanes, CPU_VEC, w, y ? 9 * f->depth : 9, rows, 9);
        CPU_UNROLL for (int s = 0; s < 9; s++) /* turned around for dx */
            g[s] = v_load(lanes + CPU_VEC * (y ? s : 8 - s));
        kernels_to_points(g, u, edge);
        vec_mask part = v_part((int)rows);
        int whole = l * rows + CPU_VEC <= f->depth * rows;
        for (int p = 0; p < edge * edge; p++) {
            float *to = panel_of(f, j->work, p, i) + l * rows;
            if (whole)
                v_store(to, u[p]);
            else
                v_store_part(to, u[p], part);
        }
    }
}

static void pack_share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    const cpu_winograd *f = j->v->fast;
    int64_t from, end;
    cpu_share(cpu_panels(f->m), 1, t, threads, &from, &end);
    for (int64_t p = from; p < end; p++)
        if (f->tile == CPU_WINO_TILE)
            pack_panel(j, p, 4);
        else
            pack_panel(j, p, 6);
}

void CPU_NAME(cpu_winograd_weights)(const cpu_conv_job *j)
{
    cpu_conv_job own = *j;
    cpu_parallel(j->kernel->device, j->kernel->threads, pack_share, &own);
}

/* ---- products ---- */

cpu_winograd_part CPU_NAME(cpu_winograd_part_of)(const cpu_winograd *f, int64_t part, void *scratch)
{
    cpu_winograd_part p = {.taps = scratch,
                           .product = (float *)(void *)((unsigned char *)scratch + f->product_at)};
    cpu_share(cpu_panels(f->m), 1, (int)part, (int)f->parts, &p.from, &p.end);
    p.i = panel_start(f, p.from);
    p.m = panel_start(f, p.end) - p.i;
    return p;
}

/* Channels [l, l + n) of some tiles from j on.  Tiles of 2 x 2 go on with the sums of the channels
 * before, those of 4 x 4 add up chains. */
static void multiply_columns(const cpu_conv_job *job, const cpu_winograd_part *u, int64_t point,
                             int64_t j, int64_t l, int64_t n)
{
    const cpu_winograd *f = job->v->fast;
    int64_t vectors = cpu_least((u->tiles - j + CPU_VEC - 1) / CPU_VEC, CPU_NV);
    int goes_on = l > 0 && f->tile == CPU_WINO_TILE;
    cpu_tile t = {.k = n, .ldb = f->ld, .ld_from = f->ld, .ld_to = f->ld, .last = CPU_VEC};
    t.plus = l > 0 && !goes_on;
    t.b = u->taps + point * f->plane + l * f->ld + j;
    for (int64_t p = u->from; p < u->end; p++) {
        int64_t i = panel_start(f, p), rows = panel_start(f, p + 1) - i;
        t.a = panel_of(f, job->work, point, i) + l * rows;
        t.to = u->product + (point * u->m + i - u->i) * f->ld + j;
        t.from = goes_on ? t.to : NULL;
        t.next = t.to + rows * f->ld;
        CPU_NAME(cpu_tile_run)(&t, rows, vectors);
    }
}

void CPU_NAME(cpu_winograd_multiply)(const cpu_conv_job *job, const cpu_winograd_part *u)
{
    const cpu_winograd *f = job->v->fast;
    const int64_t depth = f->tile == CPU_WINO_TILE ? CPU_WINO_DEPTH : RK_W4_CHAIN;
    for (int64_t point = 0; point < f->points; point++)
        for (int64_t l = 0; l < f->depth; l += depth)
            for (int64_t j = 0; j < u->tiles; j += CPU_NR)
                multiply_columns(job, u, point, j, l, cpu_least(f->depth - l, depth));
}

void CPU_NAME(cpu_winograd_finish)(const cpu_conv_job *j, const cpu_winograd_part *u,
                                   const cpu_run *r, int64_t image, int64_t row, int64_t end)
{
    const cpu_winograd *f = j->v->fast;
    int64_t plane = f->h * f->w, n = (cpu_least(end, f->h) - row) * f->w;
    int64_t start = (image * f->m + u->i) * plane + row * f->w;
    if (n == plane)
        CPU_NAME(cpu_run_range)(r, start, u->m * plane);
    else
        for (int64_t i = 0; i < u->m; i++) CPU_NAME(cpu_run_range)(r, start + i * plane, n);
}
#endif
