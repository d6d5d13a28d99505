/* dw by Winograd's F(3 x 3, 2 x 2) and F(3 x 3, 4 x 4): see winograd.h.
 *
 * A tile is 2 x 2 gradients and the 4 x 4 pixels they meet, or 4 x 4 and 6 x 6.  Products sum over
 * tiles, so here
 * vectors go along channels: pixels are turned around, [row][column][channel], and then all
 * transforms are of whole vectors.  A block of tiles is summed in a chain and added to the sums of
 * its segment, some of the images; in a last pass the segments are added in their order and
 * transformed.  What makes a segment or a block depends on the shape only. */
#include <string.h>
#include "winograd_4x4.h"

#ifdef CPU_VEC

/* What a thread works on: a segment and channels [c, c + channels) of x.  A block: images [n, n +
 * images), rows [a, a + rows) of tiles. */
typedef struct unit {
    const cpu_conv_job *j;
    const cpu_winograd_dw *f;
    int64_t segment, c, channels, n, images, a, rows, tiles;
    int first; /* block of the segment */
    float *taps, *panel, *pixels;
} unit;

enum { MOST = 6 /* points along a side */ };

static inline __attribute__((always_inline)) void to_points(const vec *d, vec *v, int tile)
{
    if (tile == 4) {
        rk_w4_taps(d, v);
        return;
    }
    v[0] = d[0] - d[2];
    v[1] = d[1] + d[2];
    v[2] = d[2] - d[1];
    v[3] = d[3] - d[1];
}

static inline __attribute__((always_inline)) void gradients_to_points(const vec *g, vec *u,
                                                                      int tile)
{
    if (tile == 4) {
        rk_w4_gradients(g, u);
        return;
    }
    u[0] = g[0];
    u[1] = (g[0] + g[1]) * 0.5f;
    u[2] = (g[0] - g[1]) * 0.5f;
    u[3] = g[1];
}

static inline __attribute__((always_inline)) void from_points(const vec *m, vec *w, int tile)
{
    if (tile == 4) {
        rk_w4_sums(m, w);
        return;
    }
    w[0] = (m[0] + m[1]) + m[2];
    w[1] = m[1] - m[2];
    w[2] = (m[1] + m[2]) + m[3];
}

/* A window of planes [H][W], `plane` apart, of `channels`: rows from low_h, columns from low_w; +0
 * outside. to[(row * width + column) * ld + channel]. */
typedef struct window {
    const float *from;
    int64_t H, W, plane, channels, low_h, low_w, rows, width, ld;
} window;

static void turn_row(const window *s, int64_t h, float *to)
{
    int64_t from = cpu_least(cpu_most(-s->low_w, 0), s->width), end;
    end = cpu_most(cpu_least(s->W - s->low_w, s->width), from);
    if (h < 0 || h >= s->H) from = end = s->width;
    memset(to, 0, (size_t)(from * s->ld) * sizeof *to);
    memset(to + end * s->ld, 0, (size_t)((s->width - end) * s->ld) * sizeof *to);
    if (from == end) return;
    const float *row = s->from + h * s->W + from + s->low_w;
    for (int64_t c = 0; c < s->channels; c += CPU_VEC)
        pack_along(to + from * s->ld + c, s->ld, row + c * s->plane, s->plane,
                   cpu_least(s->channels - c, CPU_VEC), end - from);
}

static void turn(const window *s, float *to)
{
    for (int64_t r = 0; r < s->rows; r++) turn_row(s, s->low_h + r, to + r * s->width * s->ld);
}

/* One tile of pixels, some channels: to[point * plane]. */
static inline __attribute__((always_inline)) void transform_tile(const float *from, int64_t row,
                                                                 int64_t ld, float *to,
                                                                 int64_t plane, int tile)
{
    const int n = tile + 2;
    vec s[MOST][MOST], d[MOST], v[MOST];
    CPU_UNROLL for (int i = 0; i < n; i++)
    {
        CPU_UNROLL for (int j = 0; j < n; j++) d[j] = v_load(from + i * row + j * ld);
        to_points(d, s[i], tile);
    }
    CPU_UNROLL for (int j = 0; j < n; j++)
    {
        CPU_UNROLL for (int i = 0; i < n; i++) d[i] = s[i][j];
        to_points(d, v, tile);
        CPU_UNROLL for (int i = 0; i < n; i++) v_store(to + (n * i + j) * plane, v[i]);
    }
}

