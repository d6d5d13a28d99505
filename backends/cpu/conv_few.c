/* y and dx of few rows: results of so few channels that a tile of CPU_NR columns would wait for
 * its loads.
 *
 * A unit of work is an image, or a band of its rows, whose sums stay in the nearest cache.  The
 * operand is walked once, some channels at a time, by way of planes whose rows share the zeros
 * between them: so a tap of all positions is one run of memory.  Tiles as large as the registers
 * take the sums of some positions through all taps of these channels; with each tap they move a
 * vector of the next channels into rows of the planes that no tile reads any more.  There are
 * positions between rows that nobody wants: they are summed, too, and left where they are. */
#include <string.h>
#include "conv_few.h"

#ifdef CPU_VEC
enum { LINE = CPU_ALIGN / 4 };

/* A group of channels of a unit: result rows [a, a + rows) of image n. */
typedef struct part {
    const float *x; /* row a of its first channel */
    int64_t group, channels, n, a, rows;
} part;

/* Some positions, in the planes and in the sums; and what is moved meanwhile, of each channel. */
typedef struct tile {
    const float *x, *w;
    float *sum;
    int64_t channels;
    int first; /* there are no sums yet */
    const float *from, *soon;
    float *to;
    int64_t moves, moved; /* vectors of a channel; channels */
    int64_t skip;         /* to what is asked for of the next channel */
} tile;

static inline __attribute__((always_inline)) void step(vec sum[CPU_FEW_ROWS][CPU_FEW_VECTORS],
                                                       const float *tap, const float *w, int m,
                                                       int nv)
{
    vec a[CPU_FEW_ROWS];
    CPU_UNROLL for (int i = 0; i < m; i++) a[i] = v_all(w + i);
    CPU_UNROLL for (int j = 0; j < nv; j++)
    {
        vec b = v_load(tap + j * CPU_VEC);
        __asm__("" : "+v"(b)); /* or gcc loads it for each row */
        CPU_UNROLL for (int i = 0; i < m; i++) sum[i][j] = v_fma(a[i], b, sum[i][j]);
    }
}

static inline __attribute__((always_inline)) void move(cpu_few_spot s, const float *from, float *to,
                                                       const float *soon)
{
    __builtin_prefetch(soon, 0, 3);
    v_store(to + (s >> 32), v_load(from + (uint32_t)s));
}

