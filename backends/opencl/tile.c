/* Tiles of the gpu variant: an estimate of what a tile takes, and the choices. */
#include "tile.h"
#include "embedded.h"

static uint64_t parts(uint64_t n, uint64_t size) { return (n + size - 1) / size; }
static uint32_t vector(uint32_t n) { return n % 4 == 0 ? 4 : n % 2 == 0 ? 2 : 1; }

static int fits(const rk_device *d, const ocl_tiled *w, const ocl_choice *t)
{
    uint64_t slices = 2 * (uint64_t)t->deep * (t->rows + t->cols + 8),
             band = 16 * (uint64_t)vector(t->rows / 16) * t->cols;
    return ((slices > band ? slices : band) + 3 + w->beside) * 4 <= d->local_bytes;
}

/* Slices of small tiles are deep, so that there is something to do between two barriers. */
static uint32_t depth_of(const rk_device *d, const ocl_tiled *w, ocl_choice t)
{
    for (t.deep = t.rows * t.cols > 4096 ? 16 : 32; t.deep > 8 && !fits(d, w, &t);) t.deep /= 2;
    return t.deep;
}

/* Rounds in which the units do all groups, times the instructions of a work-item for each element
 * of a chain: multiplications, reads from local memory, what it fetches, and its share of what a
 * slice takes.  A unit that has but one group has nothing to do while that waits. */
static double cost_of(const rk_device *d, const ocl_tiled *w, const ocl_choice *t)
{
    enum { SLICE = 40 };
    const uint32_t rows = t->rows / 16, cols = t->cols / 16;
    double each = rows * cols + rows / vector(rows) + cols / vector(cols) +
                  (t->rows * w->fetch_a + t->cols * w->fetch_b) / OCL_GROUP + SLICE / t->deep;
    uint64_t groups = parts(w->rows, t->rows) * parts(w->columns, t->cols) * w->times;
    return each * (groups <= d->units ? 1.3 : (double)parts(groups, d->units));
}

ocl_choice ocl_tile(const rk_device *d, const ocl_tiled *w, const ocl_choice *chosen)
{
    static const uint32_t widths[] = {128, 64, 32};
    ocl_choice best = {.rows = 32, .cols = 32};
    double least = 0;
    best.deep = depth_of(d, w, best);
    for (uint32_t rows = 128; rows >= 32; rows -= 16)
        for (int i = 0; i < 3; i++) {
            ocl_choice t = {.rows = rows, .cols = widths[i]};
            t.deep = depth_of(d, w, t);
            double cost = cost_of(d, w, &t);
            if (!fits(d, w, &t) || (least > 0 && cost >= least)) continue;
            least = cost;
            best = t;
        }
    if (chosen->rows) {
        best = (ocl_choice){.rows = chosen->rows, .cols = chosen->cols};
        best.deep = depth_of(d, w, best);
    }
    if (chosen->deep) best.deep = chosen->deep;
    return best;
}

void ocl_tile_source(const ocl_choice *t, ocl_text *source)
{
    ocl_text_add(source, "#define RK_BM %u\n#define RK_BN %u\n#define RK_BK %u\n", t->rows, t->cols,
                 t->deep);
    ocl_text_add(source, "#define RK_TM %u\n#define RK_TN %u\n", t->rows / 16, t->cols / 16);
    OCL_APPEND(source, ocl_cl_tile);
}

/* ---- choices ---- */

typedef struct asked {
    const rk_device *device;
    const ocl_tiled *what;
} asked;

static int choice_fits(const ocl_choice *c, const void *ctx)
{
    const asked *a = ctx;
    const ocl_choice none = {0}, tile_only = {.rows = c->rows, .cols = c->cols};
    const ocl_choice t = ocl_tile(a->device, a->what, c),
                     usual = ocl_tile(a->device, a->what, &none),
                     rule = ocl_tile(a->device, a->what, &tile_only);
    if (c->rows && t.rows == usual.rows && t.cols == usual.cols) return 0;
    return (!c->deep || t.deep != rule.deep) && fits(a->device, a->what, &t);
}

void ocl_tile_choices(const rk_device *d, const ocl_tiled *w, ocl_choices *out)
{
    static const uint32_t tiles[][2] = {{128, 128}, {64, 64},  {128, 64}, {64, 128},
                                        {96, 128},  {112, 64}, {80, 128}, {48, 128},
                                        {32, 32},   {64, 32},  {32, 64},  {96, 64}};
    static const uint32_t depths[] = {16, 8, 32};
    const ocl_menu menu = {tiles, depths, NULL, 12, 3, 0};
    const asked a = {d, w};
    ocl_choices_fill(out, &menu, choice_fits, &a);
}