static void take_taps(const unit *u, int64_t n, int64_t tile)
{
    const cpu_winograd_dw *f = u->f;
    const cpu_conv *v = u->j->v;
    int64_t plane = v->H * v->W;
    window s = {.from = u->j->a + (n * v->C + u->c) * plane, .plane = plane};
    s.H = v->H;
    s.W = v->W;
    s.channels = u->channels;
    s.low_h = f->tile * u->a - v->ph;
    s.low_w = -v->pw;
    s.rows = f->tile * u->rows + 2;
    s.width = f->tile * f->across + 2;
    s.ld = f->ld;
    turn(&s, u->pixels);
    for (int64_t t = 0; t < u->rows * f->across; t++) {
        const float *from = u->pixels + f->tile * (t / f->across * s.width + t % f->across) * s.ld;
        float *to = u->taps + (tile + t) * f->ld;
        for (int64_t c = 0; c < u->channels; c += CPU_VEC)
            if (f->tile == 4)
                transform_tile(from + c, s.width * s.ld, s.ld, to + c, f->plane, 4);
            else
                transform_tile(from + c, s.width * s.ld, s.ld, to + c, f->plane, 2);
    }
}

/* One tile of gradients, a panel of their channels: vectors end in the next tile's, which is
 * written later, or behind the panel. */
static inline __attribute__((always_inline)) void transform_gradients(const float *from,
                                                                      int64_t row, int64_t ld,
                                                                      float *to, int64_t point,
                                                                      int tile)
{
    const int n = tile + 2;
    vec s[4][MOST], g[4], u[MOST];
    CPU_UNROLL for (int i = 0; i < tile; i++)
    {
        CPU_UNROLL for (int j = 0; j < tile; j++) g[j] = v_load(from + i * row + j * ld);
        gradients_to_points(g, s[i], tile);
    }
    CPU_UNROLL for (int j = 0; j < n; j++)
    {
        CPU_UNROLL for (int i = 0; i < tile; i++) g[i] = s[i][j];
        gradients_to_points(g, u, tile);
        CPU_UNROLL for (int i = 0; i < n; i++) v_store(to + (n * i + j) * point, u[i]);
    }
}

static void take_gradients(const unit *u, int64_t n, int64_t tile)
{
    const cpu_winograd_dw *f = u->f;
    const cpu_conv *v = u->j->v;
    int64_t plane = v->OH * v->OW;
    window s = {.from = u->j->b + n * v->apart, .plane = plane};
    s.H = v->OH;
    s.W = v->OW;
    s.channels = v->K;
    s.low_h = f->tile * u->a;
    s.rows = f->tile * u->rows;
    s.width = f->tile * f->across;
    s.ld = f->turned;
    turn(&s, u->pixels);
    for (int64_t p = 0, i = 0, end; i < v->K; p++, i = end) {
        end = cpu_panel_start(v->K, p + 1);
        float *to = u->panel + i * f->tiles + p * CPU_VEC + tile * (end - i);
        for (int64_t a = 0; a < u->rows; a++)
            for (int64_t b = 0; b < f->across; b++, to += end - i) {
                const float *from = u->pixels + f->tile * (a * s.width + b) * s.ld + i;
                if (f->tile == 4)
                    transform_gradients(from, s.width * s.ld, s.ld, to, f->point, 4);
                else
                    transform_gradients(from, s.width * s.ld, s.ld, to, f->point, 2);
            }
    }
}

static float *sums_of(const cpu_winograd_dw *f, const cpu_conv_job *j, int64_t segment,
                      int64_t point, int64_t k)
{
    return j->work + ((segment * f->points + point) * j->v->K + k) * f->sums;
}

static void multiply(const unit *u)
{
    const cpu_winograd_dw *f = u->f;
    int64_t K = u->j->v->K;
    for (int64_t point = 0; point < f->points; point++)
        for (int64_t j = 0; j < u->channels; j += CPU_NR) {
            int64_t vectors = cpu_least((u->channels - j + CPU_VEC - 1) / CPU_VEC, CPU_NV);
            cpu_tile t = {.k = u->tiles, .ldb = f->ld, .ld_to = f->sums, .last = CPU_VEC};
            t.b = u->taps + point * f->plane + j;
            t.plus = !u->first;
            for (int64_t p = 0, i = 0, end; i < K; p++, i = end) {
                end = cpu_panel_start(K, p + 1);
                t.a = u->panel + point * f->point + i * f->tiles + p * CPU_VEC;
                t.to = sums_of(f, u->j, u->segment, point, i) + u->c + j;
                t.next = t.to + (end - i) * f->sums;
                CPU_NAME(cpu_tile_run)(&t, end - i, vectors);
            }
        }
}

