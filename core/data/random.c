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
