/* Tiles of the gpu variant: a rule from measurements, and the choices. */
#include "tile.h"
#include "embedded.h"

/* A tile, the work-items of a group, and its speed in percent of the fastest: of Y, DX and
 * products, and of DW; 0: not for those.  Measured on an H100 by 55 convolutions of small
 * Inception, small AlexNet and WRN-16-4, where what the rule chooses takes 1.01 times as long as
 * the best of 82 tiles for each.  Large ones have 48 to 80 chains a work-item, in 128 registers or
 * a few more; the last ones are for results too small for others.  together: Y and DX are faster
 * if compilers may mix loads with products.  direct: they are if what is fetched does not pass
 * through registers, where there is a way; see kernels/tile.cl. */
typedef struct tile {
    uint32_t rows, cols, deep, part, speed[2], together, direct;
} tile;

static const tile fma_tiles[] = {
    {128, 64, 16, 128, {100, 86}, 1, 0}, {64, 128, 16, 128, {91, 80}, 1, 0},
    {96, 64, 16, 128, {76, 100}, 0, 1},  {80, 128, 16, 128, {71, 80}, 0, 1},
    {64, 64, 32, 128, {79, 0}, 1, 0},    {64, 64, 16, 128, {75, 76}, 0, 0},
    {48, 64, 32, 128, {72, 0}, 1, 0},    {48, 64, 16, 128, {0, 67}, 0, 0},
    {32, 128, 32, 128, {69, 0}, 0, 1},   {80, 64, 16, 128, {70, 85}, 0, 1},
    {32, 128, 16, 128, {0, 66}, 0, 0},   {128, 128, 8, 256, {70, 89}, 0, 0},
    {48, 32, 64, 128, {62, 50}, 0, 0},   {64, 32, 16, 128, {60, 69}, 0, 0},
    {32, 32, 64, 128, {50, 46}, 0, 0},   {16, 128, 16, 128, {37, 34}, 0, 1},
    {32, 32, 32, 64, {45, 54}, 0, 0},    {32, 32, 32, 256, {40, 38}, 0, 0}};

/* The same of tensor cores: what the rule chooses takes 1.04 times as long as the best of 23 tiles
 * for each of 93 convolutions. */
static const tile tf32_tiles[] = {
    {128, 64, 8, 128, {100, 0}, 1, 0}, {64, 128, 16, 128, {93, 97}, 1, 1},
    {96, 128, 8, 128, {87, 0}, 1, 0},  {128, 64, 16, 128, {0, 100}, 1, 0},
    {64, 64, 32, 128, {79, 0}, 1, 0},  {64, 64, 16, 128, {0, 78}, 1, 0},
    {32, 128, 32, 128, {71, 0}, 1, 0}, {32, 128, 16, 128, {0, 72}, 1, 0},
    {64, 32, 16, 64, {74, 0}, 1, 0},   {32, 32, 32, 64, {63, 0}, 1, 0},
    {32, 32, 16, 64, {0, 52}, 1, 0}};

enum {
    FMA_TILES = sizeof fma_tiles / sizeof *fma_tiles,
    TF32_TILES = sizeof tf32_tiles / sizeof *tf32_tiles,
    FMA_MOST = 12, /* elements of a work-item along an axis */
    TF32_MOST = 16
};

static int is_tf32(const ocl_choice *t) { return t->way == OCL_WAY_TF32; }

static const tile *tiles_of(int tf32, int *n)
{
    *n = tf32 ? TF32_TILES : FMA_TILES;
    return tf32 ? tf32_tiles : fma_tiles;
}

static uint64_t parts(uint64_t n, uint64_t size) { return (n + size - 1) / size; }

/* Turns in which local memory gives 32 work-items n floats each; see kernels/tile.cl. */
static uint32_t turns(uint32_t n) { return n / 4 * 2 + n % 4 / 2 + n % 2; }

/* What local memory costs a work-item of rows x cols elements; 0: there are none such.  Of tensor
 * cores see kernels/tf32.cl: twice as many rows as columns are loaded, and split. */
static uint32_t cost_of(int tf32, uint32_t rows, uint32_t cols)
{
    if (tf32)
        return rows > TF32_MOST || cols > TF32_MOST || rows % 4 || cols % 4 ? 0 : 2 * rows + cols;
    if (rows > FMA_MOST || cols > FMA_MOST || rows % 4 == 3 || cols % 4 == 3) return 0;
    return turns(rows) + turns(cols);
}

/* Work-items of a group along the columns: those that read local memory least.  0: they cannot have
 * as many elements each. */
