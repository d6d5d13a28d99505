/* Where Winograd's products are used, how their work is cut, and how far off they may be. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "winograd_4x4.h"

#ifdef CPU_VEC
enum {
    TILES = 64,  /* of a unit, about; of a block of dw, of either size */
    LARGE = 64,  /* likewise of tiles of 4 x 4 */
    SEGMENTS = 8 /* of the images, for dw */
};
static const double most_scratch = 0x1p26; /* bytes of a thread */
static const double most_sums = 0x1p28;    /* bytes of dw's workspace */
static const double most_error = 10;       /* of larger tiles: see is_near */

/* Which tiles are used: always, though others may be faster; 4 x 4 never, where they pay, or
 * wherever the gate lets them (0, 1, 2). */
typedef struct tiles_use {
    int never, always, large;
} tiles_use;

static const char *option_of(const rk_device *d, const char *key)
{
    return d->host->option ? d->host->option(d->host->ctx, key) : NULL;
}

/* What the result may be away from the truth, over eps and the magnitude of RK_BOUND_PLANES.
 *
 * Let |x| <= X and |w| <= W in the planes of a channel, u = eps / 2.  Along one side the rows of
 * the transform of taps have absolute sums of 2, those of the weights 1, 3/2, 3/2, 1, and a result
 * adds three of the four points: at most 2 (1 + 3/2 + 3/2) X W = 8 X W, in two dimensions 64 X W,
 * where the magnitude has 9 X W.  Each of these terms is rounded 2 times with the taps, 4 with the
 * weights (halving is exact), depth times in the chain and 4 times in the result, so that the error
 * is at most (depth + 10) u 64 / 9 of the magnitude, and 3.6 leaves more than one percent for
 * products of roundings. */
static double bound_2x2(const cpu_winograd *f) { return 3.6 * (double)(f->depth + 10); }

/* As above, with the coefficients of winograd_4x4.h: |B| |G| |A| along one side sum up to 22.26 for
 * the worst of four results, which makes 55.06 of the magnitude.  Roundings: 2 with the taps along
 * each side, 4 with the weights, of which one is their coefficients', 3 with the result; and those
 * of a chain and of the chains. */
static double bound_4x4(const cpu_winograd *f)
{
    int64_t chain = cpu_least(f->depth, RK_W4_CHAIN);
    return 27.9 * (double)(chain + (f->depth - 1) / RK_W4_CHAIN + 18);
}

/* The gate of larger tiles: what they claim is at most so many times what plain summation of as
 * many terms can be off.  10 refuses fewer than 28 channels.  Measured errors of random layers
 * (root of the mean square, from uniform numbers) over those of exact kernels: 2.2 with 16
 * channels, 1.9 with 32, 1.7 with 64, 1.2 with 128, 0.9 with 256; of tiles of 2 x 2 0.7 to 0.55.
 * Of dw, tiles of 4 x 4: 0.9 to 1.7, of 2 x 2 0.4 to 0.7. */
static int is_near(const rk_device *d, double claim, double terms)
{
    const char *option = option_of(d, "cpu.winograd-error");
    double most = option ? strtod(option, NULL) : most_error;
    return claim <= most * (0.5 * terms + 3);
}

static void divide(cpu_winograd *f, int64_t units, int threads)
{
    f->parts = units % threads && units < 4 * threads ? cpu_least(cpu_panels(f->m), threads) : 1;
}

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
    divide(f, f->groups * f->bands, threads);
}

/* As many rows of tiles as fill vectors best, and few enough for all threads. */
static void cut_4x4(cpu_winograd *f, int64_t images, int threads)
{
    int64_t all = images * f->down, most = cpu_most(LARGE / f->across, 1);
    double best = 0;
    most = cpu_most(cpu_least(most, all / threads), 1);
    for (int64_t lines = most; lines > 0; lines--) {
        int64_t n = lines * f->across;
        double full = (double)n / (double)((n + CPU_VEC - 1) / CPU_VEC);
        if (full <= 1.02 * best) continue;
        best = full;
        f->lines = lines;
    }
    f->units = (all + f->lines - 1) / f->lines;
    f->tiles = f->lines * f->across;
    divide(f, f->units, threads);
}

static size_t floats(int64_t n) { return cpu_aligned((size_t)n * sizeof(float)); }

/* Channels are an odd number of cache lines apart, so that those of a panel fall into different
 * sets. */
static void lay_out_tiles(cpu_winograd *f)
{
    const int64_t line = CPU_ALIGN / 4;
    f->ld = ((f->tiles + CPU_VEC - 1 + line - 1) / line | 1) * line;
    f->plane = f->depth * f->ld;
    f->product_at = floats(f->points * f->plane + CPU_VEC);
    f->phase_at = f->product_at + floats(f->points * f->m * f->ld + CPU_VEC);
}

