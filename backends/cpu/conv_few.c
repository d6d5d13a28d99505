/* y and dx of few rows: results of so few channels that a tile of CPU_NR columns would wait for
 * its loads.
 *
 * Where the result's planes are as large as the operand's, a tap of a position is a constant number
 * of elements away from it.  So a tile, some vectors of a plane in all rows, as large as the
 * registers, goes through all channels and taps where they lie in memory, by masks where a tap is
 * not in the plane.  Meanwhile it asks the nearest cache for what it reads of the next channel, and
 * the second one for a share of the next image; or, if that is too large, for what the next tile
 * reads of this channel. */
#include "conv_few.h"

#ifdef CPU_VEC
enum { LINE = CPU_ALIGN / 4 };

/* Of a plane in all rows; and what is asked for with each channel, near and far. */
typedef struct tile {
    const float *x, *w;
    const vec_mask *mask;
    float *c;
    vec_mask last; /* lanes of the last vector */
    int64_t near;  /* pairs of lines */
    const float *far;
    int64_t lines, step; /* of far; from channel to channel */
} tile;

static inline __attribute__((always_inline)) void multiply(const cpu_few *f, const tile *t, int m,
                                                           int nv)
{
    const int64_t taps = f->taps, *offset = f->offset;
    const float *x = t->x, *w = t->w, *far = t->far;
    vec sum[CPU_FEW_ROWS][CPU_FEW_VECTORS];
    CPU_UNROLL for (int i = 0; i < m; i++) CPU_UNROLL for (int j = 0; j < nv; j++) sum[i][j] =
        v_zero();
    for (int64_t c = 0; c < f->depth; c++, x += f->plane, far += t->step) {
        const float *near = x + f->plane + f->low;
        const vec_mask *mask = t->mask;
        for (int64_t k = 0; k < taps; k++, w += m, mask += nv) {
            vec a[CPU_FEW_ROWS];
            if (k < t->near) {
                __builtin_prefetch(near + 2 * k * LINE, 0, 3);
                __builtin_prefetch(near + 2 * k * LINE + LINE, 0, 3);
            }
            if (k < t->lines) __builtin_prefetch(far + k * LINE, 0, 2);
            CPU_UNROLL for (int i = 0; i < m; i++) a[i] = v_all(w + i);
            CPU_UNROLL for (int j = 0; j < nv; j++)
            {
                vec b = v_load_part(x + offset[k] + j * CPU_VEC, mask[j]);
                __asm__("" : "+v"(b)); /* or gcc loads it for each row */
                CPU_UNROLL for (int i = 0; i < m; i++) sum[i][j] = v_fma(a[i], b, sum[i][j]);
            }
        }
    }
    CPU_UNROLL for (int i = 0; i < m; i++)
    {
        float *to = t->c + i * f->plane;
        CPU_UNROLL for (int j = 0; j < nv - 1; j++) v_store(to + j * CPU_VEC, sum[i][j]);
        v_store_part(to + (nv - 1) * CPU_VEC, sum[i][nv - 1], t->last);
    }
}

typedef void tile_fn(const cpu_few *, const tile *);
#if CPU_VEC == 16
#define VECTORS(X, m) X(m, 1) X(m, 2) X(m, 3) X(m, 4) X(m, 5) X(m, 6) X(m, 7) X(m, 8)
#else
#define VECTORS(X, m) X(m, 1) X(m, 2) X(m, 3) X(m, 4)
#endif
#define X(m, nv)                                                                                   \
    static void tile_##m##_##nv(const cpu_few *f, const tile *t) { multiply(f, t, m, nv); }
VECTORS(X, 1)
VECTORS(X, 2)
VECTORS(X, 3)
#undef X
#define X(m, nv) tile_##m##_##nv,
static tile_fn *const tiles[CPU_FEW_ROWS][CPU_FEW_VECTORS] = {
    {VECTORS(X, 1)}, {VECTORS(X, 2)}, {VECTORS(X, 3)}};
#undef X

/* What a thread works with. */
typedef struct worker {
    const cpu_conv_job *j;
    const cpu_few *f;
    const float *weights;
    const cpu_run *epilogue; /* or NULL */
} worker;

static void let_ask(const worker *k, int64_t n, int64_t i, int64_t count, tile *t)
{
    const cpu_few *f = k->f;
    const float *next = k->j->a + cpu_least(n + 1, k->j->v->N - 1) * f->image;
    int64_t length = count * CPU_VEC;
    t->near = ((length + f->high - f->low) / LINE + 3) / 2;
    t->lines = (length + LINE - 1) / LINE;
    if (f->in_order) {
        t->step = length;
        t->far = next + f->depth * cpu_few_first(f, i) * CPU_VEC;
    } else {
        t->step = f->plane;
        t->far = i + 1 < f->tiles ? t->x + length + f->high : next;
    }
}

/* Tile i of image n. */
static void run_tile(const worker *k, int64_t n, int64_t i)
{
    const cpu_few *f = k->f;
    const int64_t first = cpu_few_first(f, i), count = cpu_few_first(f, i + 1) - first;
    const int64_t at = first * CPU_VEC, length = cpu_least(count * CPU_VEC, f->plane - at);
    tile t = {.x = k->j->a + n * f->image + at,
              .w = k->weights,
              .mask = f->mask + first * f->taps,
              .c = k->j->c + n * f->apart + at,
              .last = v_part((int)(length - (count - 1) * CPU_VEC))};
    let_ask(k, n, i, count, &t);
    for (int64_t r = 0; r < f->m; r++)
        for (int64_t e = 0; e < length; e += LINE) __builtin_prefetch(t.c + r * f->plane + e, 1);
    tiles[f->m - 1][count - 1](f, &t);
    for (int64_t r = 0; r < f->m && k->epilogue; r++)
        CPU_NAME(cpu_run_range)(k->epilogue, (n * f->m + r) * f->plane + at, length);
}

/* Each thread has its own: [channel][tap][row]. */
static void pack(const cpu_conv_job *j, float *to)
{
    const cpu_few *f = j->v->fast;
    int64_t y = j->v->which == RK_CONV_Y, row = y ? f->depth * f->taps : f->taps;
    for (int64_t c = 0; c < f->depth; c++)
        for (int64_t t = 0; t < f->taps; t++) {
            const float *w = j->b + (y ? c : c * f->m) * f->taps + t;
            for (int64_t i = 0; i < f->m; i++) *to++ = w[i * row];
        }
}

static void share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    const cpu_few *f = j->v->fast;
    unsigned char *scratch = cpu_scratch(j->kernel, t);
    worker k = {.j = j, .f = f, .weights = (const float *)(const void *)scratch};
    int64_t from, end;
    cpu_run r;
    cpu_share(j->v->N * f->tiles, 1, t, threads, &from, &end);
    if (from == end) return;
    if (j->v->epilogue) {
        r = CPU_NAME(cpu_run_begin)(j->v->epilogue, scratch + j->v->program_at, j->arg, j->c, NULL,
                                    CPU_BLOCK);
        k.epilogue = &r;
    }
    pack(j, (float *)(void *)scratch);
    for (int64_t u = from; u < end; u++) run_tile(&k, u / f->tiles, u % f->tiles);
}

void CPU_NAME(cpu_conv_few_run)(const cpu_conv_job *j)
{
    cpu_conv_job own = *j;
    cpu_parallel(j->kernel->device, j->kernel->threads, share, &own);
}
#endif
