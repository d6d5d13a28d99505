/* CONV of the fast tier by Winograd's algorithm, gpu variant; RK_DW: dw.  A work-item transforms a
 * tile of one channel; products are those of matmul.cl.  Tiles are those of the images of a pass,
 * in all points and channels beside each other, so that neighbours access neighbours. */
#define GROUP __attribute__((reqd_work_group_size(256, 1, 1)))

/* `edge` elements from (h, w) on: a row of a tile. */
static inline void rk_tile_row(__global const float *planes, ulong plane, int h, int w, int in_h,
                               int in_w, uint edge, float *d)
{
#pragma unroll
    for (uint j = 0; j < edge; j++)
        d[j] = rk_element(planes, plane, h, w + (int)j, in_h, in_w);
}

/* ws[taps_at + (point * ci + channel) * tiles + tile]; zero for images there are none of. */
GROUP __kernel void winograd_taps(__global const uchar *in, ulong in_at, __global uchar *ws,
                                  ulong ws_at, ulong taps_at, ulong batch, uint ci, uint ji,
                                  int in_h, int in_w, uint down, uint across, uint images,
                                  int shift_h, int shift_w, uint pass)
{
    uint tile = get_global_id(0), l = get_global_id(1), tiles = images * down * across,
         place = tile % (down * across);
    ulong n = (ulong)pass * images + tile / (down * across);
    if (tile >= tiles) return;
    float d[4][4], v[4][4];
    int h = 2 * (int)(place / across) + shift_h, w = 2 * (int)(place % across) + shift_w;
#pragma unroll
    for (uint i = 0; i < 4; i++)
        rk_tile_row((__global const float *)(in + in_at), n * ji + l, h + (int)i, w,
                    n < batch ? in_h : 0, in_w, 4, d[i]);
    rk_tile_to_points(d, v);
    __global float *to = (__global float *)(ws + ws_at) + taps_at + l * tiles + tile;
#pragma unroll
    for (uint p = 0; p < 16; p++) to[p * ci * tiles] = v[p / 4][p % 4];
}

#if RK_DW
GROUP __kernel void winograd_gradients(__global const uchar *in, ulong in_at, __global uchar *ws,
                                       ulong ws_at, ulong to_at, ulong batch, uint co, uint jo,
                                       int out_h, int out_w, uint down, uint across, uint images,
                                       uint pass)
{
    uint tile = get_global_id(0), k = get_global_id(1), tiles = images * down * across,
         place = tile % (down * across);
    ulong n = (ulong)pass * images + tile / (down * across);
    if (tile >= tiles) return;
    float g[2][2], u[4][4];
#pragma unroll
    for (uint i = 0; i < 2; i++)
        rk_tile_row((__global const float *)(in + in_at), n * jo + k,
                    2 * (int)(place / across) + (int)i, 2 * (int)(place % across),
                    n < batch ? out_h : 0, out_w, 2, g[i]);
    rk_gradient_tile(g, u);
    __global float *to = (__global float *)(ws + ws_at) + to_at + k * tiles + tile;
#pragma unroll
    for (uint p = 0; p < 16; p++) to[p * co * tiles] = u[p / 4][p % 4];
}

/* Passes added in their order, and transformed; a work-item does one kernel of weights. */
GROUP __kernel void winograd_sum(__global const uchar *ws, ulong ws_at, RK_PARAMS ulong sums_at,
                                 uint ci, uint co, uint passes)
{
    uint at = get_global_id(0), kernels = co * ci;
    __global const float *sums = (__global const float *)(ws + ws_at) + sums_at + at;
    if (at >= kernels) return;
    float m[4][4], w[9];
#pragma unroll
    for (uint p = 0; p < 16; p++) {
        float sum = sums[p * kernels];
        for (uint s = 1; s < passes; s++) sum = sum + sums[(s * 16 + p) * kernels];
        m[p / 4][p % 4] = sum;
    }
    rk_sums_to_weights(m, w);
    ulong x0 = at / ci;
#pragma unroll
    for (uint i = 0; i < 9; i++) {
        ulong x1 = at % ci * 9 + i, pos = at * 9ul + i;
        U in0 = as_uint(w[i]);
        RK_BODY
    }
}
#else
/* ws[(point * co + channel of the result) * ci + channel of the sum] */
GROUP __kernel void winograd_weights(__global const uchar *w_in, ulong w_at, __global uchar *ws,
                                     ulong ws_at, ulong out_weight, ulong in_weight, uint ci,
                                     uint co, uint turned)
{
    uint at = get_global_id(0), kernels = co * ci;
    if (at >= kernels) return;
    float u[16];
    rk_kernel_to_points((__global const float *)(w_in + w_at) + at / ci * out_weight +
                            at % ci * in_weight,
                        turned, u);
    __global float *to = (__global float *)(ws + ws_at) + at;
#pragma unroll
    for (uint p = 0; p < 16; p++) to[p * kernels] = u[p];
}

GROUP __kernel void winograd_results(__global const uchar *ws, ulong ws_at, RK_PARAMS
                                     ulong products_at, ulong batch, uint co, uint jo, uint out_h,
                                     uint out_w, uint down, uint across, uint images, uint pass)
{
    uint tile = get_global_id(0), k = get_global_id(1), tiles = images * down * across,
         place = tile % (down * across), a = 2 * (place / across), b = 2 * (place % across);
    ulong x0 = (ulong)pass * images + tile / (down * across), x1 = k;
    if (tile >= tiles || x0 >= batch) return;
    __global const float *from =
        (__global const float *)(ws + ws_at) + products_at + k * tiles + tile;
    float m[4][4], y[2][2];
#pragma unroll
    for (uint p = 0; p < 16; p++) m[p / 4][p % 4] = from[p * co * tiles];
    rk_tile_from_points(m, y);
#pragma unroll
    for (uint i = 0; i < 4; i++) {
        uint h = a + i / 2, w = b + i % 2;
        ulong x2 = (ulong)h * out_w + w, pos = (x0 * jo + x1) * out_h * out_w + x2;
        if (h >= out_h || w >= out_w) continue;
        U in0 = as_uint(y[i / 2][i % 2]);
        RK_BODY
    }
}
#endif
