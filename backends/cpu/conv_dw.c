/* dw: products of taps and gradients.
 *
 * A row for each tap (c, r, s), a column for each k, and l runs over the positions (n, oh, ow).
 * The taps of a row at successive positions follow one another in the planes of x, so that rows
 * are broadcast from there; the gradients of some columns are transposed into a panel that stays
 * in the cache while it meets all rows.
 *
 * Work is cut by channels, by columns, and, where that gives too little to do, by blocks of the
 * chains: then each block's sums go to the workspace, and a second pass adds them in their order.
 */
#include <string.h>
#include <rethink/numerics.h>
#include "conv_dw.h"

#ifdef CPU_VEC
/* What a thread works on: channels [c, c + channels), columns [k, k + columns), blocks [from,
 * end). */
typedef struct unit {
    const cpu_conv_job *j;
    const cpu_dw *f;
    int64_t c, channels, k, columns, from, end, rows;
    float *planes, *panel, *chain, *total;
    cpu_dw_run *run;
    cpu_ask ask; /* for what the next piece copies */
} unit;

/* Part of a block: positions [l, l + n), and where sums come from and go to. */
typedef struct piece {
    int64_t l, n;
    const float *from;
    float *to;
    int plus;
    int64_t runs;
    const float *x; /* the planes of the unit's first channel */
} piece;

/* Panels have CPU_NV vectors of columns, but the last has one more if one was left. */
static int64_t panel_count(int64_t columns)
{
    return cpu_most((columns + CPU_VEC - 1) / CPU_VEC / CPU_NV, 1);
}

static int64_t panel_vectors(int64_t columns, int64_t p)
{
    if (p + 1 < panel_count(columns)) return CPU_NV;
    return (columns + CPU_VEC - 1) / CPU_VEC - p * CPU_NV;
}

static void add_run(unit *u, piece *s, int64_t from, int64_t n)
{
    for (int64_t end = from + n; from < end; from += n) {
        cpu_dw_run *last = &u->run[s->runs - 1];
        int joins = s->runs && last->end == from && from - last->from < CPU_DW_RUN;
        n = cpu_least(end - from, joins ? CPU_DW_RUN - (from - last->from) : CPU_DW_RUN);
        if (joins)
            last->end += n;
        else
            u->run[s->runs++] = (cpu_dw_run){from, from + n};
    }
}

/* The positions [at, end) of image n: fills its rows behind `row` others; returns how many. */
static int64_t take_image(unit *u, piece *s, int64_t n, int64_t at, int64_t end, int64_t row)
{
    const cpu_conv *v = u->j->v;
    const cpu_planes *p = &u->f->planes;
    int64_t plane = p->H * p->W, a = at / v->OW, rows = (end - 1) / v->OW + 1 - a;
    const float *x = u->j->a + (n * p->channels + u->c) * plane;
    int64_t first = p->direct ? n * p->image + a * p->width : row * p->width;
    for (int64_t c = 0; c < u->channels && !p->direct; c++) {
        float *to = u->planes + c * p->channel + row * p->width;
        CPU_NAME(cpu_planes_fill)(p, x + c * plane, to, a, rows + p->halo_h, u->f->ahead);
    }
    while (at < end) {
        int64_t b = at % v->OW, length = cpu_least(v->OW - b, end - at);
        add_run(u, s, first + (at / v->OW - a) * p->width + b, length);
        at += length;
    }
    return rows + p->halo_h;
}

/* The planes that a piece reads, and its runs in them. */
static void take_planes(unit *u, piece *s)
{
    const cpu_conv *v = u->j->v;
    const cpu_planes *p = &u->f->planes;
    int64_t image = v->OH * v->OW, row = 0;
    s->x = p->direct ? u->j->a + u->c * p->channel : u->planes;
    s->runs = 0;
    for (int64_t l = s->l, length; l < s->l + s->n; l += length) {
        int64_t at = l % image;
        length = cpu_least(image - at, s->l + s->n - l);
        row += take_image(u, s, l / image, at, at + length, row);
    }
}

/* Gradients of columns [k, k + columns) at the piece's positions. */
static void pack_panel(const unit *u, const piece *s, int64_t k, int64_t columns, int64_t width)
{
    const cpu_conv *v = u->j->v;
    int64_t image = v->OH * v->OW;
    float *to = u->panel;
    for (int64_t l = s->l, length; l < s->l + s->n; l += length, to += length * width) {
        int64_t at = l % image;
        length = cpu_least(image - at, s->l + s->n - l);
        const float *g = u->j->b + l / image * v->apart + k * image + at;
        for (int64_t j = 0; j < columns; j += CPU_VEC)
            pack_along(to + j, width, g + j * image, image, cpu_least(columns - j, CPU_VEC),
                       length);
    }
}

