/* For devices whose fma loses the sign of a zero: -0 * x + 0 is +0, as a sum of the product, which
 * is exact if a factor is zero. */
#define RK_MEND(T, TEST)                                                                           \
    static inline T __attribute__((overloadable)) rk_mended(T a, T b, T c)                        \
    {                                                                                              \
        T product = a * b, sum = product + c, whole = fma(a, b, c);                                \
        return TEST;                                                                               \
    }
RK_MEND(float, a == 0.0f || b == 0.0f ? sum : whole)
#if RK_WIDTH == 4
RK_MEND(float4, select(whole, sum, (a == 0.0f) | (b == 0.0f)))
#elif RK_WIDTH == 8
RK_MEND(float8, select(whole, sum, (a == 0.0f) | (b == 0.0f)))
#elif RK_WIDTH == 16
RK_MEND(float16, select(whole, sum, (a == 0.0f) | (b == 0.0f)))
#endif
#define fma(a, b, c) rk_mended(a, b, c)
