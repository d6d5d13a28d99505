/* y and dx by Winograd's F(4 x 4, 3 x 3): see winograd.h.
 *
 * A line is a row of tiles of an image; lines are counted through all images, and tiles of a unit
 * along lines.  Taps are transformed along h first: there vectors go along the pixels of a row.
 * The pixels of a line's tiles, 4 each, are kept beside each other, and once more from the fifth
 * on, where each tile finds the two that it shares with the next: so they can be split by column
 * modulo 4 across the ends of lines, and vectors are full along w even if planes are small. */
#include <string.h>
#include "winograd_4x4.h"

#ifdef CPU_VEC
enum { TILE = 4, TAPS = 6 };

/* What a thread works on: lines [first, first + lines). */
typedef struct unit {
    const cpu_conv_job *j;
    const cpu_winograd *f;
    int64_t first, lines;
    cpu_winograd_part part;
    float *near, *far, *strip; /* far: from the fifth pixel of a line on */
    const float *zeros;
} unit;

/* ---- taps ---- */

/* Columns [c, c + CPU_VEC) of six rows, some of which are pixels, to points along h.  Masked loads
 * are slow on some processors: they are for where a vector may not be read. */
static inline __attribute__((always_inline)) void transform_columns(const unit *u,
                                                                    const float *const row[TAPS],
                                                                    int64_t c, int64_t q,
                                                                    int masked)
{
    const int64_t pixels = u->f->pixels, last = u->f->W - u->f->low_w, at = q * TILE * u->f->across;
    int64_t from = cpu_least(cpu_most(-u->f->low_w - c, 0), CPU_VEC), end;
    float *near = u->near + at + c, *far = u->far + at + (c ? c - TILE : 0);
    vec d[TAPS], v[TAPS];
    end = cpu_most(cpu_least(last - c, CPU_VEC), from);
    const vec_mask part = v_span((int)from, (int)end);
    CPU_UNROLL for (int r = 0; r < TAPS; r++) d[r] =
        masked ? v_load_part(row[r] + c, part) : v_load(row[r] + c);
    if (!masked && end - from < CPU_VEC)
        CPU_UNROLL for (int r = 0; r < TAPS; r++) d[r] = v_keep(d[r], part);
    rk_w4_taps(d, v);
    CPU_UNROLL for (int i = 0; i < TAPS; i++) v_store(near + i * pixels, v[i]);
    if (c == 0) CPU_UNROLL for (int i = 0; i < TAPS; i++) v[i] = (vec)v_skip_4(v[i]);
    CPU_UNROLL for (int i = 0; i < TAPS; i++) v_store(far + i * pixels, v[i]);
}

/* Along h: the lines of a channel.  Rows that are not there are read as +0. */
static void transform_lines(const unit *u, int64_t l)
{
    const cpu_winograd *f = u->f;
    const int64_t columns = TILE * f->across + 2,
                  all = (u->j->v->N - 1) * f->from + f->depth * f->H * f->W;
    int64_t n = u->first / f->down, a = u->first % f->down;
    for (int64_t q = 0; q < u->lines; q++) {
        int64_t top = a * TILE + f->low_h, at = n * f->from + l * f->H * f->W + f->low_w;
        int64_t first = at + cpu_most(top, 0) * f->W,
                last = at + cpu_least(top + TAPS, f->H) * f->W + columns + CPU_VEC;
        const float *row[TAPS];
        for (int r = 0; r < TAPS; r++)
            row[r] = top + r >= 0 && top + r < f->H ? u->j->a + at + (top + r) * f->W : u->zeros;
        if (first >= 0 && last <= all)
            for (int64_t c = 0; c < columns; c += CPU_VEC) transform_columns(u, row, c, q, 0);
        else
            for (int64_t c = 0; c < columns; c += CPU_VEC) transform_columns(u, row, c, q, 1);
        if (++a == f->down) a = 0, n++;
    }
}

/* Pixels 4 t + j of tiles to d[j], j < n. */
static inline __attribute__((always_inline)) void split(const float *from, vec *d, int n)
{
    vec a = v_load(from), b = v_load(from + CPU_VEC), c = v_load(from + 2 * CPU_VEC),
        e = v_load(from + 3 * CPU_VEC);
    vec even_low = v_even(a, b), even_high = v_even(c, e);
    vec odd_low = v_odd(a, b), odd_high = v_odd(c, e);
    d[0] = v_even(even_low, even_high);
    d[1] = v_even(odd_low, odd_high);
    if (n == 2) return;
    d[2] = v_odd(even_low, even_high);
    d[3] = v_odd(odd_low, odd_high);
}

