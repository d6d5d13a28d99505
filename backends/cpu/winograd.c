/* y and dx by Winograd's F(2 x 2, 3 x 3): see winograd.h.
 *
 * Tiles of a unit are numbered along w, then h, then the images.  Vectors go along that number: the
 * pixels of a row are split by phase, then transformed along w, and rows are kept by phase, so that
 * what a tile needs of the rows below it is at a constant distance.  Vectors may write beyond what
 * they should: what is there is written later, or is room that nobody reads. */
#include <string.h>
#include "winograd.h"

#ifdef CPU_VEC

/* What a thread works on: images [n, n + images), rows [a, a + rows) of tiles, panels [from, end)
 * of the result's channels: m of them from i. */
typedef struct unit {
    const cpu_conv_job *j;
    const cpu_winograd *f;
    int64_t n, images, a, rows, from, end, i, m, tiles;
    float *taps, *product; /* [point][channel][tile], transformed */
    float *phase, *column, *strip;
} unit;

/* ---- the transforms, along one side ---- */

static inline __attribute__((always_inline)) void to_points(const vec *d, vec *v)
{
    v[0] = d[0] - d[2];
    v[1] = d[1] + d[2];
    v[2] = d[2] - d[1];
    v[3] = d[1] - d[3];
}

static inline __attribute__((always_inline)) void from_points(const vec *m, vec *y)
{
    y[0] = (m[0] + m[1]) + m[2];
    y[1] = (m[1] - m[2]) - m[3];
}

static void weights_to_points(const float *g, int64_t step, float *u, int64_t to)
{
    float even = g[0] + g[2 * step];
    u[0] = g[0];
    u[to] = 0.5f * (even + g[step]);
    u[2 * to] = 0.5f * (even - g[step]);
    u[3 * to] = g[2 * step];
}

/* ---- weights ---- */

/* cpu_panel_start, without its divisions. */
static int64_t panel_start(const cpu_winograd *f, int64_t p)
{
    return p * f->low + cpu_least(p, f->higher);
}

/* The panels of one point follow those of the one before; each has a column a channel. */
static float *panel_of(const cpu_winograd *f, float *work, int64_t point, int64_t i)
{
    return work + (point * f->m + i) * f->depth;
}

static void pack_weights(const cpu_conv_job *j, const cpu_winograd *f, int64_t panel)
{
    int64_t i = panel_start(f, panel), rows = panel_start(f, panel + 1) - i;
    int y = j->v->which == RK_CONV_Y;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t l = 0; l < f->depth; l++) {
            float half[12], u[CPU_WINO_POINTS];
            const float *w = j->b + 9 * (y ? (i + r) * f->depth + l : l * f->m + i + r);
            for (int s = 0; s < 3; s++) /* turned around for dx */
                weights_to_points(y ? w + s : w + 8 - s, y ? 3 : -3, half + s, 3);
            for (int p = 0; p < 4; p++) weights_to_points(half + 3 * p, 1, u + 4 * p, 1);
            for (int p = 0; p < CPU_WINO_POINTS; p++)
                panel_of(f, j->work, p, i)[l * rows + r] = u[p];
        }
}

static void pack_share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    const cpu_winograd *f = j->v->fast;
    int64_t from, end;
    cpu_share(cpu_panels(f->m), 1, t, threads, &from, &end);
    for (int64_t p = from; p < end; p++) pack_weights(j, f, p);
}

/* ---- taps ---- */

/* Row u of the taps, split into even and odd columns, +0 where there is no pixel. */
static void split_row(const cpu_winograd *f, const float *x, int64_t u, float *line, float *to)
{
    int64_t h = u + f->low_h, columns = CPU_WINO_TILE * (f->across + 1);
    int64_t from = cpu_most(-f->low_w, 0), end = cpu_least(f->W - f->low_w, columns);
    if (h < 0 || h >= f->H || from >= end) {
        memset(to, 0, 2 * (size_t)f->line * sizeof *to);
        return;
    }
    v_copy(line + from, x + h * f->W + from + f->low_w, end - from);
    for (int64_t t = 0; t <= f->across; t += CPU_VEC) {
        vec a = v_load(line + 2 * t), b = v_load(line + 2 * t + CPU_VEC);
        v_store(to + t, v_even(a, b));
        v_store(to + f->line + t, v_odd(a, b));
    }
}

