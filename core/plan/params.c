/* What backend.h calls p[]: the numbers of a kernel, from a graph's shapes and attributes. */
#include <string.h>
#include "plan/ir.h"

static int64_t product(const rk_shape *s, uint32_t from, uint32_t to)
{
    int64_t n = 1;
    for (uint32_t d = from; d < to; d++) n *= s->dim[d];
    return n;
}

static void reduce_p(const rk_graph *g, const rk_node *node, int64_t *p)
{
    rk_shape s = rk_shape_of(g, node->in[0]);
    uint32_t first = (uint32_t)node->attr[0], end = first + (uint32_t)node->attr[1];
    p[0] = node->op == RK_OP_SUM        ? RK_REDUCE_SUM
           : node->op == RK_OP_MAX_OVER ? RK_REDUCE_MAX
                                        : RK_REDUCE_ARGMAX;
    p[1] = product(&s, 0, first);
    p[2] = product(&s, first, end);
    p[3] = product(&s, end, s.rank);
}

static void matmul_p(const rk_graph *g, const rk_node *node, int64_t *p)
{
    rk_shape a = rk_shape_of(g, node->in[0]), c = rk_shape_of(g, node->in[1]);
    const int64_t *out = node->shape.dim;
    uint32_t r = node->shape.rank;
    p[0] = r == 3 ? out[0] : 1;
    p[1] = out[r - 2];
    p[2] = out[r - 1];
    p[3] = a.dim[a.rank - (node->attr[0] ? 2 : 1)];
    p[4] = node->attr[0];
    p[5] = node->attr[1];
    p[6] = a.rank == 3 ? p[1] * p[3] : 0;
    p[7] = c.rank == 3 ? p[3] * p[2] : 0;
}

static void conv_p(const rk_graph *g, const rk_node *node, int64_t *p)
{
    rk_shape first = rk_shape_of(g, node->in[0]), second = rk_shape_of(g, node->in[1]);
    const rk_shape *x = &first, *w = &second;
    p[0] = node->op == RK_OP_CONV ? RK_CONV_Y : node->op == RK_OP_CONV_DX ? RK_CONV_DX : RK_CONV_DW;
    if (node->op == RK_OP_CONV_DX) x = &node->shape;
    if (node->op == RK_OP_CONV_DW) w = &node->shape;
    memcpy(p + 1, x->dim, 4 * sizeof *p);
    p[5] = w->dim[0];
    memcpy(p + 6, w->dim + 2, 2 * sizeof *p);
    memcpy(p + 8, node->attr + 2, 6 * sizeof *p); /* stride h, w, pad h, w, out h, w */
}

static void window_p(const rk_graph *g, const rk_node *node, int64_t *p)
{
    rk_shape in = rk_shape_of(g, node->in[0]);
    bool adjoint = node->op == RK_OP_WSUM_T || node->op == RK_OP_WPUT;
    const rk_shape *x = adjoint ? &node->shape : &in;
    p[0] = node->op == RK_OP_WSUM      ? RK_WINDOW_SUM
           : node->op == RK_OP_WSUM_T  ? RK_WINDOW_SUM_T
           : node->op == RK_OP_WARGMAX ? RK_WINDOW_ARGMAX
           : node->op == RK_OP_WTAKE   ? RK_WINDOW_TAKE
                                       : RK_WINDOW_PUT;
    p[1] = product(x, 0, x->rank - 2);
    p[2] = x->dim[x->rank - 2];
    p[3] = x->dim[x->rank - 1];
    memcpy(p + 4, node->attr, 8 * sizeof *p);
}

static void index_p(const rk_graph *g, const rk_node *node, int64_t *p)
{
    rk_shape data = rk_shape_of(g, node->in[0]);
    p[0] = node->op == RK_OP_TAKE ? data.dim[0] : node->shape.dim[0];
    p[1] = product(&data, 1, data.rank);
    p[2] = rk_shape_size(rk_shape_of(g, node->in[1]));
}

void rk_kernel_params(const rk_graph *g, const rk_node *node, int64_t *p)
{
    switch (rk_op_info(node->op)->class) {
    case RK_CLASS_RNG: p[0] = node->attr[0]; break;
    case RK_CLASS_REDUCE: reduce_p(g, node, p); break;
    case RK_CLASS_MATMUL: matmul_p(g, node, p); break;
    case RK_CLASS_CONV: conv_p(g, node, p); break;
    case RK_CLASS_WINDOW: window_p(g, node, p); break;
    default: index_p(g, node, p); break;
    }
}

/* ---- moves ---- */

/* p of a COPY: the extents of box, strides of the dense shapes in and out. */
static void box_p(int64_t *p, const rk_shape *box, const int64_t *in, const int64_t *out)
{
    p[0] = box->rank;
    for (uint32_t d = 0; d < box->rank; d++) {
        p[1 + 3 * d] = box->dim[d];
        p[2 + 3 * d] = in[d];
        p[3 + 3 * d] = out[d];
    }
}

static void dense_strides(const rk_shape *s, int64_t *stride)
{
    int64_t n = 1;
    for (uint32_t d = s->rank; d-- > 0;) {
        stride[d] = n;
        n *= s->dim[d];
    }
}

static int64_t offset_of(const int64_t *at, const int64_t *stride, uint32_t rank)
{
    int64_t offset = 0;
    for (uint32_t d = 0; d < rank; d++) offset += at[d] * stride[d];
    return offset;
}

void rk_move_boxes(const rk_graph *g, const rk_node *node, int64_t (*box)[24])
{
    int64_t from[RK_MAX_RANK], to[RK_MAX_RANK], part[RK_MAX_RANK], along = 0;
    dense_strides(&node->shape, to);
    for (uint32_t i = 0; i < node->n_in; i++) {
        rk_shape in = rk_shape_of(g, node->in[i]);
        dense_strides(&in, from);
        if (node->op == RK_OP_PERMUTE) {
            for (uint32_t d = 0; d < in.rank; d++) part[d] = from[node->attr[d]];
            box_p(box[i], &node->shape, part, to);
        } else if (node->op == RK_OP_SLICE) {
            box_p(box[i], &node->shape, from, to);
            box[i][19] = offset_of(node->attr, from, in.rank);
        } else {
            box_p(box[i], &in, from, to);
            if (node->op == RK_OP_PAD) box[i][20] = offset_of(node->attr, to, in.rank);
            if (node->op == RK_OP_CONCAT) {
                box[i][20] = along * to[node->attr[0]];
                along += in.dim[node->attr[0]];
            }
        }
    }
}
