/* CONV, cpu variant: Y and DX whose result has the input's extents, or Y's these by the stride.
 * A task copies `abreast` images as they are, channel after channel, with strides each phase of
 * rows and columns as a plane of its own, and makes tiles of RK_MR channels x RK_NV vectors of
 * positions, which leave no gaps between rows or images.  What a tap would read beyond an edge is
 * another element there: masks, RK_AREA for each vector, make it +0.  RK_HERE: images are read
 * where they lie, but for those that have nothing before or behind them.  While an image is
 * multiplied the next ones are asked for; so a task is drawn before the last image of the one
 * before. */
/* Rows or columns of phase a that are padding; where place r of a window reads, from a position. */
static inline uint rk_lack(uint a, uint pad, uint step)
{
    return pad > a ? (pad - a + step - 1) / step : 0;
}
static inline uint rk_reads(uint r, uint pad, uint step)
{
    return r / step - rk_lack(r % step, pad, step);
}

/* Masks of positions, image after image; `turn`: DX, which reads backwards. */
static inline void rk_masks(__global uint *mask, uint vectors, uint height, uint width,
                            uint window_w, uint pad_h, uint pad_w, uint step_h, uint step_w,
                            uint turn)
{
#pragma unroll 1
    for (uint v = 0; v < vectors; v++) {
        U rows, cols;
        rk_places(v * RK_WIDTH, height, width, &rows, &cols);
#pragma unroll 1
        for (uint i = 0; i < RK_AREA; i++, mask += MASK) {
            uint down = i / window_w, right = i % window_w;
            U r = rows + (U)(turn ? pad_h - down : rk_reads(down, pad_h, step_h)),
              c = cols + (U)(turn ? pad_w - right : rk_reads(right, pad_w, step_w));
            rk_mask(AS_U((r < (U)(height)) & (c < (U)(width))), mask);
        }
    }
}

/* Of images dealt out to phases: how many there are of rows and columns, and of padding. */
typedef struct rk_dealt {
    uint height, width, in_h, in_w, fh, fw, step_h, step_w, pad_h, pad_w, gap;
} rk_dealt;

/* The same, each phase as a plane. */
static inline void rk_phases(__global float *shifted, __global const float *in, uint image,
                             uint images, uint abreast, uint ci, uint ji, const rk_dealt *d)
{
    const uint area = d->height * d->width, plane = abreast * area + d->gap;
    const ulong in_plane = (ulong)d->in_h * d->in_w;
#pragma unroll 1
    for (uint t = 0; t < abreast * ci * d->fh; t++) {
        uint a = t % d->fh, c = t / d->fh % ci, n = t / d->fh / ci,
             down = rk_lack(a, d->pad_h, d->step_h);
        __global float *to = shifted + ((ulong)(c * d->fh + a) * d->fw) * plane + n * area;
        __global const float *from = in + (min(image + n, images - 1) * (ulong)ji + c) * in_plane;
        long row = (long)down * d->step_h + a - d->pad_h;
        to += down * d->width;
        if (d->step_w == 2 && d->fw == 2) {
            uint right0 = rk_lack(0, d->pad_w, 2), right1 = rk_lack(1, d->pad_w, 2);
            __global float *first = to + right0, *second = to + plane + right1,
                           *even = d->pad_w % 2 ? second : first,
                           *odd = d->pad_w % 2 ? first : second;
#pragma unroll 1
            for (uint i = 0; i < d->height; i++)
                rk_deal(even + i * d->width, odd + i * d->width,
                        from + (row + (long)i * d->step_h) * d->in_w, d->width);
            continue;
        }
#pragma unroll 1
        for (uint b = 0; b < d->fw; b++) {
            uint right = rk_lack(b, d->pad_w, d->step_w);
            rk_fill(to + (ulong)b * plane + right, from, d->height, d->width, d->width, 0, row,
                    (long)right * d->step_w + b - d->pad_w, d->step_h, d->step_w, d->in_h, d->in_w);
        }
    }
}

ONE __kernel void conv(__global const uchar *in, ulong in_at, __global uchar *ws, ulong ws_at,
                       __global uchar *counter, ulong counter_at, RK_PARAMS ulong tap_at,
                       ulong weights_at, ulong slots_at, ulong slot, uint taps, uint ci, uint co,
                       uint ji, uint jo, uint height, uint width, uint in_h, uint in_w, uint fh,
                       uint fw, uint step_h, uint step_w, uint window_w, uint pad_h, uint pad_w,
                       uint turn, uint gap, uint edge, uint room, uint span, uint tasks,
                       uint images, uint abreast, uint run, uint wish)
{
    volatile __global uint *draw = (volatile __global uint *)(counter + counter_at);
    __global const float *x = (__global const float *)(in + in_at);
    __global float *words = (__global float *)(ws + ws_at);
    uint area = height * width, plane = abreast * area,
         vectors = (plane + RK_WIDTH - 1) / RK_WIDTH, panels = (co + RK_MR - 1) / RK_MR,
         spans = (plane + span - 1) / span, task = atomic_inc(draw), ahead,
         last = vectors - (spans - 1) * (span / RK_WIDTH), /* of the last span */
         tiles = (vectors - last) / RK_NV + last / RK_NV + last % RK_NV,
         share = wish / 16 / (panels * tiles) + 1;
    __global uint *mask = (__global uint *)words + slots_at + get_global_id(0) * slot;
    __global float *copy = (__global float *)mask + (RK_POINT ? 0 : (ulong)vectors * MASKS),
                   *raw = copy + room;
#if !RK_POINT
    const rk_dealt dealt = {height, width, in_h, in_w, fh, fw, step_h, step_w, pad_h, pad_w, gap};
    if (task < tasks) {
        rk_masks(mask, vectors, height, width, window_w, pad_h, pad_w, step_h, step_w, turn);
        uint full = edge + ci * plane; /* what rk_images writes */
        rk_zero(copy, RK_STRIDE ? room : edge);
        if (!RK_STRIDE) rk_zero(copy + full, room - full);
    }
#endif
    for (; task < tasks; task = ahead) {
        uint begin = task * run * abreast, end = min(images, begin + run * abreast);
        ahead = atomic_inc(draw);
#pragma unroll 1
        for (uint image = begin; image < end; image += abreast) {
            __global const float *shifted = copy;
#if RK_HERE
            if ((image || !edge) && (!RK_LAST || image + 1 < images))
                shifted = x + (ulong)image * ji * area - edge;
            else
#endif
#if RK_STRIDE
                rk_phases(copy, x, image, images, abreast, ci, ji, &dealt);
#else
                rk_images(copy + edge, x, image, images, abreast, ci, ji, area);
#endif
            uint after = image + abreast < end ? image + abreast : ahead * run * abreast,
                 lines = after < images ? share : 0;
            __global const float *next = x + (ulong)after * ji * in_h * in_w;
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
                    __global const uint *want = 0;
#if RK_WANTED
                    want = RK_WANT + ((ulong)image * jo + panel * RK_MR) * area + q;
#endif
                    if (step == RK_NV)
                        rk_tile(shifted + q, w, tap, m, MASKS, taps, raw + u * RK_WIDTH,
                                span, next, lines, want, area);
                    else
                        rk_rest(shifted + q, w, tap, m, MASKS, taps, raw + u * RK_WIDTH,
                                span, next, lines, want, area);
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
