#include "plan/pattern.h"
#include <string.h>

rk_pattern rk_pattern_whole(int64_t n)
{
    rk_pattern p = {0};
    if (n != 1) {
        p.rank = 1;
        p.dim[0] = n;
    }
    return p;
}

bool rk_pattern_is_whole(const rk_pattern *p) { return p->rank == 0 || p->repeat == 0; }

bool rk_pattern_same(const rk_pattern *a, const rk_pattern *b)
{
    return a->rank == b->rank && a->repeat == b->repeat &&
           memcmp(a->dim, b->dim, a->rank * sizeof *a->dim) == 0;
}

/* A pattern is made from the innermost dimension out: dim[0] is that one until it is turned. */
static bool push(rk_pattern *p, int64_t extent, bool repeat)
{
    if (extent == 1) return true;
    if (p->rank && ((p->repeat >> (p->rank - 1)) & 1u) == repeat) {
        p->dim[p->rank - 1] *= extent;
        return true;
    }
    if (p->rank == RK_MAX_RANK) return false;
    p->repeat |= (uint32_t)repeat << p->rank;
    p->dim[p->rank++] = extent;
    return true;
}

static void turn(rk_pattern *p)
{
    rk_pattern q = {.rank = p->rank};
    for (uint32_t d = 0; d < p->rank; d++) {
        q.dim[d] = p->dim[p->rank - 1 - d];
        q.repeat |= ((p->repeat >> (p->rank - 1 - d)) & 1u) << d;
    }
    *p = q;
}

static bool repeats(const rk_pattern *p, uint32_t d) { return (p->repeat >> d) & 1u; }

rk_pattern rk_pattern_expand(const rk_shape *from, const rk_shape *to)
{
    rk_pattern p = {0};
    for (uint32_t d = 0; d < to->rank; d++)
        if (to->dim[d] == 0) return rk_pattern_whole(0);
    for (uint32_t d = to->rank; d-- > 0;)
        push(&p, to->dim[d], from->dim[d] != to->dim[d]); /* rank <= RK_MAX_RANK: always fits */
    turn(&p);
    return p;
}

bool rk_pattern_then(const rk_pattern *outer, const rk_pattern *inner, rk_pattern *out)
{
    uint32_t at = inner->rank;
    int64_t left = at ? inner->dim[at - 1] : 1;
    *out = (rk_pattern){0};
    if (outer->rank == 1 && outer->dim[0] == 0) {
        *out = *outer;
        return true;
    }
    for (uint32_t d = outer->rank; d-- > 0;) {
        int64_t need = outer->dim[d];
        if (repeats(outer, d)) {
            if (!push(out, need, true)) return false;
            continue;
        }
        while (need > 1) {
            if (left == 1 && at > 1) {
                at--;
                left = inner->dim[at - 1];
            }
            int64_t part = need % left == 0 ? left : left % need == 0 ? need : 0;
            if (part <= 1 || !push(out, part, repeats(inner, at - 1))) return false;
            need /= part;
            left /= part;
        }
    }
    turn(out);
    return true;
}

bool rk_pattern_strides(const rk_pattern *p, uint32_t rank, const int64_t *dim, int64_t *stride)
{
    uint32_t at = p->rank;
    int64_t left = at ? p->dim[at - 1] : 1, dense = 1;
    bool empty = at == 1 && p->dim[0] == 0;
    for (uint32_t d = rank; d-- > 0;) {
        stride[d] = dense;
        if (dim[d] == 1 || empty) {
            dense *= empty ? dim[d] : 1;
            continue;
        }
        if (left == 1 && at > 1) {
            at--;
            left = p->dim[at - 1];
        }
        if (left % dim[d] != 0 || dim[d] > left) return false;
        left /= dim[d];
        if (repeats(p, at - 1))
            stride[d] = 0;
        else
            dense *= dim[d];
    }
    return true;
}

bool rk_cut_add(rk_cut *c, const rk_pattern *p)
{
    int64_t edge = 1;
    for (uint32_t d = p->rank; d-- > 1;) {
        uint32_t i = 0;
        edge *= p->dim[d];
        while (i < c->count && c->at[i] < edge) i++;
        if (i < c->count && c->at[i] == edge) continue;
        if (c->count == RK_MAX_RANK - 1) return false;
        if (i > 0 && edge % c->at[i - 1] != 0) return false;
        if ((i < c->count ? c->at[i] : c->n) % edge != 0) return false;
        memmove(c->at + i + 1, c->at + i, (c->count - i) * sizeof *c->at);
        c->at[i] = edge;
        c->count++;
    }
    return true;
}

uint32_t rk_cut_dims(const rk_cut *c, int64_t *dim)
{
    int64_t inside = 1;
    for (uint32_t i = 0; i < c->count; i++) {
        dim[c->count - i] = c->at[i] / inside;
        inside = c->at[i];
    }
    dim[0] = c->n / inside;
    return c->count + 1;
}
