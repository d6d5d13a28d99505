/* rethink/numerics.h: the arithmetic of the exact tier, one text that compiles as C and as OpenCL
 * C.
 *
 * Everything is fp32, round to nearest even, subnormals kept, without contraction
 * (-ffp-contract=off, FP_CONTRACT OFF); fma only where it is written.  +, -, *, fma, conversions,
 * rint and comparisons are correctly rounded by C with IEC 60559 and by the OpenCL specification; /
 * and sqrt are where the device says so.  What a device gets wrong is done by integer versions that
 * are right by construction, selected by RK_SOFT_DIV, RK_SOFT_SQRT and RK_SOFT_FMA (which also
 * replaces the fma of OpenCL C text that follows).  A function here gives the same bits on every
 * device.
 *
 * Errors over all 2^32 inputs, in ULP, found by tests/bench/ulp: exp 1.011, log 0.827, sin and cos
 * 1.543; division and root are correctly rounded.
 *
 * In OpenCL C the text may be included more than once: RK_WIDTH (1, 2, 4, 8, 16) selects the vector
 * width, and the functions of width 8 are called rk_expf_8, rk_op_FADD_8, ...; of width 1 they have
 * no suffix.  Only the constants and rk_philox are not repeated.
 *
 * Sources: exp, log, sin and cos after the single-precision Cephes library (S. Moshier), with fma;
 * Philox: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011; argument reduction
 * of large sin and cos arguments: Payne and Hanek, SIGNUM 1983; normals: Box and Muller, 1958. */

#ifndef RETHINK_NUMERICS_H
#define RETHINK_NUMERICS_H

/* Sum of x[0..n): if n <= RK_SUM_BLOCK, lane l of RK_SUM_LANES adds x[l], x[l + RK_SUM_LANES], ...
 * in this order from +0; then for w = RK_SUM_LANES / 2, ..., 2, 1 lane l < w adds lane l + w; lane
 * 0 is the sum.  If n is larger, the sums of consecutive blocks of RK_SUM_BLOCK (the last may be
 * shorter) are summed by this rule. */
#define RK_SUM_LANES 32
#define RK_SUM_BLOCK 1024
/* Reduction lengths of one fma chain; see MATMUL and CONV in backend.h.  8192 keeps every layer of
 * the shipped models one chain, so that a tile needs one set of accumulators; a weight gradient of
 * a convolution has a long reduction and few outputs, and 1024 gives a GPU enough blocks to work
 * on. */
#define RK_MATMUL_BLOCK 8192
#define RK_CONV_BLOCK 8192
#define RK_CONV_DW_BLOCK 1024

/* Every instruction of a program but STORE and FOLD: X(name, number of operands).  rk_op_NAME is
 * its meaning. */
/* clang-format off */
#define RK_INSTRUCTIONS(X)                                                                         \
    X(FADD, 2) X(FSUB, 2) X(FMUL, 2) X(FDIV, 2) X(FMAX, 2) X(FLT, 2) X(FEQ, 2)                     \
    X(FNEG, 1) X(FRECIP, 1) X(FSQRT, 1) X(FEXP, 1) X(FLOG, 1) X(FSIN, 1) X(FCOS, 1)                \
    X(IADD, 2) X(ISUB, 2) X(IMUL, 2) X(IMULHI, 2) X(ILT, 2) X(IEQ, 2) X(IAND, 2) X(ISHR, 2)        \
    X(IMAX, 2) X(U2F, 1) X(F2U, 1) X(SELECT, 3)
/* clang-format on */

#ifdef __OPENCL_C_VERSION__
#pragma OPENCL FP_CONTRACT OFF
#define RK_INLINE static inline
typedef uint rk_word;
typedef ulong rk_dword;
#else
#include <stdint.h>
#include <string.h>
#define RK_INLINE static inline __attribute__((unused, always_inline))
typedef uint32_t rk_word;
typedef uint64_t rk_dword;
#endif

