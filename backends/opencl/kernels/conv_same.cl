/* CONV, cpu variant: Y and DX of windows that move by one element and end at the input's own edges,
 * so that the result has the input's extents.  A task copies `abreast` images as they are, channel
 * after channel, and makes tiles of RK_MR channels x RK_NV vectors of positions, which leave no
 * gaps between rows or images.  What a tap would read beyond an edge is another element there:
 * masks, RK_AREA for each vector, make it +0.  Tasks of several times as many images ask for the
 * next ones in the meantime. */
#define MASKS (RK_AREA * RK_WIDTH)

/* Windows of 1 x 1 need no masks, and no copies either: vectors go on into the next plane, of which
 * nobody looks at the sums; but for RK_LAST, the last image, behind which there is nothing.  Each
 * tile asks for what the next one reads. */
#if RK_AREA == 1
#define READ(x, m, n) VLOAD(x); SOON((x) + (n) * RK_WIDTH)
#else
#define READ(x, m, n) AS_F(AS_U(VLOAD(x)) & VLOAD(m));
#endif

/* RK_MR channels of n vectors of positions, written to rows of `to`, ld apart; asks for `lines`
 * from `next` on. */
#define TILE(name, n)                                                                              \
    static inline void name(__global const float *x, __global const float *w,                      \
                            __global const uint *tap, __global const uint *mask, uint taps,        \
                            __global float *to, uint ld, __global const float *next, uint lines)   \
    {                                                                                              \
        F acc[RK_MR][n];                                                                           \
        uint place = 0;                                                                            \
        _Pragma("unroll") for (uint i = 0; i < RK_MR; i++)                                         \
            _Pragma("unroll") for (uint v = 0; v < n; v++) acc[i][v] = (F)(0.0f);                  \
        _Pragma("unroll 1") for (uint p = 0; p < taps; p++, w += RK_MR)                            \
        {                                                                                          \
            F xv[n];                                                                               \
            ulong off = tap[p];                                                                    \
            if (p < lines) ASK(next + p * 16)                                                      \
            __global const uint *m = mask + place;                                                 \
            place = place + RK_WIDTH < MASKS ? place + RK_WIDTH : 0;                               \
            _Pragma("unroll") for (uint v = 0; v < n; v++)                                         \
            {                                                                                      \
                xv[v] = READ(x + off + v * RK_WIDTH, m + v * MASKS, n)                             \
            }                                                                                      \
            _Pragma("unroll") for (uint i = 0; i < RK_MR; i++)                                     \
            {                                                                                      \
                F wv = (F)(w[i]);                                                                  \
                _Pragma("unroll") for (uint v = 0; v < n; v++)                                     \
                    acc[i][v] = fma(xv[v], wv, acc[i][v]);                                         \
            }                                                                                      \
        }                                                                                          \
        _Pragma("unroll") for (uint i = 0; i < RK_MR; i++)                                         \
            _Pragma("unroll") for (uint v = 0; v < n; v++)                                         \
                VSTORE(acc[i][v], to + i * ld + v * RK_WIDTH);                                     \
    }
TILE(rk_tile, RK_NV)
TILE(rk_rest, 1)

/* Masks of positions, image after image; `turn`: the window's places count from its end. */
static inline void rk_masks(__global uint *mask, uint vectors, uint height, uint width,
                            uint window_w, uint pad_h, uint pad_w, uint turn)
{
    uint h = 0, w = 0;
#pragma unroll 1
    for (uint v = 0; v < vectors; v++) {
        uint row[RK_WIDTH], col[RK_WIDTH];
        for (uint l = 0; l < RK_WIDTH; l++) {
            row[l] = h;
            col[l] = w++;
            if (w < width) continue;
            w = 0;
            if (++h == height) h = 0;
        }
        U rows = VLOAD(row), cols = VLOAD(col);
#pragma unroll 1
        for (uint i = 0; i < RK_AREA; i++, mask += RK_WIDTH) {
            uint q = turn ? RK_AREA - 1 - i : i;
            U r = rows + (U)(q / window_w - pad_h), c = cols + (U)(q % window_w - pad_w);
            VSTORE(AS_U((r < (U)(height)) & (c < (U)(width))), mask);
        }
    }
}

/* Images from `image` on; for those beyond the last, which nobody looks at, the last. */
static inline void rk_images(__global float *copy, __global const float *in, uint image,
                             uint images, uint abreast, uint ci, uint ji, uint area)
{
    if (abreast == 1) {
        rk_copy(copy, in + (ulong)image * ji * area, ci * area);
        return;
    }
#pragma unroll 1
    for (uint t = 0; t < abreast * ci; t++) {
        uint n = t / ci, c = t % ci;
        ulong from = min(image + n, images - 1);
        rk_copy(copy + ((ulong)c * abreast + n) * area, in + (from * ji + c) * area, area);
    }
}

