/* Where Winograd's products are used, how their work is cut, and how far off they may be. */
#include <string.h>
#include "winograd.h"

#ifdef CPU_VEC
enum {
    TILES = 64,  /* of a unit, about */
    SEGMENTS = 8 /* of the images, for dw */
};
static const double most_scratch = 0x1p26; /* bytes of a thread */
static const double most_sums = 0x1p28;    /* bytes of dw's workspace */

/* What the result may be away from the truth, over eps and the magnitude of RK_BOUND_PLANES.
 *
 * Let |x| <= X and |w| <= W in the planes of a channel, u = eps / 2.  Along one side the rows of
 * the transform of taps have absolute sums of 2, those of the weights 1, 3/2, 3/2, 1, and a result
 * adds three of the four points: at most 2 (1 + 3/2 + 3/2) X W = 8 X W, in two dimensions 64 X W,
 * where the magnitude has 9 X W.  Each of these terms is rounded 2 times with the taps, 4 with the
 * weights (halving is exact), depth times in the chain and 4 times in the result, so that the error
 * is at most (depth + 10) u 64 / 9 of the magnitude, and 3.6 leaves more than one percent for
 * products of roundings. */
static float bound(const cpu_winograd *f) { return 3.6f * (float)(f->depth + 10); }

/* Whole images while they are small, else bands of rows. */
static void cut(cpu_winograd *f, int64_t images, int threads)
{
    int64_t image = f->down * f->across;
    f->groups = images;
    f->rows = f->down;
    if (image <= TILES) {
        f->groups = (images * image + TILES - 1) / TILES;
        f->groups = cpu_least((f->groups + threads - 1) / threads * threads, images);
    } else {
        int64_t bands = (image + TILES - 1) / TILES;
        f->rows = (f->down + bands - 1) / bands;
    }
    f->bands = (f->down + f->rows - 1) / f->rows;
    f->tiles = (images + f->groups - 1) / f->groups * f->rows * f->across;
    int64_t units = f->groups * f->bands;
    f->parts = units % threads && units < 4 * threads ? cpu_least(cpu_panels(f->m), threads) : 1;
}

static size_t floats(int64_t n) { return cpu_aligned((size_t)n * sizeof(float)); }

/* The scratch memory of a thread.  Channels are an odd number of cache lines apart, so that those
 * of a panel fall into different sets. */
static size_t lay_out(cpu_winograd *f)
{
    const int64_t line = CPU_ALIGN / 4;
    f->ld = ((f->tiles + CPU_VEC - 1 + line - 1) / line | 1) * line;
    f->plane = f->depth * f->ld;
    f->line = (f->across + 1 + 2 * CPU_VEC) / CPU_VEC * CPU_VEC;
    f->column = ((f->rows + 1) * f->across + 2 * CPU_VEC) / CPU_VEC * CPU_VEC;
    f->product_at = floats(CPU_WINO_POINTS * f->plane + CPU_VEC);
    f->phase_at = f->product_at + floats(CPU_WINO_POINTS * f->m * f->ld + CPU_VEC);
    f->column_at = f->phase_at + floats(2 * f->line * (1 + 2 * (f->rows + 1)));
    f->strip_at = f->column_at + floats(8 * f->column);
    return f->strip_at + floats(4 * (f->tiles + 2 * CPU_VEC));
}

/* Measured, by tests/bench/bench_conv at batch 128: with 3 channels transforms cost more than
 * products, with 16 and 16 about what they save, with 16 and 64 or 32 and 32 less.  2048 tiles are
 * the fewest that were measured; with few, the weights' transforms weigh more than the products. */
static int pays(int64_t m, int64_t depth, int64_t tiles)
{
    return m >= 16 && depth >= 16 && m * depth >= 1024 && tiles >= 2048;
}

static rk_status plan_taps(rk_kernel *k, cpu_conv *v, int always, rk_kinfo *info, size_t *scratch)
{
    int y = v->which == RK_CONV_Y;
    cpu_winograd f = {.m = v->dim[1],
                      .depth = y ? v->C : v->K,
                      .h = v->dim[2],
                      .w = v->dim[3],
                      .H = y ? v->H : v->OH,
                      .W = y ? v->W : v->OW,
                      .from = y ? v->C * v->H * v->W : v->apart,
                      .to = y ? v->apart : v->dim[1] * v->dim[2] * v->dim[3],
                      .low_h = y ? -v->ph : v->ph - 2,
                      .low_w = y ? -v->pw : v->pw - 2};
    if (f.depth == 0 || f.H == 0 || f.W == 0) return RK_OK;
    f.low = f.m / cpu_panels(f.m);
    f.higher = f.m % cpu_panels(f.m);
    f.down = (f.h + CPU_WINO_TILE - 1) / CPU_WINO_TILE;
    f.across = (f.w + CPU_WINO_TILE - 1) / CPU_WINO_TILE;
    if (!always && !pays(f.m, f.depth, v->N * f.down * f.across)) return RK_OK;
    cut(&f, v->N, k->threads);
    double room = (double)(f.m + f.depth) * (double)(f.tiles + 32);
    if (4.0 * CPU_WINO_POINTS * room > most_scratch) return RK_OK;
    cpu_winograd *own = v->fast = cpu_kernel_alloc(k, sizeof *own);
    if (!own) return RK_E_NOMEM;
    *scratch = lay_out(&f);
    *own = f;
    v->work = (uint64_t)(CPU_WINO_POINTS * f.m * f.depth) * sizeof(float);
    v->run = CPU_NAME(cpu_winograd_run);
    info->ulp = bound(&f);
    return RK_OK;
}

