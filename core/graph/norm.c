/* Normalization layers.
 *
 * Batch normalization is written so that a step touches the activation as often as it must and no
 * more: forward once for the statistics and once for the result, backward once for the sums of the
 * gradient and once for the gradient.  For that every sum over the activation is over planes, and
 * what is broadcast to it has a value per plane, [N][C][1]: a REDUCE over planes can read these,
 * while it could not read one value per channel. */
#include "graph/builder.h"

/* What a batch norm works on: x as [n][c][plane]. */
typedef struct planes {
    rk_value x;
    int64_t n, c, plane;
} planes;

static rk_shape per_plane(planes p) { return RK_SHAPE(p.n, p.c, 1); }
static rk_shape per_channel(planes p) { return RK_SHAPE(1, p.c, 1); }

/* [1][C][1] as a value for each plane. */
static rk_value spread(rk_graph *g, rk_value v, planes p) { return rk_expand(g, v, per_plane(p)); }

static bool as_planes(rk_graph *g, const char *what, rk_value x, planes *p)
{
    if (!rk_operand(g, what, x, RK_TYPE_F32)) return false;
    rk_shape s = rk_shape_of(g, x);
    if (s.rank < 2 || rk_shape_size(s) == 0) {
        RK_REJECT(g, what, "x is %s, expected [N][C][...] and no extent of 0",
                  rk_value_show(g, x).s);
        return false;
    }
    *p = (planes){.n = s.dim[0], .c = s.dim[1], .plane = 1};
    for (uint32_t i = 2; i < s.rank; i++) p->plane *= s.dim[i];
    p->x = rk_reshape(g, x, RK_SHAPE(p->n, p->c, p->plane));
    return true;
}

typedef struct moments {
    rk_value mean, variance; /* [1][C][1] */
    rk_value d;              /* x - k */
    rk_value k;              /* [N][C][1] */
} moments;

/* A division, not a product with the rounded 1 / n: else the mean would be a little off in the
 * direction of k. */
static rk_value mean_over(rk_graph *g, rk_value v, uint32_t axis)
{
    int64_t n = rk_shape_of(g, v).dim[axis];
    return rk_div(g, rk_reduce_sum(g, v, axis, 1), rk_const_f(g, (float)n));
}

/* k needs no derivative: neither moment depends on it. */
static moments batch_moments(rk_graph *g, planes p)
{
    moments m;
    int64_t middle[] = {0, 0, p.plane / 2};
    m.k = rk_stop(g, rk_slice(g, p.x, middle, per_plane(p)));
    m.d = rk_sub(g, p.x, m.k);
    rk_value offset = mean_over(g, m.d, 2);
    rk_value squares = mean_over(g, rk_mul(g, m.d, m.d), 2);
    rk_value inside = rk_sub(g, squares, rk_mul(g, offset, offset));
    rk_value plane_mean = rk_add(g, m.k, offset);
    m.mean = mean_over(g, plane_mean, 0);
    rk_value between = rk_sub(g, plane_mean, spread(g, m.mean, p));
    m.variance = mean_over(g, rk_add(g, inside, rk_mul(g, between, between)), 0);
    return m;
}

/* state <- momentum state + (1 - momentum) value */
static void follow(rk_graph *g, rk_value state, rk_value value, float momentum)
{
    rk_value old = rk_mul(g, state, rk_const_f(g, momentum));
    rk_value part = rk_mul(g, value, rk_const_f(g, 1.0f - momentum));
    rk_assign(g, state, rk_add(g, old, part));
}

/* The statistics of a layer: names, and the order in which they are made. */
typedef struct running {
    rk_value mean, variance, seen;
} running;

static running running_of(rk_graph *g, planes p)
{
    running r;
    r.mean = rk_statistic(g, RK_SHAPE(p.c), "mean");
    r.variance = rk_statistic(g, RK_SHAPE(p.c), "variance");
    r.seen = rk_statistic(g, RK_SHAPE(1), "seen");
    return r;
}

static rk_value inverse_root(rk_graph *g, rk_value variance, float eps)
{
    return rk_recip(g, rk_sqrt(g, rk_add(g, variance, rk_const_f(g, eps))));
}