ONE __kernel void conv(__global const uchar *in, ulong in_at, __global uchar *ws, ulong ws_at,
                       __global uchar *counter, ulong counter_at, RK_PARAMS ulong tap_at,
                       ulong weights_at, ulong slots_at, ulong slot, uint taps, uint ci, uint co,
                       uint ji, uint jo, uint height, uint width, uint window_w, uint pad_h,
                       uint pad_w, uint turn, uint span, uint tasks, uint images, uint abreast,
                       uint run, uint wish)
{
    volatile __global uint *draw = (volatile __global uint *)(counter + counter_at);
    __global const float *x = (__global const float *)(in + in_at);
    __global float *words = (__global float *)(ws + ws_at);
    uint area = height * width, plane = abreast * area, edge = pad_h * width + pad_w,
         vectors = (plane + RK_WIDTH - 1) / RK_WIDTH, panels = (co + RK_MR - 1) / RK_MR,
         spans = (plane + span - 1) / span, task = atomic_inc(draw),
         share = wish / 16 / (spans * panels * (span / (RK_NV * RK_WIDTH))) + 1;
    __global uint *mask = (__global uint *)words + slots_at + get_global_id(0) * slot;
#if RK_AREA == 1
    __global float *copy = (__global float *)mask,
                   *raw = copy + (RK_LAST ? ci * area + RK_WIDTH : 0);
#else
    __global float *shifted = (__global float *)mask + (ulong)vectors * MASKS,
                   *copy = shifted + edge, *behind = copy + (ulong)ci * plane,
                   *raw = behind + edge + RK_WIDTH;
    if (task < tasks) {
        rk_masks(mask, vectors, height, width, window_w, pad_h, pad_w, turn);
        rk_zero(shifted, edge);
        rk_zero(behind, edge + RK_WIDTH);
    }
#endif
    for (; task < tasks; task = atomic_inc(draw)) {
        uint begin = task * run * abreast, end = min(images, begin + run * abreast);
#pragma unroll 1
        for (uint image = begin; image < end; image += abreast) {
#if RK_AREA == 1
            __global const float *shifted = x + (ulong)image * ji * area;
            if (RK_LAST && image + 1 == images) {
                rk_copy(copy, shifted, ci * area);
                shifted = copy;
            }
#else
            rk_images(copy, x, image, images, abreast, ci, ji, area);
#endif
            __global const float *next = x + (ulong)(image + abreast) * ji * area;
            uint lines = image + abreast < end ? share : 0;
#pragma unroll 1
            for (uint t = 0; t < spans * panels; t++) {
                uint q0 = t / panels * span, panel = t % panels, size = min(plane - q0, span),
                     count = (size + RK_WIDTH - 1) / RK_WIDTH, step;
                __global const float *w = words + weights_at + (ulong)panel * taps * RK_MR;
                __global const uint *tap = (__global const uint *)words + tap_at;
#pragma unroll 1
                for (uint u = 0; u < count; u += step) {
                    uint q = q0 + u * RK_WIDTH;
                    __global const uint *m = mask + (ulong)(q / RK_WIDTH) * MASKS;
                    step = count - u >= RK_NV ? RK_NV : 1;
#if RK_WANTED
                    for (uint i = 0; i < RK_MR; i++)
                        for (uint v = 0; v < step; v++) {
                            ulong x1 = panel * RK_MR + i,
                                  pos = ((ulong)image * jo + x1) * area + q + v * RK_WIDTH;
                            RK_WANT
                        }
#endif
                    if (step == RK_NV)
                        rk_tile(shifted + q, w, tap, m, taps, raw + u * RK_WIDTH, span,
                            next, lines);
                    else
                        rk_rest(shifted + q, w, tap, m, taps, raw + u * RK_WIDTH, span,
                            next, lines);
                    next += lines * 16;
                }
#pragma unroll 1
                for (uint r = 0; r < RK_MR * abreast; r++) {
                    uint i = r / abreast, n = r % abreast, from = max(q0, n * area),
                         to = min(q0 + size, (n + 1) * area);
                    ulong x0 = image + n, x1 = panel * RK_MR + i;
                    if (x1 >= co) break;
                    if (x0 >= images) continue;
#pragma unroll 1
                    for (uint q = from; q < to; q += RK_WIDTH) {
                        ulong x2 = q - n * area, pos = (x0 * jo + x1) * area + x2;
                        uint rem = min(to - q, (uint)RK_WIDTH);
                        U in0 = AS_U(VLOAD(raw + i * span + q - q0));
                        RK_BODY
                    }
                }
            }
        }
    }
    if (task == tasks + (uint)get_global_size(0) - 1) atomic_xchg(draw, 0u);
}
