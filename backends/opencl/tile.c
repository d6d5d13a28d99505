/* Tiles of the gpu variant: an estimate of what a tile takes, and the choices. */
#include "tile.h"
#include "embedded.h"

enum {
    LEAST = 32,
    MOST = 128, /* rows of a tile, and columns */
    SIDE = 8,   /* rows and columns of a work-item, at most */
    WARP = 32,  /* work-items that kernels/tile.cl places 4 x 8 */
    DEEP = 32,
    REGISTERS = 128, /* that a work-item is asked to do with, so that there is room for others */
    CHAINS = 24      /* of a work-item that needs to be asked */
};

static uint64_t parts(uint64_t n, uint64_t size) { return (n + size - 1) / size; }
static uint32_t vector(uint32_t n) { return n % 4 == 0 ? 4 : n % 2 == 0 ? 2 : 1; }

static uint32_t across(const ocl_choice *t) { return t->cols > 8 * SIDE ? t->cols / SIDE : 8; }
static uint32_t down(const ocl_choice *t) { return t->part / across(t); }
static uint32_t rows(const ocl_choice *t) { return t->rows / down(t); }
static uint32_t cols(const ocl_choice *t) { return t->cols / across(t); }

/* A group fetches whole rows, and its work-items have as many elements each. */
static int is_whole(const ocl_choice *t)
{
    if (t->part < t->cols || t->part % across(t) || down(t) % 4) return 0;
    return t->rows % down(t) == 0 && rows(t) <= SIDE;
}

static int fits(const rk_device *d, const ocl_tiled *w, const ocl_choice *t)
{
    uint64_t slices = 2 * (uint64_t)t->deep * (t->rows + t->cols + 8),
             band = (uint64_t)down(t) * vector(rows(t)) * t->cols;
    return t->deep * t->cols >= t->part && t->part <= d->max_group &&
           ((slices > band ? slices : band) + 3 + w->beside) * 4 <= d->local_bytes;
}

/* So deep that a work-item fetches about eight elements of a slice of either operand: they wait in
 * registers. */
static uint32_t depth_of(const rk_device *d, const ocl_tiled *w, ocl_choice t)
{
    const uint32_t most = w->packed ? 8 * t.part / t.cols : 18 * t.part / (t.rows + t.cols);
    for (t.deep = DEEP; t.deep > 8 && (t.deep > most || !fits(d, w, &t));) t.deep /= 2;
    return t.deep;
}

/* An estimate of cycles, for units that begin four instructions of 32 work-items in each and get
 * 128 bytes from local memory.  Of these two the longer one counts, and a quarter of the other; to
 * which comes what is waited for at barriers, less if other groups of the unit have work. */
static double cost_of(const rk_device *d, const ocl_tiled *w, const ocl_choice *t)
{
    enum { BARRIER = 120, ALL_REGISTERS = 65536 };
    const double m = rows(t), n = cols(t), warps = t->part / WARP;
    const double fetch = (t->rows * w->fetch[0] + t->cols * w->fetch[1]) / t->part,
                 moved = (t->rows * w->moved[0] + t->cols * w->moved[1]) / t->part,
                 reads = m / vector(rows(t)) + n / vector(cols(t)),
                 begin = (m * n + reads + fetch) / 4, local = m + n + moved;
    const uint64_t groups = parts(w->rows, t->rows) * parts(w->columns, t->cols) * w->times,
                   rounds = parts(groups, d->units);
    const double registers = 1.2 * m * n + 64 < REGISTERS ? 1.2 * m * n + 64 : REGISTERS;
    uint64_t beside = (uint64_t)(ALL_REGISTERS / (registers * t->part));
    if (beside > rounds) beside = rounds;
    double each = begin > local ? begin + local / 4 : local + begin / 4;
    each += BARRIER / ((double)beside * warps * t->deep);
    return each * warps * (rounds == 1 ? 1.2 : (double)rounds);
}

ocl_choice ocl_tile(const rk_device *d, const ocl_tiled *w, const ocl_choice *chosen)
{
    static const uint32_t widths[] = {128, 64, 32}, groups[] = {256, 128, 64};
    ocl_choice best = {.rows = LEAST, .cols = LEAST, .part = 64, .deep = 8};
    double least = 0;
    for (int i = 0; i < 9; i++)
        for (uint32_t r = MOST; r >= LEAST; r -= 8) {
            ocl_choice t = {.rows = r, .cols = widths[i / 3], .part = groups[i % 3]};
            if (chosen->rows && (chosen->rows != t.rows || chosen->cols != t.cols)) continue;
            if ((chosen->part && chosen->part != t.part) || !is_whole(&t)) continue;
            t.deep = chosen->deep ? chosen->deep : depth_of(d, w, t);
            if (!fits(d, w, &t)) continue;
            double cost = cost_of(d, w, &t);
            if (least > 0 && cost >= least) continue;
            least = cost;
            best = t;
        }
    return best;
}

void ocl_tile_source(const rk_device *d, const ocl_choice *t, ocl_text *source)
{
    _Static_assert(REGISTERS == 128, "the option says so");
    if (d->caps_registers && rows(t) * cols(t) >= CHAINS)
        source->options = "-cl-nv-maxrregcount 128";
    ocl_text_add(source, "#define RK_BM %u\n#define RK_BN %u\n#define RK_BK %u\n", t->rows, t->cols,
                 t->deep);
    ocl_text_add(source, "#define RK_GY %u\n#define RK_GX %u\n", down(t), across(t));
    ocl_text_add(source, "#define RK_TM %u\n#define RK_TN %u\n", rows(t), cols(t));
    OCL_APPEND(source, ocl_cl_tile);
}

/* ---- choices ---- */

typedef struct asked {
    const rk_device *device;
    const ocl_tiled *what;
} asked;

/* Possible, and each of its numbers another one than the rule would take with the others. */
static int choice_fits(const ocl_choice *c, const void *ctx)
{
    const asked *a = ctx;
    const ocl_choice no_tile = {.deep = c->deep, .part = c->part},
                     no_depth = {.rows = c->rows, .cols = c->cols, .part = c->part},
                     no_group = {.rows = c->rows, .cols = c->cols, .deep = c->deep};
    const ocl_choice t = ocl_tile(a->device, a->what, c),
                     tile = ocl_tile(a->device, a->what, &no_tile),
                     depth = ocl_tile(a->device, a->what, &no_depth),
                     group = ocl_tile(a->device, a->what, &no_group);
    if (c->rows && (t.rows != c->rows || t.cols != c->cols)) return 0;
    if ((c->deep && t.deep != c->deep) || (c->part && t.part != c->part)) return 0;
    return !(c->rows && t.rows == tile.rows && t.cols == tile.cols) &&
           !(c->deep && t.deep == depth.deep) && !(c->part && t.part == group.part);
}

void ocl_tile_choices(const rk_device *d, const ocl_tiled *w, ocl_choices *out)
{
    static const uint32_t tiles[][2] = {{64, 128}, {128, 64}, {128, 128}, {64, 64}, {96, 128},
                                        {80, 128}, {48, 128}, {48, 64},   {96, 64}, {80, 64},
                                        {32, 128}, {112, 64}, {32, 64},   {32, 32}, {112, 128}};
    static const uint32_t depths[] = {16, 8, 32}, groups[] = {128, 64, 256};
    const ocl_menu menu = {tiles, depths, groups, sizeof tiles / sizeof *tiles, 3, 3};
    const asked a = {d, w};
    ocl_choices_fill(out, &menu, choice_fits, &a);
}