static void multiply_panel(unit *u, const piece *s, int64_t panel, int64_t vectors)
{
    const cpu_dw *f = u->f;
    const cpu_planes *p = &f->planes;
    const float *x = s->x;
    cpu_dw_tile t = {
        .run = u->run, .runs = s->runs, .g = u->panel, .plus = s->plus, .ask = &u->ask};
    int64_t at = panel * u->rows * CPU_NR, most = cpu_dw_height(vectors);
    int64_t tiles = (u->rows + most - 1) / most, low = u->rows / tiles, higher = u->rows % tiles;
    for (int64_t n = 0, tap = 0, rows; n < tiles; n++, at += rows * vectors * CPU_VEC) {
        rows = low + (n < higher);
        for (int64_t r = 0; r < rows; r++) {
            t.x[r] = x + f->offset[tap];
            if (++tap < f->taps) continue;
            tap = 0;
            x += p->channel;
        }
        t.from = s->from ? s->from + at : NULL;
        t.to = s->to + at;
        CPU_NAME(cpu_dw_tile_run)(&t, rows, vectors);
    }
}

/* For positions [at, end) of image n. */
static void ask_for_part(unit *u, int64_t n, int64_t at, int64_t end)
{
    const cpu_conv *v = u->j->v;
    const cpu_planes *p = &u->f->planes;
    int64_t plane = p->H * p->W, image = v->OH * v->OW, a = at / v->OW, b = (end - 1) / v->OW + 1;
    const float *x = u->j->a + (n * p->channels + u->c) * plane;
    cpu_ask_add(&u->ask, x + (a * p->step_h + p->low_h) * p->W, 4, u->channels, plane,
                (b - a + p->halo_h) * p->step_h * p->W);
    cpu_ask_add(&u->ask, u->j->b + n * v->apart + u->k * image + at, 4, u->columns, image,
                end - at);
}

/* Images [n, end) that are read where they lie. */
static void ask_for_images(unit *u, int64_t n, int64_t end)
{
    const cpu_conv *v = u->j->v;
    const cpu_planes *p = &u->f->planes;
    cpu_ask_add(&u->ask, u->j->a + n * p->apart + u->c * p->channel, 4, end - n, p->apart,
                u->channels * p->channel);
    cpu_ask_add(&u->ask, u->j->b + n * v->apart + u->k * v->OH * v->OW, 4, end - n, v->apart,
                u->columns * v->OH * v->OW);
}

/* While a piece is multiplied, for the n positions from l on; small images that are copied are
 * asked for as others are. */
static void ask_for(unit *u, const piece *s, int64_t l, int64_t n)
{
    int64_t image = u->j->v->OH * u->j->v->OW;
    u->ask = (cpu_ask){.wishes = 0};
    if (n <= 0 || (image < CPU_KC && !u->f->planes.direct)) return;
    if (image < CPU_KC)
        ask_for_images(u, (l + image - 1) / image, (l + n - 1) / image + 1);
    else
        for (int64_t i = l / image; i * image < l + n; i++)
            ask_for_part(u, i, cpu_most(l - i * image, 0), cpu_least(l + n - i * image, image));
    int64_t panels = panel_count(u->columns), most = cpu_dw_height(panel_vectors(u->columns, 0));
    cpu_ask_divide(&u->ask, s->runs * panels * ((u->rows + most - 1) / most));
}

static void multiply_piece(unit *u, piece *s)
{
    int64_t next = s->l + s->n, end = cpu_least(u->end * RK_CONV_DW_BLOCK, u->f->positions);
    take_planes(u, s);
    ask_for(u, s, next, cpu_least(end - next, s->n));
    for (int64_t p = 0; p < panel_count(u->columns); p++) {
        int64_t vectors = panel_vectors(u->columns, p), width = vectors * CPU_VEC;
        pack_panel(u, s, u->k + p * CPU_NR, cpu_least(u->columns - p * CPU_NR, width), width);
        multiply_panel(u, s, p, vectors);
    }
}

/* Block number b.  The first one's sums are built up in place, later ones' in chain, and added to
 * the total when they end; or, for a second pass, each block's in place of its own. */
static void multiply_block(unit *u, int64_t b, float *to, int later)
{
    int64_t from = b * RK_CONV_DW_BLOCK, end = cpu_least(from + RK_CONV_DW_BLOCK, u->f->positions);
    int64_t pieces = (end - from + CPU_DW_PIECE - 1) / CPU_DW_PIECE,
            length = (end - from + pieces - 1) / pieces;
    float *chain = later ? u->chain : to;
    for (int64_t l = from; l < end; l += length) {
        int last = l + length >= end;
        piece s = {.l = l,
                   .n = cpu_least(length, end - l),
                   .from = l == from ? NULL : chain,
                   .to = last ? to : chain,
                   .plus = later && last};
        multiply_piece(u, &s);
    }
}

/* Panel p of the unit's sums, [rows][columns of the panel], to the result. */
static void spread(const unit *u, const float *from, int64_t p)
{
    const cpu_dw *f = u->f;
    int64_t k = p * CPU_NR, width = panel_vectors(u->columns, p) * CPU_VEC;
    int64_t columns = cpu_least(u->columns - k, width), row = f->planes.channels * f->taps, i = 0;
    float *to = u->j->c + (u->k + k) * row + u->c * f->taps;
    for (; i + CPU_VEC <= u->rows; i += CPU_VEC)
        pack_along(to + i, row, from + i * width, width, CPU_VEC, columns);
    for (; i < u->rows; i++)
        for (int64_t c = 0; c < columns; c++) to[c * row + i] = from[i * width + c];
}

