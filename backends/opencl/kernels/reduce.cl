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
#if RK_WHICH == 0
#define MERGE(I, PICK) *acc = *acc + v;
#elif RK_WHICH == 1
#define MERGE(I, PICK) *acc = PICK(v > *acc, v, *acc);
#else
#define MERGE(I, PICK)                                                                             \
    I better = (v > *acc) | ((v == *acc) & (n < *at));                                             \
    *acc = PICK(better, v, *acc);                                                                  \
    *at = PICK(better, n, *at);
#endif
#define PICK_ONE(mask, a, b) ((mask) ? (a) : (b))
static inline void rk_merge(F *acc, U *at, F v, U n) { MERGE(I, PICK) }
static inline void rk_merge_one(float *acc, uint *at, float v, uint n) { MERGE(int, PICK_ONE) }

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
    _Pragma("unroll") for (uint f = 0; f < RK_FOLDS; f++) {                                        \
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
    RK_WS_PARAMS RK_PARAMS RK_POS length, RK_POS inner, RK_POS blocks, RK_POS from, RK_POS plane,  \
        RK_POS to, RK_POS next_plane, RK_POS tasks, RK_POS per

#if RK_CPU && RK_ROWS
#define VECTORS (RK_SUM_LANES / RK_WIDTH)

/* Joins the lanes of one vector, in the first. */
static inline void rk_lanes(F *acc, U *at)
{
#if RK_WHICH == 0 && RK_WIDTH > 1
#if RK_WIDTH == 16
    float8 eight = acc->lo + acc->hi;
    float4 four = eight.lo + eight.hi;
#elif RK_WIDTH == 8
    float4 four = acc->lo + acc->hi;
#else
    float4 four = *acc;
#endif
    float2 two = four.lo + four.hi;
    *acc = (F)(two.lo + two.hi);
#elif RK_WIDTH > 1
    float lane[RK_WIDTH];
    uint lane_at[RK_WIDTH];
    VSTORE(*acc, lane);
    VSTORE(*at, lane_at);
    for (uint w = RK_WIDTH / 2; w; w >>= 1)
        for (uint l = 0; l < w; l++)
            rk_merge_one(&lane[l], &lane_at[l], lane[l + w], lane_at[l + w]);
    *acc = (F)(lane[0]);
    *at = (U)(lane_at[0]);
#endif
}

/* Takes the vector at x1, of which `rem` elements are loaded and n count. */
#define TAKE(v, n)                                                                                 \
    U fold[RK_FOLDS], index[RK_FOLDS];                                                             \
    F value[RK_FOLDS];                                                                             \
    VALUES((U)((uint)x1) + LANES)                                                                  \
    _Pragma("unroll") for (uint f = 0; f < RK_FOLDS; f++) {                                        \
        if (n < RK_WIDTH) value[f] = PICK(LANES < (U)(n), value[f], (F)(START));                   \
        if (n < RK_WIDTH) index[f] = PICK(LANES < (U)(n), index[f], (U)(NONE));                    \
        rk_merge(&acc[f][v], &at[f][v], value[f], index[f]);                                       \
    }

/* RK_BEYOND: what follows a row in memory may be loaded with its end, which is one load, and is
 * left out then.  Loops over vectors and folds are unrolled, so that sums stay in registers. */
ONE __kernel void reduce(PARAMS)
{
    ulong first = get_global_id(0) * per, last = min(first + per, tasks),
          all = tasks / blocks * length, x2 = 0;
    for (ulong task = first; task < last; task++) {
        ulong x0 = task / blocks, begin = (task - x0 * blocks) * RK_SUM_BLOCK,
              end = min(begin + RK_SUM_BLOCK, length), group = begin;
        F acc[RK_FOLDS][VECTORS];
        U at[RK_FOLDS][VECTORS];
#pragma unroll
        for (uint f = 0; f < RK_FOLDS; f++)
#pragma unroll
            for (uint v = 0; v < VECTORS; v++) {
                acc[f][v] = (F)(START);
                at[f][v] = (U)(NONE);
            }
#pragma unroll 1
        for (; group + RK_SUM_LANES <= end; group += RK_SUM_LANES)
#pragma unroll
            for (uint v = 0; v < VECTORS; v++) {
                ulong x1 = group + v * RK_WIDTH, pos = x0 * length + x1;
                const uint rem = RK_WIDTH;
                TAKE(v, RK_WIDTH)
            }
#pragma unroll
        for (uint v = 0; v < VECTORS; v++) {
            ulong x1 = group + v * RK_WIDTH, pos = x0 * length + x1;
            if (x1 >= end) continue;
            uint n = (uint)min(end - x1, (ulong)RK_WIDTH);
            const uint rem = RK_BEYOND ? (uint)min(all - pos, (ulong)RK_WIDTH) : n;
            TAKE(v, n)
        }
        U done[RK_FOLDS], where[RK_FOLDS];
#pragma unroll
        for (uint f = 0; f < RK_FOLDS; f++) {
#pragma unroll
            for (uint w = VECTORS / 2; w; w >>= 1)
#pragma unroll
                for (uint v = 0; v < w; v++)
                    rk_merge(&acc[f][v], &at[f][v], acc[f][v + w], at[f][v + w]);
            rk_lanes(&acc[f][0], &at[f][0]);
            rk_close(&acc[f][0], &at[f][0]);
            done[f] = AS_U(acc[f][0]);
            where[f] = at[f][0];
        }
        ulong x1 = 0, pos = task;
        uint rem = 1;
        FINISH
    }
}
#elif RK_CPU
/* A task has `strip` vectors beside each other of a block, row after row, so that memory is read in
 * long runs that follow one another; their lanes stay in a cache. */
#define SPOT(l, v) (((l)*strip + (v)) * RK_FOLDS)

/* Joins the lanes of vector v, in the first. */
static inline void rk_lanes(F *acc, U *at, RK_POS strip, uint v)
{
    for (uint w = RK_SUM_LANES / 2; w; w >>= 1)
        for (uint l = 0; l < w; l++)
#pragma unroll
            for (uint f = 0; f < RK_FOLDS; f++) {
                ulong to = SPOT(l, v) + f, from = SPOT(l + w, v) + f;
                rk_merge(acc + to, at + to, acc[from], at[from]);
            }
}

ONE __kernel void reduce(PARAMS, RK_POS strip)
{
    F acc[RK_SUM_LANES * RK_STRIP * RK_FOLDS];
    U at[RK_SUM_LANES * RK_STRIP * RK_FOLDS];
    ulong first = get_global_id(0) * per, last = min(first + per, tasks), wide = strip * RK_WIDTH,
          strips = (inner + wide - 1) / wide;
    for (ulong task = first; task < last; task++) {
        ulong row = task / strips, left = (task - row * strips) * wide,
              right = min(left + wide, inner), x0 = row / blocks,
              begin = (row - x0 * blocks) * RK_SUM_BLOCK, end = min(begin + RK_SUM_BLOCK, length);
        for (uint i = 0; i < RK_SUM_LANES * strip * RK_FOLDS; i++) {
            acc[i] = (F)(START);
            if (RK_WHICH == 2) at[i] = (U)(NONE);
        }
#pragma unroll 1
        for (ulong x1 = begin; x1 < end; x1++) {
            uint i = SPOT((uint)x1 % RK_SUM_LANES, 0);
#pragma unroll 1
            for (ulong x2 = left; x2 < right; x2 += RK_WIDTH, i += RK_FOLDS) {
                uint rem = (uint)min(right - x2, (ulong)RK_WIDTH);
                ulong pos = (x0 * length + x1) * inner + x2;
                U fold[RK_FOLDS], index[RK_FOLDS];
                F value[RK_FOLDS];
                VALUES((U)((uint)x1))
#pragma unroll
                for (uint f = 0; f < RK_FOLDS; f++)
                    rk_merge(acc + i + f, at + i + f, value[f], index[f]);
            }
        }
        uint v = 0;
        for (ulong x2 = left; x2 < right; x2 += RK_WIDTH, v++) {
            U done[RK_FOLDS], where[RK_FOLDS];
            rk_lanes(acc, at, strip, v);
#pragma unroll
            for (uint f = 0; f < RK_FOLDS; f++) {
                F *sum = acc + SPOT(0, v) + f;
                U *place = at + SPOT(0, v) + f;
                rk_close(sum, place);
                done[f] = AS_U(*sum);
                where[f] = *place;
            }
            ulong x1 = 0, pos = row * inner + x2;
            uint rem = (uint)min(right - x2, (ulong)RK_WIDTH);
            FINISH
        }
    }
}
#else
/* A group makes RK_RESULTS results, rows or columns that lie beside each other, 8 or 32.  Those
 * that work on a row have RK_WIDTH lanes each, beside each other (8 results are 32 times one lane,
 * 32 are 8 times a vector of 4); those that work on a column have LANES_EACH, LANE_STEP apart. */
#define LANE_STEP (256 / RK_RESULTS)
#if RK_ROWS
#define RESULT (item / LANE_STEP)
#define LANE (item % LANE_STEP * RK_WIDTH)
#define LANES_EACH 1
#define INNER 1
#define SPOT(result, l) ((result) * (RK_SUM_LANES + 1) + (l))
#else
#define RESULT (item % RK_RESULTS)
#define LANE (item / RK_RESULTS)
#define INNER inner
#define LANES_EACH (RK_SUM_LANES / LANE_STEP)
#define SPOT(result, l) ((l) * RK_RESULTS + (result))
#endif
#define SPOTS ((RK_RESULTS + 1) * (RK_SUM_LANES + 1))

#define LEVEL(w)                                                                                   \
    for (uint l = 0; l < (w); l++) rk_merge_one(&acc[l], &at[l], acc[l + (w)], at[l + (w)]);

/* Joins the lanes of a result. */
static inline void rk_join(__local const float *lane, __local const uint *lane_at, uint result,
                           U *done, U *where)
{
    float acc[RK_SUM_LANES];
    uint at[RK_SUM_LANES];
    for (uint l = 0; l < RK_SUM_LANES; l++) {
        acc[l] = lane[SPOT(result, l)];
        at[l] = RK_WHICH == 2 ? lane_at[SPOT(result, l)] : 0;
    }
    LEVEL(16) LEVEL(8) LEVEL(4) LEVEL(2) LEVEL(1)
    F a = (F)(acc[0]);
    *where = (U)(at[0]);
    rk_close(&a, where);
    *done = AS_U(a);
}

/* Lanes of all folds meet in local memory, of one fold after the other, in two places in turn: so a
 * barrier for each is enough. */
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void reduce(PARAMS)
{
    __local float lane[2][SPOTS];
    __local uint lane_at[2][RK_WHICH == 2 ? SPOTS : 1];
    uint item = (uint)get_local_id(0);
    RK_POS group = (RK_POS)get_group_id(0);
#if RK_ROWS
    RK_POS first = group * RK_RESULTS, row = min(first + RESULT, tasks - 1), x2 = 0;
    int counts = first + item < tasks;
#else
    RK_POS strips = (inner + RK_RESULTS - 1) / RK_RESULTS, row = group / strips,
           first = (group - row * strips) * RK_RESULTS, x2 = min(first + RESULT, inner - 1);
    int counts = first + item < inner;
#endif
    RK_POS x0 = RK_FIRST && RK_LAST_PASS ? row : row / blocks,
           begin = (row - x0 * blocks) * RK_SUM_BLOCK;
    uint n = (uint)min(length - begin, (RK_POS)RK_SUM_BLOCK), rem = RK_WIDTH;
    F acc[RK_FOLDS][LANES_EACH];
    U at[RK_FOLDS][LANES_EACH];
    for (uint v = 0; v < LANES_EACH; v++) {
        uint l = LANE + v * LANE_STEP, rounds = n > l ? (n - l - 1) / RK_SUM_LANES + 1 : 0;
        F sum[RK_FOLDS];
        U place[RK_FOLDS];
        for (uint f = 0; f < RK_FOLDS; f++) {
            sum[f] = (F)(START);
            place[f] = (U)(NONE);
        }
#ifndef POCL_DEVICE_ADDRESS_BITS /* warns where it does not unroll */
#pragma unroll 4
#endif
        for (uint i = 0; i < rounds; i++) {
            RK_POS x1 = begin + l + i * RK_SUM_LANES, pos = (x0 * length + x1) * INNER + x2;
            U fold[RK_FOLDS], index[RK_FOLDS];
            F value[RK_FOLDS];
            VALUES((U)((uint)x1) + LANES)
            for (uint f = 0; f < RK_FOLDS; f++)
                rk_merge(&sum[f], &place[f], value[f], index[f]);
        }
        for (uint f = 0; f < RK_FOLDS; f++) {
            acc[f][v] = sum[f];
            at[f][v] = place[f];
        }
    }
    U done[RK_FOLDS], where[RK_FOLDS];
    for (uint f = 0; f < RK_FOLDS; f++) {
        for (uint v = 0; v < LANES_EACH; v++) {
            uint spot = SPOT(RESULT, LANE + v * LANE_STEP);
            VSTORE(acc[f][v], lane[f % 2] + spot);
            if (RK_WHICH == 2) VSTORE(at[f][v], lane_at[f % 2] + spot);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < RK_RESULTS) rk_join(lane[f % 2], lane_at[f % 2], item, &done[f], &where[f]);
    }
    if (item >= RK_RESULTS || !counts) return;
#if RK_ROWS
    row = first + item;
    x0 = RK_FIRST && RK_LAST_PASS ? row : row / blocks;
#else
    x2 = first + item;
#endif
    RK_POS x1 = 0, pos = row * INNER + x2;
    rem = 1;
    FINISH
}
#endif
