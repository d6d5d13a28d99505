/* REDUCE, one pass: every block of RK_SUM_BLOCK elements becomes one.  Passes follow until one
 * element is left; the first computes the program's prologue (RK_LOAD fills fold[]), the last its
 * remainder (RK_POST, from done[]), those between pass values, and for ARGMAX their indices,
 * through planes of the workspace.  Since lanes start from +0, a pass over one element changes no
 * bit, and lanes beyond the end add +0, which changes none either.
 *
 * RK_FOLDS, RK_WHICH (0 sum, 1 max, 2 argmax), RK_FIRST, RK_LAST_PASS, RK_ROWS: 1 if vectors lie
 * along the reduced axis (inner is 1), 0 if along the inner axis. */
#define NONE 0xFFFFFFFFu

#if RK_WHICH == 0
#define START 0.0f
#else
#define START (-INFINITY)
#endif

/* Takes value v, at index n of the reduced axis, into *acc and *at. */
static inline void rk_merge(F *acc, U *at, F v, U n)
{
#if RK_WHICH == 0
    *acc = *acc + v;
#elif RK_WHICH == 1
    *acc = PICK(v > *acc, v, *acc);
#else
    I better = (v > *acc) | ((v == *acc) & (n < *at));
    *acc = PICK(better, v, *acc);
    *at = PICK(better, n, *at);
#endif
}

/* What a pass hands on.  A zero is +0: a maximum by contract, a sum since it starts from +0, which
 * some compilers leave out. */
static inline void rk_close(F *acc, U *at)
{
#if RK_WHICH != 2
    *acc = PICK(*acc == (F)(0.0f), (F)(0.0f), *acc);
#elif RK_LAST_PASS
    *acc = AS_F(PICK(*at == (U)(NONE), (U)(0), *at));
#endif
}

#if RK_FIRST
#define VALUES(base)                                                                               \
    RK_LOAD                                                                                        \
    for (uint f = 0; f < RK_FOLDS; f++) {                                                          \
        value[f] = AS_F(fold[f]);                                                                  \
        index[f] = base;                                                                           \
    }
#else
#define PLANE ((__global const uint *)(ws + ws_at) + from)
#define VALUES(base)                                                                               \
    for (uint f = 0; f < RK_FOLDS; f++) {                                                          \
        value[f] = AS_F(ld32(PLANE + f * plane, pos, rem));                                        \
        if (RK_WHICH == 2) index[f] = ld32(PLANE + (RK_FOLDS + f) * plane, pos, rem);              \
    }
#endif

#define NEXT ((__global uint *)(ws + ws_at) + to)
#if RK_LAST_PASS
#define FINISH RK_POST
#else
#define FINISH                                                                                     \
    for (uint f = 0; f < RK_FOLDS; f++) {                                                          \
        st32(NEXT + f * next_plane, pos, done[f], rem);                                            \
        if (RK_WHICH == 2) st32(NEXT + (RK_FOLDS + f) * next_plane, pos, where[f], rem);           \
    }
#endif

#define PARAMS                                                                                     \
    RK_WS_PARAMS RK_PARAMS ulong length, ulong inner, ulong blocks, ulong from, ulong plane,       \
        ulong to, ulong next_plane, ulong tasks, ulong per