/* The scratch memory of a thread. */
static size_t lay_out(cpu_winograd *f)
{
    lay_out_tiles(f);
    f->line = (f->across + 1 + 2 * CPU_VEC) / CPU_VEC * CPU_VEC;
    f->column = ((f->rows + 1) * f->across + 2 * CPU_VEC) / CPU_VEC * CPU_VEC;
    f->column_at = f->phase_at + floats(2 * f->line * (1 + 2 * (f->rows + 1)));
    f->strip_at = f->column_at + floats(8 * f->column);
    return f->strip_at + floats(4 * (f->tiles + 2 * CPU_VEC));
}

static size_t lay_out_4x4(cpu_winograd *f)
{
    lay_out_tiles(f);
    f->pixels = (f->tiles + CPU_VEC - 1) / CPU_VEC * 4 * CPU_VEC + 2 * CPU_VEC;
    f->column_at = f->phase_at + floats(6 * f->pixels);
    f->strip_at = f->column_at + floats(6 * f->pixels);
    f->zeros_at = f->strip_at + floats(4 * f->pixels);
    return f->zeros_at + floats(4 * f->across + 2 * CPU_VEC);
}

/* Measured, by tests/bench/bench_conv at batch 128: with 3 channels transforms cost more than
 * products, with 16 and 16 about what they save, with 16 and 64 or 32 and 32 less.  2048 tiles are
 * the fewest that were measured; with few, the weights' transforms weigh more than the products. */
static int pays(int64_t m, int64_t depth, int64_t tiles)
{
    return m >= 16 && depth >= 16 && m * depth >= 1024 && tiles >= 2048;
}

/* Likewise: wherever the gate lets them, tiles of 4 x 4 were 1.04 to 1.8 times as fast as those of
 * 2 x 2; 512 tiles are the fewest that were measured. */
static int pays_4x4(int64_t m, int64_t depth, int64_t tiles)
{
    return m >= 16 && m * depth >= 1024 && tiles >= 512;
}

static cpu_winograd describe(const cpu_conv *v, int64_t tile)
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
                      .low_w = y ? -v->pw : v->pw - 2,
                      .tile = tile,
                      .points = (tile + 2) * (tile + 2)};
    f.low = f.m / cpu_panels(f.m);
    f.higher = f.m % cpu_panels(f.m);
    f.down = (f.h + tile - 1) / tile;
    f.across = (f.w + tile - 1) / tile;
    return f;
}

static rk_status plan_taps(rk_kernel *k, cpu_conv *v, tiles_use use, rk_kinfo *info,
                           size_t *scratch)
{
    cpu_winograd f = describe(v, 4);
    if (f.depth == 0 || f.H == 0 || f.W == 0) return RK_OK;
    int large = use.large && is_near(k->device, bound_4x4(&f), 9 * (double)f.depth) &&
                (use.large > 1 || pays_4x4(f.m, f.depth, v->N * f.down * f.across));
    if (!large) {
        f = describe(v, CPU_WINO_TILE);
        if (!use.always && !pays(f.m, f.depth, v->N * f.down * f.across)) return RK_OK;
    }
    if (large)
        cut_4x4(&f, v->N, k->threads);
    else
        cut(&f, v->N, k->threads);
    double room = (double)(f.m + f.depth) * (double)(f.tiles + 32);
    if (4.0 * (double)f.points * room > most_scratch) return RK_OK;
    cpu_winograd *own = v->fast = cpu_kernel_alloc(k, sizeof *own);
    if (!own) return RK_E_NOMEM;
    *scratch = large ? lay_out_4x4(&f) : lay_out(&f);
    *own = f;
    v->work = (uint64_t)(f.points * f.m * f.depth) * sizeof(float);
    v->run = large ? CPU_NAME(cpu_winograd_4x4_run) : CPU_NAME(cpu_winograd_run);
    info->ulp = (float)(large ? bound_4x4(&f) : bound_2x2(&f));
    return RK_OK;
}

/* As above: sums of two pixels on each side make 4 X, a gradient's transform is a mean or itself,
 * G, and a weight adds at most nine of the sixteen points: 36 X G for each tile, of which the
 * image's share of the magnitude is OH OW X G.  Roundings: 2 with the pixels, 2 with the gradients,
 * those of the chain of a block, of blocks and of segments, 4 in the result.  With tiles of 4 x 4
 * |B| |G| |A| along one side sum up to 26.51 for the worst of three weights, 702.8 in two
 * dimensions; roundings are those of y. */
static double bound_dw(const cpu_conv *v, const cpu_winograd_dw *f)
{
    int64_t bands = (f->down + f->rows - 1) / f->rows;
    int64_t blocks = bands * ((v->N + f->segments - 1) / f->segments);
    double each = (double)(f->down * f->across) / (double)(v->OH * v->OW);
    double sums = (double)(f->tiles + blocks + f->segments);
    return f->tile == 4 ? 356.0 * each * (sums + 18) : 18.2 * each * (sums + 8);
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
    room = cpu_most((f->tile * f->rows + 2) * (f->tile * f->across + 2) * f->ld,
                    f->tile * f->rows * f->tile * f->across * f->turned);
    f->panel_at = floats(f->points * f->plane);
    f->pixels_at = f->panel_at + floats(f->points * f->point);
    return f->pixels_at + floats(room + CPU_VEC);
}

