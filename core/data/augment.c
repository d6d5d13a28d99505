/* Random words of the examples of a batch, and moving pixels. */
#include "data/augment.h"
#include <stdio.h>

/* The words are drawn on the host, one a stream, example and epoch, as the order of examples is: an
 * RNG kernel counts rows of a batch, which would make an example's words depend on its batch. */
rk_value rk_batch_word(rk_graph *g, const rk_batch *b, const char *name)
{
    char full[192];
    if (!rk_graph_training(g))
        return rk_graph_fail(g, "batch_word: %s%s: there is no random word in evaluation", b->scope,
                             name);
    int n = snprintf(full, sizeof full, RK_RANDOM_PREFIX "%s%s", b->scope, name);
    if (n < 0 || (size_t)n >= sizeof full)
        return rk_graph_fail(g, "batch_word: the name %s%.64s is too long", b->scope, name);
    return rk_take(g, rk_input(g, RK_U32, RK_SHAPE(b->n), full), b->index);
}

rk_value rk_batch_below(rk_graph *g, const rk_batch *b, int64_t n, const char *name)
{
    if (n < 1 || n > UINT32_MAX)
        return rk_graph_fail(g, "batch_below: n is %lld, expected 1 to 2^32 - 1", (long long)n);
    rk_value word = rk_batch_word(g, b, name);
    return rk_mulhi(g, word, rk_const_u(g, (uint32_t)n));
}

void rk_batch_words(uint64_t seed, const char *name, int64_t epoch, const rk_examples *x,
                    uint32_t *out)
{
    rk_random stream = rk_random_named(seed, name);
    stream.step = (uint32_t)epoch;
    for (int64_t i = 0; i < x->n; i++) out[i] = rk_random_word(stream, x->index[i]);
}

static bool places_fit(rk_shape x, rk_shape s)
{
    return s.rank == 4 && (s.dim[0] == 1 || s.dim[0] == x.dim[0]) && s.dim[1] == 1;
}

rk_value rk_image_take(rk_graph *g, rk_value x, rk_value rows, rk_value columns)
{
    rk_shape s = rk_shape_of(g, x), r = rk_shape_of(g, rows), c = rk_shape_of(g, columns);
    if (!x || !rows || !columns) return 0;
    if (s.rank != 4 || !places_fit(s, r) || !places_fit(s, c) || rk_shape_size(s) >= UINT32_MAX)
        return rk_graph_fail(g,
                             "image_take: expected images [N][C][H][W] of fewer than 2^32 pixels, "
                             "rows and columns [N or 1][1][h][w]");
    int64_t planes = s.dim[0] * s.dim[1], h = r.dim[2], w = c.dim[3];
    rk_value height = rk_const_u(g, (uint32_t)s.dim[2]), width = rk_const_u(g, (uint32_t)s.dim[3]);
    rk_value plane = rk_reshape(g, rk_iota(g, planes), RK_SHAPE(s.dim[0], s.dim[1], 1, 1));
    rk_value row = rk_add(g, rk_mul(g, plane, height), rows);
    rk_value pixel = rk_add(g, rk_mul(g, row, width), columns);
    rk_value row_there = rk_lt(g, rows, height);
    rk_value there = rk_and(g, row_there, rk_lt(g, columns, width));
    rk_shape out = RK_SHAPE(s.dim[0], s.dim[1], h, w);
    rk_value index = rk_expand(g, rk_where(g, there, pixel, rk_const_u(g, UINT32_MAX)), out);
    rk_value flat = rk_reshape(g, x, RK_SHAPE(rk_shape_size(s)));
    rk_value taken = rk_take(g, flat, rk_reshape(g, index, RK_SHAPE(rk_shape_size(out))));
    return rk_reshape(g, taken, out);
}
