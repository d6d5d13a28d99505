/* Where an instruction set is at its best: chains of fma that nothing holds up, sums of arrays in
 * the first two caches, and sums of what no cache holds. */
#include "cpu.h"
#include "vec.h"

enum { ITERATIONS = 1024, ROUND_BYTES = 1 << 20, STREAMS = 3 };

/* n chains of vectors; the loop ends up in registers, and its result in memory, so that it is not
 * left out. */
#define CHAINS(width, n, type, set, fma, store)                                                    \
    static void fma_##width##_##n(uint32_t rounds, size_t bytes, float *part)                      \
    {                                                                                              \
        type acc[n], half = set(0.5f), one = set(1.0f);                                            \
        (void)bytes;                                                                               \
        CPU_UNROLL for (int i = 0; i < n; i++) acc[i] = set((float)i);                             \
        for (uint64_t r = (uint64_t)rounds * ITERATIONS; r > 0; r--)                               \
            CPU_UNROLL for (int i = 0; i < n; i++) acc[i] = fma(acc[i], half, one);                \
        CPU_UNROLL for (int i = 1; i < n; i++) acc[0] = fma(acc[i], half, acc[0]);                 \
        store(part, acc[0]);                                                                       \
    }
#define PEAK(width, n)                                                                             \
    {                                                                                              \
        .what = RK_PROBE_FMA, .work = 2.0 * ITERATIONS * (width) * (n), .bytes = CPU_ALIGN,        \
        .run = fma_##width##_##n, .text = "width " #width ", " #n " chains"                        \
    }

#ifdef CPU_VEC
#if CPU_VEC == 16
#define WIDTH_16(n) CHAINS(16, n, __m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps)
WIDTH_16(12)
WIDTH_16(10)
WIDTH_16(8)
WIDTH_16(4)
#endif
#define WIDTH_8(n) CHAINS(8, n, __m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps)
#define WIDTH_4(n) CHAINS(4, n, __m128, _mm_set1_ps, _mm_fmadd_ps, _mm_storeu_ps)
WIDTH_8(12)
WIDTH_8(10)
WIDTH_8(8)
WIDTH_8(4)
WIDTH_4(12)
WIDTH_4(8)
#else
#define SET(x) (x)
#define STORE(p, x) (*(p) = (x))
#define WIDTH_1(n) CHAINS(1, n, float, SET, __builtin_fmaf, STORE)
WIDTH_1(8)
WIDTH_1(4)
#endif

/* a = b + 3 c as often as makes a round. */
static void triad(uint32_t rounds, size_t bytes, float *a)
{
    size_t n = bytes / sizeof *a / STREAMS / 64 * 64, passes = ROUND_BYTES / bytes * rounds;
    float *b = a + n, *c = b + n, three = 3.0f;
    for (size_t i = 0; i < 2 * n; i++) b[i] = 1.0f;
    for (size_t p = 0; p < passes; p++) {
#ifdef CPU_VEC
        for (size_t i = 0; i < n; i += (size_t)4 * CPU_VEC)
            CPU_UNROLL for (int j = 0; j < 4 * CPU_VEC; j += CPU_VEC)
                v_store(a + i + j, v_fma(v_all(&three), v_load(c + i + j), v_load(b + i + j)));
#else
        for (size_t i = 0; i < n; i++) a[i] = b[i] + three * c[i];
#endif
        __asm__ volatile("" : : "r"(a) : "memory"); /* each pass is one */
    }
}

#define TRIAD(kib)                                                                                 \
    {                                                                                              \
        .what = RK_PROBE_LOCAL,                                                                    \
        .work = (double)(ROUND_BYTES / ((kib)*1024)) *                                             \
                (double)((kib)*1024 / 4 / STREAMS / 64 * 64 * 4 * STREAMS),                        \
        .bytes = (kib)*1024, .run = triad, .text = "triad of " #kib " KiB"                         \
    }

/* A sum of all, read in n places at once; each has a sum of its own. */
#ifdef CPU_VEC
enum { WORD = CPU_VEC };
typedef vec word;
#define WORD_LOAD(p) v_load(p)
#define WORD_ADD(a, b) v_add(a, b)
#define WORD_STORE(p, a) v_store(p, a)
#else
enum { WORD = 1 };
typedef float word;
#define WORD_LOAD(p) (*(p))
#define WORD_ADD(a, b) ((a) + (b))
#define WORD_STORE(p, a) (*(p) = (a))
#endif
#define READ(n)                                                                                    \
    static void read_##n(uint32_t rounds, size_t bytes, float *part)                               \
    {                                                                                              \
        size_t each = bytes / sizeof *part / (n);                                                  \
        word acc[n];                                                                               \
        CPU_UNROLL for (int i = 0; i < (n); i++) acc[i] = WORD_LOAD(part);                         \
        for (uint32_t r = 0; r < rounds; r++)                                                      \
            for (size_t k = 0; k < each; k += WORD)                                                \
                CPU_UNROLL for (int i = 0; i < (n); i++) acc[i] =                                  \
                    WORD_ADD(acc[i], WORD_LOAD(part + (size_t)i * each + k));                      \
        CPU_UNROLL for (int i = 1; i < (n); i++) acc[0] = WORD_ADD(acc[0], acc[i]);                \
        WORD_STORE(part, acc[0]);                                                                  \
    }
READ(4)
READ(8)
READ(1)
#define READ_PEAK(n, text_of)                                                                      \
    {                                                                                              \
        .what = RK_PROBE_READ, .run = read_##n, .text = text_of                                    \
    }

const cpu_peak CPU_NAME(cpu_peaks)[] = {
#ifdef CPU_VEC
#if CPU_VEC == 16
    PEAK(16, 12),
    PEAK(16, 10),
    PEAK(16, 8),
    PEAK(16, 4),
#endif
    PEAK(8, 12),
    PEAK(8, 10),
    PEAK(8, 8),
    PEAK(8, 4),
    PEAK(4, 12),
    PEAK(4, 8),
#else
    PEAK(1, 8),
    PEAK(1, 4),
#endif
    TRIAD(24),
    TRIAD(12),
    TRIAD(192),
    READ_PEAK(4, "4 places"),
    READ_PEAK(8, "8 places"),
    READ_PEAK(1, "1 place"),
    {0}};