static inline __attribute__((always_inline)) void multiply(const cpu_few *f, const tile *t, int m,
                                                           int nv)
{
    const int64_t taps = f->taps, *offset = f->offset, channel = f->planes.H * f->planes.W;
    const float *x = t->x, *w = t->w, *from = t->from, *soon = t->soon;
    float *to = t->to, *end = t->sum;
    vec sum[CPU_FEW_ROWS][CPU_FEW_VECTORS];
    CPU_UNROLL for (int i = 0; i < m; i++) CPU_UNROLL for (int j = 0; j < nv; j++) sum[i][j] =
        t->first ? v_zero() : v_load(end + i * f->sums + j * CPU_VEC);
    for (int64_t c = 0; c < t->channels; c++) {
        int64_t moves = c < t->moved ? t->moves : 0, l = 0;
        for (; l < cpu_least(taps, moves); l++, w += m, soon += LINE) {
            move(f->spot[l], from, to, soon);
            step(sum, x + offset[l], w, m, nv);
        }
        for (int64_t k = l; k < taps; k++, w += m) step(sum, x + offset[k], w, m, nv);
        for (; l < moves; l++, soon += LINE) move(f->spot[l], from, to, soon);
        x += f->plane;
        to += f->plane;
        from += channel;
        soon += t->skip;
    }
    CPU_UNROLL for (int i = 0; i < m; i++) CPU_UNROLL for (int j = 0; j < nv; j++)
        v_store(end + i * f->sums + j * CPU_VEC, sum[i][j]);
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

static part part_of(const cpu_conv_job *j, int64_t number)
{
    const cpu_few *f = j->v->fast;
    int64_t unit = number / f->groups, group = number % f->groups;
    part p = {.group = group, .n = unit / f->bands, .a = unit % f->bands * f->rows};
    int64_t first = group * f->channels;
    p.channels = cpu_least(f->channels, f->depth - first);
    p.rows = cpu_least(f->rows, f->h - p.a);
    p.x = j->a + p.n * f->planes.apart + (first * f->planes.H + p.a) * f->planes.W;
    return p;
}

static int64_t rows_of(const cpu_few *f, const part *p) { return p->rows + f->planes.halo_h; }

/* What a thread works with. */
typedef struct worker {
    const cpu_conv_job *j;
    const cpu_few *f;
    const float *weights;
    float *planes, *sums;
    part p[3];      /* this part of its work, and two more */
    int64_t copied; /* rows of this part's planes, or of the next one's */
} worker;

/* Rows [from, end) of the planes of channels from c on. */
static void copy(const worker *k, const part *p, int64_t c, int64_t from, int64_t end)
{
    const cpu_few *f = k->f;
    const int64_t low = f->planes.low_h, W = f->planes.W, H = f->planes.H;
    for (; c < p->channels; c++) {
        float *to = k->planes + c * f->plane + f->lead;
        for (int64_t i = from; i < end; i++) {
            int64_t h = p->a + low + i;
            if (h < 0 || h >= H)
                memset(to + i * f->width, 0, (size_t)W * sizeof *to);
            else
                v_copy(to + i * f->width, p->x + (c * H + low + i) * W, W);
        }
    }
}

/* Lets a tile move rows [k->copied, end) of a part's planes.  Rows outside the operand stay as they
 * are if there are no bands. */
static void let_move(worker *k, tile *t, const part *p, int64_t end)
{
    const cpu_few *f = k->f;
    const int64_t low = f->planes.low_h, W = f->planes.W;
    int64_t from = cpu_most(k->copied, -low - p->a);
    int64_t to = cpu_least(end, f->planes.H - low - p->a);
    if (f->bands > 1) {
        copy(k, p, 0, k->copied, cpu_least(from, end));
        copy(k, p, 0, cpu_most(k->copied, to), end);
    }
    k->copied = end;
    t->moves = cpu_most(to - from, 0) * f->spots;
    if (!t->moves) return;
    t->moved = p->channels;
    t->from = p->x + (low + from) * W;
    t->to = k->planes + f->lead + from * f->width;
    copy(k, p, t->channels, from, to);
}

/* What a tile asks for: two parts beyond the one that is moved.  Whole planes are asked for as they
 * lie in memory, which it likes best. */
static void let_ask(const worker *k, tile *t, int64_t before)
{
    const cpu_few *f = k->f;
    int64_t apart = k->p[2].x - k->p[1].x;
    if (f->bands > 1) {
        t->soon = t->from + apart;
        t->skip = f->planes.H * f->planes.W - t->moves * LINE;
    } else {
        t->soon = k->p[2].x + apart + before * LINE;
    }
}

/* A share of the result. */
static void ask(const worker *k, int64_t i, int64_t count)
{
    const cpu_few *f = k->f;
    int64_t n = k->p->rows * f->w;
    float *c = k->j->c + k->p->n * f->apart + k->p->a * f->w;
    for (int64_t r = 0; r < f->m; r++, c += f->h * f->w)
        for (int64_t e = n * i / count; e < n * (i + 1) / count; e += LINE)
            __builtin_prefetch(c + e, 1);
}

static void multiply_part(worker *k, int last)
{
    const cpu_few *f = k->f;
    const part *p = k->p;
    int64_t vectors = cpu_few_vectors(f, p->rows),
            count = (vectors + CPU_FEW_VECTORS - 1) / CPU_FEW_VECTORS;
    int64_t need = (vectors / count * CPU_VEC + f->last) / f->width + 1, asked = 0;
    tile t = {.w = k->weights + p->group * f->channels * f->taps * f->m,
              .channels = p->channels,
              .first = p->group == 0,
              .from = p->x,
              .to = k->planes};
    need = cpu_least(need, rows_of(f, p));
    if (k->copied < need) {
        copy(k, p, 0, k->copied, need);
        k->copied = need;
    }
    let_move(k, &t, p, rows_of(f, p));
    for (int64_t i = 0, at = 0, next; i < count; i++, at = next) {
        next = vectors * (i + 1) / count;
        if (i == 1) k->copied = 0;
        t.x = k->planes + at * CPU_VEC;
        t.sum = k->sums + at * CPU_VEC;
        if (i > 0 && last)
            t.moves = 0;
        else if (i > 0)
            let_move(k, &t, p + 1, cpu_least(at * CPU_VEC / f->width, rows_of(f, p + 1)));
        let_ask(k, &t, asked);
        asked += t.moves * t.channels;
        tiles[f->m - 1][next - at - 1](f, &t);
        if (p->group == f->groups - 1) ask(k, i, count);
    }
    if (count == 1) k->copied = 0;
}

static void finish(const worker *k, const cpu_run *r)
{
    const cpu_few *f = k->f;
    const part *p = k->p;
    for (int64_t i = 0; i < f->m; i++) {
        int64_t at = (i * f->h + p->a) * f->w;
        float *c = k->j->c + p->n * f->apart + at;
        for (int64_t a = 0; a < p->rows; a++)
            v_copy(c + a * f->w, k->sums + i * f->sums + a * f->width, f->w);
        if (r) CPU_NAME(cpu_run_range)(r, p->n * f->m * f->h * f->w + at, p->rows * f->w);
    }
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
    worker k = {.j = j,
                .f = f,
                .weights = (const float *)(const void *)scratch,
                .planes = (float *)(void *)(scratch + f->planes_at),
                .sums = (float *)(void *)(scratch + f->sums_at)};
    int64_t from, end;
    cpu_run r;
    cpu_share(j->v->N * f->bands, 1, t, threads, &from, &end);
    if (from == end) return;
    from *= f->groups;
    end *= f->groups;
    if (j->v->epilogue)
        r = CPU_NAME(cpu_run_begin)(j->v->epilogue, scratch + j->v->program_at, j->arg, j->c, NULL,
                                    CPU_BLOCK);
    pack(j, (float *)(void *)scratch);
    memset(k.planes, 0, f->sums_at - f->planes_at);
    k.p[0] = part_of(j, from);
    k.p[1] = part_of(j, cpu_least(from + 1, end - 1));
    for (int64_t n = from; n < end; n++) {
        k.p[2] = part_of(j, cpu_least(n + 2, end - 1));
        multiply_part(&k, n + 1 == end);
        if (k.p->group == f->groups - 1) finish(&k, j->v->epilogue ? &r : NULL);
        k.p[0] = k.p[1];
        k.p[1] = k.p[2];
    }
}

void CPU_NAME(cpu_conv_few_run)(const cpu_conv_job *j)
{
    cpu_conv_job own = *j;
    cpu_parallel(j->kernel->device, j->kernel->threads, share, &own);
}
#endif
