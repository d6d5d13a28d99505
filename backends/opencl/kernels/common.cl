/* Vectors of RK_WIDTH words, and loads and stores of which the first `rem` elements count.  In the
 * gpu variant vectors in memory are whole multiples of their size from its start: compilers split a
 * vload4, of which they cannot know that, into four loads. */
#pragma OPENCL FP_CONTRACT OFF

#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define ONE __attribute__((reqd_work_group_size(1, 1, 1)))

/* Asks for a cache line that is read soon, ASK for a second-level cache, WANT to write it; p may be
 * beyond what there is.  OpenCL's own prefetch() does nothing on PoCL, and Mesa knows no other. */
#if defined(POCL_DEVICE_ADDRESS_BITS) && defined(__has_builtin)
#if __has_builtin(__builtin_prefetch)
#define SOON(p) __builtin_prefetch(p);
#define ASK(p) __builtin_prefetch(p, 0, 2);
#define WANT(p) __builtin_prefetch(p, 1, 2);
#endif
#endif
#ifndef SOON
#define SOON(p) ;
#define ASK(p) ;
#define WANT(p) ;
#endif

#if RK_WIDTH == 1
typedef uint U;
typedef int I;
typedef float F;
#define LANES 0u
#define AS_F(x) as_float(x)
#define FIRST(v) (v)
#define PICK(mask, a, b) ((mask) ? (a) : (b))
#define AS_U(x) as_uint(x)
#define ld32(p, i, rem) ((p)[i])
#define ld8(p, i, rem) ((uint)(p)[i])
#define st32(p, i, v, rem) ((p)[i] = (v))
#define st8(p, i, v, rem) ((p)[i] = (uchar)(v))
#define nt32(p, i, v, rem) ((p)[i] = (v))
#define VLOAD(p) (*(p))
#define VSTORE(v, p) (*(p) = (v))
#define TO_B(v) convert_uchar(v)
#else
typedef CAT(uint, RK_WIDTH) U;
typedef CAT(int, RK_WIDTH) I;
typedef CAT(float, RK_WIDTH) F;
typedef CAT(uchar, RK_WIDTH) B;
#if RK_WIDTH == 4
#define LANES (U)(0, 1, 2, 3)
#elif RK_WIDTH == 8
#define LANES (U)(0, 1, 2, 3, 4, 5, 6, 7)
#else
#define LANES (U)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#endif
#define AS_F(x) CAT(as_float, RK_WIDTH)(x)
#define FIRST(v) ((v).s0)
#define PICK(mask, a, b) select(b, a, mask)
#define AS_U(x) CAT(as_uint, RK_WIDTH)(x)
#if RK_CPU && defined(POCL_DEVICE_ADDRESS_BITS)
/* Vectors at any element: PoCL makes vload16 of elements, and LLVM four accesses of those. */
#define WHOLE(load, space, vector, type)                                                           \
    __attribute__((overloadable)) static inline vector load(space const type *p)                   \
    {                                                                                              \
        typedef vector __attribute__((aligned(sizeof(type)))) whole;                               \
        return *(space const whole *)p;                                                            \
    }                                                                                              \
    __attribute__((overloadable)) static inline void rk_store(vector v, space type *p)             \
    {                                                                                              \
        typedef vector __attribute__((aligned(sizeof(type)))) whole;                               \
        *(space whole *)p = v;                                                                     \
    }
WHOLE(rk_load, __global, F, float)
WHOLE(rk_load, __global, U, uint)
WHOLE(rk_load, __global, B, uchar)
WHOLE(rk_load, __private, F, float)
WHOLE(rk_load, __private, U, uint)
#define VLOAD(p) rk_load(p)
#define VSTORE(v, p) rk_store(v, p)
#else
#define VLOAD(p) CAT(vload, RK_WIDTH)(0, p)
#define VSTORE(v, p) CAT(vstore, RK_WIDTH)(v, 0, p)
#endif
#if RK_CPU
#define VREAD(type, p) VLOAD(p)
#define VWRITE(type, v, p) VSTORE(v, p)
#else
#define VREAD(type, p) (*(__global const type *)(p))
#define VWRITE(type, v, p) (*(__global type *)(p) = (v))
#endif
#define TO_U(v) CAT(convert_uint, RK_WIDTH)(v)
#define TO_B(v) CAT(convert_uchar, RK_WIDTH)((v) & 255u)

static inline U rk_load32(__global const uint *p, uint rem)
{
    if (rem >= RK_WIDTH) return VREAD(U, p);
    uint t[RK_WIDTH];
    for (uint i = 0; i < RK_WIDTH; i++) t[i] = i < rem ? p[i] : 0u;
    return VLOAD(t);
}

static inline U rk_load8(__global const uchar *p, uint rem)
{
    if (rem >= RK_WIDTH) return TO_U(VREAD(B, p));
    uint t[RK_WIDTH];
    for (uint i = 0; i < RK_WIDTH; i++) t[i] = i < rem ? p[i] : 0u;
    return VLOAD(t);
}

static inline void rk_store32(__global uint *p, U v, uint rem)
{
    if (rem >= RK_WIDTH) {
        VWRITE(U, v, p);
        return;
    }
    uint t[RK_WIDTH];
    VSTORE(v, t);
    for (uint i = 0; i < rem; i++) p[i] = t[i];
}

#if RK_CPU && defined(POCL_DEVICE_ADDRESS_BITS) && defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store)
#define RK_STREAM 1
#endif
#endif
/* Past the caches, where that is possible: of results that nothing finds there again.  They are in
 * memory before the locked operations by which PoCL's threads say that they are done. */
static inline void rk_stream32(__global uint *p, U v, uint rem)
{
#ifdef RK_STREAM
    if (rem >= RK_WIDTH && (ulong)p % sizeof v == 0) {
        __builtin_nontemporal_store(v, (__global U *)p);
        return;
    }
#endif
    rk_store32(p, v, rem);
}

static inline void rk_store8(__global uchar *p, U v, uint rem)
{
    if (rem >= RK_WIDTH) {
        VWRITE(B, TO_B(v), p);
        return;
    }
    uint t[RK_WIDTH];
    VSTORE(v, t);
    for (uint i = 0; i < rem; i++) p[i] = (uchar)t[i];
}

#define ld32(p, i, rem) rk_load32((p) + (i), rem)
#define ld8(p, i, rem) rk_load8((p) + (i), rem)
#define st32(p, i, v, rem) rk_store32((p) + (i), v, rem)
#define st8(p, i, v, rem) rk_store8((p) + (i), v, rem)
#define nt32(p, i, v, rem) rk_stream32((p) + (i), v, rem)
#endif
#define splat32(p, i) ((U)((p)[i]))
#define splat8(p, i) ((U)((uint)(p)[i]))