static void run_block(unit *u)
{
    u->tiles = u->images * u->rows * u->f->across;
    for (int64_t i = 0; i < u->images; i++) {
        take_taps(u, u->n + i, i * u->rows * u->f->across);
        take_gradients(u, u->n + i, i * u->rows * u->f->across);
    }
    multiply(u);
    u->first = 0;
}

static void run_segment(unit *u)
{
    const cpu_winograd_dw *f = u->f;
    int64_t N = u->j->v->N, from = u->segment * N / f->segments;
    int64_t end = (u->segment + 1) * N / f->segments;
    u->first = 1;
    for (u->n = from; u->n < end; u->n += u->images) {
        u->images = cpu_least(f->images, end - u->n);
        for (u->a = 0; u->a < f->down; u->a += u->rows) {
            u->rows = cpu_least(f->rows, f->down - u->a);
            run_block(u);
        }
    }
}

static void share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    const cpu_winograd_dw *f = j->v->fast;
    unsigned char *scratch = cpu_scratch(j->kernel, t);
    unit u = {.j = j,
              .f = f,
              .taps = (float *)(void *)scratch,
              .panel = (float *)(void *)(scratch + f->panel_at),
              .pixels = (float *)(void *)(scratch + f->pixels_at)};
    int64_t from, end, last;
    cpu_share(f->segments * f->parts, 1, t, threads, &from, &end);
    for (int64_t n = from; n < end; n++) {
        u.segment = n / f->parts;
        cpu_share(j->v->C, CPU_NR, (int)(n % f->parts), (int)f->parts, &u.c, &last);
        u.channels = last - u.c;
        if (u.channels > 0) run_segment(&u);
    }
}

/* Weights of one k and a vector of c: w[tap * CPU_VEC + lane]. */
static inline __attribute__((always_inline)) void sum_up(const cpu_conv_job *j, int64_t k,
                                                         int64_t c, float *w, int tile)
{
    const cpu_winograd_dw *f = j->v->fast;
    const int points = tile + 2;
    vec s[MOST][3], m[MOST], y[3];
    for (int i = 0; i < points; i++) {
        for (int l = 0; l < points; l++) {
            m[l] = v_load(sums_of(f, j, 0, points * i + l, k) + c);
            for (int64_t n = 1; n < f->segments; n++)
                m[l] = m[l] + v_load(sums_of(f, j, n, points * i + l, k) + c);
        }
        from_points(m, s[i], tile);
    }
    for (int l = 0; l < 3; l++) {
        for (int i = 0; i < points; i++) m[i] = s[i][l];
        from_points(m, y, tile);
        for (int i = 0; i < 3; i++) v_store(w + (3 * i + l) * CPU_VEC, y[i]);
    }
}

static void join_share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    const cpu_conv *v = j->v;
    const cpu_winograd_dw *f = v->fast;
    int64_t from, end;
    cpu_share(v->K, 1, t, threads, &from, &end);
    for (int64_t k = from; k < end; k++)
        for (int64_t c = 0; c < v->C; c += CPU_VEC) {
            float w[9 * CPU_VEC], *to = j->c + (k * v->C + c) * 9;
            if (f->tile == 4)
                sum_up(j, k, c, w, 4);
            else
                sum_up(j, k, c, w, 2);
            for (int64_t i = 0; i < 9 * cpu_least(v->C - c, CPU_VEC); i++)
                to[i] = w[i % 9 * CPU_VEC + i / 9];
        }
    if (!v->epilogue || from == end) return;
    cpu_run r = CPU_NAME(cpu_run_begin)(v->epilogue, cpu_scratch(j->kernel, t) + v->program_at,
                                        j->arg, j->c, NULL, CPU_BLOCK);
    CPU_NAME(cpu_run_range)(&r, from * v->C * 9, (end - from) * v->C * 9);
}

void CPU_NAME(cpu_winograd_dw_run)(const cpu_conv_job *j)
{
    cpu_conv_job own = *j;
    cpu_parallel(j->kernel->device, j->kernel->threads, share, &own);
    cpu_parallel(j->kernel->device, j->kernel->threads, join_share, &own);
}
#endif
