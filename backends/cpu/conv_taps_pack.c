/* Weights of y and dx, packed into panels of rows; see conv_taps.c. */
#include "conv_taps.h"

#ifdef CPU_VEC
static void pack_panel(const cpu_conv_job *j, const cpu_taps *f, const cpu_grid *g, int64_t p)
{
    const cpu_conv *v = j->v;
    int64_t i = cpu_taps_row(f, p), rows = cpu_taps_row(f, p + 1) - i;
    float *to = cpu_taps_panel(f, g, j->work, p);
    if (v->which == RK_CONV_Y) {
        int64_t k = f->depth * f->taps;
        pack_along(to, rows, j->b + i * k, k, rows, k);
        return;
    }
    for (int64_t k = 0; k < f->depth; k++)
        for (int64_t t = 0; t < g->taps; t++, to += rows) {
            const float *w = j->b + (k * f->m + i) * f->taps + g->number[t];
            for (int64_t r = 0; r < rows; r++) to[r] = w[r * f->taps];
        }
}

static void pack_share(void *context, int t, int threads)
{
    const cpu_conv_job *j = context;
    const cpu_taps *f = j->v->fast;
    int64_t panels = cpu_panels(f->m), from, end;
    cpu_share(f->grids * panels, 1, t, threads, &from, &end);
    for (int64_t u = from; u < end; u++) pack_panel(j, f, &f->grid[u / panels], u % panels);
}

void CPU_NAME(cpu_taps_pack)(const cpu_conv_job *j)
{
    cpu_conv_job own = *j;
    cpu_parallel(j->kernel->device, j->kernel->threads, pack_share, &own);
}
#endif
