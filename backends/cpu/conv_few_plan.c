/* Plans of y and dx of few rows; see conv_few.c. */
#include <rethink/numerics.h>
#include "conv_few.h"

#ifdef CPU_VEC
enum {
    LEAST_DEPTH = 8,   /* for which it pays to keep sums */
    MOST_CHANNELS = 8, /* that are walked at once */
    CACHE = 48 << 10,  /* bytes of sums and planes: little more than the nearest cache has */
    LINE = CPU_ALIGN / 4
};

/* Taps, of which position 0 has the first at element 0 of a plane, or further on. */
static rk_status lay_taps(rk_kernel *k, const cpu_conv *v, cpu_few *f)
{
    const cpu_planes *p = &f->planes;
    int64_t right = f->w + p->halo_w + p->low_w - p->W;
    f->lead = cpu_most(-p->low_w, 0);
    f->width = p->W + cpu_most(f->lead, right);
    f->last = f->lead + p->low_w + p->halo_h * f->width + p->halo_w;
    f->offset = cpu_kernel_alloc(k, (size_t)f->taps * sizeof *f->offset);
    if (!f->offset) return RK_E_NOMEM;
    for (int64_t t = 0; t < f->taps; t++) {
        int64_t number = v->which == RK_CONV_Y ? t : f->taps - 1 - t;
        f->offset[t] = number / v->S * f->width + number % v->S + f->lead + p->low_w;
    }
    return RK_OK;
}

static rk_status lay_spots(rk_kernel *k, cpu_few *f)
{
    int64_t W = f->planes.W, n;
    f->spots = (W + CPU_VEC - 1) / CPU_VEC;
    n = (f->rows + f->planes.halo_h) * f->spots;
    f->spot = cpu_kernel_alloc(k, (size_t)n * sizeof *f->spot);
    if (!f->spot) return RK_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        int64_t in_row = cpu_least(i % f->spots * CPU_VEC, W - CPU_VEC), row = i / f->spots;
        f->spot[i] = (uint64_t)(row * f->width + in_row) << 32 | (uint64_t)(row * W + in_row);
    }
    return RK_OK;
}

/* Bytes of sums and planes of a unit of so many rows. */
static int64_t lay_unit(cpu_few *f, int64_t rows, int64_t channels)
{
    f->sums = cpu_few_vectors(f, rows) * CPU_VEC;
    f->plane = cpu_most(f->sums + f->last, f->lead + (rows + f->planes.halo_h) * f->width);
    f->plane = (f->plane + LINE - 1) / LINE * LINE;
    f->rows = rows;
    f->bands = (f->h + rows - 1) / rows;
    f->channels = channels;
    f->groups = (f->depth + channels - 1) / channels;
    return 4 * (f->m * f->sums + channels * f->plane);
}

/* Whole images, if they fit and threads have as many, else the largest bands that do; and as many
 * channels as there is room for.  0: no unit fits, or bands would be little but their halo, or a
 * unit but waste. */
static int cut(cpu_few *f, int64_t images, int threads)
{
    int64_t bands = 1, channels = 1, rows;
    while (images * bands % threads && images * bands < 4 * threads) bands++;
    while (bands < f->h && lay_unit(f, (f->h + bands - 1) / bands, 1) > CACHE) bands++;
    rows = (f->h + bands - 1) / bands;
    if (lay_unit(f, rows, 1) > CACHE || (bands > 1 && rows < 2 * f->planes.halo_h)) return 0;
    while (channels < MOST_CHANNELS && lay_unit(f, rows, channels + 1) <= CACHE) channels++;
    lay_unit(f, rows, channels);
    return 4 * f->sums <= 5 * rows * f->w;
}

rk_status CPU_NAME(cpu_conv_few_plan)(rk_kernel *k, cpu_conv *v, size_t *scratch)
{
    int y = v->which == RK_CONV_Y;
    int64_t m = v->dim[1], depth = y ? v->C : v->K, taps = v->R * v->S;
    if (k->choice.columns || v->count == 0 || m > CPU_FEW_ROWS || v->sh != 1 || v->sw != 1 ||
        v->R > RK_CONV_BLOCK || v->S > RK_CONV_BLOCK || taps < 2 || depth < LEAST_DEPTH ||
        depth > RK_CONV_BLOCK || depth * taps > RK_CONV_BLOCK)
        return RK_OK;
    cpu_few *f = cpu_kernel_alloc(k, sizeof *f);
    if (!f) return RK_E_NOMEM;
    f->planes = y ? CPU_NAME(cpu_planes_of_x)(v) : CPU_NAME(cpu_planes_of_g)(v);
    f->m = m;
    f->depth = depth;
    f->taps = taps;
    f->h = v->dim[2];
    f->w = v->dim[3];
    f->apart = y ? v->apart : m * f->h * f->w;
    rk_status s = lay_taps(k, v, f);
    if (s != RK_OK || f->planes.W < CPU_VEC || !cut(f, v->N, k->threads)) return s;
    s = lay_spots(k, f);
    if (s != RK_OK) return s;
    f->planes_at = cpu_aligned((size_t)(m * depth * taps) * sizeof(float));
    f->sums_at = f->planes_at + (size_t)(f->channels * f->plane) * sizeof(float);
    *scratch = f->sums_at + (size_t)(m * f->sums) * sizeof(float);
    v->fast = f;
    v->run = CPU_NAME(cpu_conv_few_run);
    return RK_OK;
}
#endif
