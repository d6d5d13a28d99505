#include "random_graph.h"
#include <stdio.h>
#include <stdlib.h>

enum { VALUES = 400, STATES = 7 };

typedef struct maker {
    rk_graph *g;
    random_source r;
    bool whole;
    rk_value value[VALUES];
    double bound[VALUES]; /* of the magnitude, in whole mode */
    uint32_t n;
    rk_value state[STATES];
} maker;

static uint32_t pick(maker *m, uint32_t n) { return random_below(&m->r, n); }

static void keep(maker *m, rk_value v, double bound)
{
    if (!v || m->n == VALUES || (m->whole && bound > 1e5)) return;
    m->value[m->n] = v;
    m->bound[m->n++] = bound;
}

/* A value of a type; 0 if none was found in some tries. */
static uint32_t any(maker *m, uint32_t dtype)
{
    for (int i = 0; i < 60; i++) {
        uint32_t at = pick(m, m->n);
        if (rk_dtype_of(m->g, m->value[at]) == dtype) return at;
    }
    return 0; /* in0 is F32 */
}

static bool same_shape(rk_shape a, rk_shape b)
{
    bool same = a.rank == b.rank;
    for (uint32_t d = 0; same && d < a.rank; d++) same = a.dim[d] == b.dim[d];
    return same;
}

/* Another value that goes with this one elementwise, perhaps by broadcasting. */
static uint32_t partner(maker *m, uint32_t at)
{
    rk_shape a = rk_shape_of(m->g, m->value[at]);
    uint32_t dtype = rk_dtype_of(m->g, m->value[at]), found = at;
    for (int i = 0; i < 40; i++) {
        uint32_t other = pick(m, m->n);
        rk_shape b = rk_shape_of(m->g, m->value[other]);
        if (rk_dtype_of(m->g, m->value[other]) != dtype) continue;
        bool fits = b.rank <= a.rank;
        for (uint32_t d = 0; fits && d < b.rank; d++) {
            int64_t x = a.dim[a.rank - 1 - d], y = b.dim[b.rank - 1 - d];
            fits = x == y || y == 1;
        }
        if (!fits) continue;
        found = other;
        if (same_shape(a, b) || pick(m, 3) == 0) break;
    }
    return found;
}

/* ---- leaves ---- */

static rk_shape random_shape(maker *m)
{
    static const int64_t extents[] = {1, 2, 3, 4, 6, 5, 12};
    rk_shape s = {.rank = pick(m, 4)};
    for (uint32_t d = 0; d < s.rank; d++) s.dim[d] = extents[pick(m, 7)];
    return s;
}

static void add_leaves(maker *m)
{
    static const rk_shape usual[] = {
        {2, {4, 6}}, {2, {6, 4}}, {1, {6}}, {3, {2, 3, 4}}, {2, {4, 6}}};
    for (uint32_t i = 0; i < 6; i++) {
        char name[8];
        snprintf(name, sizeof name, "in%u", i);
        uint32_t dtype = i == 4 ? RK_U32 : i == 5 ? RK_U8 : RK_F32;
        rk_shape s = i < 3 ? usual[i] : random_shape(m);
        keep(m, rk_input(m->g, dtype, s, name), 4);
    }
    for (uint32_t i = 0; i < STATES; i++) {
        char name[8];
        snprintf(name, sizeof name, "s%u", i);
        rk_shape s = i < 5 ? usual[i] : random_shape(m);
        m->state[i] = rk_state(m->g, i == 6 ? RK_U32 : RK_F32, s, name);
        keep(m, m->state[i], 64);
    }
    keep(m, rk_const_f(m->g, 2), 2);
    keep(m, rk_const_f(m->g, -1), 1);
    keep(m, rk_const_u(m->g, 3), 3);
    keep(m, rk_iota(m->g, 6), 6);
    keep(m, rk_iota(m->g, 4), 4);
}

/* ---- operations: each adds a value or none ---- */

static void add_unary(maker *m)
{
    uint32_t at = any(m, RK_F32);
    rk_value v = m->value[at];
    switch (m->whole ? pick(m, 2) : pick(m, 7)) {
    case 0: keep(m, rk_neg(m->g, v), m->bound[at]); break;
    case 1: keep(m, rk_stop(m->g, v), m->bound[at]); break;
    case 2: keep(m, rk_exp(m->g, v), 0); break;
    case 3: keep(m, rk_sin(m->g, v), 0); break;
    case 4: keep(m, rk_sqrt(m->g, v), 0); break;
    case 5: keep(m, rk_recip(m->g, v), 0); break;
    default: keep(m, rk_cos(m->g, rk_log(m->g, v)), 0); break;
    }
}

