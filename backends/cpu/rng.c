/* RNG: word i is word i % 4 of Philox4x32-10 at counter i / 4. */
#include <stdio.h>
#include <string.h>
#include <rethink/numerics.h>
#include "check.h"

enum { LANES = 16 };

typedef struct job {
    const rk_kernel *kernel;
    const uint32_t *seed;
    uint32_t *out;
} job;

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
