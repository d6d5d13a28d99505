/* Tiles of the gpu variant: a rule from measurements, and the choices. */
#include "tile.h"
#include "embedded.h"

/* A tile, the work-items of a group, and its speed in percent of the fastest: of Y, DX and
 * products, and of DW; 0: not for those.  Measured on an H100 by 55 convolutions of small
 * Inception, small AlexNet and WRN-16-4, where what the rule chooses takes 1.01 times as long as
 * the best of 82 tiles for each.  Large ones have 48 to 80 chains a work-item, in 128 registers or
 * a few more; the last ones are for results too small for others.  together: Y and DX are faster
 * if compilers may mix loads with products. */
typedef struct tile {
    uint32_t rows, cols, deep, part, speed[2], together;
} tile;

static const tile tiles[] = {{128, 64, 16, 128, {100, 86}, 1}, {64, 128, 16, 128, {91, 80}, 1},
                             {96, 64, 16, 128, {76, 100}, 0},  {80, 128, 16, 128, {71, 80}, 0},
                             {64, 64, 32, 128, {79, 0}, 1},    {64, 64, 16, 128, {75, 76}, 0},
                             {48, 64, 32, 128, {72, 0}, 1},    {48, 64, 16, 128, {0, 67}, 0},
                             {32, 128, 32, 128, {69, 0}, 0},   {80, 64, 16, 128, {70, 85}, 0},
                             {32, 128, 16, 128, {0, 66}, 0},   {128, 128, 8, 256, {70, 89}, 0},
                             {48, 32, 64, 128, {62, 50}, 0},   {64, 32, 16, 128, {60, 69}, 0},
                             {32, 32, 64, 128, {50, 46}, 0},   {16, 128, 16, 128, {37, 34}, 0},
                             {32, 32, 32, 64, {45, 54}, 0},    {32, 32, 32, 256, {40, 38}, 0}};

enum {
    TILES = sizeof tiles / sizeof *tiles,
    MOST = 12 /* elements of a work-item along an axis */
};

static uint64_t parts(uint64_t n, uint64_t size) { return (n + size - 1) / size; }

/* Turns in which local memory gives 32 work-items n floats each; see kernels/tile.cl. */
static uint32_t turns(uint32_t n) { return n / 4 * 2 + n % 4 / 2 + n % 2; }

/* Work-items of a group along the columns, 8, 16 or 32: those that read local memory least. 0:
 * they cannot have as many elements each. */
static uint32_t across(const ocl_choice *t)
{
    uint32_t best = 0, least = UINT32_MAX;
    for (uint32_t x = 32; x >= 8; x /= 2) {
        uint32_t y = t->part / x;
        if (t->part % x || y % 4 || !y || t->rows % y || t->cols % x) continue;
        uint32_t rows = t->rows / y, cols = t->cols / x, cost = turns(rows) + turns(cols);
        if (rows > MOST || cols > MOST || rows % 4 == 3 || cols % 4 == 3 || cost >= least) continue;
        least = cost;
        best = x;
    }
    return best;
}

static uint32_t down(const ocl_choice *t) { return t->part / across(t); }
static uint32_t rows(const ocl_choice *t) { return t->rows / down(t); }
static uint32_t cols(const ocl_choice *t) { return t->cols / across(t); }

/* Whether the loops of a work-item end where they should: of more than 2 x 2 elements Mesa does not
 * unroll them, and leaves all after so many iterations. */
static int loops_end(const rk_device *d, const ocl_tiled *w, const ocl_choice *t)
{
    uint64_t cells = (uint64_t)(rows(t) + 1) * (cols(t) + 1);
    return !d->loop_limit || (cells <= 9 && t->deep <= 32) || w->chain * cells <= d->loop_limit;
}

static int fits(const rk_device *d, const ocl_tiled *w, const ocl_choice *t)
{
    if (t->part < t->cols || t->part > d->max_group || !across(t)) return 0;
    if (!loops_end(d, w, t)) return 0;
    if (t->deep * t->cols < t->part || t->part % t->cols || t->part % t->deep) return 0;
    uint64_t slices = 2 * (uint64_t)t->deep * (t->rows + t->cols + 8),
             band = (uint64_t)down(t) * 4 * (t->cols + 4);
    return ((slices > band ? slices : band) + 3 + w->beside * t->cols) * 4 <= d->local_bytes;
}