static cpu_winograd_dw describe_dw(const cpu_conv *v, int64_t tile, int threads)
{
    cpu_winograd_dw f = {.tile = tile, .points = (tile + 2) * (tile + 2)};
    f.down = (v->OH + tile - 1) / tile;
    f.across = (v->OW + tile - 1) / tile;
    int64_t image = f.down * f.across, bands = (image + TILES - 1) / TILES;
    f.segments = cpu_least(v->N, SEGMENTS);
    f.parts = cpu_least((threads + f.segments - 1) / f.segments, (v->C + CPU_NR - 1) / CPU_NR);
    f.images = cpu_most(cpu_least(TILES / image, (v->N + f.segments - 1) / f.segments), 1);
    f.rows = (f.down + bands - 1) / bands;
    f.tiles = f.images * f.rows * f.across;
    return f;
}

static int fits_dw(const cpu_conv *v, const cpu_winograd_dw *f)
{
    const double side = (double)(f->tile * f->tile), points = (double)f->points;
    double room = (points * (double)f->tiles + 4 * side * (double)(f->rows * f->across)) *
                  (double)(v->K + v->C + 64);
    double sums = points * (double)f->segments * (double)v->K * (double)(v->C + 32);
    return 4 * room <= most_scratch && 4 * sums <= most_sums &&
           bound_dw(v, f) <= 4 * (double)(v->N * v->OH * v->OW);
}

static rk_status plan_dw(rk_kernel *k, cpu_conv *v, tiles_use use, rk_kinfo *info, size_t *scratch)
{
    if (v->N == 0 || v->OH * v->OW == 0 || v->H == 0 || v->W == 0) return RK_OK;
    cpu_winograd_dw f = describe_dw(v, 4, k->threads);
    if (!use.large || !fits_dw(v, &f) ||
        !is_near(k->device, bound_dw(v, &f), (double)(v->N * v->OH * v->OW)) ||
        (use.large == 1 && !pays(v->K, v->C, 4 * v->N * f.down * f.across))) {
        f = describe_dw(v, CPU_WINO_TILE, k->threads);
        if (!fits_dw(v, &f) || (!use.always && !pays(v->K, v->C, v->N * f.down * f.across)))
            return RK_OK;
    }
    cpu_winograd_dw *own = v->fast = cpu_kernel_alloc(k, sizeof *own);
    if (!own) return RK_E_NOMEM;
    *scratch = lay_out_dw(v, &f);
    *own = f;
    v->work = (uint64_t)(f.segments * f.points * v->K * f.sums) * sizeof(float);
    v->run = CPU_NAME(cpu_winograd_dw_run);
    info->ulp = (float)bound_dw(v, &f);
    return RK_OK;
}

/* Of the option: nothing, where it pays; always, wherever it can be; 2x2 and 4x4, likewise with
 * tiles of that size only, or if the gate allows them. */
static tiles_use use_of(const rk_device *d)
{
    static const char *const names[] = {"never", "always", "2x2", "4x4"};
    static const tiles_use uses[] = {{1, 0, 0}, {0, 1, 1}, {0, 1, 0}, {0, 1, 2}};
    const char *option = option_of(d, "cpu.winograd");
    for (int i = 0; option && i < 4; i++)
        if (strcmp(option, names[i]) == 0) return uses[i];
    return (tiles_use){0, 0, 1};
}

const char *CPU_NAME(cpu_winograd_name)(const cpu_conv *v)
{
    const cpu_winograd *f = v->fast;
    const cpu_winograd_dw *dw = v->fast;
    if (v->which == RK_CONV_DW) return dw->tile == 4 ? "winograd 3x3,4x4" : "winograd 3x3,2x2";
    return f->tile == CPU_WINO_TILE ? "winograd 2x2,3x3" : "winograd 4x4,3x3";
}

rk_status CPU_NAME(cpu_winograd_plan)(rk_kernel *k, cpu_conv *v, rk_kinfo *info, size_t *scratch)
{
    tiles_use use = use_of(k->device);
    if (use.never || v->count == 0 || v->R != 3 || v->S != 3 || v->sh != 1 || v->sw != 1)
        return RK_OK;
    rk_status s = v->which == RK_CONV_DW ? plan_dw(k, v, use, info, scratch)
                                         : plan_taps(k, v, use, info, scratch);
    if (!v->fast) return s;
    info->tier = RK_TIER_FAST;
    info->bound = RK_BOUND_PLANES;
    return RK_OK;
}
#endif