static void add_binary(maker *m)
{
    uint32_t at = pick(m, 4) ? any(m, RK_F32) : any(m, RK_U32), with = partner(m, at);
    rk_value a = m->value[at], b = m->value[with];
    bool f = rk_dtype_of(m->g, a) == RK_F32, turn = pick(m, 2);
    double x = m->bound[at], y = m->bound[with];
    if (turn) {
        rk_value c = a;
        a = b;
        b = c;
    }
    switch (pick(m, f && !m->whole ? 6 : 5)) {
    case 0: keep(m, rk_add(m->g, a, b), x + y); break;
    case 1: keep(m, rk_mul(m->g, a, b), x * y); break;
    case 2: keep(m, rk_max(m->g, a, b), x > y ? x : y); break;
    case 3:
        if (f) keep(m, rk_sub(m->g, a, b), x + y);
        if (!f) keep(m, rk_and(m->g, a, b), x + y);
        break;
    case 4:
        keep(m, rk_cast(m->g, rk_lt(m->g, a, b), pick(m, 2) ? RK_F32 : RK_U8), 1);
        if (!f) keep(m, rk_shr(m->g, a, rk_const_u(m->g, 1)), x + y);
        break;
    default: keep(m, rk_div(m->g, a, b), 0); break;
    }
}

static void add_select(maker *m)
{
    uint32_t at = any(m, RK_F32), with = partner(m, at);
    rk_value a = m->value[at], b = m->value[with];
    rk_value mask = pick(m, 2) ? rk_lt(m->g, a, b) : rk_eq(m->g, a, b);
    if (pick(m, 3) == 0) mask = rk_not(m->g, mask);
    keep(m, mask, 1);
    keep(m, rk_where(m->g, mask, a, b), m->bound[at] + m->bound[with]);
}

static void add_cast(maker *m)
{
    uint32_t at = any(m, pick(m, 4) ? RK_U32 : RK_F32);
    bool f = rk_dtype_of(m->g, m->value[at]) == RK_F32;
    keep(m, rk_cast(m->g, m->value[at], f ? RK_U32 : RK_F32), m->bound[at]);
}

static void add_view(maker *m)
{
    uint32_t at = pick(m, m->n);
    rk_value v = m->value[at];
    rk_shape s = rk_shape_of(m->g, v), t = s;
    int64_t n = rk_shape_size(s);
    if (pick(m, 2)) {
        if (s.rank == 0) return;
        uint32_t d = pick(m, s.rank);
        if (t.dim[d] == 1) t.dim[d] = 3;
        keep(m, rk_expand(m->g, v, t), m->bound[at]);
        return;
    }
    static const int64_t cuts[] = {1, 2, 3, 4, 6};
    int64_t cut = cuts[pick(m, 5)];
    if (n % cut) return;
    t = pick(m, 2) ? RK_SHAPE(cut, n / cut) : RK_SHAPE(n / cut, cut, 1);
    keep(m, rk_reshape(m->g, v, t), m->bound[at]);
}

static void add_move(maker *m)
{
    uint32_t at = pick(m, m->n), axes[RK_MAX_RANK];
    rk_value v = m->value[at];
    rk_shape s = rk_shape_of(m->g, v), t = s;
    int64_t where[RK_MAX_RANK] = {0};
    if (s.rank == 0) return;
    uint32_t axis = pick(m, s.rank);
    switch (pick(m, 4)) {
    case 0:
        for (uint32_t d = 0; d < s.rank; d++) axes[d] = (d + axis) % s.rank;
        keep(m, rk_permute(m->g, v, axes), m->bound[at]);
        break;
    case 1:
        where[axis] = s.dim[axis] / 3;
        t.dim[axis] = s.dim[axis] - where[axis];
        keep(m, rk_slice(m->g, v, where, t), m->bound[at]);
        break;
    case 2:
        where[axis] = 1;
        t.dim[axis] += 2;
        keep(m, rk_pad(m->g, v, where, t), m->bound[at]);
        break;
    default: keep(m, rk_concat(m->g, (rk_value[]){v, v}, 2, axis), m->bound[at]); break;
    }
}

static void add_reduce(maker *m)
{
    uint32_t at = any(m, RK_F32);
    rk_value v = m->value[at];
    rk_shape s = rk_shape_of(m->g, v);
    if (s.rank == 0) return;
    uint32_t first = pick(m, s.rank), count = 1 + pick(m, s.rank - first);
    double n = (double)rk_shape_size(s);
    switch (pick(m, 4)) {
    case 0: keep(m, rk_reduce_max(m->g, v, first, count), m->bound[at]); break;
    case 1: keep(m, rk_argmax(m->g, v, first, count), n); break;
    default: keep(m, rk_reduce_sum(m->g, v, first, count), n * m->bound[at]); break;
    }
}

