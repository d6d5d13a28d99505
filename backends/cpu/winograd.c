/* y and dx by Winograd's F(2 x 2, 3 x 3): see winograd.h.
 *
 * Tiles of a unit are numbered along w, then h, then the images.  Vectors go along that number: the
 * pixels of a row are split by phase, then transformed along w, and rows are kept by phase, so that
 * what a tile needs of the rows below it is at a constant distance.  Vectors may write beyond what
 * they should: what is there is written later, or is room that nobody reads. */
#include <string.h>
#include "winograd.h"

#ifdef CPU_VEC

/* What a thread works on: images [n, n + images), rows [a, a + rows) of tiles. */
typedef struct unit {
    const cpu_conv_job *j;
    const cpu_winograd *f;
    int64_t n, images, a, rows;
    cpu_winograd_part part;
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
            transform_columns(u, u->part.taps + l * f->ld + n * u->rows * f->across);
        }
}

/* ---- results ---- */

/* One image and channel: rows of results to the strips, by phase. */
static void transform_products(const unit *u, const float *from)
{
    const cpu_winograd *f = u->f;
    int64_t count = u->rows * f->across, point = u->part.m * f->ld;
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
        for (int64_t i = 0; i < u->part.m; i++) {
            float *to = u->j->c + (u->n + n) * f->to + ((u->part.i + i) * f->h + first) * f->w;
            transform_products(u, u->part.product + i * f->ld + n * u->rows * f->across);
            for (int64_t r = 0; r < rows; r++)
                v_copy(to + r * f->w, u->strip + r % 2 * strip + r / 2 * 2 * f->across, f->w);
        }
}

static void run_unit(unit *u, int64_t number, void *scratch, const cpu_run *r)
{
    const cpu_winograd *f = u->f;
    int64_t band = number / f->parts % f->bands, group = number / f->parts / f->bands;
    u->n = group * u->j->v->N / f->groups;
    u->images = (group + 1) * u->j->v->N / f->groups - u->n;
    u->a = band * f->rows;
    u->rows = cpu_least(f->rows, f->down - u->a);
    u->part = CPU_NAME(cpu_winograd_part_of)(f, number % f->parts, scratch);
    u->part.tiles = u->images * u->rows * f->across;
    take_taps(u);
    CPU_NAME(cpu_winograd_multiply)(u->j, &u->part);
    put_results(u);
    for (int64_t n = 0; r && n < u->images; n++) CPU_NAME(cpu_winograd_finish)
    (u->j, &u->part, r, u->n + n, u->a * CPU_WINO_TILE, (u->a + u->rows) * CPU_WINO_TILE);
}

static void share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    const cpu_winograd *f = j->v->fast;
    unsigned char *scratch = cpu_scratch(j->kernel, t);
    unit u = {.j = j,
              .f = f,
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
    for (int64_t n = from; n < end; n++) run_unit(&u, n, scratch, j->v->epilogue ? &r : NULL);
}

void CPU_NAME(cpu_winograd_run)(const cpu_conv_job *j)
{
    cpu_conv_job own = *j;
    CPU_NAME(cpu_winograd_weights)(j);
    cpu_parallel(j->kernel->device, j->kernel->threads, share, &own);
}
#endif