/* The rule: rounds in which the units do all groups, times what one takes. */
static ocl_choice usual(const rk_device *d, const ocl_tiled *w)
{
    ocl_choice best = {.rows = 32, .cols = 32, .deep = 8, .part = 256};
    double least = 0;
    for (int i = 0; i < TILES; i++) {
        const tile *t = &tiles[i];
        ocl_choice c = {.rows = t->rows, .cols = t->cols, .deep = t->deep, .part = t->part};
        while (c.deep > 8 && !fits(d, w, &c)) c.deep /= 2;
        if (!t->speed[w->dw] || !fits(d, w, &c)) continue;
        uint64_t groups = parts(w->rows, t->rows) * parts(w->columns, t->cols) * w->times;
        double cost = (double)parts(groups, d->units) * t->rows * t->cols / t->speed[w->dw];
        if (least > 0 && cost >= least) continue;
        least = cost;
        best = c;
    }
    return best;
}

ocl_choice ocl_tile(const rk_device *d, const ocl_tiled *w, const ocl_choice *chosen)
{
    ocl_choice t = usual(d, w);
    if (chosen->part) t.part = chosen->part;
    if (chosen->rows) {
        t.rows = chosen->rows, t.cols = chosen->cols;
        if (!chosen->part) t.part = 128;
        t.deep = 16;
    }
    if (chosen->deep) t.deep = chosen->deep;
    return fits(d, w, &t) ? t : usual(d, w);
}

static int is_together(const ocl_choice *t)
{
    for (int i = 0; i < TILES; i++)
        if (tiles[i].rows == t->rows && tiles[i].cols == t->cols && tiles[i].deep == t->deep &&
            tiles[i].part == t->part)
            return (int)tiles[i].together;
    return 0;
}

void ocl_tile_source(const ocl_choice *t, ocl_text *source)
{
    ocl_text_add(source, "#define RK_BM %u\n#define RK_BN %u\n#define RK_BK %u\n", t->rows, t->cols,
                 t->deep);
    ocl_text_add(source, "#define RK_GY %u\n#define RK_GX %u\n", down(t), across(t));
    ocl_text_add(source, "#define RK_TM %u\n#define RK_TN %u\n", rows(t), cols(t));
    ocl_text_add(source, "#define RK_APART %d\n", !is_together(t));
    OCL_APPEND(source, ocl_cl_tile);
}

/* ---- choices ---- */

typedef struct asked {
    const rk_device *device;
    const ocl_tiled *what;
} asked;

static int is_same(const ocl_choice *a, const ocl_choice *b)
{
    return a->rows == b->rows && a->cols == b->cols && a->deep == b->deep && a->part == b->part;
}

/* Whether the kernel is another one without one of the choice's numbers. */
static int choice_fits(const ocl_choice *c, const void *ctx)
{
    const asked *a = ctx;
    const ocl_choice less[] = {{.deep = c->deep, .part = c->part},
                               {.rows = c->rows, .cols = c->cols, .part = c->part},
                               {.rows = c->rows, .cols = c->cols, .deep = c->deep}};
    const ocl_choice t = ocl_tile(a->device, a->what, c);
    for (int i = 0; i < 3; i++) {
        const ocl_choice without = ocl_tile(a->device, a->what, &less[i]);
        const int named = i == 0 ? c->rows > 0 : i == 1 ? c->deep > 0 : c->part > 0;
        if (named && is_same(&t, &without)) return 0;
    }
    return (!c->rows || (t.rows == c->rows && t.cols == c->cols)) &&
           (!c->deep || t.deep == c->deep) && (!c->part || t.part == c->part);
}

void ocl_tile_choices(const rk_device *d, const ocl_tiled *w, ocl_choices *out)
{
    static const uint32_t menu_tiles[][2] = {{128, 64}, {64, 128}, {64, 64}, {96, 64},  {80, 128},
                                             {48, 64},  {32, 128}, {80, 64}, {48, 128}, {128, 128},
                                             {48, 32},  {64, 32},  {32, 64}, {32, 32},  {16, 128}};
    static const uint32_t depths[] = {16, 8, 32, 64}, groups[] = {128, 64, 256};
    const ocl_menu menu = {menu_tiles, depths, groups, sizeof menu_tiles / sizeof *menu_tiles,
                           4,          3};
    const asked a = {d, w};
    ocl_choices_fill(out, &menu, choice_fits, &a);
}
