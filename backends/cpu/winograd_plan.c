/* Where Winograd's products are used, how their work is cut, and how far off they may be. */
#include <string.h>
#include "winograd.h"

#ifdef CPU_VEC
enum { TILES = 64 /* of a unit, about */ };
static const double most_scratch = 0x1p26; /* bytes of a thread */

/* What the result may be away from the truth, over eps and the magnitude of RK_BOUND_PLANES.
 *
 * Let |x| <= X and |w| <= W in the planes of a channel, u = eps / 2.  Along one side the rows of the
 * transform of taps have absolute sums of 2, those of the weights 1, 3/2, 3/2, 1, and a result adds
 * three of the four points: at most 2 (1 + 3/2 + 3/2) X W = 8 X W, in two dimensions 64 X W, where
 * the magnitude has 9 X W.  Each of these terms is rounded 2 times with the taps, 4 with the weights
 * (halving is exact), depth times in the chain and 4 times in the result, so that the error is at
 * most (depth + 10) u 64 / 9 of the magnitude, and 3.6 leaves more than one percent for products of
 * roundings. */
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

/* The scratch memory of a thread.  Channels are an odd number of cache lines apart, so that those of
 * a panel fall into different sets. */
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

static int pays(const cpu_winograd *f) { return f->m >= 16 && f->depth >= 16; }

rk_status CPU_NAME(cpu_winograd_plan)(rk_kernel *k, cpu_conv *v, rk_kinfo *info, size_t *scratch)
{
    int y = v->which == RK_CONV_Y;
    const rk_host *host = k->device->host;
    const char *option = host->option ? host->option(host->ctx, "cpu.winograd") : NULL;
    if (v->which == RK_CONV_DW || v->R != 3 || v->S != 3 || v->sh != 1 || v->sw != 1) return RK_OK;
    cpu_winograd f = {.m = v->dim[1],
                      .depth = y ? v->C : v->K,
                      .h = v->dim[2],
                      .w = v->dim[3],
                      .H = y ? v->H : v->OH,
                      .W = y ? v->W : v->OW,
                      .low_h = y ? -v->ph : v->ph - 2,
                      .low_w = y ? -v->pw : v->pw - 2};
    if (v->count == 0 || f.depth == 0 || f.H == 0 || f.W == 0) return RK_OK;
    if (!pays(&f) && !(option && strcmp(option, "always") == 0)) return RK_OK;
    f.low = f.m / cpu_panels(f.m);
    f.higher = f.m % cpu_panels(f.m);
    f.down = (f.h + CPU_WINO_TILE - 1) / CPU_WINO_TILE;
    f.across = (f.w + CPU_WINO_TILE - 1) / CPU_WINO_TILE;
    cut(&f, v->N, k->threads);
    if (4.0 * CPU_WINO_POINTS * (double)(f.m + f.depth) * (double)(f.tiles + 32) > most_scratch)
        return RK_OK;
    cpu_winograd *own = cpu_kernel_alloc(k, sizeof *own);
    if (!own) return RK_E_NOMEM;
    *scratch = lay_out(&f);
    *own = f;
    v->work = (uint64_t)(CPU_WINO_POINTS * f.m * f.depth) * sizeof(float);
    v->fast = own;
    v->run = CPU_NAME(cpu_winograd_run);
    info->tier = RK_TIER_FAST;
    info->bound = RK_BOUND_PLANES;
    info->ulp = bound(&f);
    return RK_OK;
}
#endif
