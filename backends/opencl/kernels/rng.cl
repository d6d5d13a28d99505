/* RNG: one block of four words per turn; whole blocks, since a kernel that picks one word of a
 * block is miscompiled by a simulator that the tests use. */
#if RK_CPU && RK_WIDTH > 1
/* RK_WIDTH blocks side by side; rk_philox is what they compute. */
static inline void blocks(__global uint *y, uint first, uint k0, uint k1, uint step, uint stream)
{
    const U by0 = (U)(0xD2511F53u), by1 = (U)(0xCD9E8D57u);
    U c0 = LANES + first, c1 = (U)(0u), c2 = (U)(step), c3 = (U)(stream), a, b, out;
    for (uint round = 0; round < 10; round++) {
        U high0 = mul_hi(c0, by0), low0 = c0 * by0, high1 = mul_hi(c2, by1), low1 = c2 * by1;
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
#define ZIP(to, x, y, half) to.even = x.half, to.odd = y.half
#define ROWS(half, at)                                                                             \
    ZIP(a, c0, c2, half);                                                                          \
    ZIP(b, c1, c3, half);                                                                          \
    ZIP(out, a, b, lo);                                                                            \
    VWRITE(U, out, y + (at)*RK_WIDTH);                                                             \
    ZIP(out, a, b, hi);                                                                            \
    VWRITE(U, out, y + ((at) + 1) * RK_WIDTH);
    ROWS(lo, 0)
    ROWS(hi, 2)
}
#endif

#if RK_CPU
ONE
#else
__attribute__((reqd_work_group_size(256, 1, 1)))
#endif
__kernel void rng(__global const uchar *in, ulong in_at, __global uchar *out, ulong out_at,
                  uint stream, ulong count, ulong per)
{
    __global const uint *seed = (__global const uint *)(in + in_at);
    __global uint *y = (__global uint *)(out + out_at);
    uint k0 = seed[0], k1 = seed[1], step = seed[2];
    ulong first = get_global_id(0) * per, last = min(first + per, (count + 3) / 4);
    ulong block = first;
#if RK_CPU && RK_WIDTH > 1
    for (; block + RK_WIDTH <= last && 4 * (block + RK_WIDTH) <= count; block += RK_WIDTH)
        blocks(y + 4 * block, (uint)block, k0, k1, step, stream);
#endif
    for (; block < last; block++) {
        uint c[4];
        c[0] = (uint)block;
        c[1] = 0;
        c[2] = step;
        c[3] = stream;
        rk_philox(c, k0, k1);
        if (4 * block + 4 <= count) {
            vstore4((uint4)(c[0], c[1], c[2], c[3]), block, y);
        } else {
            for (uint i = 0; i < (uint)(count - 4 * block); i++) y[4 * block + i] = c[i];
        }
    }
}
