/* CONV, cpu variant.  A task copies rows of its input planes into memory of its own, phase by phase
 * and with zeros around them, so that the elements of any tap lie at one distance from a position,
 * and a tile of positions is a few contiguous vectors of every tap.  Between rows there are lanes
 * that are computed and dropped: `period` minus the columns of the result.
 *
 * Work-items draw tasks from a counter, which the last one resets, as in matmul.cl. */
#define NR (RK_NV * RK_WIDTH)

#if RK_FLAT
#define OUT_PLANE out_w
#else
#define OUT_PLANE out_h *out_w
#endif
#if RK_BLOCKS
#define RESULT sum
#else
#define RESULT acc
#endif
/* A task is an image, or a few `abreast`, and a band of rows of every phase of the result; it makes
 * tiles of RK_MR channels x NR positions, and writes what `span` positions have given: all, if
 * images are abreast.  RK_FLAT: windows of 1 x 1, a row is all of an image. */
ONE __kernel void conv(__global const uchar *in, ulong in_at, __global uchar *ws, ulong ws_at,
                       __global uchar *counter, ulong counter_at, RK_PARAMS ulong first_at,
                       ulong ends_at, ulong tap_at, ulong weights_at, ulong slots_at, ulong slot,
                       ulong taps, long shift_h, long shift_w, uint ci, uint co, uint ji, uint jo,
                       uint in_h, uint in_w, uint out_h, uint out_w, uint fh, uint fw, uint uh,
                       uint uw, uint step_h, uint step_w, uint more_h, uint period, uint tail,
                       uint plane, uint rows, uint cols, uint band, uint bands, uint span,
                       uint blocks, uint tasks, uint images, uint abreast)
{
    volatile __global uint *draw = (volatile __global uint *)(counter + counter_at);
    __global float *words = (__global float *)(ws + ws_at);
    __global const uint *first = (__global const uint *)words + first_at,
                        *ends = (__global const uint *)words + ends_at;
    __global float *copy = words + slots_at + get_global_id(0) * slot,
                   *raw = copy + (ulong)ci * fh * fw * plane + NR + RK_WIDTH,
                   *line = raw + (ulong)uw * RK_MR * span + RK_WIDTH;
    uint task, pitch = abreast * period;
    for (task = atomic_inc(draw); task < tasks; task = atomic_inc(draw)) {
        uint top = task % bands * band, high = min(band, rows - top),
             image = task / bands * abreast;
#if RK_FLAT
        for (uint t = 0; t < high * ci; t++) {
            uint n = t / ci, c = t % ci;
            rk_copy(copy + (ulong)c * plane + (ulong)n * period,
                    (__global const float *)(in + in_at) + ((ulong)(top + n) * ji + c) * in_w,
                    period);
        }
#else
        for (uint t = 0; t < abreast * ci * fh * fw; t++) {
            uint n = t / (ci * fh * fw), p = t % (ci * fh * fw), c = p / (fh * fw), a = p / fw % fh,
                 b = p % fw;
            ulong from = min(image + n, images - 1); /* beyond the last image nobody looks */
            rk_fill(copy + (ulong)p * plane + n * period,
                    (__global const float *)(in + in_at) + (from * ji + c) * in_h * in_w,
                    high + more_h, period, pitch, n ? 0 : tail,
                    (long)top * step_h + a + shift_h, b + shift_w, step_h, step_w, in_h, in_w);
        }
#endif
        uint positions = high * pitch - period + cols, panels = (co + RK_MR - 1) / RK_MR,
             spans = (positions + span - 1) / span, dense = uh * uw == 1 && pitch == cols;
#pragma unroll 1
        for (uint t = 0; t < uh * spans * panels; t++) {
            uint a = t / (spans * panels), q0 = t / panels % spans * span, panel = t % panels,
                 size = min(positions - q0, span), tiles = (size + NR - 1) / NR;
#pragma unroll 1
            for (uint u = 0; u < uw * tiles; u++) {
                uint b = u / tiles, f = a * uw + b, q = u % tiles * NR;
                F acc[RK_MR][RK_NV];
                __global const float *x = copy + q0 + q,
                    *w = words + weights_at + (panel * taps + first[f]) * RK_MR;
                __global const uint *tap = (__global const uint *)words + tap_at + first[f];
#pragma unroll
                for (uint i = 0; i < RK_MR; i++)
#pragma unroll
                    for (uint v = 0; v < RK_NV; v++) acc[i][v] = (F)(0.0f);
#if RK_BLOCKS
                F sum[RK_MR][RK_NV];
                uint p = 0;
#pragma unroll 1
                for (uint block = 0; block < blocks; block++) {
                    uint end = ends[f * blocks + block];
#else
                {
                    uint p = 0, end = first[f + 1] - first[f];
#endif
#pragma unroll 1
                    for (; p < end; p++, w += RK_MR) {
                        F xv[RK_NV];
                        ulong off = tap[p];
#pragma unroll
                        for (uint v = 0; v < RK_NV; v++) xv[v] = VLOAD(x + off + v * RK_WIDTH);
#pragma unroll
                        for (uint i = 0; i < RK_MR; i++) {
                            F wv = (F)(w[i]);
#pragma unroll
                            for (uint v = 0; v < RK_NV; v++) acc[i][v] = fma(xv[v], wv, acc[i][v]);
                        }
                    }
#if RK_BLOCKS
#pragma unroll
                    for (uint i = 0; i < RK_MR; i++)
#pragma unroll
                        for (uint v = 0; v < RK_NV; v++) {
                            sum[i][v] = block ? sum[i][v] + acc[i][v] : acc[i][v];
                            acc[i][v] = (F)(0.0f);
                        }
#endif
                }
#pragma unroll
                for (uint i = 0; i < RK_MR; i++)
#pragma unroll
                    for (uint v = 0; v < RK_NV; v++)
                        VSTORE(RESULT[i][v], raw + (b * RK_MR + i) * span + q + v * RK_WIDTH);
            }
#pragma unroll 1
            for (uint r = 0; r < RK_MR * abreast; r++) {
                uint i = r / abreast, n = r % abreast, row = q0 / pitch, j = q0 % pitch,
                     q = n * period, have = 0;
                ulong x0 = image + n, x1 = panel * RK_MR + i, start = 0;
                if (x1 >= co) break;
                if (x0 >= images) continue;
#pragma unroll 1
                while (q < size) {
                    ulong h = (ulong)(top + row) * uh + a, left = min((ulong)j * uw, (ulong)out_w);
                    uint len = min(size - q, period - j), good = min(len, cols - min(j, cols)),
                         run = h < out_h ? (uint)min((ulong)good * uw, out_w - left) : 0;
                    __global const float *ready = line, *from = raw + i * span + q;
#if RK_FLAT
                    x0 = h;
                    start = left;
                    ready = from;
#else
                    if (!have) start = h * out_w + left;
                    if (dense) {
                        ready = from;
                        len = run = size;
                    } else if (uw == 1) {
                        for (uint e = 0; e < run; e += RK_WIDTH)
                            VSTORE(VLOAD(from + e), line + have + e);
                    } else if (uw == 2) {
                        for (uint e = 0; e < good; e += RK_WIDTH)
                            rk_zip(VLOAD(from + e), VLOAD(from + RK_MR * span + e), line + 2 * e);
                    } else {
                        for (uint b = 0; b < uw; b++, from += RK_MR * span)
                            for (uint e = 0; e < good; e++) line[e * uw + b] = from[e];
                    }
#endif
                    have += run;
                    q += len + pitch - period;
                    row++;
                    j = 0;
                    if (!RK_FLAT && q < size && uh * uw == 1) continue; /* the next row follows */
#pragma unroll 1
                    for (uint e = 0; e < have; e += RK_WIDTH) {
                        ulong x2 = start + e, pos = (x0 * jo + x1) * OUT_PLANE + x2;
                        uint rem = min(have - e, (uint)RK_WIDTH);
                        U in0 = AS_U(VLOAD(ready + e));
                        RK_BODY
                    }
                    have = 0;
                }
            }
        }
    }
    if (task == tasks + (uint)get_global_size(0) - 1) atomic_xchg(draw, 0u);
}
