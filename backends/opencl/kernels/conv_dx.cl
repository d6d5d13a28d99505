/* CONV, cpu variant: DX of strides of 2, whose result has twice the extents of g.  A task copies
 * `abreast` images of g as they are, and makes each of the result's four phases of them as
 * conv_same.cl makes a result, by the taps that take part in it; then it puts the phases' elements
 * of RK_MR channels beside each other. */

/* Masks of positions, image after image: of the taps of phase 0, of phase 1, and so on. */
static inline void rk_masks(__global uint *mask, uint vectors, uint height, uint width,
                            uint window_h, uint window_w, uint pad_h, uint pad_w)
{
#pragma unroll 1
    for (uint v = 0; v < vectors; v++) {
        U rows, cols;
        rk_places(v * RK_WIDTH, height, width, &rows, &cols);
#pragma unroll 1
        for (uint f = 0; f < 4; f++) {
            uint a = f / 2 + pad_h, b = f % 2 + pad_w;
#pragma unroll 1
            for (uint r = a % 2; r < window_h; r += 2)
#pragma unroll 1
                for (uint q = b % 2; q < window_w; q += 2, mask += MASK) {
                    U down = rows + (U)((uint)((int)(a - r) / 2)),
                      right = cols + (U)((uint)((int)(b - q) / 2));
                    rk_mask(AS_U((down < (U)(height)) & (right < (U)(width))), mask);
                }
        }
    }
}

/* Four phases of an image, `apart`, become the image.  Vectors go on behind a row's end, where the
 * next row follows. */
static inline void rk_join(__global float *line, __global const float *raw, ulong apart,
                           uint height, uint width)
{
#pragma unroll 1
    for (uint h = 0; h < 2 * height; h++) {
        __global const float *from = raw + h % 2 * 2 * apart + h / 2 * width;
        for (uint w = 0; w < width; w += RK_WIDTH)
            rk_zip(VLOAD(from + w), VLOAD(from + apart + w), line + h * 2 * width + 2 * w);
    }
}

ONE __kernel void conv(__global const uchar *in, ulong in_at, __global uchar *ws, ulong ws_at,
                       __global uchar *counter, ulong counter_at, RK_PARAMS ulong first_at,
                       ulong tap_at, ulong weights_at, ulong slots_at, ulong slot, uint taps,
                       uint ci, uint co, uint ji, uint jo, uint height, uint width, uint window_h,
                       uint window_w, uint pad_h, uint pad_w, uint edge, uint room, uint span,
                       uint tasks, uint images, uint abreast, uint run, uint wish)
{
    volatile __global uint *draw = (volatile __global uint *)(counter + counter_at);
    __global const float *x = (__global const float *)(in + in_at);
    __global float *words = (__global float *)(ws + ws_at);
    __global const uint *first = (__global const uint *)words + first_at;
    const uint area = height * width, plane = abreast * area, panels = (co + RK_MR - 1) / RK_MR,
               vectors = (plane + RK_WIDTH - 1) / RK_WIDTH, full = edge + ci * plane;
    uint task = atomic_inc(draw), share = wish / 16 / (panels * 4 * (vectors / RK_NV + 1)) + 1;
    __global uint *mask = (__global uint *)words + slots_at + get_global_id(0) * slot;
    __global float *shifted = (__global float *)mask + (ulong)vectors * MASKS,
                   *raw = shifted + room, *line = raw + 4ul * RK_MR * span + RK_WIDTH;
    if (task < tasks) {
        rk_masks(mask, vectors, height, width, window_h, window_w, pad_h, pad_w);
        rk_zero(shifted, edge);
        rk_zero(shifted + full, room - full);
    }
    for (; task < tasks; task = atomic_inc(draw)) {
        uint begin = task * run * abreast, end = min(images, begin + run * abreast);
#pragma unroll 1
        for (uint image = begin; image < end; image += abreast) {
            rk_images(shifted + edge, x, image, images, abreast, ci, ji, area);
            __global const float *next = x + (ulong)(image + abreast) * ji * area;
            uint lines = image + abreast < end ? share : 0;
#pragma unroll 1
            for (uint panel = 0; panel < panels; panel++) {
#pragma unroll 1
                for (uint u = 0, step; u < 4 * vectors; u += step) {
                    uint f = u / vectors, at = u % vectors * RK_WIDTH, from = first[f],
                         count = first[f + 1] - from, cycle = count / ci * MASK;
                    __global const float *w =
                        words + weights_at + ((ulong)panel * taps + from) * RK_MR;
                    __global const uint *tap = (__global const uint *)words + tap_at + from,
                                        *m = mask + (ulong)(u % vectors) * MASKS +
                                             from / ci * MASK;
                    __global float *to = raw + (ulong)f * RK_MR * span + at;
                    step = vectors - u % vectors >= RK_NV ? RK_NV : 1;
                    if (step == RK_NV)
                        rk_tile(shifted + at, w, tap, m, cycle, count, to, span, next, lines, 0, 0);
                    else
                        rk_rest(shifted + at, w, tap, m, cycle, count, to, span, next, lines, 0, 0);
                    next += lines * 16;
                }
#pragma unroll 1
                for (uint r = 0; r < RK_MR * abreast; r++) {
                    uint i = r / abreast, n = r % abreast;
                    ulong x0 = image + n, x1 = panel * RK_MR + i;
                    if (x1 >= co) break;
                    if (x0 >= images) continue;
                    rk_join(line, raw + i * span + n * area, RK_MR * (ulong)span, height, width);
#pragma unroll 1
                    for (uint x2 = 0; x2 < 4 * area; x2 += RK_WIDTH) {
                        ulong pos = (x0 * jo + x1) * 4 * area + x2;
                        uint rem = min(4 * area - x2, (uint)RK_WIDTH);
                        U in0 = AS_U(VLOAD(line + x2));
                        RK_BODY
                    }
                }
            }
        }
    }
    if (task == tasks + (uint)get_global_size(0) - 1) atomic_xchg(draw, 0u);
}