static uint32_t across(const ocl_choice *t)
{
    uint32_t best = 0, least = UINT32_MAX, high = is_tf32(t) ? 8 : 4;
    for (uint32_t x = 32; x >= 32 / high; x /= 2) {
        uint32_t y = t->part / x;
        if (t->part % x || y % high || !y || t->rows % y || t->cols % x) continue;
        uint32_t cost = cost_of(is_tf32(t), t->rows / y, t->cols / x);
        if (!cost || cost >= least) continue;
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
    uint64_t pad = is_tf32(t) ? 8 : 4,
             spare = is_tf32(t) && d->tf32 == OCL_TF32_EMULATED ? 6 * t->part : 0,
             slices = 2 * (uint64_t)t->deep * (t->rows + t->cols + 2 * pad),
             band = (uint64_t)down(t) * 4 * (t->cols + pad);
    return ((slices > band ? slices : band) + spare + 3 + w->beside * t->cols) * 4 <=
           d->local_bytes;
}

/* The rule: rounds in which the units do all groups, times what one takes. */
static ocl_choice usual(const rk_device *d, const ocl_tiled *w)
{
    ocl_choice best = {.rows = 32, .cols = 32, .deep = 8, .part = w->tf32 ? 64 : 256};
    double least = 0;
    int n;
    const tile *list = tiles_of((int)w->tf32, &n);
    best.way = w->tf32 ? OCL_WAY_TF32 : OCL_WAY_RULE;
    for (int i = 0; i < n; i++) {
        const tile *t = &list[i];
        ocl_choice c = {t->rows, t->cols, t->deep, t->part, best.way, 0};
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

/* Its line of the table; NULL: it is none that the rule knows. */
static const tile *known(const ocl_choice *t)
{
    int n;
    const tile *list = tiles_of(is_tf32(t), &n);
    for (int i = 0; i < n; i++)
        if (list[i].rows == t->rows && list[i].cols == t->cols && list[i].deep == t->deep &&
            list[i].part == t->part)
            return &list[i];
    return NULL;
}

/* What is copied directly ends in zeros, with which tensor cores go on beyond the end of a chain as
 * well, but no exact one. */
void ocl_tile_source(const rk_device *d, const ocl_choice *t, int tail, ocl_text *source)
{
    ocl_text_add(source, "#define RK_BM %u\n#define RK_BN %u\n#define RK_BK %u\n", t->rows, t->cols,
                 t->deep);
    ocl_text_add(source, "#define RK_GY %u\n#define RK_GX %u\n", down(t), across(t));
    ocl_text_add(source, "#define RK_TM %u\n#define RK_TN %u\n", rows(t), cols(t));
    const tile *line = known(t);
    ocl_text_add(source, "#define RK_APART %d\n", line ? !line->together : !is_tf32(t));
    ocl_text_add(source, "#define RK_TAIL %d\n#define RK_TF32 %d\n", tail, is_tf32(t));
    ocl_text_add(source, "#define RK_DIRECT %d\n",
                 d->tf32 && line && line->direct && (is_tf32(t) || !tail));
    ocl_text_add(source, "#define RK_EMULATE %d\n", d->tf32 == OCL_TF32_EMULATED);
    OCL_APPEND(source, ocl_cl_tile);
    if (is_tf32(t))
        OCL_APPEND(source, ocl_cl_tf32);
    else
        OCL_APPEND(source, ocl_cl_fma);
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

/* Before others, which may fill the list. */
static void tf32_choices(const rk_device *d, const ocl_tiled *w, ocl_choices *out)
{
    static const uint32_t menu[][3] = {{128, 64, 128}, {64, 128, 128}, {96, 128, 128},
                                       {64, 64, 128},  {32, 128, 128}, {128, 128, 256},
                                       {64, 32, 64},   {32, 64, 64},   {32, 32, 64}},
                          depths[] = {16, 8, 32};
    const ocl_choice rule = usual(d, w);
    uint32_t at = 1;
    for (size_t i = 0; i < sizeof menu / sizeof *menu; i++)
        for (size_t j = 0; j < sizeof depths / sizeof *depths; j++) {
            const ocl_choice c = {menu[i][0], menu[i][1], depths[j], menu[i][2], OCL_WAY_TF32, 0};
            if (!is_same(&c, &rule) && fits(d, w, &c)) ocl_choices_put(out, at++, c);
        }
}

void ocl_tile_choices(const rk_device *d, const ocl_tiled *w, ocl_choices *out)
{
    if (w->tf32) {
        tf32_choices(d, w, out);
        return;
    }
    static const uint32_t menu_tiles[][2] = {{128, 64}, {64, 128}, {64, 64}, {96, 64},  {80, 128},
                                             {48, 64},  {32, 128}, {80, 64}, {48, 128}, {128, 128},
                                             {48, 32},  {64, 32},  {32, 64}, {32, 32},  {16, 128}};
    static const uint32_t depths[] = {16, 8, 32, 64}, groups[] = {128, 64, 256};
    const ocl_menu menu = {menu_tiles, depths, groups, sizeof menu_tiles / sizeof *menu_tiles,
                           4,          3};
    const asked a = {d, w};
    ocl_choices_fill(out, &menu, choice_fits, &a);
}
