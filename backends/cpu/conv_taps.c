/* y and dx: products of weights and taps.
 *
 * y is one product: a row for each k, a column for each position (n, oh, ow), and l runs over (c,
 * r, s).  dx has a row for each c; its columns fall into grids, one for each remainder of h and w
 * by the strides, and each grid has its own taps (k, r, s), the ones that take part.  So a grid is
 * dense, and its taps lie at constant offsets in the planes of the operand.
 *
 * The weights are packed once, into panels of rows in the workspace.  A unit of work is some
 * images, or some rows of one image's grid, and some panels.  For each piece of l it copies the
 * channels that the piece reads, then packs the taps of a few columns and multiplies them with all
 * panels. */
#include <string.h>
#include <rethink/numerics.h>
#include "conv_ask.h"
#include "conv_feed.h"
#include "conv_taps.h"

#ifdef CPU_VEC
enum {
    AHEAD = 4,             /* rows of the result that are on their way into the cache */
    MOST_ASKED = 256 << 10 /* bytes of an array: that much of the cache is not missed */
};

/* What a thread works on: images [n, n + images), grid rows [a, a + rows), panels [from, end). */
typedef struct unit {
    const cpu_conv_job *j;
    const cpu_taps *f;
    int64_t n, images, a, rows, from, end, i, m; /* i, m: the panels' first row and rows */
    int64_t ahead; /* from this unit's operand to that of the next one */
    float *planes, *strip, *chain, *panel;
    vec_mask *mask;
    int64_t mask_a, mask_images; /* of which there were masks before */
    int fresh;                   /* this unit needs others */
    int64_t filled;              /* channels whose planes are there */
    cpu_ask ask;                 /* for what the epilogue reads and what is copied next */
} unit;

/* The taps before the end of block b, of those that take part. */
static int64_t block_end(const cpu_taps *f, const cpu_grid *g, int64_t b)
{
    int64_t number = (b + 1) * RK_CONV_BLOCK, rest = number % f->taps, before = 0;
    if (number >= f->depth * f->taps) return f->depth * g->taps;
    while (before < g->taps && g->number[before] < rest) before++;
    return number / f->taps * g->taps + before;
}