/* Along w: all tiles of a channel. */
static void transform_tiles(const unit *u, float *to)
{
    const int64_t tiles = u->part.tiles, plane = u->f->plane, pixels = u->f->pixels;
    for (int i = 0; i < TAPS; i++, to += TAPS * plane)
        for (int64_t t = 0; t < tiles; t += CPU_VEC) {
            vec d[TAPS], v[TAPS];
            split(u->near + i * pixels + TILE * t, d, 4);
            split(u->far + i * pixels + TILE * t, d + 4, 2);
            rk_w4_taps(d, v);
            CPU_UNROLL for (int j = 0; j < TAPS; j++) v_store(to + j * plane + t, v[j]);
        }
}

static void take_taps(const unit *u)
{
    for (int64_t l = 0; l < u->f->depth; l++) {
        transform_lines(u, l);
        transform_tiles(u, u->part.taps + l * u->f->ld);
    }
}

/* ---- results ---- */

/* One channel: rows of results to the strips. */
static void transform_products(const unit *u, const float *from)
{
    const int64_t tiles = u->part.tiles, point = u->part.m * u->f->ld, pixels = u->f->pixels;
    for (int64_t t = 0; t < tiles; t += CPU_VEC) {
        vec s[TILE][TAPS], y[TILE];
        CPU_UNROLL for (int j = 0; j < TAPS; j++)
        {
            vec m[TAPS];
            CPU_UNROLL for (int i = 0; i < TAPS; i++) m[i] =
                v_load(from + (TAPS * i + j) * point + t);
            rk_w4_results(m, y);
            CPU_UNROLL for (int r = 0; r < TILE; r++) s[r][j] = y[r];
        }
        CPU_UNROLL for (int r = 0; r < TILE; r++)
        {
            float *to = u->strip + r * pixels + TILE * t;
            rk_w4_results(s[r], y);
            vec even = v_zip_low(y[0], y[2]), odd = v_zip_low(y[1], y[3]);
            v_store(to, v_zip_low(even, odd));
            v_store(to + CPU_VEC, v_zip_high(even, odd));
            even = v_zip_high(y[0], y[2]);
            odd = v_zip_high(y[1], y[3]);
            v_store(to + 2 * CPU_VEC, v_zip_low(even, odd));
            v_store(to + 3 * CPU_VEC, v_zip_high(even, odd));
        }
    }
}

static void put_results(const unit *u)
{
    const cpu_winograd *f = u->f;
    for (int64_t i = 0; i < u->part.m; i++) {
        transform_products(u, u->part.product + i * f->ld);
        for (int64_t q = 0; q < u->lines; q++) {
            int64_t n = (u->first + q) / f->down, row = (u->first + q) % f->down * TILE;
            float *to = u->j->c + n * f->to + ((u->part.i + i) * f->h + row) * f->w;
            for (int64_t r = 0; r < cpu_least(TILE, f->h - row); r++)
                v_copy(to + r * f->w, u->strip + r * f->pixels + q * TILE * f->across, f->w);
        }
    }
}

static void finish(const unit *u, const cpu_run *r)
{
    const cpu_winograd *f = u->f;
    for (int64_t q = u->first, end; q < u->first + u->lines; q = end) {
        int64_t n = q / f->down;
        end = cpu_least((n + 1) * f->down, u->first + u->lines);
        CPU_NAME(cpu_winograd_finish)
        (u->j, &u->part, r, n, (q - n * f->down) * TILE, (end - n * f->down) * TILE);
    }
}

static void share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    const cpu_winograd *f = j->v->fast;
    unsigned char *scratch = cpu_scratch(j->kernel, t);
    unit u = {.j = j,
              .f = f,
              .near = (float *)(void *)(scratch + f->phase_at),
              .far = (float *)(void *)(scratch + f->column_at),
              .strip = (float *)(void *)(scratch + f->strip_at),
              .zeros = (float *)(void *)(scratch + f->zeros_at)};
    int64_t from, end, all = j->v->N * f->down;
    cpu_run r;
    cpu_share(f->units * f->parts, 1, t, threads, &from, &end);
    if (from == end) return;
    memset(scratch + f->zeros_at, 0, sizeof(float) * (size_t)(TILE * f->across + 2 * CPU_VEC));
    if (j->v->epilogue)
        r = CPU_NAME(cpu_run_begin)(j->v->epilogue, scratch + j->v->program_at, j->arg, j->c, NULL,
                                    CPU_BLOCK);
    for (int64_t n = from; n < end; n++) {
        u.first = n / f->parts * f->lines;
        u.lines = cpu_least(f->lines, all - u.first);
        u.part = CPU_NAME(cpu_winograd_part_of)(f, n % f->parts, scratch);
        u.part.tiles = u.lines * f->across;
        take_taps(&u);
        CPU_NAME(cpu_winograd_multiply)(j, &u.part);
        put_results(&u);
        if (j->v->epilogue) finish(&u, &r);
    }
}

void CPU_NAME(cpu_winograd_4x4_run)(const cpu_conv_job *j)
{
    cpu_conv_job own = *j;
    CPU_NAME(cpu_winograd_weights)(j);
    cpu_parallel(j->kernel->device, j->kernel->threads, share, &own);
}
#endif
