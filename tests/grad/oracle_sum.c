/* The oracle's reductions, products, convolutions and windows. */
#include "oracle_ops.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void oracle_reduce(const rk_node *n, operands x, cell *out)
{
    rk_shape s = x.from[0].shape;
    int64_t outer = 1, reduced = 1, inner = 1;
    for (uint32_t d = 0; d < s.rank; d++)
        *(d < n->attr[0] ? &outer : d < n->attr[0] + n->attr[1] ? &reduced : &inner) *= s.dim[d];
    for (int64_t o = 0; o < outer * inner; o++) {
        double sum = 0, most = NAN; /* NAN until there was a number */
        uint32_t where = 0;
        for (int64_t r = 0; r < reduced; r++) {
            double v = x.in[0][(o / inner * reduced + r) * inner + o % inner].f;
            sum += v;
            if (v > most || (isnan(most) && !isnan(v))) {
                most = v;
                where = (uint32_t)r;
            }
        }
        if (n->op == RK_OP_ARGMAX)
            out[o].u = where;
        else
            out[o].f = n->op == RK_OP_SUM ? sum : isnan(most) ? -INFINITY : most + 0.0;
    }
}

/* a[m][k] b[k][n] added to out[m][n]; the strides select the transposed forms. */
static void product(const cell *a, const cell *b, cell *out, const int64_t mnk[3],
                    const int64_t stride_a[2], const int64_t stride_b[2])
{
    for (int64_t i = 0; i < mnk[0]; i++)
        for (int64_t k = 0; k < mnk[2]; k++) {
            double u = a[i * stride_a[0] + k * stride_a[1]].f;
            for (int64_t j = 0; j < mnk[1]; j++)
                out[i * mnk[1] + j].f += u * b[k * stride_b[0] + j * stride_b[1]].f;
        }
}

void oracle_matmul(const rk_node *n, operands x, cell *out)
{
    uint32_t batched = n->shape.rank - 2;
    rk_shape sa = x.from[0].shape, sb = x.from[1].shape;
    int64_t m = n->shape.dim[batched], cols = n->shape.dim[batched + 1];
    int64_t k = sa.dim[sa.rank - (n->attr[0] ? 2 : 1)];
    const int64_t mnk[] = {m, cols, k};
    const int64_t stride_a[] = {n->attr[0] ? 1 : k, n->attr[0] ? m : 1};
    const int64_t stride_b[] = {n->attr[1] ? 1 : cols, n->attr[1] ? k : 1};
    memset(out, 0, (size_t)rk_shape_size(n->shape) * sizeof *out);
    for (int64_t i = 0; i < (batched ? n->shape.dim[0] : 1); i++)
        product(x.in[0] + (sa.rank == 3 ? i * m * k : 0),
                x.in[1] + (sb.rank == 3 ? i * k * cols : 0), out + i * m * cols, mnk, stride_a,
                stride_b);
}

/* kh, kw, stride h, w, pad h, w, out h, w. */
enum { KH, KW, SH, SW, PH, PW, OH, OW };

/* An output place and a tap whose input place exists. */
typedef struct tap {
    int64_t out, in, tap; /* offsets in [OH][OW], [H][W], [KH][KW] */
} tap;

/* All taps of a window on one plane in order of (oh, ow, r, s); returns their number. */
static int64_t taps_of(const int64_t *a, int64_t height, int64_t width, tap **list)
{
    int64_t n = 0;
    tap *t = malloc(((size_t)(a[OH] * a[OW] * a[KH] * a[KW]) + 1) * sizeof *t);
    if (!t) exit(99);
    for (int64_t o = 0; o < a[OH] * a[OW]; o++)
        for (int64_t k = 0; k < a[KH] * a[KW]; k++) {
            int64_t h = o / a[OW] * a[SH] + k / a[KW] - a[PH];
            int64_t w = o % a[OW] * a[SW] + k % a[KW] - a[PW];
            if (h >= 0 && h < height && w >= 0 && w < width) t[n++] = (tap){o, h * width + w, k};
        }
    *list = t;
    return n;
}