/* As above: sums of two pixels on each side make 4 X, a gradient's transform is a mean or itself,
 * G, and a weight adds at most nine of the sixteen points: 36 X G for each tile, of which the
 * image's share of the magnitude is OH OW X G.  Roundings: 2 with the pixels, 2 with the gradients,
 * those of the chain of a block, of blocks and of segments, 4 in the result. */
static float bound_dw(const cpu_conv *v, const cpu_winograd_dw *f)
{
    int64_t bands = (f->down + f->rows - 1) / f->rows;
    int64_t blocks = bands * ((v->N + f->segments - 1) / f->segments);
    double each = (double)(f->down * f->across) / (double)(v->OH * v->OW);
    return (float)(18.2 * each * (double)(f->tiles + blocks + f->segments + 8));
}

static size_t lay_out_dw(const cpu_conv *v, cpu_winograd_dw *f)
{
    const int64_t line = CPU_ALIGN / 4;
    int64_t columns = (v->C + CPU_NR - 1) / CPU_NR, room;
    f->sums = columns * CPU_NR;
    f->ld = (((columns + f->parts - 1) / f->parts * CPU_NR + line - 1) / line | 1) * line;
    f->plane = f->tiles * f->ld;
    f->point = f->tiles * v->K + cpu_panels(v->K) * CPU_VEC;
    f->turned = (v->K + 2 * CPU_VEC - 1) / CPU_VEC * CPU_VEC;
    room = cpu_most((2 * f->rows + 2) * (2 * f->across + 2) * f->ld,
                    2 * f->rows * 2 * f->across * f->turned);
    f->panel_at = floats(CPU_WINO_POINTS * f->plane);
    f->pixels_at = f->panel_at + floats(CPU_WINO_POINTS * f->point);
    return f->pixels_at + floats(room + CPU_VEC);
}

static rk_status plan_dw(rk_kernel *k, cpu_conv *v, int always, rk_kinfo *info, size_t *scratch)
{
    cpu_winograd_dw f = {.down = (v->OH + 1) / 2, .across = (v->OW + 1) / 2};
    int64_t image = f.down * f.across;
    if (v->N == 0 || image == 0 || v->H == 0 || v->W == 0 ||
        (!always && !pays(v->K, v->C, v->N * image)))
        return RK_OK;
    f.segments = cpu_least(v->N, SEGMENTS);
    f.parts = cpu_least((k->threads + f.segments - 1) / f.segments, (v->C + CPU_NR - 1) / CPU_NR);
    f.images = cpu_most(cpu_least(TILES / image, (v->N + f.segments - 1) / f.segments), 1);
    f.rows = f.down / ((image + TILES - 1) / TILES) + (f.down % ((image + TILES - 1) / TILES) > 0);
    f.tiles = f.images * f.rows * f.across;
    double room = (double)(f.tiles + 4 * f.rows * f.across) * (double)(v->K + v->C + 64);
    float ulp = bound_dw(v, &f);
    if (4.0 * CPU_WINO_POINTS * room > most_scratch ||
        4.0 * CPU_WINO_POINTS * (double)f.segments * (double)v->K * (double)(v->C + 32) >
            most_sums ||
        ulp > 4.0f * (float)(v->N * v->OH * v->OW))
        return RK_OK;
    cpu_winograd_dw *own = v->fast = cpu_kernel_alloc(k, sizeof *own);
    if (!own) return RK_E_NOMEM;
    *scratch = lay_out_dw(v, &f);
    *own = f;
    v->work = (uint64_t)(f.segments * CPU_WINO_POINTS * v->K * f.sums) * sizeof(float);
    v->run = CPU_NAME(cpu_winograd_dw_run);
    info->ulp = ulp;
    return RK_OK;
}

rk_status CPU_NAME(cpu_winograd_plan)(rk_kernel *k, cpu_conv *v, rk_kinfo *info, size_t *scratch)
{
    const rk_host *host = k->device->host;
    const char *option = host->option ? host->option(host->ctx, "cpu.winograd") : NULL;
    int always = option && strcmp(option, "always") == 0;
    if (v->count == 0 || v->R != 3 || v->S != 3 || v->sh != 1 || v->sw != 1) return RK_OK;
    rk_status s = v->which == RK_CONV_DW ? plan_dw(k, v, always, info, scratch)
                                         : plan_taps(k, v, always, info, scratch);
    if (!v->fast) return s;
    info->tier = RK_TIER_FAST;
    info->bound = RK_BOUND_PLANES;
    return RK_OK;
}
#endif
