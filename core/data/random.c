/* Randomness on the host: the same Philox words as the RNG kernel gives on a device. */
#include "rethink/numerics.h"
#include "rethink/plugin.h"
#include <string.h>
#include <xxhash.h>

/* The four words that hold word i. */
static void block_of(rk_random r, uint64_t i, uint32_t out[4])
{
    out[0] = (uint32_t)(i / 4);
    out[1] = 0;
    out[2] = r.step;
    out[3] = r.stream;
    rk_philox(out, (uint32_t)r.seed, (uint32_t)(r.seed >> 32));
}

rk_random rk_random_named(uint64_t seed, const char *name)
{
    return (rk_random){seed, 0, (uint32_t)XXH3_64bits(name, strlen(name))};
}

uint32_t rk_random_word(rk_random r, uint64_t i)
{
    uint32_t block[4];
    block_of(r, i, block);
    return block[i % 4];
}

float rk_random_uniform(rk_random r, uint64_t i) { return rk_uniform(rk_random_word(r, i)); }

float rk_random_normal(rk_random r, uint64_t i)
{
    uint32_t block[4];
    block_of(r, 2 * i, block); /* 2 i is even, so both words are in one block */
    return rk_normal(block[2 * i % 4], block[2 * i % 4 + 1]);
}

/* For processors with fma one instruction in the place of a call, a third of the time. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

/* Normals 2 i, 2 i + 1, ... of n whole blocks. */
CLONES static void fill_blocks(rk_random r, uint64_t i, int64_t n, float *x)
{
    for (int64_t b = 0; b < n; b++) {
        uint32_t block[4];
        block_of(r, 4 * (i + (uint64_t)b), block);
        x[2 * b] = rk_normal(block[0], block[1]);
        x[2 * b + 1] = rk_normal(block[2], block[3]);
    }
}

void rk_random_fill_normal(rk_random r, uint64_t first, int64_t n, float *x)
{
    if (n > 0 && first % 2) *x++ = rk_random_normal(r, first++), n--;
    if (n > 1) fill_blocks(r, first / 2, n / 2, x);
    if (n > 0 && n % 2) x[n - 1] = rk_random_normal(r, first + (uint64_t)n - 1);
}

/* D. Lemire, "Fast random integer generation in an interval", TOMACS 2019: the high word of
 * word * n is uniform once the 2^32 mod n smallest low words are rejected. */
static uint32_t below_from(rk_random r, uint64_t i, uint32_t n, uint32_t word)
{
    uint64_t product = (uint64_t)word * n;
    if ((uint32_t)product >= n) return (uint32_t)(product >> 32);
    uint32_t rejected = (uint32_t)(0x100000000u % n);
    while ((uint32_t)product < rejected) {
        r.step++;
        product = (uint64_t)rk_random_word(r, i) * n;
    }
    return (uint32_t)(product >> 32);
}

uint32_t rk_random_below(rk_random r, uint64_t i, uint32_t n)
{
    return below_from(r, i, n, rk_random_word(r, i));
}

void rk_random_order(rk_random r, uint32_t n, uint32_t *out)
{
    uint32_t block[4] = {0};
    for (uint32_t i = 0; i < n; i++) { /* the inside-out form: entry i is placed among i + 1 */
        if (i % 4 == 0) block_of(r, i, block);
        uint32_t j = below_from(r, i, i + 1, block[i % 4]);
        if (j != i) out[i] = out[j];
        out[j] = i;
    }
}
