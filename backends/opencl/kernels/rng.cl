/* RNG: one block of four words per turn; whole blocks, since a kernel that picks one word of a
 * block is miscompiled by a simulator that the tests use. */
#if !RK_CPU
__attribute__((reqd_work_group_size(256, 1, 1)))
#else
ONE
#endif
__kernel void rng(__global const uchar *in, ulong in_at, __global uchar *out, ulong out_at,
                  uint stream, ulong count, ulong per)
{
    __global const uint *seed = (__global const uint *)(in + in_at);
    __global uint *y = (__global uint *)(out + out_at);
    uint k0 = seed[0], k1 = seed[1], step = seed[2];
    ulong first = get_global_id(0) * per, last = min(first + per, (count + 3) / 4);
    for (ulong block = first; block < last; block++) {
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