/* Along w: row r of the unit's taps goes to row r / 2 of its phase, for each point. */
static void transform_row(const unit *u, const float *from, int64_t r)
{
    const cpu_winograd *f = u->f;
    float *to = u->column + r % 2 * f->column + r / 2 * f->across;
    for (int64_t t = 0; t < f->across; t += CPU_VEC) {
        vec d[4], v[4];
        CPU_UNROLL for (int j = 0; j < 4; j++) d[j] = v_load(from + j % 2 * f->line + t + j / 2);
        to_points(d, v);
        CPU_UNROLL for (int j = 0; j < 4; j++) v_store(to + 2 * j * f->column + t, v[j]);
    }
}

/* Along h, of one image and channel: tiles of all points, to[point * plane + tile]. */
static void transform_columns(const unit *u, float *to)
{
    const cpu_winograd *f = u->f;
    for (int j = 0; j < 4; j++) {
        const float *from = u->column + 2 * j * f->column;
        for (int64_t t = 0; t < u->rows * f->across; t += CPU_VEC) {
            vec d[4], v[4];
            CPU_UNROLL for (int i = 0; i < 4; i++) d[i] =
                v_load(from + i % 2 * f->column + i / 2 * f->across + t);
            to_points(d, v);
            CPU_UNROLL for (int i = 0; i < 4; i++) v_store(to + (4 * i + j) * f->plane + t, v[i]);
        }
    }
}

static void take_taps(const unit *u)
{
    const cpu_winograd *f = u->f;
    int64_t rows = CPU_WINO_TILE * (u->rows + 1), plane = f->H * f->W;
    float *lines = u->phase + 2 * f->line; /* the first is the row as it is, its borders +0 */
    for (int64_t l = 0; l < f->depth; l++)
        for (int64_t n = 0; n < u->images; n++) {
            const float *x = u->j->a + (u->n + n) * f->from + l * plane;
            for (int64_t r = 0; r < rows; r++)
                split_row(f, x, u->a * CPU_WINO_TILE + r, u->phase, lines + 2 * r * f->line);
            for (int64_t r = 0; r < rows; r++) transform_row(u, lines + 2 * r * f->line, r);
            transform_columns(u, u->taps + l * f->ld + n * u->rows * f->across);
        }
}

/* ---- products ---- */

static void multiply_columns(const unit *u, int64_t point, int64_t j, int64_t l, int64_t n)
{
    const cpu_winograd *f = u->f;
    int64_t vectors = cpu_least((u->tiles - j + CPU_VEC - 1) / CPU_VEC, CPU_NV);
    cpu_tile t = {.k = n, .ldb = f->ld, .ld_from = f->ld, .ld_to = f->ld, .last = CPU_VEC};
    t.b = u->taps + point * f->plane + l * f->ld + j;
    for (int64_t p = u->from; p < u->end; p++) {
        int64_t i = panel_start(f, p), rows = panel_start(f, p + 1) - i;
        t.a = panel_of(f, u->j->work, point, i) + l * rows;
        t.to = u->product + (point * u->m + i - u->i) * f->ld + j;
        t.from = l ? t.to : NULL;
        t.next = t.to + rows * f->ld;
        CPU_NAME(cpu_tile_run)(&t, rows, vectors);
    }
}

static void multiply(const unit *u)
{
    for (int64_t point = 0; point < CPU_WINO_POINTS; point++)
        for (int64_t l = 0; l < u->f->depth; l += CPU_WINO_DEPTH)
            for (int64_t j = 0; j < u->tiles; j += CPU_NR)
                multiply_columns(u, point, j, l, cpu_least(u->f->depth - l, CPU_WINO_DEPTH));
}

/* ---- results ---- */

