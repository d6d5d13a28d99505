/* Shapes: making, checking, stretching, showing. */
#include "graph/builder.h"
#include <inttypes.h>
#include <stdio.h>

rk_shape rk_shape_make(uint32_t rank, const int64_t *dim)
{
    rk_shape s = {.rank = rank}; /* a rank that is too large stays, for the builder to reject */
    for (uint32_t i = 0; i < rank && i < RK_MAX_RANK; i++) s.dim[i] = dim[i];
    return s;
}

int64_t rk_shape_size(rk_shape s)
{
    int64_t n = 1;
    for (uint32_t i = 0; i < s.rank && i < RK_MAX_RANK; i++)
        if (__builtin_mul_overflow(n, s.dim[i], &n)) return INT64_MAX; /* no graph has this shape */
    return n;
}

bool rk_shape_same(rk_shape a, rk_shape b)
{
    if (a.rank != b.rank) return false;
    for (uint32_t i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i]) return false;
    return true;
}

bool rk_shape_check(rk_graph *g, const char *what, rk_shape s)
{
    int64_t bytes = sizeof(float);
    if (s.rank > RK_MAX_RANK) {
        RK_REJECT(g, what, "rank %u is over %u", s.rank, RK_MAX_RANK);
        return false;
    }
    for (uint32_t i = 0; i < s.rank; i++) {
        if (s.dim[i] < 0) {
            RK_REJECT(g, what, "%s has a negative extent", rk_shape_show(s).s);
            return false;
        }
        /* An extent of 0 counts as 1: the strides of empty tensors must be countable, too. */
        if (__builtin_mul_overflow(bytes, s.dim[i] ? s.dim[i] : 1, &bytes)) {
            RK_REJECT(g, what, "%s has too many elements", rk_shape_show(s).s);
            return false;
        }
    }
    return true;
}

bool rk_shape_broadcast(rk_shape a, rk_shape b, rk_shape *out)
{
    rk_shape s = {.rank = a.rank > b.rank ? a.rank : b.rank};
    for (uint32_t i = 0; i < s.rank; i++) { /* i counts from the last dimension */
        int64_t da = i < a.rank ? a.dim[a.rank - 1 - i] : 1;
        int64_t db = i < b.rank ? b.dim[b.rank - 1 - i] : 1;
        if (da != db && da != 1 && db != 1) return false;
        s.dim[s.rank - 1 - i] = da == 1 ? db : da;
    }
    *out = s;
    return true;
}

rk_shape rk_shape_reduced(rk_shape s, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) s.dim[i] = 1;
    return s;
}

rk_text rk_shape_show(rk_shape s)
{
    rk_text t = {"["};
    size_t at = 1;
    for (uint32_t i = 0; i < s.rank && i < RK_MAX_RANK; i++)
        at += (size_t)snprintf(t.s + at, sizeof t.s - at, "%s%" PRId64, i ? ", " : "", s.dim[i]);
    snprintf(t.s + at, sizeof t.s - at, "]");
    return t;
}

rk_text rk_value_show(const rk_graph *g, rk_value v)
{
    rk_text t;
    snprintf(t.s, sizeof t.s, "%s%.140s", rk_dtype_name(rk_dtype_of(g, v)),
             rk_shape_show(rk_shape_of(g, v)).s);
    return t;
}

const char *rk_dtype_name(uint32_t dtype)
{
    switch (dtype) {
    case RK_F32: return "f32";
    case RK_U32: return "u32";
    case RK_U8: return "u8";
    default: return "?";
    }
}
