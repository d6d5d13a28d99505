/* Tiles of the gpu variant: an estimate of what a tile takes, and the choices. */
#include "tile.h"
#include "embedded.h"

static uint64_t parts(uint64_t n, uint64_t size) { return (n + size - 1) / size; }
static uint32_t vector(uint32_t n) { return n % 4 == 0 ? 4 : n % 2 == 0 ? 2 : 1; }

/* Rows of a work-item's vector: VM of kernels/tile.cl. */
static uint32_t high(const ocl_choice *t)
{
    return t->cols > 128 && vector(t->rows / 16) == 4 ? 2 : vector(t->rows / 16);
}

static int fits(const rk_device *d, const ocl_tiled *w, const ocl_choice *t)
{
    uint64_t slices = 2 * (uint64_t)t->deep * (t->rows + t->cols + 8),
             band = 16 * (uint64_t)high(t) * t->cols;
    return ((slices > band ? slices : band) + 3 + w->beside) * 4 <= d->local_bytes;
}

/* Slices of small tiles are deep, so that there is something to do between two barriers. */
static uint32_t depth_of(const rk_device *d, const ocl_tiled *w, ocl_choice t)
{
    t.deep = t.cols > 128 ? 8 : t.rows * t.cols > 4096 ? 16 : 32;
    while (t.deep > 8 && !fits(d, w, &t)) t.deep /= 2;
    return t.deep;
}

/* The compiler is asked to leave registers to a second group: with them alone a group waits. */
enum { REGISTERS = 256 / 2, CHAINS_LEAST = 24, CHAINS_MOST = 64 };

static uint32_t chains_of(const ocl_choice *t) { return t->rows / 16 * (t->cols / 16); }
static int is_capped(const ocl_choice *t)
{
    return chains_of(t) >= CHAINS_LEAST && chains_of(t) <= CHAINS_MOST;
}

/* An estimate of cycles, for units that begin four instructions of 32 work-items in each and get
 * 128 bytes from local memory.  Of these two the longer one counts, and a quarter of the other; to
 * which comes what is waited for at barriers, less if other groups of the unit have work. */
static double cost_of(const rk_device *d, const ocl_tiled *w, const ocl_choice *t)
{
    enum { WARPS = OCL_GROUP / 32, BARRIER = 120 };
    const double rows = t->rows / 16, cols = t->cols / 16, fetched = t->rows + t->cols;
    const double fetch = (t->rows * w->fetch_a + t->cols * w->fetch_b) / OCL_GROUP,
                 reads = rows / high(t) + cols / vector(t->cols / 16),
                 begin = (rows * cols + reads + fetch) / 4,
                 local = rows + cols + 2 * fetched / OCL_GROUP;
    const uint64_t groups = parts(w->rows, t->rows) * parts(w->columns, t->cols) * w->times,
                   rounds = parts(groups, d->units);
    uint64_t beside = (uint64_t)(2 * REGISTERS / (1.2 * chains_of(t) + 64));
    if (beside < 2) beside = is_capped(t) ? 2 : 1;
    if (beside > rounds) beside = rounds;
    double each = begin > local ? begin + local / 4 : local + begin / 4;
    each += BARRIER / (double)(beside * WARPS * t->deep);
    return each * (rounds == 1 ? 1.2 : (double)rounds);
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

void ocl_tile_source(const rk_device *d, const ocl_choice *t, ocl_text *source)
{
    _Static_assert(REGISTERS == 128, "the option says so");
    if (d->caps_registers && is_capped(t)) source->options = "-cl-nv-maxrregcount 128";
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
    static const uint32_t tiles[][2] = {{64, 64},  {128, 128}, {64, 128}, {128, 64}, {96, 128},
                                        {80, 128}, {48, 128},  {64, 256}, {112, 64}, {80, 64},
                                        {32, 128}, {96, 64},   {32, 32},  {64, 32},  {48, 64},
                                        {48, 256}, {32, 256},  {80, 256}, {112, 128}};
    static const uint32_t depths[] = {16, 8, 32};
    const ocl_menu menu = {tiles, depths, NULL, sizeof tiles / sizeof *tiles, 3, 0};
    const asked a = {d, w};
    ocl_choices_fill(out, &menu, choice_fits, &a);
}
