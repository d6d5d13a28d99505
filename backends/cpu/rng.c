/* RNG: word i is word i % 4 of Philox4x32-10 at counter i / 4. */
#include <stdio.h>
#include <string.h>
#include <rethink/numerics.h>
#include "check.h"
#include "vec.h"

#ifdef CPU_VEC
enum { LANES = CPU_VEC };

typedef uint32_t words __attribute__((vector_size(4 * CPU_VEC)));
typedef uint64_t pairs __attribute__((vector_size(4 * CPU_VEC)));
#if CPU_VEC == 16
#define MUL(a, b) ((pairs)_mm512_mul_epu32((__m512i)(a), (__m512i)(b))) /* of the lower halves */
#else
#define MUL(a, b) ((pairs)_mm256_mul_epu32((__m256i)(a), (__m256i)(b)))
#endif

/* The halves of x * times. */
static inline __attribute__((always_inline)) void multiply(words x, uint32_t times, words *high,
                                                           words *low)
{
    const pairs by = (pairs){0} + times, lower = (pairs){0} + 0xFFFFFFFFu;
    pairs even = MUL(x, by), odd = MUL((pairs)x >> 32, by);
    *high = (words)((even >> 32) | (odd & ~lower));
    *low = (words)((even & lower) | (odd << 32));
}

/* LANES counters side by side; rk_philox is what they compute. */
static inline void many(uint32_t *out, uint32_t first, const uint32_t *seed, uint32_t stream)
{
    static const uint32_t count[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const words zero = {0};
    words c0, c1 = zero, c2 = zero + seed[2], c3 = zero + stream;
    uint32_t k0 = seed[0], k1 = seed[1];
    memcpy(&c0, count, sizeof c0);
    c0 += first;
    for (int round = 0; round < 10; round++) {
        words high0, low0, high1, low1;
        multiply(c0, 0xD2511F53u, &high0, &low0);
        multiply(c2, 0xCD9E8D57u, &high1, &low1);
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words a = v_zip_low(c0, c2), b = v_zip_low(c1, c3);
    words c = v_zip_high(c0, c2), d = v_zip_high(c1, c3);
    words lines[4] = {v_zip_low(a, b), v_zip_high(a, b), v_zip_low(c, d), v_zip_high(c, d)};
    memcpy(out, lines, sizeof lines);
}
#else
enum { LANES = 16 };

/* LANES counters side by side, so that rounds become vectors; rk_philox is what they compute. */
static void many(uint32_t out[4 * LANES], uint32_t first, const uint32_t *seed, uint32_t stream)
{
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES], k0 = seed[0], k1 = seed[1];
    for (int l = 0; l < LANES; l++) {
        c0[l] = first + (uint32_t)l;
        c1[l] = 0;
        c2[l] = seed[2];
        c3[l] = stream;
    }
    for (int round = 0; round < 10; round++) {
        for (int l = 0; l < LANES; l++) {
            uint64_t m0 = (uint64_t)0xD2511F53u * c0[l], m1 = (uint64_t)0xCD9E8D57u * c2[l];
            c0[l] = (uint32_t)(m1 >> 32) ^ c1[l] ^ k0;
            c1[l] = (uint32_t)m1;
            c2[l] = (uint32_t)(m0 >> 32) ^ c3[l] ^ k1;
            c3[l] = (uint32_t)m0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int l = 0; l < LANES; l++) {
        out[4 * l] = c0[l];
        out[4 * l + 1] = c1[l];
        out[4 * l + 2] = c2[l];
        out[4 * l + 3] = c3[l];
    }
}
#endif

typedef struct job {
    const rk_kernel *kernel;
    const uint32_t *seed;
    uint32_t *out;
} job;

static void one(uint32_t out[4], uint32_t at, const uint32_t *seed, uint32_t stream)
{
    uint32_t c[4] = {at, 0, seed[2], stream};
    rk_philox(c, seed[0], seed[1]);
    memcpy(out, c, sizeof c);
}

static void share(void *context, int t, int threads)
{
    const job *j = context;
    const int64_t *n = j->kernel->plan;
    uint32_t stream = (uint32_t)j->kernel->p[0], last[4];
    int64_t from, end;
    cpu_share(*n, 4 * LANES, t, threads, &from, &end);
    for (; from + 4 * LANES <= end; from += 4 * LANES)
        many(j->out + from, (uint32_t)(from / 4), j->seed, stream);
    for (; from < end; from += 4) {
        one(last, (uint32_t)(from / 4), j->seed, stream);
        memcpy(j->out + from, last, (size_t)(end - from < 4 ? end - from : 4) * 4);
    }
}

static void run(const rk_kernel *k, unsigned char *const *arg)
{
    job j = {k, (const uint32_t *)(const void *)arg[0], (uint32_t *)(void *)arg[1]};
    cpu_parallel(k->device, k->threads, share, &j);
}

static rk_status prepare(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    int64_t n = cpu_count(&op->out[0]);
    rk_status s = cpu_check_in(op, 0, RK_U32, 3, e);
    if (s == RK_OK) s = cpu_check_out(op, 0, RK_U32, n, e);
    if (s == RK_OK && (op->p[0] < 0 || op->p[0] > 0xFFFFFFFF))
        s = cpu_fail(e, RK_E_INVALID, "prepare", "p[0] = %lld is no stream", (long long)op->p[0]);
    if (s == RK_OK && n > (int64_t)4 << 32)
        s = cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "more than 2^34 words of one stream");
    if (s != RK_OK) return s;
    int64_t *count = k->plan = cpu_kernel_alloc(k, sizeof *count);
    if (!count) return cpu_fail(e, RK_E_NOMEM, "prepare", "%zu bytes wanted", sizeof *count);
    *count = n;
    k->threads = cpu_threads_of(k, 1.0 * (double)n);
    snprintf(info->impl, sizeof info->impl, "philox %d lanes %s", LANES, k->device->isa->name);
    return RK_OK;
}

const cpu_kind CPU_NAME(cpu_rng) = {prepare, run, NULL};
