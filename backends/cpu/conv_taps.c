/* y and dx: products of weights and taps.
 *
 * y is one product: a row for each k, a column for each position (n, oh, ow), and l runs over
 * (c, r, s).  dx has a row for each c; its columns fall into grids, one for each remainder of h and
 * w by the strides, and each grid has its own taps (k, r, s), the ones that take part.  So a grid is
 * dense, and its taps lie at constant offsets in the planes of the operand.
 *
 * The weights are packed once, into panels of rows in the workspace.  A unit of work is some images,
 * or some rows of one image's grid, and some panels.  For each piece of l it copies the channels
 * that the piece reads, then packs the taps of a few columns and multiplies them with all panels. */
#include <string.h>
#include <rethink/numerics.h>
#include "conv_taps.h"

#ifdef CPU_VEC
/* What a thread works on: images [n, n + images), grid rows [a, a + rows), panels [from, end). */
typedef struct unit {
    const cpu_conv_job *j;
    const cpu_taps *f;
    int64_t n, images, a, rows, from, end, i, m; /* i, m: the panels' first row and rows */
    float *planes, *strip, *chain, *panel;
} unit;

/* A vector's worth of a column panel, or less: lanes that follow one another in the planes. */
typedef struct run {
    vec_mask part;
    int64_t to, from;
} run;

/* The taps before the end of block b, of those that take part. */
static int64_t block_end(const cpu_taps *f, const cpu_grid *g, int64_t b)
{
    int64_t number = (b + 1) * RK_CONV_BLOCK, rest = number % f->taps, before = 0;
    if (number >= f->depth * f->taps) return f->depth * g->taps;
    while (before < g->taps && g->number[before] < rest) before++;
    return number / f->taps * g->taps + before;
}

/* Pieces are even parts of a block, and end with a channel where that is possible. */
static int64_t piece_length(const cpu_grid *g, int64_t length)
{
    int64_t pieces = (length + CPU_KC - 1) / CPU_KC;
    int64_t n = pieces ? (length + pieces - 1) / pieces : 0;
    if (g->taps > 1 && g->taps <= CPU_KC) n = (n + g->taps - 1) / g->taps * g->taps;
    return n > CPU_KC ? CPU_KC / g->taps * g->taps : n;
}

static float *panel_of(const cpu_taps *f, const cpu_grid *g, float *work, int64_t p)
{
    return work + g->panels + cpu_panel_start(f->m, p) * f->depth * g->taps + p * CPU_VEC;
}

static void pack_panel(const cpu_conv_job *j, const cpu_taps *f, const cpu_grid *g, int64_t p)
{
    const cpu_conv *v = j->v;
    int64_t i = cpu_panel_start(f->m, p), rows = cpu_panel_start(f->m, p + 1) - i;
    float *to = panel_of(f, g, j->work, p);
    if (v->which == RK_CONV_Y) {
        int64_t k = f->depth * f->taps;
        pack_along(to, rows, j->b + i * k, k, rows, k);
        return;
    }
    for (int64_t k = 0; k < f->depth; k++)
        for (int64_t t = 0; t < g->taps; t++, to += rows) {
            const float *w = j->b + (k * f->m + i) * f->taps + g->number[t];
            for (int64_t r = 0; r < rows; r++) to[r] = w[r * f->taps];
        }
}

static void pack_share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    const cpu_taps *f = j->v->fast;
    int64_t panels = cpu_panels(f->m), from, end;
    cpu_share(f->grids * panels, 1, t, threads, &from, &end);
    for (int64_t u = from; u < end; u++) pack_panel(j, f, &f->grid[u / panels], u % panels);
}

/* Splits columns [j, j + n) of a grid into runs; returns how many. */
static int find_runs(const unit *u, const cpu_grid *g, int64_t rows, int64_t j, int64_t n, run *to)
{
    const cpu_planes *p = &u->f->planes;
    int64_t b = j % g->columns, a = j / g->columns % rows, image = j / g->columns / rows;
    int count = 0;
    for (int64_t at = 0; at < n;) {
        int64_t length = cpu_least(g->columns - b, n - at);
        if (p->width == g->columns) length = cpu_least((rows - a) * g->columns - b, n - at);
        int64_t from = image * p->image + a * p->width + b;
        for (int64_t i = 0; i < length; i += CPU_VEC)
            to[count++] = (run){v_part((int)cpu_least(length - i, CPU_VEC)), at + i, from + i};
        at += length;
        b += length;
        a += b / g->columns;
        b %= g->columns;
        image += a / rows;
        a %= rows;
    }
    return count;
}