/* Philox4x32-10: replaces the counter c[0..3] by four random words.  key k0, k1. */
RK_INLINE void rk_philox(rk_word *c, rk_word k0, rk_word k1)
{
    for (int round = 0; round < 10; round++) {
        rk_dword m0 = (rk_dword)0xD2511F53u * c[0];
        rk_dword m1 = (rk_dword)0xCD9E8D57u * c[2];
        rk_word x0 = (rk_word)(m1 >> 32) ^ c[1] ^ k0;
        rk_word x2 = (rk_word)(m0 >> 32) ^ c[3] ^ k1;
        c[0] = x0;
        c[1] = (rk_word)m1;
        c[2] = x2;
        c[3] = (rk_word)m0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

#define RK_NAN_BITS 0x7FC00000u
#define RK_INF_BITS 0x7F800000u

#ifndef __OPENCL_C_VERSION__
RK_INLINE uint32_t rk_bits(float x)
{
    uint32_t w;
    memcpy(&w, &x, sizeof w);
    return w;
}

RK_INLINE float rk_float(uint32_t w)
{
    float x;
    memcpy(&x, &w, sizeof x);
    return x;
}
#else
#define rk_bits(x) as_uint(x)
#define rk_float(x) as_float(x)
#endif

/* The integer versions choose by selection, without branches and loops where they can: threads that
 * run side by side like it better. */

/* Packs sign and q * 2^(e - 26), where 2^26 <= q < 2^27 and sticky says that the true value is a
 * little larger, into the nearest float, ties to even, gradual underflow, overflow to infinity. */
RK_INLINE float rk_round_pack(rk_word sign, rk_dword q, int e, rk_word sticky)
{
    int low = e < -126, under = low ? -126 - e : 0;
    rk_word shift = (rk_word)(3 + (under > 27 ? 27 : under));
    rk_word biased = low ? 0u : (rk_word)(e + 126), keep = (rk_word)(q >> shift);
    rk_word rest = (rk_word)(q & (((rk_dword)1 << shift) - 1)), middle = (rk_word)1 << (shift - 1);
    keep += (rest > middle || (rest == middle && (sticky || (keep & 1u)))) ? 1u : 0u;
    return rk_float(sign | (e > 127 ? RK_INF_BITS : (biased << 23) + keep));
}

/* A step of moving the leading bit of x to bit width - 1, where e keeps x * 2^e. */
#define RK_LEAD(x, e, n, width)                                                                    \
    (e) -= (x) >> ((width) - (n)) ? 0 : (n);                                                       \
    (x) <<= (x) >> ((width) - (n)) ? 0 : (n);

/* Mantissa with the leading bit at 23, and exponent, of a finite positive nonzero float's bits. */
RK_INLINE rk_word rk_unpack(rk_word bits, int *e)
{
    rk_word m = bits & 0x7FFFFFu, normal = bits >> 23;
    m = normal ? m | 0x800000u : m;
    *e = normal ? (int)normal - 127 : -126;
    RK_LEAD(m, *e, 16, 24)
    RK_LEAD(m, *e, 8, 24)
    RK_LEAD(m, *e, 4, 24)
    RK_LEAD(m, *e, 2, 24)
    RK_LEAD(m, *e, 1, 24)
    return m;
}

/* a / b, correctly rounded, by integer division. */
RK_INLINE float rk_div_soft(float a, float b)
{
    rk_word ua = rk_bits(a), ub = rk_bits(b), sign = (ua ^ ub) & 0x80000000u;
    int ea, eb;
    ua &= 0x7FFFFFFFu;
    ub &= 0x7FFFFFFFu;
    if (ua > RK_INF_BITS || ub > RK_INF_BITS) return rk_float(RK_NAN_BITS);
    if (ua == RK_INF_BITS) return rk_float(ub == RK_INF_BITS ? RK_NAN_BITS : sign | RK_INF_BITS);
    if (ub == 0) return rk_float(ua == 0 ? RK_NAN_BITS : sign | RK_INF_BITS);
    if (ua == 0 || ub == RK_INF_BITS) return rk_float(sign);
    rk_word ma = rk_unpack(ua, &ea), mb = rk_unpack(ub, &eb);
    rk_word low = ma < mb ? 1u : 0u;
    rk_dword n = (rk_dword)ma << (26 + low), q = n / mb;
    return rk_round_pack(sign, q, ea - eb - (int)low, q * mb != n ? 1u : 0u);
}

/* sqrt(x), correctly rounded, by integer arithmetic, one bit at a time. */
RK_INLINE float rk_sqrt_soft(float x)
{
    rk_word u = rk_bits(x);
    int e;
    if ((u & 0x7FFFFFFFu) == 0) return x;
    if (u > RK_INF_BITS) return rk_float(RK_NAN_BITS);
    if (u == RK_INF_BITS) return x;
    rk_dword m = rk_unpack(u, &e), root = 0;
    if (e & 1) {
        m <<= 1;
        e -= 1;
    }
    m <<= 29; /* x = m * 2^(e - 52), 2^52 <= m < 2^54, so the root has 27 bits */
    for (rk_dword bit = (rk_dword)1 << 26; bit; bit >>= 1)
        if ((root | bit) * (root | bit) <= m) root |= bit;
    return rk_round_pack(0, root, e / 2, root * root != m ? 1u : 0u);
}

/* x / 2^n, with the lowest bit set if anything was lost; 0 <= n, x < 2^63. */
RK_INLINE rk_dword rk_shift_jam(rk_dword x, int n)
{
    int most = n > 63 ? 63 : n;
    return (x >> most) | ((x & (((rk_dword)1 << most) - 1)) ? 1u : 0u);
}

/* fma of the magnitudes ua, ub and uc, none infinite or NaN and no factor zero, where the product
 * and c have these signs. */
RK_INLINE rk_word rk_fma_finite(rk_word ua, rk_word ub, rk_word uc, rk_word sign, rk_word sign_c)
{
    int ea, eb, ec, e;
    rk_dword p = (rk_dword)rk_unpack(ua, &ea) * rk_unpack(ub, &eb) << 14; /* 2^60 <= p < 2^62 */
    rk_dword q = (rk_dword)rk_unpack(uc, &ec) << 37, sum;
    e = ea + eb; /* the product is p * 2^(e - 60), c likewise q and ec */
    ec = uc ? ec : e;
    /* p ends in 14 zeros and q in 37, so that nothing is lost where they cancel. */
    q = rk_shift_jam(q, e > ec ? e - ec : 0);
    p = rk_shift_jam(p, e < ec ? ec - e : 0);
    e = e > ec ? e : ec;
    sum = sign == sign_c ? p + q : p >= q ? p - q : q - p;
    sign = p >= q ? sign : sign_c;
    e += 3;
    RK_LEAD(sum, e, 32, 64)
    RK_LEAD(sum, e, 16, 64)
    RK_LEAD(sum, e, 8, 64)
    RK_LEAD(sum, e, 4, 64)
    RK_LEAD(sum, e, 2, 64)
    RK_LEAD(sum, e, 1, 64)
    rk_word sticky = (sum & (((rk_dword)1 << 37) - 1)) ? 1u : 0u;
    return sum ? rk_bits(rk_round_pack(sign, sum >> 37, e, sticky)) : 0u;
}

/* a * b + c, rounded once, by integer arithmetic. */
RK_INLINE float rk_fma_soft(float a, float b, float c)
{
    rk_word ua = rk_bits(a), ub = rk_bits(b), uc = rk_bits(c), sign = (ua ^ ub) & 0x80000000u;
    rk_word sign_c = uc & 0x80000000u, out;
    ua &= 0x7FFFFFFFu;
    ub &= 0x7FFFFFFFu;
    uc &= 0x7FFFFFFFu;
    rk_word most = ua > ub ? ua : ub, least = ua > ub ? ub : ua, opposite = sign ^ sign_c;
    out = rk_fma_finite(ua, ub, uc, sign, sign_c);
    out = least ? out : (!uc && opposite) ? 0u : rk_bits(c);
    out = uc == RK_INF_BITS ? rk_bits(c) : out;
    out = most == RK_INF_BITS ? sign | RK_INF_BITS : out;
    int none = most == RK_INF_BITS && (!least || (uc == RK_INF_BITS && opposite));
    return rk_float(none || most > RK_INF_BITS || uc > RK_INF_BITS ? RK_NAN_BITS : out);
}
#if defined(RK_SOFT_FMA) && defined(__OPENCL_C_VERSION__)
#define fma(a, b, c) rk_fma_soft(a, b, c)
#endif
#endif

#if defined(__OPENCL_C_VERSION__) || !defined(RETHINK_NUMERICS_ELEMENTS)
#define RETHINK_NUMERICS_ELEMENTS
#ifndef RK_WIDTH
#define RK_WIDTH 1
#endif
#undef RK_F
#undef RK_U
#undef RK_I
#undef RK_N
#undef RK_SEL
#undef RK_ANY
#undef RK_BOOL
#undef RK_AS_U
#undef RK_AS_F
#undef RK_WORD
#undef RK_TO_F
#undef RK_TO_U
#undef RK_TO_I
#undef RK_FMA
#undef RK_RINT
#undef RK_MULHI
#undef RK_ROOT

#ifndef __OPENCL_C_VERSION__
#define RK_F float
#define RK_U uint32_t
#define RK_I int32_t
#define RK_N(name) rk_##name
#define RK_SEL(mask, a, b) ((mask) ? (a) : (b))
#define RK_ANY(mask) (mask)
#define RK_BOOL(mask) ((uint32_t)(mask))
#define RK_AS_U(x) rk_bits(x)
#define RK_AS_F(x) rk_float(x)
#define RK_WORD(x) ((uint32_t)(x))
#define RK_TO_F(x) ((float)(x))
#define RK_TO_U(x) ((uint32_t)(x))
#define RK_TO_I(x) ((int32_t)(x))
#define RK_FMA(a, b, c) __builtin_fmaf(a, b, c)
#define RK_RINT(x) __builtin_rintf(x)
#define RK_MULHI(a, b) ((uint32_t)((uint64_t)(a) * (b) >> 32))
#define RK_ROOT(x) __builtin_sqrtf(x)
#else
#define RK_JOIN_(a, b, c) a##b##c
#define RK_JOIN(a, b, c) RK_JOIN_(a, b, c)
#if RK_WIDTH == 1
#define RK_F float
#define RK_U uint
#define RK_I int
#define RK_N(name) rk_##name
#define RK_SEL(mask, a, b) ((mask) ? (a) : (b))
#define RK_ANY(mask) (mask)
#define RK_BOOL(mask) ((uint)(mask))
#define RK_AS_U(x) as_uint(x)
#define RK_AS_F(x) as_float(x)
#define RK_WORD(x) as_uint(x)
#define RK_TO_F(x) convert_float_rte(x)
#define RK_TO_U(x) convert_uint_rtz(x)
#define RK_TO_I(x) convert_int_rtz(x)
#else
#define RK_F RK_JOIN(float, RK_WIDTH, )
#define RK_U RK_JOIN(uint, RK_WIDTH, )
#define RK_I RK_JOIN(int, RK_WIDTH, )
#define RK_N(name) RK_JOIN(rk_##name, _, RK_WIDTH)
#define RK_SEL(mask, a, b) select((b), (a), (mask))
#define RK_ANY(mask) any(mask)
/* not mask & 1: Oclgrind 21.10 gives 255 for what compilers make of that */
#define RK_BOOL(mask) select((RK_U)(0u), (RK_U)(1u), mask)
#define RK_AS_U(x) RK_JOIN(as_uint, RK_WIDTH, )(x)
#define RK_AS_F(x) RK_JOIN(as_float, RK_WIDTH, )(x)
#define RK_WORD(x) RK_JOIN(as_uint, RK_WIDTH, )(x)
#define RK_TO_F(x) RK_JOIN(convert_float, RK_WIDTH, _rte)(x)
#define RK_TO_U(x) RK_JOIN(convert_uint, RK_WIDTH, _rtz)(x)
#define RK_TO_I(x) RK_JOIN(convert_int, RK_WIDTH, _rtz)(x)
#endif
#define RK_FMA(a, b, c) fma((RK_F)(a), (RK_F)(b), (RK_F)(c))
#define RK_RINT(x) rint(x)
#define RK_MULHI(a, b) mul_hi((RK_U)(a), (RK_U)(b))
#define RK_ROOT(x) sqrt(x)
#endif

/* a / b, correctly rounded. */
RK_INLINE RK_F RK_N(divf)(RK_F a, RK_F b)
{
#ifdef RK_SOFT_DIV
    return rk_div_soft(a, b);
#else
    return a / b;
#endif
}

/* The square root, correctly rounded. */
RK_INLINE RK_F RK_N(sqrtf)(RK_F x)
{
#ifdef RK_SOFT_SQRT
    return rk_sqrt_soft(x);
#else
    return RK_ROOT(x);
#endif
}

RK_INLINE RK_F RK_N(expf)(RK_F x)
{
    RK_F c = RK_SEL(x > 89.0f, (RK_F)(89.0f), x);
    c = RK_SEL(c < -104.0f, (RK_F)(-104.0f), c);
    RK_F n = RK_SEL(x == x, RK_RINT(c * 1.44269504f), (RK_F)(0.0f));
    RK_F r = RK_FMA(n, -0.693359375f, c);
    r = RK_FMA(n, 2.12194440e-4f, r);
    RK_F p = RK_FMA(1.9875691500e-4f, r, 1.3981999507e-3f);
    p = RK_FMA(p, r, 8.3334519073e-3f);
    p = RK_FMA(p, r, 4.1665795894e-2f);
    p = RK_FMA(p, r, 1.6666665459e-1f);
    p = RK_FMA(p, r, 5.0000001201e-1f);
    p = RK_FMA(p, r * r, r) + 1.0f;
    RK_I i = RK_TO_I(n),
         part = i >> 1; /* 2^n in two factors, so that only the last product rounds */
    p = p * RK_AS_F(RK_WORD(part + 127) << 23);
    return p * RK_AS_F(RK_WORD(i - part + 127) << 23);
}

RK_INLINE RK_F RK_N(logf)(RK_F x)
{
    /* The exponent, 64 larger, in u; it is one more from the root of 1 / 2 on. */
    RK_U u = RK_SEL(x < 1.17549435e-38f, RK_AS_U(x * 8388608.0f) - (23u << 23), RK_AS_U(x)) +
             0x204AFB0Du;
    RK_F e = RK_TO_F(u >> 23) - 191.0f;
    RK_F m = RK_AS_F((u & 0x7FFFFFu) + 0x3F3504F3u) - 1.0f;
    RK_F z = m * m, p = RK_FMA(7.0376836292e-2f, m, -1.1514610310e-1f);
    p = RK_FMA(p, m, 1.1676998740e-1f);
    p = RK_FMA(p, m, -1.2420140846e-1f);
    p = RK_FMA(p, m, 1.4249322787e-1f);
    p = RK_FMA(p, m, -1.6668057665e-1f);
    p = RK_FMA(p, m, 2.0000714765e-1f);
    p = RK_FMA(p, m, -2.4999993993e-1f);
    p = RK_FMA(p, m, 3.3333331174e-1f);
    p = p * m * z;
    p = RK_FMA(e, -2.12194440e-4f, p);
    p = RK_FMA(z, -0.5f, p);
    p = RK_FMA(e, 0.693359375f, m + p);
    p = RK_SEL(x == 0.0f, (RK_F)(rk_float(0xFF800000u)), p);
    p = RK_SEL(x < 0.0f, (RK_F)(rk_float(RK_NAN_BITS)), p);
    return RK_SEL(x <= 3.40282347e+38f, p, x);
}

/* x - q * pi / 2 with |result| <= pi / 4 (a little over after rounding) and q modulo 4, for |x| <
 * 131072. */
RK_INLINE RK_F RK_N(quadrant_near)(RK_F x, RK_U *q)
{
    RK_F n = RK_RINT(x * 0.636619772f);
    RK_F r = RK_FMA(n, -1.57079637f, x); /* exact: both are multiples of one power of two */
    r = RK_FMA(n, 4.37113883e-8f, r);
    r = RK_FMA(n, 1.71512489e-15f, r);
    *q = RK_WORD(RK_TO_I(n)) & 3u;
    return r;
}

/* The same for finite x. */
RK_INLINE RK_F RK_N(quadrant)(RK_F x, RK_U *q)
{
    RK_F a = RK_AS_F(RK_AS_U(x) & 0x7FFFFFFFu), small = RK_SEL(a < 131072.0f, x, (RK_F)(0.0f));
    RK_F r = RK_N(quadrant_near)(small, q);
    if (!RK_ANY(a >= 131072.0f)) return r;
    /* Payne and Hanek: the 24-bit mantissa times the 96 bits of 2 / pi that matter, modulo 4. */
    RK_U u = RK_AS_U(a), m = (u & 0x7FFFFFu) | 0x800000u, at = (u >> 23) - 120u, word = at >> 5,
         shift = at & 31u;
    RK_U t[4];
    const rk_word bits[8] = {0u,          0xA2F9836Eu, 0x4E441529u, 0xFC2757D1u,
                             0xF534DDC0u, 0xDB629599u, 0x3C439041u, 0xFE5163ABu};
    for (int i = 0; i < 4; i++) {
        t[i] = (RK_U)(bits[i]);
        for (int j = 1; j < 5; j++)
            t[i] = RK_SEL(word == (RK_U)((rk_word)j), (RK_U)(bits[i + j]), t[i]);
    }
    for (int i = 0; i < 3; i++)
        t[i] = RK_SEL(shift == 0u, t[i], (t[i] << shift) | (t[i + 1] >> ((32u - shift) & 31u)));
    RK_U carry = RK_MULHI(m, t[2]), mid = m * t[1] + carry;
    RK_U high = m * t[0] + RK_MULHI(m, t[1]) + RK_BOOL(mid < carry);
    RK_U quarter = (high + 0x20000000u) >> 30;
    high = high & 0x3FFFFFFFu;
    RK_U up = RK_SEL(high >= 0x20000000u, (RK_U)(0xFFFFFFFFu),
                     (RK_U)(0u)); /* past the half: count back */
    mid = (mid ^ up) - up;
    high = ((high ^ up) - RK_SEL(mid == 0u, up, (RK_U)(0u))) & 0x3FFFFFFFu;
    RK_F f = RK_TO_F(high >> 6) * 5.96046448e-8f;
    RK_F g = RK_TO_F((high << 26) | (mid >> 6)) * 1.38777878e-17f;
    RK_F far = RK_FMA(f, 1.57079637f, RK_FMA(f, -4.37113883e-8f, g * 1.57079637f));
    RK_U flip = (up ^ RK_AS_U(x)) & 0x80000000u;
    quarter = RK_SEL((RK_AS_U(x) >> 31) == 0u, quarter, 0u - quarter);
    *q = RK_SEL(a < 131072.0f, *q, quarter & 3u);
    return RK_SEL(a < 131072.0f, r, RK_AS_F(RK_AS_U(far) ^ flip));
}

/* sin(r + q * pi / 2), |r| <= pi / 4. */
RK_INLINE RK_F RK_N(sine_of)(RK_F r, RK_U q)
{
    RK_F z = r * r;
    RK_F s = RK_FMA(-1.9515295891e-4f, z, 8.3321608736e-3f);
    s = RK_FMA(s, z, -1.6666654611e-1f);
    s = RK_FMA(s * z, r, r);
    RK_F c = RK_FMA(2.443315711809948e-5f, z, -1.388731625493765e-3f);
    c = RK_FMA(c, z, 4.166664568298827e-2f);
    RK_F most = RK_FMA(z, -0.5f, (RK_F)(1.0f)); /* what rounding it lost goes to the small terms */
    c = most + RK_FMA(c * z, z, RK_FMA(z, -0.5f, (RK_F)(1.0f) - most));
    RK_F y = RK_SEL((q & 1u) == 0u, s, c);
    return RK_AS_F(RK_AS_U(y) ^ ((q & 2u) << 30));
}

/* sin(x + turn * pi / 2); sine_near: |x| < 131072. */
RK_INLINE RK_F RK_N(sine_near)(RK_F x, rk_word turn)
{
    RK_U q;
    RK_F r = RK_N(quadrant_near)(x, &q);
    return RK_N(sine_of)(r, q + turn);
}
RK_INLINE RK_F RK_N(sine)(RK_F x, rk_word turn)
{
    RK_F finite = RK_SEL((RK_AS_U(x) & 0x7FFFFFFFu) < RK_INF_BITS, x, (RK_F)(0.0f));
    RK_U q;
    RK_F r = RK_N(quadrant)(finite, &q), y = RK_N(sine_of)(r, q + turn);
    return RK_SEL((RK_AS_U(x) & 0x7FFFFFFFu) < RK_INF_BITS, y, (RK_F)(rk_float(RK_NAN_BITS)));
}

RK_INLINE RK_F RK_N(sinf)(RK_F x)
{
    return RK_SEL(x == 0.0f, x, RK_N(sine)(x, 0u)); /* keeps the sign of zero */
}
RK_INLINE RK_F RK_N(cosf)(RK_F x) { return RK_N(sine)(x, 1u); }

/* A random word as a float in [0, 1), a multiple of 2^-24. */
RK_INLINE RK_F RK_N(uniform)(RK_U w) { return RK_TO_F(w >> 8) * 5.96046448e-8f; }

/* Two random words as one standard normal number. */
RK_INLINE RK_F RK_N(normal)(RK_U w0, RK_U w1)
{
    RK_F radius = RK_N(sqrtf)(RK_N(logf)(RK_N(uniform)(w0) + 5.96046448e-8f) * -2.0f);
    return radius * RK_N(cosf)(RK_N(uniform)(w1) * 6.28318531f);
}

RK_INLINE RK_U RK_N(op_FADD)(RK_U a, RK_U b) { return RK_AS_U(RK_AS_F(a) + RK_AS_F(b)); }
RK_INLINE RK_U RK_N(op_FSUB)(RK_U a, RK_U b) { return RK_AS_U(RK_AS_F(a) - RK_AS_F(b)); }
RK_INLINE RK_U RK_N(op_FMUL)(RK_U a, RK_U b) { return RK_AS_U(RK_AS_F(a) * RK_AS_F(b)); }
RK_INLINE RK_U RK_N(op_FDIV)(RK_U a, RK_U b) { return RK_AS_U(RK_N(divf)(RK_AS_F(a), RK_AS_F(b))); }
RK_INLINE RK_U RK_N(op_FMAX)(RK_U a, RK_U b) { return RK_SEL(RK_AS_F(a) > RK_AS_F(b), a, b); }
RK_INLINE RK_U RK_N(op_FLT)(RK_U a, RK_U b) { return RK_BOOL(RK_AS_F(a) < RK_AS_F(b)); }
RK_INLINE RK_U RK_N(op_FEQ)(RK_U a, RK_U b) { return RK_BOOL(RK_AS_F(a) == RK_AS_F(b)); }
RK_INLINE RK_U RK_N(op_FNEG)(RK_U a) { return a ^ 0x80000000u; }
RK_INLINE RK_U RK_N(op_FRECIP)(RK_U a) { return RK_AS_U(RK_N(divf)((RK_F)(1.0f), RK_AS_F(a))); }
RK_INLINE RK_U RK_N(op_FSQRT)(RK_U a) { return RK_AS_U(RK_N(sqrtf)(RK_AS_F(a))); }
RK_INLINE RK_U RK_N(op_FEXP)(RK_U a) { return RK_AS_U(RK_N(expf)(RK_AS_F(a))); }
RK_INLINE RK_U RK_N(op_FLOG)(RK_U a) { return RK_AS_U(RK_N(logf)(RK_AS_F(a))); }
RK_INLINE RK_U RK_N(op_FSIN)(RK_U a) { return RK_AS_U(RK_N(sinf)(RK_AS_F(a))); }
RK_INLINE RK_U RK_N(op_FCOS)(RK_U a) { return RK_AS_U(RK_N(cosf)(RK_AS_F(a))); }
RK_INLINE RK_U RK_N(op_IADD)(RK_U a, RK_U b) { return a + b; }
RK_INLINE RK_U RK_N(op_ISUB)(RK_U a, RK_U b) { return a - b; }
RK_INLINE RK_U RK_N(op_IMUL)(RK_U a, RK_U b) { return a * b; }
RK_INLINE RK_U RK_N(op_IMULHI)(RK_U a, RK_U b) { return RK_MULHI(a, b); }
RK_INLINE RK_U RK_N(op_ILT)(RK_U a, RK_U b) { return RK_BOOL(a < b); }
RK_INLINE RK_U RK_N(op_IEQ)(RK_U a, RK_U b) { return RK_BOOL(a == b); }
RK_INLINE RK_U RK_N(op_IAND)(RK_U a, RK_U b) { return a & b; }
RK_INLINE RK_U RK_N(op_ISHR)(RK_U a, RK_U b) { return a >> (b & 31u); }
RK_INLINE RK_U RK_N(op_IMAX)(RK_U a, RK_U b) { return RK_SEL(a > b, a, b); }
RK_INLINE RK_U RK_N(op_U2F)(RK_U a) { return RK_AS_U(RK_TO_F(a)); }
RK_INLINE RK_U RK_N(op_F2U)(RK_U a)
{
    RK_F x = RK_AS_F(a), inside = RK_SEL(x < 4294967296.0f, x, (RK_F)(0.0f));
    RK_U w = RK_TO_U(RK_SEL(inside >= 1.0f, inside, (RK_F)(0.0f)));
    return RK_SEL(x >= 4294967296.0f, (RK_U)(0xFFFFFFFFu), w);
}
RK_INLINE RK_U RK_N(op_SELECT)(RK_U a, RK_U b, RK_U c) { return RK_SEL(a != 0u, b, c); }
#endif