void oracle_conv(const rk_node *n, operands x, cell *out)
{
    rk_shape image = n->op == RK_OP_CONV_DX ? n->shape : x.from[0].shape;
    rk_shape kernel = n->op == RK_OP_CONV_DW ? n->shape : x.from[1].shape;
    int64_t channels = image.dim[1], kernels = kernel.dim[0], planes = image.dim[0] * kernels;
    int64_t in_plane = image.dim[2] * image.dim[3], out_plane = n->attr[OH] * n->attr[OW];
    int64_t area = n->attr[KH] * n->attr[KW];
    tap *taps;
    int64_t n_taps = taps_of(n->attr, image.dim[2], image.dim[3], &taps);
    memset(out, 0, (size_t)rk_shape_size(n->shape) * sizeof *out);
    for (int64_t p = 0; p < planes * channels; p++) {
        int64_t c = p % channels, k = p / channels % kernels, i = p / channels / kernels;
        int64_t xs = (i * channels + c) * in_plane, ws = (k * channels + c) * area;
        int64_t ys = (i * kernels + k) * out_plane;
        for (int64_t t = 0; t < n_taps; t++) {
            int64_t xi = xs + taps[t].in, wi = ws + taps[t].tap, yi = ys + taps[t].out;
            if (n->op == RK_OP_CONV)
                out[yi].f += x.in[0][xi].f * x.in[1][wi].f;
            else if (n->op == RK_OP_CONV_DX)
                out[xi].f += x.in[0][yi].f * x.in[1][wi].f;
            else
                out[wi].f += x.in[0][xi].f * x.in[1][yi].f;
        }
    }
    free(taps);
}

/* One plane: what each tap adds, or whether it is larger than what was found. */
static void window_plane(const rk_node *n, const tap *taps, int64_t n_taps, const cell *in,
                         cell *out)
{
    int64_t places = n->attr[OH] * n->attr[OW];
    if (n->op != RK_OP_WARGMAX) {
        for (int64_t t = 0; t < n_taps; t++)
            if (n->op == RK_OP_WSUM)
                out[taps[t].out].f += in[taps[t].in].f;
            else
                out[taps[t].in].f += in[taps[t].out].f;
        return;
    }
    for (int64_t o = 0; o < places; o++) out[o].u = 0xFFFFFFFFu;
    for (int64_t t = 0; t < n_taps; t++) {
        cell *best = &out[taps[t].out];
        double v = in[taps[t].in].f;
        if (!isnan(v) && (best->u == 0xFFFFFFFFu || v > in[best->u].f))
            best->u = (uint32_t)taps[t].in;
    }
}

/* wtake and wput: the index says which element of the plane. */
static void index_plane(const rk_node *n, int64_t plane, const cell *in, const cell *index,
                        cell *out)
{
    for (int64_t o = 0; o < n->attr[OH] * n->attr[OW]; o++) {
        bool inside = index[o].u < plane;
        if (n->op == RK_OP_WTAKE)
            out[o].f = inside ? in[index[o].u].f : 0;
        else if (inside)
            out[index[o].u].f += in[o].f;
    }
}

void oracle_window(const rk_node *n, operands x, cell *out)
{
    bool adjoint = n->op == RK_OP_WSUM_T || n->op == RK_OP_WPUT;
    bool indexed = n->op == RK_OP_WTAKE || n->op == RK_OP_WPUT;
    rk_shape s = adjoint ? n->shape : x.from[0].shape;
    int64_t height = s.dim[s.rank - 2], width = s.dim[s.rank - 1], planes = 1;
    int64_t small = n->attr[OH] * n->attr[OW], large = height * width;
    tap *taps;
    int64_t n_taps = taps_of(n->attr, height, width, &taps);
    for (uint32_t d = 0; d + 2 < s.rank; d++) planes *= s.dim[d];
    memset(out, 0, (size_t)rk_shape_size(n->shape) * sizeof *out);
    for (int64_t p = 0; p < planes; p++) {
        const cell *in = x.in[0] + p * (adjoint ? small : large);
        cell *to = out + p * (adjoint ? large : small);
        if (indexed)
            index_plane(n, large, in, x.in[1] + p * small, to);
        else
            window_plane(n, taps, n_taps, in, to);
    }
    free(taps);
}