static void add_matmul(maker *m)
{
    uint32_t at = any(m, RK_F32);
    for (int i = 0; i < 40; i++) {
        uint32_t with = any(m, RK_F32);
        rk_shape a = rk_shape_of(m->g, m->value[at]), b = rk_shape_of(m->g, m->value[with]);
        if (a.rank < 2 || a.rank > 3) return;
        if (b.rank < 2 || b.rank > 3 || (a.rank == 3 && b.rank == 3 && a.dim[0] != b.dim[0]))
            continue;
        bool ta = pick(m, 2), tb = pick(m, 2);
        int64_t k = a.dim[a.rank - (ta ? 2 : 1)];
        if (b.dim[b.rank - (tb ? 1 : 2)] != k) continue;
        keep(m, rk_matmul(m->g, m->value[at], m->value[with], ta, tb),
             (double)k * m->bound[at] * m->bound[with]);
        return;
    }
}

/* A row and a column of one value: the same memory read in two ways. */
static void add_outer(maker *m)
{
    uint32_t at = any(m, RK_F32);
    rk_value v = pick(m, 2) ? rk_neg(m->g, m->value[at]) : m->value[at];
    int64_t n = rk_shape_size(rk_shape_of(m->g, v));
    if (n > 12) return;
    rk_value row = rk_reshape(m->g, v, RK_SHAPE(1, n)),
             column = rk_reshape(m->g, v, RK_SHAPE(n, 1));
    keep(m, rk_sub(m->g, row, column), 2 * m->bound[at]);
}

static void add_batch(maker *m)
{
    uint32_t at = any(m, RK_F32), with = any(m, RK_F32);
    rk_value a = m->value[at], b = m->value[with];
    if (rk_shape_size(rk_shape_of(m->g, a)) != 24 || rk_shape_size(rk_shape_of(m->g, b)) != 24)
        return;
    double bound = 4 * m->bound[at] * m->bound[with];
    a = rk_reshape(m->g, a, RK_SHAPE(2, 3, 4));
    if (pick(m, 2))
        keep(m, rk_matmul(m->g, a, rk_reshape(m->g, b, RK_SHAPE(2, 4, 3)), false, false), bound);
    else
        keep(m, rk_matmul(m->g, a, rk_reshape(m->g, b, RK_SHAPE(2, 3, 4)), true, false), bound);
}

static void add_index(maker *m)
{
    uint32_t at = any(m, RK_F32), with = any(m, RK_U32);
    rk_value index = m->value[with];
    if (rk_shape_of(m->g, m->value[at]).rank == 0 || rk_dtype_of(m->g, index) != RK_U32) return;
    index = rk_reshape(m->g, index, RK_SHAPE(rk_shape_size(rk_shape_of(m->g, index))));
    rk_value taken = rk_take(m->g, m->value[at], index);
    keep(m, taken, m->bound[at]);
    if (pick(m, 2))
        keep(m, rk_put(m->g, taken, index, 5), m->bound[at] * (double)rk_dim(m->g, index, 0));
}

static void add_random(maker *m)
{
    char name[16];
    snprintf(name, sizeof name, "noise%u", pick(m, 3));
    rk_value words = rk_rng(m->g, RK_SHAPE(4, 6), name);
    rk_value few = rk_and(m->g, words, rk_const_u(m->g, 3));
    keep(m, rk_cast(m->g, few, RK_F32), 3);
    keep(m, rk_cast(m->g, rk_lt(m->g, few, words), RK_F32), 1);
    keep(m, rk_cast(m->g, rk_lt(m->g, rk_const_u(m->g, 1u << 31), words), RK_F32), 1);
}

static void add_window(maker *m) /* of images of one channel, out of any value */
{
    uint32_t at = any(m, RK_F32);
    int64_t n = rk_shape_size(rk_shape_of(m->g, m->value[at]));
    rk_window w = {2, 2, 1, 2, 0, 1, 1, 2};
    if (n % 4 || n > 96) return;
    rk_value x = rk_reshape(m->g, m->value[at], RK_SHAPE(n / 4, 1, 2, 2));
    switch (pick(m, 4)) {
    case 0: keep(m, rk_wsum(m->g, x, w), 4 * m->bound[at]); break;
    case 1: keep(m, rk_wtake(m->g, x, rk_wargmax(m->g, x, w), w), m->bound[at]); break;
    case 2:
        keep(
            m,
            rk_wput(m->g, rk_wsum(m->g, x, w), rk_wargmax(m->g, x, w), w, RK_SHAPE(n / 4, 1, 2, 2)),
            8 * m->bound[at]);
        break;
    default: {
        rk_value k = rk_reshape(m->g,
                                rk_slice(m->g, rk_reshape(m->g, m->state[0], RK_SHAPE(24)),
                                         (int64_t[]){5}, RK_SHAPE(12)),
                                RK_SHAPE(3, 1, 2, 2));
        keep(m, rk_conv(m->g, x, k, w), 4 * 64 * m->bound[at]);
        break;
    }
    }
}

