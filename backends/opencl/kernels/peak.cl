/* Work of one sort and nothing else.  The source defines F, a vector of floats, and CHAINS, how
 * many of them a work-item has.  They begin as what is in memory, and end there, so that nothing
 * can be left out.  MAD(v): chains are of mad, and end as the sum of the lanes of v. */
#define FOUR(X, a, b, c, d) X(a) X(b) X(c) X(d)
#if CHAINS == 1
#define EACH(X) X(0)
#elif CHAINS == 4
#define EACH(X) FOUR(X, 0, 1, 2, 3)
#elif CHAINS == 8
#define EACH(X) FOUR(X, 0, 1, 2, 3) FOUR(X, 4, 5, 6, 7)
#else
#define EACH(X) FOUR(X, 0, 1, 2, 3) FOUR(X, 4, 5, 6, 7) FOUR(X, 8, 9, 10, 11)
#endif
#define START(i) F a##i = begin + (float)(i);
#define JOIN(i) sum += a##i;

/* Its size is said where it is compiled, as that of all other kernels is. */
#define PEAK __attribute__((reqd_work_group_size(GROUP, 1, 1))) __kernel

#ifdef TILE
/* Reads of local memory, neighbours by neighbours, each round from another place on. */
#define READ(i) a##i += tile[(at + (i) * GROUP) & (TILE - 1)];
PEAK void peak(__global uchar *memory, ulong offset, uint rounds)
{
    __local F tile[TILE];
    __global F *io = (__global F *)(memory + offset);
    F begin = io[get_global_id(0)], sum = (F)(0.0f);
    for (uint i = (uint)get_local_id(0); i < TILE; i += GROUP) tile[i] = begin;
    barrier(CLK_LOCAL_MEM_FENCE);
    EACH(START)
    for (uint r = 0, at = (uint)get_local_id(0); r < rounds; r++, at += CHAINS * GROUP) {
        EACH(READ)
    }
    EACH(JOIN)
    io[get_global_id(0)] = sum;
}
#elif defined(SPAN)
/* Each work-item reads SPAN vectors from FIRST on: CHAINS of them in turn, which are APART, and the
 * next ones ON from there.  Sums go behind all that is read. */
#define READ(i) a##i += x[at + (i)*APART];
PEAK void peak(__global uchar *memory, ulong offset, uint rounds)
{
    __global F *io = (__global F *)(memory + offset);
    __global const F *x = io + FIRST;
    F begin = (F)(0.0f), sum = begin;
    EACH(START)
    for (uint r = 0; r < rounds; r++) {
        uint at = 0;
        for (uint k = 0; k < SPAN / CHAINS; k++, at += ON) {
            EACH(READ)
        }
    }
    EACH(JOIN)
    io[get_global_size(0) * SPAN + get_global_id(0)] = sum;
}
#else
#ifdef MAD
#define STEP(i) a##i = mad(a##i, half_of, one);
#else
#define STEP(i) a##i = fma(a##i, half_of, one);
#endif
PEAK void peak(__global uchar *memory, ulong offset, uint rounds)
{
    __global F *io = (__global F *)(memory + offset);
    F begin = io[get_global_id(0)], sum = (F)(0.0f), half_of = (F)(0.5f), one = (F)(1.0f);
    EACH(START)
    for (uint r = 0; r < rounds; r++) {
        EACH(STEP)
#if !SLOW
        EACH(STEP) EACH(STEP) EACH(STEP)
#endif
    }
    EACH(JOIN)
#ifdef MAD
    *(__global float *)(io + get_global_id(0)) = MAD(sum);
#else
    io[get_global_id(0)] = sum;
#endif
}
#endif