#if RK_CPU && RK_ROWS
ONE __kernel void reduce(PARAMS)
{
    ulong first = get_global_id(0) * per, last = min(first + per, tasks);
    for (ulong task = first; task < last; task++) {
        ulong x0 = task / blocks, begin = (task - x0 * blocks) * RK_SUM_BLOCK,
              end = min(begin + RK_SUM_BLOCK, length);
        F acc[RK_FOLDS][RK_SUM_LANES / RK_WIDTH];
        U at[RK_FOLDS][RK_SUM_LANES / RK_WIDTH];
        for (uint f = 0; f < RK_FOLDS; f++)
            for (uint v = 0; v < RK_SUM_LANES / RK_WIDTH; v++) {
                acc[f][v] = (F)(START);
                at[f][v] = (U)(NONE);
            }
        for (ulong group = begin; group < end; group += RK_SUM_LANES)
            for (uint v = 0; v < RK_SUM_LANES / RK_WIDTH && group + v * RK_WIDTH < end; v++) {
                ulong x1 = group + v * RK_WIDTH, x2 = 0, pos = x0 * length + x1;
                uint rem = (uint)min(end - x1, (ulong)RK_WIDTH);
                U fold[RK_FOLDS], index[RK_FOLDS];
                F value[RK_FOLDS];
                VALUES((U)((uint)x1) + LANES)
                for (uint f = 0; f < RK_FOLDS; f++) {
                    if (rem < RK_WIDTH) value[f] = PICK(LANES < (U)(rem), value[f], (F)(START));
                    if (rem < RK_WIDTH) index[f] = PICK(LANES < (U)(rem), index[f], (U)(NONE));
                    rk_merge(&acc[f][v], &at[f][v], value[f], index[f]);
                }
            }
        U done[RK_FOLDS], where[RK_FOLDS];
        for (uint f = 0; f < RK_FOLDS; f++) {
            float lane[RK_SUM_LANES];
            uint lane_at[RK_SUM_LANES];
            for (uint v = 0; v < RK_SUM_LANES / RK_WIDTH; v++) {
                VSTORE(acc[f][v], lane + v * RK_WIDTH);
                VSTORE(at[f][v], lane_at + v * RK_WIDTH);
            }
            for (uint w = RK_SUM_LANES / 2; w; w >>= 1)
                for (uint l = 0; l < w; l++) {
                    F a = (F)(lane[l]);
                    U n = (U)(lane_at[l]);
                    rk_merge(&a, &n, (F)(lane[l + w]), (U)(lane_at[l + w]));
                    lane[l] = FIRST(a);
                    lane_at[l] = FIRST(n);
                }
            F a = (F)(lane[0]);
            U n = (U)(lane_at[0]);
            rk_close(&a, &n);
            done[f] = AS_U(a);
            where[f] = n;
        }
        ulong x1 = 0, x2 = 0, pos = task;
        uint rem = 1;
        FINISH
    }
}
#elif RK_CPU
ONE __kernel void reduce(PARAMS)
{
    ulong first = get_global_id(0) * per, last = min(first + per, tasks);
    ulong vectors = (inner + RK_WIDTH - 1) / RK_WIDTH;
    for (ulong task = first; task < last; task++) {
        ulong row = task / vectors, x2 = (task - row * vectors) * RK_WIDTH, x0 = row / blocks,
              begin = (row - x0 * blocks) * RK_SUM_BLOCK, end = min(begin + RK_SUM_BLOCK, length);
        uint rem = (uint)min(inner - x2, (ulong)RK_WIDTH);
        F acc[RK_FOLDS][RK_SUM_LANES];
        U at[RK_FOLDS][RK_SUM_LANES];
        for (uint f = 0; f < RK_FOLDS; f++)
            for (uint l = 0; l < RK_SUM_LANES; l++) {
                acc[f][l] = (F)(START);
                at[f][l] = (U)(NONE);
            }
        for (ulong x1 = begin; x1 < end; x1++) {
            ulong pos = (x0 * length + x1) * inner + x2;
            uint l = (uint)x1 % RK_SUM_LANES;
            U fold[RK_FOLDS], index[RK_FOLDS];
            F value[RK_FOLDS];
            VALUES((U)((uint)x1))
            for (uint f = 0; f < RK_FOLDS; f++)
                rk_merge(&acc[f][l], &at[f][l], value[f], index[f]);
        }
        U done[RK_FOLDS], where[RK_FOLDS];
        for (uint f = 0; f < RK_FOLDS; f++) {
            for (uint w = RK_SUM_LANES / 2; w; w >>= 1)
                for (uint l = 0; l < w; l++)
                    rk_merge(&acc[f][l], &at[f][l], acc[f][l + w], at[f][l + w]);
            rk_close(&acc[f][0], &at[f][0]);
            done[f] = AS_U(acc[f][0]);
            where[f] = at[f][0];
        }
        ulong x1 = 0, pos = row * inner + x2;
        FINISH
    }
}
#else
/* A group: 8 rows by 32 lanes, or 32 columns by 8 work-items that have 4 lanes each. */
#if RK_ROWS
#define LANES_EACH 1
#define LANE_0 (item % 32)
#define LANE_STEP 32
#define SPOT(l) (item / 32 * 32 + (l))
#else
#define LANES_EACH 4
#define LANE_0 (item / 32)
#define LANE_STEP 8
#define SPOT(l) ((l) * 32 + item % 32)
#endif
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void reduce(PARAMS)
{
    __local float lane[32 * 32];
    __local uint lane_at[RK_WHICH == 2 ? 32 * 32 : 1];
    uint item = get_local_id(0);
#if RK_ROWS
    ulong task = get_group_id(0) * 8 + item / 32, x2 = 0, row = task;
    int live = task < tasks;
#else
    ulong strips = (inner + 31) / 32, row = get_group_id(0) / strips,
          x2 = (get_group_id(0) - row * strips) * 32 + item % 32;
    int live = x2 < inner;
#endif
    ulong x0 = row / blocks, begin = (row - x0 * blocks) * RK_SUM_BLOCK,
          end = min(begin + RK_SUM_BLOCK, length);
    float acc[RK_FOLDS][LANES_EACH];
    uint at[RK_FOLDS][LANES_EACH];
    for (uint f = 0; f < RK_FOLDS; f++)
        for (uint v = 0; v < LANES_EACH; v++) {
            acc[f][v] = START;
            at[f][v] = NONE;
        }
    for (ulong group = begin; live && group < end; group += RK_SUM_LANES)
        for (uint v = 0; v < LANES_EACH; v++) {
            ulong x1 = group + LANE_0 + v * LANE_STEP, pos = (x0 * length + x1) * inner + x2;
            if (x1 >= end) continue;
            uint fold[RK_FOLDS], index[RK_FOLDS];
            float value[RK_FOLDS];
            VALUES((uint)x1)
            for (uint f = 0; f < RK_FOLDS; f++)
                rk_merge(&acc[f][v], &at[f][v], value[f], index[f]);
        }
    uint done[RK_FOLDS], where[RK_FOLDS];
    for (uint f = 0; f < RK_FOLDS; f++) {
        for (uint v = 0; v < LANES_EACH; v++) {
            lane[SPOT(LANE_0 + v * LANE_STEP)] = acc[f][v];
            if (RK_WHICH == 2) lane_at[SPOT(LANE_0 + v * LANE_STEP)] = at[f][v];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint w = RK_SUM_LANES / 2; w; w >>= 1) {
            for (uint l = LANE_0; l < w; l += LANE_STEP) {
                float a = lane[SPOT(l)];
                uint n = RK_WHICH == 2 ? lane_at[SPOT(l)] : 0;
                rk_merge(&a, &n, lane[SPOT(l + w)], RK_WHICH == 2 ? lane_at[SPOT(l + w)] : 0);
                lane[SPOT(l)] = a;
                if (RK_WHICH == 2) lane_at[SPOT(l)] = n;
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        float a = lane[SPOT(0)];
        uint n = RK_WHICH == 2 ? lane_at[SPOT(0)] : 0;
        rk_close(&a, &n);
        done[f] = as_uint(a);
        where[f] = n;
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (!live || LANE_0 != 0) return;
    ulong x1 = 0, pos = row * inner + x2;
    FINISH
}
#endif