/* The taps [l, l + n) of some columns, width floats a tap.  A run may write lanes that belong to the
 * next run or tap: those are written later. */
static inline __attribute__((always_inline)) void pack_runs(const cpu_taps *f, const cpu_grid *g,
                                                            const float *from, int64_t l, int64_t n,
                                                            const run *r, int runs, float *to,
                                                            int64_t width)
{
    int64_t t = l % g->taps;
    for (int64_t i = 0; i < n; i++, to += width) {
        const float *tap = from + g->offset[t];
        for (int k = 0; k < runs; k++)
            v_store(to + r[k].to, v_load_part(tap + r[k].from, r[k].part));
        if (++t < g->taps) continue;
        t = 0;
        from += f->planes.channel;
    }
}

static void pack(const cpu_taps *f, const cpu_grid *g, const float *from, int64_t l, int64_t n,
                 const run *r, int runs, float *to, int64_t width)
{
    switch (runs) {
    case 1: pack_runs(f, g, from, l, n, r, 1, to, width); break;
    case 2: pack_runs(f, g, from, l, n, r, 2, to, width); break;
    case 3: pack_runs(f, g, from, l, n, r, 3, to, width); break;
    case 4: pack_runs(f, g, from, l, n, r, 4, to, width); break;
    default: pack_runs(f, g, from, l, n, r, runs, to, width); break;
    }
}

/* One piece of l of one grid. */
typedef struct piece {
    const cpu_grid *g;
    int64_t rows, columns; /* of the grid, in this unit */
    int64_t block, l, n;
    int first, last; /* of its block */
    float *c;
    int64_t ldc;
} piece;

/* Where the planes of the piece's first channel are, filled. */
static const float *planes(const unit *u, const piece *s)
{
    const cpu_planes *p = &u->f->planes;
    int64_t plane = p->H * p->W, first, end;
    if (s->n == 0) return u->planes;
    first = s->l / s->g->taps;
    end = (s->l + s->n - 1) / s->g->taps + 1;
    const float *x = u->j->a + (u->n * p->channels + first) * plane;
    if (p->direct) return x + u->a * p->width;
    for (int64_t c = 0; c < end - first; c++)
        for (int64_t i = 0; i < u->images; i++) CPU_NAME(cpu_planes_fill)
    (p, x + (i * p->channels + c) * plane, u->planes + c * p->channel + i * p->image, u->a,
     u->rows + p->halo_h);
    return u->planes;
}

/* The first block is built up in c, later ones in chain, and added to c when they end. */
static void place(const unit *u, const piece *s, cpu_tile *t, int64_t i, int64_t j)
{
    float *c = s->c + i * s->ldc + j, *chain = u->chain + i * s->columns + j;
    int later = s->block > 0;
    t->plus = later && s->last;
    t->from = s->first ? NULL : later ? chain : c;
    t->ld_from = later ? s->columns : s->ldc;
    t->to = later && !s->last ? chain : c;
    t->ld_to = later && !s->last ? s->columns : s->ldc;
}

static void multiply_piece(const unit *u, const piece *s)
{
    const cpu_taps *f = u->f;
    const float *from = planes(u, s);
    run runs[CPU_NR];
    for (int64_t j = 0; j < s->columns; j += CPU_NR) {
        int64_t columns = cpu_least(s->columns - j, CPU_NR), nv = (columns + CPU_VEC - 1) / CPU_VEC;
        cpu_tile t = {.b = u->panel, .k = s->n, .ldb = nv * CPU_VEC};
        t.last = columns - (nv - 1) * CPU_VEC;
        int count = find_runs(u, s->g, s->rows, j, columns, runs);
        if (s->n) pack(f, s->g, from, s->l, s->n, runs, count, u->panel, t.ldb);
        for (int64_t p = u->from; p < u->end; p++) {
            int64_t i = cpu_panel_start(f->m, p), rows = cpu_panel_start(f->m, p + 1) - i;
            t.a = panel_of(f, s->g, u->j->work, p) + s->l * rows;
            place(u, s, &t, i - u->i, j);
            t.next = t.to + rows * t.ld_to;
            CPU_NAME(cpu_tile_run)(&t, rows, nv);
        }
    }
}

