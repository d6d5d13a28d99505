/* Plans of dw: how it is cut into units; see conv_dw.c. */
#include <rethink/numerics.h>
#include "conv_dw.h"

#ifdef CPU_VEC
enum { MOST_TAPS = 4096 /* of a channel; else the plain loops */ };
static const double most_scratch = 0x1p26, /* bytes of a thread; likewise */
    most_sums = 0x1p20,                    /* floats of a unit */
    most_work = 0x1p24;                    /* floats of all blocks' sums */

static int64_t parts(int64_t n, int64_t by) { return (n + by - 1) / by; }

/* Of the longest unit, in cycles or so: a panel of half the width reads as much, and each
 * unit transposes its gradients and copies its planes, phase by phase, columns that are apart by
 * shuffles.  A second pass moves all sums. */
static double cost(const cpu_conv *v, const cpu_dw *f, int threads, int64_t by_c, int64_t by_k,
                   int64_t by_b)
{
    int64_t channels = parts(v->C, by_c), vectors = parts(parts(v->K, CPU_VEC), by_k);
    double panels = (double)vectors / CPU_NV + (vectors == 1 ? 0.2 : 0.0);
    double phases = (double)(f->planes.phases_h * f->planes.phases_w);
    double copy = f->planes.direct ? 0.0 : f->planes.step_w == 1 ? 0.4 * phases : 0.9 * phases;
    double positions =
        (double)parts(f->blocks, by_b) * (double)cpu_least(f->positions, RK_CONV_DW_BLOCK);
    double each = (double)(channels * f->taps) * panels + 0.3 * CPU_VEC * (double)vectors +
                  (double)channels * copy;
    double rounds = (double)parts(by_c * by_k * by_b, threads);
    double second = by_b > 1 ? (double)f->blocks * (double)v->count / threads : 0.0;
    return rounds * positions * each + second;
}

static double size(const cpu_conv *v, const cpu_dw *f, int64_t by_c, int64_t by_k)
{
    int64_t vectors = parts(parts(v->K, CPU_VEC), by_k);
    return (double)(parts(v->C, by_c) * f->taps) * (double)(vectors * CPU_VEC);
}

static void cut(const cpu_conv *v, cpu_dw *f, int threads)
{
    double best = 0;
    int64_t fewest = 1, vectors = parts(v->K, CPU_VEC);
    while (fewest < v->C && size(v, f, fewest, 1) > most_sums) fewest++;
    f->by_c = fewest;
    f->by_k = f->by_b = 1;
    for (int64_t c = fewest; c <= v->C && c < fewest + threads; c++)
        for (int64_t k = 1; k <= vectors && c * k <= fewest * threads; k++)
            for (int64_t b = 1; b <= f->blocks && c * k * b <= fewest * threads; b++) {
                double work = size(v, f, c, k) * (double)(c * k) * (double)f->blocks;
                double now = cost(v, f, threads, c, k, b);
                if ((b > 1 && work > most_work) || (best > 0 && now >= best)) continue;
                best = now;
                f->by_c = c;
                f->by_k = k;
                f->by_b = b;
            }
    f->channels = parts(v->C, f->by_c);
    f->columns = parts(vectors, f->by_k) * CPU_VEC;
    f->sums = f->channels * f->taps * f->columns;
}

static size_t floats(int64_t n) { return cpu_aligned((size_t)n * sizeof(float)); }

/* Rows that the planes of a piece have at most: those of its positions, begun and ended anywhere,
 * with a halo for each image. */
static int64_t most_rows(const cpu_conv *v, const cpu_dw *f)
{
    int64_t images = (CPU_DW_PIECE - 1) / (v->OH * v->OW) + 2;
    return CPU_DW_PIECE / v->OW + images * (2 + f->planes.halo_h);
}

static size_t lay_out(const cpu_conv *v, cpu_dw *f)
{
    const cpu_planes *p = &f->planes;
    for (int64_t t = 0; t < f->taps; t++) f->offset[t] = cpu_planes_tap(p, t / v->S, t % v->S);
    f->run_at = p->direct ? 0 : floats(f->channels * p->channel);
    f->panel_at = f->run_at + cpu_aligned(CPU_DW_PIECE * 2 * sizeof(int64_t));
    f->chain_at = f->panel_at + floats(CPU_DW_PIECE * CPU_DW_NV * CPU_VEC);
    f->total_at = f->chain_at + floats(f->sums);
    return f->total_at + floats(f->sums);
}

rk_status CPU_NAME(cpu_conv_dw_plan)(rk_kernel *k, cpu_conv *v, size_t *scratch)
{
    cpu_dw *f = cpu_kernel_alloc(k, sizeof *f);
    if (!f) return RK_E_NOMEM;
    f->planes = CPU_NAME(cpu_planes_of_x)(v);
    f->taps = v->R * v->S;
    f->positions = v->N * v->OH * v->OW;
    f->blocks = parts(f->positions, RK_CONV_DW_BLOCK);
    if (v->count == 0 || f->positions == 0 || v->R > MOST_TAPS || v->S > MOST_TAPS ||
        f->taps > MOST_TAPS)
        return RK_OK;
    cut(v, f, k->threads);
    double room = (double)f->channels * (double)(f->planes.phases_h * f->planes.phases_w) *
                  (double)most_rows(v, f) * (double)f->planes.width;
    if ((!f->planes.direct && 4 * room > most_scratch) || 8 * (double)f->sums > most_scratch)
        return RK_OK;
    f->offset = cpu_kernel_alloc(k, (size_t)f->taps * sizeof *f->offset);
    if (!f->offset) return RK_E_NOMEM;
    if (!f->planes.direct) CPU_NAME(cpu_planes_room)(&f->planes, most_rows(v, f), 1);
    int64_t image = v->OH * v->OW;
    f->ahead = image < CPU_KC ? CPU_DW_PIECE / image * v->C * v->H * v->W
                              : CPU_DW_PIECE / v->OW * v->sh * v->W;
    *scratch = lay_out(v, f);
    v->work = f->by_b > 1 ? (uint64_t)(f->by_c * f->by_k * f->blocks * f->sums) * 4 : 0;
    v->fast = f;
    v->run = CPU_NAME(cpu_conv_dw_run);
    return RK_OK;
}
#endif