/* One image and channel: rows of results to the strips, by phase. */
static void transform_products(const unit *u, const float *from)
{
    const cpu_winograd *f = u->f;
    int64_t count = u->rows * f->across, point = u->m * f->ld;
    float *to = u->strip, *below = to + 2 * (f->tiles + 2 * CPU_VEC);
    for (int64_t t = 0; t < count; t += CPU_VEC) {
        vec s[2][4], y[2];
        CPU_UNROLL for (int j = 0; j < 4; j++)
        {
            vec m[4];
            CPU_UNROLL for (int i = 0; i < 4; i++) m[i] = v_load(from + (4 * i + j) * point + t);
            from_points(m, y);
            s[0][j] = y[0];
            s[1][j] = y[1];
        }
        from_points(s[0], y);
        v_store(to + 2 * t, v_zip_low(y[0], y[1]));
        v_store(to + 2 * t + CPU_VEC, v_zip_high(y[0], y[1]));
        from_points(s[1], y);
        v_store(below + 2 * t, v_zip_low(y[0], y[1]));
        v_store(below + 2 * t + CPU_VEC, v_zip_high(y[0], y[1]));
    }
}

static void put_results(const unit *u)
{
    const cpu_winograd *f = u->f;
    int64_t first = u->a * CPU_WINO_TILE, strip = 2 * (f->tiles + 2 * CPU_VEC);
    int64_t rows = cpu_least(u->rows * CPU_WINO_TILE, f->h - first);
    for (int64_t n = 0; n < u->images; n++)
        for (int64_t i = 0; i < u->m; i++) {
            float *to = u->j->c + (u->n + n) * f->to + ((u->i + i) * f->h + first) * f->w;
            transform_products(u, u->product + i * f->ld + n * u->rows * f->across);
            for (int64_t r = 0; r < rows; r++)
                v_copy(to + r * f->w, u->strip + r % 2 * strip + r / 2 * 2 * f->across, f->w);
        }
}

static void finish(const unit *u, const cpu_run *r)
{
    const cpu_winograd *f = u->f;
    int64_t plane = f->h * f->w, from = u->a * CPU_WINO_TILE * f->w;
    int64_t n = cpu_least((u->a + u->rows) * CPU_WINO_TILE, f->h) * f->w - from;
    for (int64_t image = u->n; image < u->n + u->images; image++) {
        int64_t start = (image * f->m + u->i) * plane + from;
        if (n == plane)
            CPU_NAME(cpu_run_range)(r, start, u->m * plane);
        else
            for (int64_t i = 0; i < u->m; i++) CPU_NAME(cpu_run_range)(r, start + i * plane, n);
    }
}

static void run_unit(unit *u, int64_t number, const cpu_run *r)
{
    const cpu_winograd *f = u->f;
    int64_t band = number / f->parts % f->bands, group = number / f->parts / f->bands;
    u->n = group * u->j->v->N / f->groups;
    u->images = (group + 1) * u->j->v->N / f->groups - u->n;
    u->a = band * f->rows;
    u->rows = cpu_least(f->rows, f->down - u->a);
    u->tiles = u->images * u->rows * f->across;
    cpu_share(cpu_panels(f->m), 1, (int)(number % f->parts), (int)f->parts, &u->from, &u->end);
    u->i = panel_start(f, u->from);
    u->m = panel_start(f, u->end) - u->i;
    take_taps(u);
    multiply(u);
    put_results(u);
    if (r) finish(u, r);
}

static void share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    const cpu_winograd *f = j->v->fast;
    unsigned char *scratch = cpu_scratch(j->kernel, t);
    unit u = {.j = j,
              .f = f,
              .taps = (float *)(void *)scratch,
              .product = (float *)(void *)(scratch + f->product_at),
              .phase = (float *)(void *)(scratch + f->phase_at),
              .column = (float *)(void *)(scratch + f->column_at),
              .strip = (float *)(void *)(scratch + f->strip_at)};
    int64_t from, end;
    cpu_run r;
    cpu_share(f->groups * f->bands * f->parts, 1, t, threads, &from, &end);
    if (from == end) return;
    memset(u.phase, 0, f->column_at - f->phase_at);
    if (j->v->epilogue)
        r = CPU_NAME(cpu_run_begin)(j->v->epilogue, scratch + j->v->program_at, j->arg, j->c, NULL,
                                    CPU_BLOCK);
    for (int64_t n = from; n < end; n++) run_unit(&u, n, j->v->epilogue ? &r : NULL);
}

void CPU_NAME(cpu_winograd_run)(const cpu_conv_job *j)
{
    cpu_conv_job own = *j;
    cpu_parallel(j->kernel->device, j->kernel->threads, pack_share, &own);
    cpu_parallel(j->kernel->device, j->kernel->threads, share, &own);
}
#endif