static void add_branches(maker *m)
{
    uint32_t at = any(m, RK_F32);
    random_part p[RANDOM_PARTS];
    uint32_t n = random_parts(m->g, &m->r, m->value[at], m->bound[at], m->value[0], p);
    while (n-- > 0) keep(m, p[n].value, p[n].bound);
}

/* ---- what is assigned ---- */

/* The value reduced or stretched to a shape. */
static rk_value fit(maker *m, uint32_t at, rk_shape s)
{
    rk_value v = m->value[at];
    rk_shape from = rk_shape_of(m->g, v);
    if (same_shape(from, s)) return v;
    if (rk_shape_size(from) == rk_shape_size(s)) return rk_reshape(m->g, v, s);
    rk_shape ones = {.rank = s.rank}, flat = {1, {rk_shape_size(from)}};
    for (uint32_t d = 0; d < s.rank; d++) ones.dim[d] = 1;
    v = rk_reduce_max(m->g, rk_reshape(m->g, v, flat), 0, 1);
    return rk_expand(m->g, rk_reshape(m->g, v, ones), s);
}

/* Whole numbers stay small over several runs. */
static rk_value small(maker *m, rk_value v)
{
    rk_value high = rk_const_f(m->g, 4), low = rk_const_f(m->g, -4);
    v = m->whole ? rk_where(m->g, rk_lt(m->g, high, v), high, v) : v;
    return m->whole ? rk_where(m->g, rk_lt(m->g, v, low), low, v) : v;
}

static void assign_states(maker *m)
{
    rk_value next[STATES] = {0};
    for (uint32_t i = 0; i < 6; i++) {
        rk_shape s = rk_shape_of(m->g, m->state[i]);
        uint32_t at = any(m, RK_F32);
        switch (pick(m, 5)) {
        case 0: break;
        case 1: next[i] = fit(m, at, s); break;
        case 2: next[i] = rk_add(m->g, m->state[i], fit(m, at, s)); break;
        default: next[i] = rk_sub(m->g, fit(m, at, s), m->state[i]); break;
        }
        if (next[i]) next[i] = small(m, next[i]);
    }
    if (pick(m, 3) == 0) { /* s0 and s4 have one shape: swap them */
        next[0] = m->state[4];
        next[4] = m->state[0];
    }
    if (pick(m, 4) == 0) next[1] = rk_permute(m->g, m->state[0], (uint32_t[]){1, 0});
    if (pick(m, 4) == 0) next[4] = next[0];
    for (uint32_t i = 0; i < STATES; i++)
        if (next[i]) rk_assign(m->g, m->state[i], next[i]);
    rk_value key = rk_state(m->g, RK_U32, RK_SHAPE(3), "rng/key");
    rk_assign(m->g, key, rk_add(m->g, key, rk_const_u(m->g, 1)));
}

/* A loss of what there is, and a step of the states s1 and s2 down its gradient. */
static void descend(maker *m)
{
    uint32_t at = any(m, RK_F32);
    rk_value x = m->value[at], d[2], wrt[2] = {m->state[1], m->state[2]};
    rk_shape flat = {1, {rk_shape_size(rk_shape_of(m->g, x))}};
    rk_value h = rk_matmul(m->g, m->state[0], m->state[1], false, false); /* [4][4] */
    h = rk_reduce_sum(m->g, rk_relu(m->g, h), 0, 2);
    x = rk_reduce_sum(m->g, rk_reshape(m->g, rk_mul(m->g, x, x), flat), 0, 1);
    x = rk_add(m->g, rk_reshape(m->g, x, RK_SHAPE(1)), rk_reshape(m->g, h, RK_SHAPE(1)));
    rk_grad(m->g, rk_reshape(m->g, x, rk_shape_make(0, NULL)), wrt, 2, d);
    for (int i = 0; i < 2; i++) keep(m, d[i], 2e4);
}

rk_graph *random_graph_make(uint64_t seed, bool whole)
{
    static void (*const add[])(maker *) = {
        add_unary,  add_cast,   add_view,   add_move,   add_reduce,  add_reduce,
        add_matmul, add_index,  add_random, add_window, add_select,  add_outer,
        add_batch,  add_binary, add_binary, add_binary, add_branches};
    maker m = {.g = rk_graph_new(), .r = {seed * 0x9E3779B97F4A7C15u + whole}, .whole = whole};
    add_leaves(&m);
    bool gradient = pick(&m, 2);
    for (uint32_t i = 10 + pick(&m, 80); i > 0; i--) add[pick(&m, sizeof add / sizeof *add)](&m);
    if (gradient) descend(&m);
    assign_states(&m);
    return m.g;
}
