/* An op on fewer elements: what is added up stays as long as it was. */
#include <string.h>
#include "bench/oplist.h"

static int64_t half(int64_t n) { return n > 1 ? n / 2 : n; }

/* ---- products ---- */

static void shrink_matmul(rk_sample *t, double most)
{
    int64_t *p = t->op.p;
    p[0] = 1;
    while ((double)(p[1] * p[2] * p[3]) > most && (p[1] > 1 || p[2] > 1)) {
        int64_t *larger = p[1] >= p[2] ? &p[1] : &p[2];
        *larger = half(*larger);
    }
    const int64_t a = p[1] * p[3], b = p[3] * p[2], out[3] = {1, p[1], p[2]};
    p[6] = a;
    p[7] = b;
    t->op.n_in = t->op.n_out = 0;
    rk_sample_in(t, RK_F32, 1, &a, 0);
    rk_sample_in(t, RK_F32, 1, &b, 0);
    rk_sample_out(t, RK_F32, 3, out);
}

/* ---- convolutions ---- */

enum { N = 1, C = 2, H = 3, W = 4, K = 5, R = 6, S = 7, OH = 12, OW = 13 }; /* places in p[] */

static double conv_terms(const int64_t *p)
{
    return (double)(p[N] * p[C] * p[K]) * (double)(p[R] * p[S]) * (double)(p[OH] * p[OW]);
}

static void shrink_conv(rk_sample *t, double most)
{
    int64_t *p = t->op.p;
    /* The two of images, inputs and outputs that are not added over. */
    int first = p[0] == RK_CONV_DW ? C : N, second = p[0] == RK_CONV_DX ? C : K;
    while (conv_terms(p) > most && p[first] > 1) p[first] = half(p[first]);
    while (conv_terms(p) > most && p[second] > 1) p[second] = half(p[second]);
    const int64_t x[4] = {p[N], p[C], p[H], p[W]}, w[4] = {p[K], p[C], p[R], p[S]};
    const int64_t y[4] = {p[N], p[K], p[OH], p[OW]};
    t->op.n_in = t->op.n_out = 0;
    rk_sample_in(t, RK_F32, 4, p[0] == RK_CONV_DX ? y : x, 0);
    rk_sample_in(t, RK_F32, 4, p[0] == RK_CONV_DW ? y : w, 0);
    rk_sample_out(t, RK_F32, 4, p[0] == RK_CONV_Y ? y : p[0] == RK_CONV_DX ? x : w);
}

/* ---- others ---- */

/* New extents of a program's tensor; where it was broadcast it stays so. */
static void resize(rk_tensor *t, const int64_t *dim)
{
    int64_t dense = 1;
    for (uint32_t d = t->rank; d-- > 0;) {
        t->dim[d] = dim[d];
        if (t->stride[d] == 0) continue;
        t->stride[d] = dense;
        dense *= dim[d];
    }
}

static void shrink_window(rk_sample *t, double most)
{
    int64_t *p = t->op.p;
    while ((double)(p[1] * p[10] * p[11] * p[4] * p[5]) > most && p[1] > 1) p[1] = half(p[1]);
    for (uint32_t j = 0; j < t->op.n_in; j++) t->in[j].dim[0] = p[1];
    t->out[0].dim[0] = p[1];
}

static void shrink_reduce(rk_sample *t, double most)
{
    int64_t *p = t->op.p; /* which, outer, reduced, inner */
    while ((double)(p[1] * p[2] * p[3]) > most && p[1] > 1) p[1] = half(p[1]);
    while ((double)(p[1] * p[2] * p[3]) > most && p[3] > 1) p[3] = half(p[3]);
    const int64_t in[3] = {p[1], p[2], p[3]}, out[3] = {p[1], 1, p[3]};
    for (uint32_t j = 0; j < t->op.n_in; j++) resize(&t->in[j], in);
    for (uint32_t j = 0; j < t->op.n_out; j++) resize(&t->out[j], out);
}

static void shrink_ewise(rk_sample *t, double most)
{
    int64_t dim[6];
    memcpy(dim, t->out[0].dim, sizeof dim);
    for (double n = (double)rk_tensor_count(&t->out[0]); n > most;) {
        uint32_t at = 0;
        for (uint32_t d = 1; d < t->out[0].rank; d++)
            if (dim[d] > dim[at]) at = d;
        n = n / (double)dim[at] * (double)half(dim[at]);
        dim[at] = half(dim[at]);
    }
    for (uint32_t j = 0; j < t->op.n_in; j++) resize(&t->in[j], dim);
    for (uint32_t j = 0; j < t->op.n_out; j++) resize(&t->out[j], dim);
}

bool rk_op_shrink(const rk_sample *t, double most, rk_sample *out)
{
    int64_t which = t->op.p[0];
    *out = *t;
    switch (t->op.kind) {
    case RK_MATMUL: shrink_matmul(out, most); return true;
    case RK_CONV: shrink_conv(out, most); return true;
    case RK_EWISE: shrink_ewise(out, most / 8); return true;
    case RK_WINDOW:
        if (which == RK_WINDOW_ARGMAX || which == RK_WINDOW_TAKE) return false;
        if (t->out[0].rank != 3 || t->in[0].rank != 3) return false;
        shrink_window(out, most);
        return true;
    case RK_REDUCE:
        if (which != RK_REDUCE_SUM || t->in[0].rank != 3 || t->out[0].rank != 3) return false;
        shrink_reduce(out, most);
        return true;
    default: return false; /* copies and words */
    }
}
