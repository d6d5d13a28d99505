/* Random numbers in a graph whose counters are values: of a row's own step. */
#include "graph/builder.h"
#include "rethink/plugin.h"

/* a ^ b by the operations that there are: a + b - 2 (a & b). */
static rk_value xor_of(rk_graph *g, rk_value a, rk_value b)
{
    rk_value both = rk_and(g, a, b), sum = rk_add(g, a, b);
    return rk_sub(g, rk_sub(g, sum, both), both);
}

/* rk_philox of numerics.h, as operations, on the counter {block, 0, step, stream}: its words are
 * c[0 ... 3].  What depends on the block alone, or on the step, is computed in that shape. */
static void philox(rk_graph *g, rk_value block, rk_value step, rk_random r, rk_value c[4])
{
    uint32_t k0 = (uint32_t)r.seed, k1 = (uint32_t)(r.seed >> 32);
    const rk_value by[2] = {rk_const_u(g, 0xD2511F53u), rk_const_u(g, 0xCD9E8D57u)};
    c[0] = block;
    c[2] = step;
    for (int round = 0; round < 10; round++) {
        rk_value high0 = rk_mulhi(g, c[0], by[0]), low0 = rk_mul(g, c[0], by[0]);
        rk_value high1 = rk_mulhi(g, c[2], by[1]), low1 = rk_mul(g, c[2], by[1]);
        rk_value x0 = xor_of(g, high1, rk_const_u(g, k0));
        rk_value x2 = xor_of(g, high0, rk_const_u(g, round ? k1 : k1 ^ r.stream));
        c[0] = round ? xor_of(g, x0, c[1]) : x0; /* the second word of the counter is 0 */
        c[2] = round ? xor_of(g, x2, c[3]) : x2;
        c[1] = low1;
        c[3] = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

/* Words 4 b ... 4 b + 3 of each row, each [N][blocks]; blocks for n words. */
static int64_t words_of(rk_graph *g, rk_random r, rk_value step, int64_t n, rk_value c[4])
{
    int64_t rows = rk_dim(g, step, 0), blocks = (n + 3) / 4;
    rk_value block = rk_reshape(g, rk_iota(g, blocks), RK_SHAPE(1, blocks));
    rk_value at = rk_add(g, rk_reshape(g, step, RK_SHAPE(rows, 1)), rk_const_u(g, r.step));
    philox(g, block, at, r, c);
    for (int j = 0; j < 4; j++) c[j] = rk_expand(g, c[j], RK_SHAPE(rows, blocks));
    return blocks;
}

static bool is_step(rk_graph *g, const char *what, rk_value step, int64_t n)
{
    if (!step) return false;
    if (rk_dtype_of(g, step) == RK_U32 && rk_shape_of(g, step).rank == 1 && n >= 1 &&
        n < (int64_t)1 << 33)
        return true;
    rk_graph_fail(g, "%s: expected steps U32 [N], and 1 to 2^33 numbers of each", what);
    return false;
}

/* Columns [N][blocks] side by side: [N][n], element j of block b being column j's. */
static rk_value interleave(rk_graph *g, rk_value *column, uint32_t columns, int64_t blocks,
                           int64_t n)
{
    int64_t rows = rk_dim(g, column[0], 0), all = blocks * columns;
    for (uint32_t j = 0; j < columns; j++)
        column[j] = rk_reshape(g, column[j], RK_SHAPE(rows, blocks, 1));
    rk_value whole = rk_reshape(g, rk_concat(g, column, columns, 2), RK_SHAPE(rows, all));
    return all == n ? whole : rk_slice(g, whole, (const int64_t[]){0, 0}, RK_SHAPE(rows, n));
}

rk_value rk_random_words(rk_graph *g, rk_random r, rk_value step, int64_t n)
{
    rk_value c[4];
    if (!is_step(g, "random_words", step, n)) return 0;
    int64_t blocks = words_of(g, r, step, n, c);
    return interleave(g, c, 4, blocks, n);
}

rk_value rk_random_normals(rk_graph *g, rk_random r, rk_value step, int64_t n)
{
    rk_value c[4], pair[2];
    if (!is_step(g, "random_normals", step, n)) return 0;
    int64_t blocks = words_of(g, r, step, 2 * n, c);
    pair[0] = rk_normal_of(g, c[0], c[1]);
    pair[1] = rk_normal_of(g, c[2], c[3]);
    return interleave(g, pair, 2, blocks, n);
}