static void multiply(const unit *u, piece *s)
{
    const cpu_taps *f = u->f;
    for (s->block = 0, s->l = 0; s->block < f->blocks; s->block++) {
        int64_t start = s->l, end = block_end(f, s->g, s->block);
        int64_t most = piece_length(s->g, end - start);
        do {
            s->n = cpu_least(most, end - s->l);
            s->first = s->l == start;
            s->last = s->l + s->n == end;
            multiply_piece(u, s);
            s->l += s->n;
        } while (s->l < end);
    }
}

/* From the strip to the result. */
static void spread(const unit *u, const piece *s)
{
    const cpu_taps *f = u->f;
    const cpu_grid *g = s->g;
    const float *from = u->strip;
    for (int64_t i = 0; i < u->m; i++)
        for (int64_t n = 0; n < u->images; n++) {
            float *to = u->j->c + ((u->n + n) * f->m + u->i + i) * f->h * f->w;
            to += (g->h0 + u->a * f->sh) * f->w + g->w0;
            for (int64_t a = 0; a < s->rows; a++, to += f->sh * f->w, from += g->columns)
                if (f->sw == 1)
                    memcpy(to, from, (size_t)g->columns * sizeof *to);
                else
                    for (int64_t b = 0; b < g->columns; b++) to[b * f->sw] = from[b];
        }
}

static void multiply_grid(const unit *u, const cpu_grid *g)
{
    const cpu_taps *f = u->f;
    piece s = {.g = g, .rows = cpu_least(u->rows, g->rows - u->a)};
    int in_place = f->grids == 1 && u->images == 1;
    s.columns = u->images * s.rows * g->columns;
    s.c = in_place ? u->j->c + (u->n * f->m + u->i) * f->h * f->w + u->a * f->w : u->strip;
    s.ldc = in_place ? f->h * f->w : s.columns;
    if (s.columns <= 0) return;
    multiply(u, &s);
    if (!in_place) spread(u, &s);
}

static void finish(const unit *u, const cpu_run *r)
{
    const cpu_taps *f = u->f;
    int64_t plane = f->h * f->w, from = u->a * f->sh * f->w;
    int64_t n = cpu_least((u->a + u->rows) * f->sh, f->h) * f->w - from;
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
    const cpu_taps *f = u->f;
    int64_t band = number / f->parts % f->bands, group = number / f->parts / f->bands, end;
    u->n = group * u->j->v->N / f->groups;
    u->images = (group + 1) * u->j->v->N / f->groups - u->n;
    u->a = band * f->rows;
    u->rows = cpu_least(f->rows, f->grid[0].rows - u->a);
    cpu_share(cpu_panels(f->m), 1, (int)(number % f->parts), (int)f->parts, &u->from, &u->end);
    u->i = cpu_panel_start(f->m, u->from);
    end = cpu_panel_start(f->m, u->end);
    u->m = end - u->i;
    for (int64_t g = 0; g < f->grids; g++) multiply_grid(u, &f->grid[g]);
    if (r) finish(u, r);
}

static void share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    const cpu_taps *f = j->v->fast;
    unsigned char *scratch = cpu_scratch(j->kernel, t);
    unit u = {.j = j,
              .f = f,
              .planes = (float *)(void *)scratch,
              .strip = (float *)(void *)(scratch + f->strip_at),
              .chain = (float *)(void *)(scratch + f->chain_at),
              .panel = (float *)(void *)(scratch + f->panel_at)};
    int64_t from, end;
    cpu_run r;
    cpu_share(f->groups * f->bands * f->parts, 1, t, threads, &from, &end);
    if (from == end) return;
    memset(scratch, 0, f->strip_at);
    if (j->v->epilogue)
        r = CPU_NAME(cpu_run_begin)(j->v->epilogue, scratch + j->v->program_at, j->arg, j->c, NULL,
                                    CPU_BLOCK);
    for (int64_t n = from; n < end; n++) run_unit(&u, n, j->v->epilogue ? &r : NULL);
}

void CPU_NAME(cpu_conv_taps_run)(const cpu_conv_job *j)
{
    cpu_conv_job own = *j;
    cpu_parallel(j->kernel->device, j->kernel->threads, pack_share, &own);
    cpu_parallel(j->kernel->device, j->kernel->threads, share, &own);
}
#endif
