/* Random numbers; branches that are joined, and gradients that are taken apart. */
#include "random_graph.h"

typedef struct maker {
    rk_graph *g;
    double bound; /* of v; of what is joined it is 16 times as much */
    random_source *r;
    random_part *out;
    uint32_t n;
} maker;

uint32_t random_below(random_source *r, uint32_t n)
{
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = (r->state ^ (r->state >> 29)) * 0xBF58476D1CE4E5B9u;
    return (uint32_t)((x >> 32) % n);
}

static uint32_t pick(maker *m, uint32_t n) { return random_below(m->r, n); }

static void keep(maker *m, rk_value v, double bound) { m->out[m->n++] = (random_part){v, bound}; }

/* Both derivatives by a part of a gradient, from channel `first` on. */
static void differentiate(maker *m, rk_value x, rk_value g, rk_value w, rk_window win,
                          int64_t first)
{
    double joined = 16 * m->bound;
    rk_shape in = rk_shape_of(m->g, x), kernel = rk_shape_of(m->g, w);
    rk_shape s = RK_SHAPE(in.dim[0], kernel.dim[0], 2, 2);
    rk_value part = rk_slice(m->g, g, (int64_t[]){0, first, 0, 0}, s);
    keep(m, rk_conv_dx(m->g, part, w, win, in), 48 * joined);
    keep(m, rk_conv_dw(m->g, x, part, win, kernel), 4 * (double)in.dim[0] * m->bound * joined);
    if (pick(m, 4) == 0) keep(m, part, joined);
}

uint32_t random_parts(rk_graph *g, random_source *r, rk_value v, double bound, rk_value weights,
                      random_part *out)
{
    static const rk_window wide = {2, 2, 1, 1, 1, 1, 2, 2}, narrow = {1, 1, 1, 1, 0, 0, 2, 2};
    maker m = {g, bound, r, out, 0};
    int64_t count = rk_shape_size(rk_shape_of(g, v)), n = count / 4;
    if (count % 4 || n > 6) return 0;
    rk_value x = rk_reshape(g, v, RK_SHAPE(n, 1, 2, 2)), part[3];
    rk_value flat = rk_reshape(g, weights, RK_SHAPE(24));
    rk_value four = rk_slice(g, flat, (int64_t[]){5}, RK_SHAPE(12));
    rk_value one = rk_slice(g, flat, (int64_t[]){1}, RK_SHAPE(2));
    four = rk_reshape(g, four, RK_SHAPE(3, 1, 2, 2));
    one = rk_reshape(g, one, RK_SHAPE(2, 1, 1, 1));
    part[0] = rk_conv(g, x, four, wide);
    part[1] = rk_conv(g, x, one, narrow);
    part[2] = x;
    rk_value all = rk_concat(g, part, 2 + pick(&m, 2), 1);
    keep(&m, all, 16 * bound);
    if (pick(&m, 3) == 0) keep(&m, part[pick(&m, 2)], 16 * bound);
    if (pick(&m, 2)) all = rk_neg(g, all);
    differentiate(&m, x, all, four, wide, 0);
    differentiate(&m, x, all, one, narrow, 3);
    return m.n;
}