/* By the batch's moments: (x - mean) / sqrt(variance + eps), and the factor of it if there is one.
 */
static rk_value by_batch(rk_graph *g, planes p, rk_norm o, rk_value scale, running r)
{
    moments m = batch_moments(g, p);
    if (rk_graph_training(g)) {
        follow(g, r.mean, rk_reshape(g, m.mean, RK_SHAPE(p.c)), o.momentum);
        follow(g, r.variance, rk_reshape(g, m.variance, RK_SHAPE(p.c)), o.momentum);
        follow(g, r.seen, rk_reshape(g, rk_const_f(g, 1.0f), RK_SHAPE(1)), o.momentum);
    }
    rk_value centre = rk_sub(g, spread(g, m.mean, p), m.k);
    rk_value factor = inverse_root(g, spread(g, m.variance, p), o.eps);
    if (scale) factor = rk_mul(g, factor, spread(g, scale, p));
    return rk_mul(g, rk_sub(g, m.d, centre), factor);
}

/* By the running averages. */
static rk_value by_average(rk_graph *g, planes p, rk_norm o, rk_value scale, running r)
{
    rk_value zero = rk_const_f(g, 0.0f), one = rk_const_f(g, 1.0f);
    rk_value started = rk_lt(g, zero, r.seen), weight = rk_where(g, started, r.seen, one);
    rk_value variance = rk_where(g, started, rk_div(g, r.variance, weight), one);
    rk_value mean = rk_reshape(g, rk_div(g, r.mean, weight), per_channel(p));
    rk_value factor = inverse_root(g, rk_reshape(g, variance, per_channel(p)), o.eps);
    if (scale) factor = rk_mul(g, factor, scale);
    return rk_mul(g, rk_sub(g, p.x, mean), factor);
}

static rk_value optional_param(rk_graph *g, bool wanted, planes p, float first, const char *name)
{
    rk_init init = {RK_INIT_CONST, first};
    if (!wanted) return 0;
    return rk_reshape(g, rk_param(g, RK_SHAPE(p.c), init, name), per_channel(p));
}

rk_value rk_batch_norm(rk_graph *g, rk_value x, rk_norm o, const char *name)
{
    planes p;
    if (!as_planes(g, "batch_norm", x, &p)) return 0;
    if (!(o.eps > 0) || !(o.momentum >= 0 && o.momentum < 1))
        return RK_REJECT(g, "batch_norm",
                         "%s: eps is %g and momentum %g, expected more than 0, and from 0 to less "
                         "than 1",
                         name ? name : "", (double)o.eps, (double)o.momentum);
    rk_scope_push(g, name);
    rk_value scale = optional_param(g, o.scale, p, 1.0f, "scale");
    rk_value shift = optional_param(g, o.shift, p, 0.0f, "shift");
    running r = running_of(g, p);
    rk_scope_pop(g);
    rk_value y = rk_graph_by_batch(g) ? by_batch(g, p, o, scale, r) : by_average(g, p, o, scale, r);
    if (shift) y = rk_add(g, y, shift);
    return rk_reshape(g, y, rk_shape_of(g, x));
}

/* The channels of one image are the lines of a plane, and the sum over neighbours is a window. */
rk_value rk_lrn(rk_graph *g, rk_value x, int64_t radius, float bias, float alpha, float beta)
{
    planes p;
    if (!as_planes(g, "lrn", x, &p)) return 0;
    if (radius < 0 || !(bias > 0) || !(alpha >= 0))
        return RK_REJECT(g, "lrn",
                         "radius is %lld, bias %g and alpha %g, expected at least 0, more than 0 "
                         "and at least 0",
                         (long long)radius, (double)bias, (double)alpha);
    rk_window w = {2 * radius + 1, 1, 1, 1, radius, 0, p.c, p.plane};
    rk_value sum = rk_wsum(g, rk_mul(g, p.x, p.x), w);
    rk_value scaled = rk_mul(g, sum, rk_const_f(g, alpha));
    rk_value log = rk_log(g, rk_add(g, scaled, rk_const_f(g, bias)));
    rk_value power = rk_exp(g, rk_mul(g, log, rk_const_f(g, -beta)));
    return rk_reshape(g, rk_mul(g, p.x, power), rk_shape_of(g, x));
}