/* Pieces are even parts of a block, and end with a channel where that is possible. */
static int64_t piece_length(const cpu_taps *f, const cpu_grid *g, int64_t length)
{
    int64_t pieces = (length + f->piece - 1) / f->piece;
    int64_t n = pieces ? (length + pieces - 1) / pieces : 0;
    if (g->taps > 1 && g->taps <= f->piece) n = (n + g->taps - 1) / g->taps * g->taps;
    return n > f->piece ? f->piece / g->taps * g->taps : n;
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

/* Where the planes of the piece's first channel are, filled.  If there is room for all channels,
 * they stay for the pieces of other grids. */
static const float *planes(unit *u, const piece *s)
{
    const cpu_planes *p = &u->f->planes;
    int64_t plane = p->H * p->W, first, end, stay = u->f->slots == u->f->depth;
    if (s->n == 0) return u->planes;
    first = s->l / s->g->taps;
    end = (s->l + s->n - 1) / s->g->taps + 1;
    const float *x = u->j->a + u->n * p->apart;
    if (p->direct) return x + first * plane + u->a * p->width + u->f->origin;
    for (int64_t c = stay ? cpu_most(first, u->filled) : first; c < end; c++)
        for (int64_t i = 0; i < u->images; i++) {
            float *to = u->planes + (stay ? c : c - first) * p->channel + i * p->image;
            const float *from = x + i * p->apart + c * plane;
            CPU_NAME(cpu_planes_fill)(p, from, to, u->a, u->rows + p->halo_h, u->ahead);
        }
    u->filled = cpu_most(u->filled, end);
    return u->planes + (stay ? first * p->channel : 0);
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

/* Some columns of a piece: where they are, and where those that are wanted next. */
typedef struct columns {
    int64_t at, n;
    cpu_lanes lanes[CPU_NR];
    int count;
    const float *next; /* of the first channel; NULL: nothing is asked for */
    const struct columns *after;
    int by_row; /* asked for row by row, as of 1 x 1 windows: a line of each by each panel */
    int64_t low, high, channels, share; /* to ask for: taps; of all panels, and of one */
} columns;

/* Where taps lie in memory: channels [from, from + share) of the next columns.  Each panel asks for
 * a share while it is multiplied: memory has more time than if all were asked for at once.  A
 * function of its own would be without effect to compilers, which leave calls of such away. */
static inline __attribute__((always_inline)) void ask(const cpu_planes *p, const columns *c,
                                                      int64_t from)
{
    int64_t end = cpu_least(from + c->share, c->channels);
    const cpu_lanes *lanes = c->after->lanes, *last = lanes + c->after->count - 1;
    for (const float *x = c->next + from * p->channel; from < end; from++, x += p->channel) {
        for (const cpu_lanes *l = lanes; l <= last; l++)
            for (int64_t t = c->low; t <= c->high; t += CPU_VEC)
                __builtin_prefetch(x + l->from + t);
        __builtin_prefetch(x + last->from + c->high + last->n - 1);
    }
}

/* The line of the first row that a panel asks for, or NULL. */
static const float *soon(const columns *c, int64_t panel)
{
    const cpu_lanes *lanes = c->after->lanes, *last = lanes + c->after->count - 1;
    if (panel < c->after->count) return c->next + lanes[panel].from;
    return panel == c->after->count ? c->next + last->from + last->n - 1 : NULL;
}

/* The first of the unit's panels packs the columns, others read them. */
static void multiply_columns(unit *u, const piece *s, cpu_feed *from, const columns *c)
{
    const cpu_taps *f = u->f;
    int64_t nv = (c->n + CPU_VEC - 1) / CPU_VEC;
    cpu_tile t = {.b = u->panel, .k = s->n, .ldb = nv * CPU_VEC};
    t.last = c->n - (nv - 1) * CPU_VEC;
    from->width = t.ldb;
    from->lanes = c->lanes;
    from->count = c->count;
    if (f->masked) from->mask = u->mask + c->at / CPU_NR * f->lanes * f->taps;
    from->whole = c->n == CPU_NR && c->count == CPU_NV &&
                  c->lanes[CPU_NV - 1].from == c->lanes[0].from + CPU_NR - CPU_VEC;
    from->alone = from->whole && u->end - u->from == 1;
    from->next = c->next ? c->next + c->after->lanes[0].from + c->low : from->from;
    from->asked = c->next ? (c->high - c->low + c->after->n - 1) / CPU_VEC + 2 : 0;
    if (nv < CPU_NV && s->n) CPU_NAME(cpu_feed_pack)(from);
    for (int64_t p = u->from; p < u->end; p++) {
        int64_t i = cpu_taps_row(f, p), rows = cpu_taps_row(f, p + 1) - i;
        t.a = cpu_taps_panel(f, s->g, u->j->work, p) + s->l * rows;
        place(u, s, &t, i - u->i, c->at);
        t.next = t.to + (p + 1 < u->end ? rows * t.ld_to : CPU_NR - (i - u->i) * t.ld_to);
        t.soon = c->next && c->by_row && !from->alone ? soon(c, p - u->from) : NULL;
        t.ld_soon = t.soon ? from->channel : 0;
        if (c->next && !c->by_row && !from->alone) ask(&f->planes, c, (p - u->from) * c->share);
        cpu_ask_share(&u->ask);
        if (p == u->from && nv == CPU_NV)
            CPU_NAME(cpu_feed_tile)(from, &t, rows);
        else
            CPU_NAME(cpu_tile_run)(&t, rows, nv);
    }
}

/* Of these columns, for all taps; they are the same for all pieces. */
static void find_masks(const unit *u, const columns *c)
{
    const cpu_taps *f = u->f;
    const cpu_conv *v = u->j->v;
    vec_mask *to = u->mask + c->at / CPU_NR * f->lanes * f->taps;
    for (int64_t t = 0; t < f->taps; t++) {
        int64_t down = t / v->S - v->ph, right = t % v->S - v->pw;
        if (v->which == RK_CONV_DX) {
            down = -down;
            right = -right;
        }
        for (int i = 0; i < c->count; i++)
            CPU_NAME(cpu_lanes_mask)(&f->planes, &c->lanes[i], u->a, down, right, to++);
    }
}

/* Columns [at, at + CPU_NR), or as many as there are; of none, those at 0. */
static void find_columns(const unit *u, const piece *s, int64_t at, columns *c)
{
    c->at = at < s->columns ? at : 0;
    c->n = cpu_least(s->columns - c->at, CPU_NR);
    c->count =
        CPU_NAME(cpu_lanes_find)(&u->f->planes, s->rows, s->g->columns, c->at, c->n, c->lanes);
    c->next = NULL;
    if (u->fresh && at < s->columns && s->l == 0) find_masks(u, c);
}

static void multiply_piece(unit *u, const piece *s)
{
    const cpu_planes *p = &u->f->planes;
    cpu_feed from = {.offset = s->g->offset, .taps = s->g->taps, .channel = p->channel, .n = s->n};
    int64_t channel = s->l / from.taps, end = (s->l + s->n) / from.taps;
    int64_t after =
        end < u->f->depth ? (end - channel) * from.channel : u->ahead - channel * from.channel;
    int64_t channels = (s->l + s->n - 1) / from.taps + 1 - channel;
    int64_t share = (channels + u->end - u->from - 1) / (u->end - u->from);
    int64_t reach = p->halo_h * p->width + p->halo_w;
    columns two[2], *c = &two[0], *next = &two[1];
    from.from = planes(u, s);
    from.first = s->l % from.taps;
    from.to = u->panel;
    find_columns(u, s, 0, c);
    for (int64_t j = 0; j < s->columns; j += CPU_NR) {
        find_columns(u, s, j + CPU_NR, next);
        if (p->direct && s->n) {
            c->next = from.from + (next->at > j ? 0 : after);
            c->after = next;
            c->low = next->at > j ? reach : 0; /* others are there since the columns before */
            c->high = reach;
            c->channels = channels;
            c->share = share;
            c->by_row = from.taps == 1 && u->end - u->from >= next->count;
        }
        multiply_columns(u, s, &from, c);
        c = next;
        next = c == two ? two + 1 : two;
    }
}

static void multiply(unit *u, piece *s)
{
    const cpu_taps *f = u->f;
    for (s->block = 0, s->l = 0; s->block < f->blocks; s->block++) {
        int64_t start = s->l, end = block_end(f, s->g, s->block);
        int64_t most = piece_length(f, s->g, end - start);
        do {
            s->n = cpu_least(most, end - s->l);
            s->first = s->l == start;
            s->last = s->l + s->n == end;
            multiply_piece(u, s);
            s->l += s->n;
        } while (s->l < end);
    }
}

static void multiply_grid(unit *u, const cpu_grid *g, float *c, int64_t ldc)
{
    piece s = {.g = g, .rows = cpu_least(u->rows, g->rows - u->a), .c = c};
    s.columns = u->images * s.rows * g->columns;
    s.ldc = ldc ? ldc : s.columns;
    if (g->taps == 0)
        memset(c, 0, (size_t)(u->m * cpu_most(s.columns, 0)) * sizeof *c);
    else if (s.columns > 0)
        multiply(u, &s);
}

/* From the strips of `wide` grids, which have the same rows, to the result. */
static void spread(const unit *u, const cpu_grid *g, int64_t wide)
{
    const cpu_taps *f = u->f;
    const float *from[CPU_MOST_GRIDS];
    int64_t rows = cpu_least(u->rows, g->rows - u->a), lines = 1;
    if (f->grids == 1) { /* rows follow one another in the result, too */
        lines = rows;
        rows = 1;
    }
    for (int64_t i = 0; i < wide; i++) from[i] = u->strip + i * f->m * f->columns;
    for (int64_t i = 0; i < u->m; i++)
        for (int64_t n = 0; n < u->images; n++)
            for (int64_t a = 0; a < rows; a++) {
                int64_t line = (u->i + i) * f->h + g->h0 + (u->a + a) * f->sh;
                float *to = u->j->c + (u->n + n) * f->apart + line * f->w;
                __builtin_prefetch(to + AHEAD * f->sh * f->w, 1);
                __builtin_prefetch(to + AHEAD * f->sh * f->w + CPU_ALIGN / 4, 1);
                cpu_taps_spread(to, from, wide, lines * f->w);
                for (int64_t k = 0; k < wide; k++) from[k] += lines * g[k].columns;
            }
}

/* In place where rows of a product follow one another in the result, else by way of strips. */
static void multiply_grids(unit *u)
{
    const cpu_taps *f = u->f;
    int64_t plane = f->h * f->w, wide = cpu_least(f->sw, f->w);
    if (f->grids == 1 && u->images == 1) {
        float *c = u->j->c + u->n * f->apart + u->i * plane + u->a * f->w;
        multiply_grid(u, f->grid, c, plane);
        return;
    }
    for (int64_t g = 0; g < f->grids; g += wide) {
        for (int64_t i = 0; i < wide; i++)
            multiply_grid(u, &f->grid[g + i], u->strip + i * f->m * f->columns, 0);
        spread(u, &f->grid[g], wide);
    }
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

/* What the next unit copies, unless it leaves rows out; the copy of this one asked for it, too. */
static void ask_for_operand(unit *u)
{
    const cpu_planes *p = &u->f->planes;
    const int64_t plane = p->H * p->W, band = u->f->rows * p->step_h * p->W;
    const float *x = u->j->a + u->n * p->apart + u->a * p->step_h * p->W;
    if (p->direct || p->phases_h < p->step_h) return;
    if (u->a + u->f->rows < u->f->grid[0].rows)
        cpu_ask_add(&u->ask, x + band, 4, p->channels, plane, band);
    else if (u->n + u->images < u->j->v->N)
        cpu_ask_add(&u->ask, u->j->a + (u->n + u->images) * p->apart, 4, u->images, p->apart,
                    p->channels * plane);
}

/* Memory has the time of all tiles. */
static void ask_for(unit *u, const cpu_run *r)
{
    const cpu_taps *f = u->f;
    int64_t plane = f->h * f->w, from = u->a * f->sh * f->w, tiles = 0;
    int64_t n = cpu_least((u->a + u->rows) * f->sh, f->h) * f->w - from;
    u->ask = (cpu_ask){.wishes = 0};
    ask_for_operand(u);
    if (4 * n * u->m * u->images > MOST_ASKED) r = NULL;
    if (!r && !u->ask.wishes) return;
    for (int64_t g = 0; g < f->grids; g++) {
        int64_t columns = u->images * u->rows * f->grid[g].columns;
        tiles += (columns + CPU_NR - 1) / CPU_NR *
                 ((f->depth * f->grid[g].taps + f->piece - 1) / f->piece);
    }
    for (int64_t i = 0; i < u->images && r; i++)
        cpu_ask_program(&u->ask, r, ((u->n + i) * f->m + u->i) * plane + from, u->m, plane, n);
    cpu_ask_divide(&u->ask, cpu_most(tiles, 1) * (u->end - u->from));
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
    u->i = cpu_taps_row(f, u->from);
    u->ahead = band + 1 < f->bands ? f->rows * f->planes.step_h * f->planes.W
                                   : u->images * f->planes.channels * f->planes.H * f->planes.W -
                                         u->a * f->planes.step_h * f->planes.W;
    end = cpu_taps_row(f, u->end);
    u->m = end - u->i;
    u->fresh = f->masked && (u->a != u->mask_a || u->images != u->mask_images);
    u->mask_a = u->a;
    u->mask_images = u->images;
    u->filled = 0;
    ask_for(u, r);
    multiply_grids(u);
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
              .mask = (vec_mask *)(void *)scratch,
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
    CPU_NAME(cpu_taps_pack)(j);
    cpu_parallel(j->kernel->device, j->kernel->threads, share, &own);
}
#endif