static void finish(const unit *u, const float *from, int64_t p, const cpu_run *r)
{
    int64_t row = u->f->planes.channels * u->f->taps, k = u->k + p * CPU_NR;
    int64_t end = cpu_least(k + panel_vectors(u->columns, p) * CPU_VEC, u->k + u->columns);
    spread(u, from, p);
    for (; k < end && r; k++) CPU_NAME(cpu_run_range)(r, k * row + u->c * u->f->taps, u->rows);
}

static void set_unit(unit *u, int64_t number)
{
    const cpu_dw *f = u->f;
    int64_t end;
    cpu_share(f->planes.channels, 1, (int)(number % f->by_c), (int)f->by_c, &u->c, &end);
    u->channels = end - u->c;
    u->rows = u->channels * f->taps;
    cpu_share(u->j->v->K, CPU_VEC, (int)(number / f->by_c % f->by_k), (int)f->by_k, &u->k, &end);
    u->columns = end - u->k;
    cpu_share(f->blocks, 1, (int)(number / f->by_c / f->by_k), (int)f->by_b, &u->from, &u->end);
}

/* Where the sums of block b of the unit are until the second pass: units of one (c, k) cut have
 * equal room. */
static float *sums_of(const unit *u, int64_t number, int64_t b)
{
    const cpu_dw *f = u->f;
    return u->j->work + ((number % (f->by_c * f->by_k)) * f->blocks + b) * f->sums;
}

/* Whatever needs a thread's scratch memory. */
static unit begin(const cpu_conv_job *j, int t)
{
    const cpu_dw *f = j->v->fast;
    unsigned char *scratch = cpu_scratch(j->kernel, t);
    return (unit){.j = j,
                  .f = f,
                  .planes = (float *)(void *)scratch,
                  .run = (cpu_dw_run *)(void *)(scratch + f->run_at),
                  .panel = (float *)(void *)(scratch + f->panel_at),
                  .chain = (float *)(void *)(scratch + f->chain_at),
                  .total = (float *)(void *)(scratch + f->total_at)};
}

static cpu_run begin_epilogue(const cpu_conv_job *j, int t)
{
    return CPU_NAME(cpu_run_begin)(j->v->epilogue, cpu_scratch(j->kernel, t) + j->v->program_at,
                                   j->arg, j->c, NULL, CPU_BLOCK);
}

static void run_unit(unit *u, int64_t number, const cpu_run *r)
{
    const cpu_dw *f = u->f;
    set_unit(u, number);
    for (int64_t b = u->from; b < u->end; b++)
        if (f->by_b == 1)
            multiply_block(u, b, u->total, b > 0);
        else
            multiply_block(u, b, sums_of(u, number, b), 0);
    for (int64_t p = 0; p < panel_count(u->columns) && f->by_b == 1; p++)
        finish(u, u->total + p * u->rows * CPU_NR, p, r);
}

static void share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    unit u = begin(j, t);
    const cpu_dw *f = u.f;
    int64_t from, end;
    cpu_run r;
    cpu_share(f->by_c * f->by_k * f->by_b, 1, t, threads, &from, &end);
    if (from == end) return;
    memset(u.planes, 0, f->run_at);
    if (j->v->epilogue) r = begin_epilogue(j, t);
    for (int64_t n = from; n < end; n++) run_unit(&u, n, j->v->epilogue ? &r : NULL);
}

/* The second pass: adds the sums of all blocks, panel by panel of columns. */
static void add_share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    unit u = begin(j, t);
    const cpu_dw *f = u.f;
    int64_t from, end, panels = panel_count(f->columns);
    cpu_run r;
    if (j->v->epilogue) r = begin_epilogue(j, t);
    cpu_share(f->by_c * f->by_k * panels, 1, t, threads, &from, &end);
    for (int64_t n = from; n < end; n++) {
        set_unit(&u, n / panels);
        int64_t p = n % panels, at = p * u.rows * CPU_NR;
        if (p >= panel_count(u.columns)) continue;
        int64_t count = u.rows * panel_vectors(u.columns, p) * CPU_VEC;
        memcpy(u.total, sums_of(&u, n / panels, 0) + at, (size_t)count * sizeof(float));
        for (int64_t b = 1; b < f->blocks; b++) {
            const float *sums = sums_of(&u, n / panels, b) + at;
            for (int64_t i = 0; i < count; i += CPU_VEC)
                v_store(u.total + i, v_add(v_load(u.total + i), v_load(sums + i)));
        }
        finish(&u, u.total, p, j->v->epilogue ? &r : NULL);
    }
}

void CPU_NAME(cpu_conv_dw_run)(const cpu_conv_job *j)
{
    cpu_conv_job own = *j;
    const cpu_dw *f = j->v->fast;
    cpu_parallel(j->kernel->device, j->kernel->threads, share, &own);
    if (f->by_b > 1) cpu_parallel(j->kernel->device, j->kernel->threads, add_share, &own);
}
#endif
