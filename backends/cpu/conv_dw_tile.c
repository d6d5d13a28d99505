/* Tiles of dw: see conv_dw.h. */
#include "conv_dw.h"

#ifdef CPU_VEC
typedef void tile_fn(const cpu_dw_tile *);

static inline __attribute__((always_inline)) void add_runs(const cpu_dw_tile *t,
                                                           vec acc[CPU_MR][CPU_DW_NV], int mr,
                                                           int nv, int asks)
{
    const float *g = t->g;
    for (int64_t r = 0; r < t->runs; r++) {
        if (asks) cpu_ask_share(t->ask);
        for (int64_t at = t->run[r].from; at < t->run[r].end; at++, g += nv * CPU_VEC) {
            vec gv[CPU_DW_NV];
            CPU_UNROLL for (int j = 0; j < nv; j++) gv[j] = v_load(g + j * CPU_VEC);
            CPU_UNROLL for (int i = 0; i < mr; i++)
            {
                vec xv = v_all(t->x[i] + at);
                CPU_UNROLL for (int j = 0; j < nv; j++) acc[i][j] = v_fma(xv, gv[j], acc[i][j]);
            }
        }
    }
}

static inline __attribute__((always_inline)) void tile_body(const cpu_dw_tile *t, int mr, int nv)
{
    vec acc[CPU_MR][CPU_DW_NV];
    CPU_UNROLL for (int i = 0; i < mr; i++) CPU_UNROLL for (int j = 0; j < nv; j++) acc[i][j] =
        t->from ? v_load(t->from + (i * nv + j) * CPU_VEC) : v_zero();
    if (t->ask->share > 0)
        add_runs(t, acc, mr, nv, 1);
    else
        add_runs(t, acc, mr, nv, 0);
    CPU_UNROLL for (int i = 0; i < mr; i++) CPU_UNROLL for (int j = 0; j < nv; j++)
    {
        float *to = t->to + (i * nv + j) * CPU_VEC;
        v_store(to, t->plus ? v_add(v_load(to), acc[i][j]) : acc[i][j]);
    }
}

/* There are no tiles of three vectors by more than CPU_DW_LOW rows: one row stands for them. */
#define X(mr)                                                                                      \
    static void tile_##mr##_1(const cpu_dw_tile *t) { tile_body(t, mr, 1); }                       \
    static void tile_##mr##_2(const cpu_dw_tile *t) { tile_body(t, mr, 2); }                       \
    static void tile_##mr##_3(const cpu_dw_tile *t) { tile_body(t, mr <= CPU_DW_LOW ? mr : 1, 3); }
CPU_HEIGHTS(X)
#undef X
#define X(mr) {tile_##mr##_1, tile_##mr##_2, tile_##mr##_3},
static tile_fn *const tiles[CPU_MR][CPU_DW_NV] = {CPU_HEIGHTS(X)};
#undef X

void CPU_NAME(cpu_dw_tile_run)(const cpu_dw_tile *t, int64_t rows, int64_t vectors)
{
    tiles[rows - 1][vectors - 1](t);
}
#endif
