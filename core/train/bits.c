#include "train/bits.h"
#include <string.h>
#include "rethink/backend.h"

static bool is_nan(uint32_t word) { return (word & 0x7fffffffu) > 0x7f800000u; }

/* Floats as whole numbers in the same order. */
static int64_t rank_of(uint32_t word)
{
    int64_t magnitude = word & 0x7fffffffu;
    return word >> 31 ? -1 - magnitude : magnitude;
}

static uint32_t word_at(uint32_t dtype, const void *x, uint64_t i)
{
    uint32_t word;
    if (dtype == RK_U8) return ((const uint8_t *)x)[i];
    memcpy(&word, (const char *)x + i * sizeof word, sizeof word);
    return word;
}

static uint64_t distance(uint32_t dtype, uint32_t a, uint32_t b)
{
    int64_t x = dtype == RK_F32 ? rank_of(a) : a, y = dtype == RK_F32 ? rank_of(b) : b;
    return (uint64_t)(x > y ? x - y : y - x);
}

bool rk_bits_compare(uint32_t dtype, const void *a, const void *b, uint64_t bytes,
                     rk_bits_difference *out)
{
    *out = (rk_bits_difference){.count = dtype == RK_U8 ? bytes : bytes / sizeof(uint32_t)};
    if (memcmp(a, b, bytes) == 0) return false;
    for (uint64_t i = 0; i < out->count; i++) {
        uint32_t x = word_at(dtype, a, i), y = word_at(dtype, b, i);
        bool nan_x = dtype == RK_F32 && is_nan(x), nan_y = dtype == RK_F32 && is_nan(y);
        if (x == y || (nan_x && nan_y)) continue;
        if (!out->differing++) {
            out->first = i;
            out->a = x;
            out->b = y;
        }
        if (nan_x || nan_y)
            out->nan = true;
        else if (distance(dtype, x, y) > out->most)
            out->most = distance(dtype, x, y);
    }
    return out->differing > 0;
}
