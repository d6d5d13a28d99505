/* The oracle's operations that move elements, and those that take or put rows. */
#include "oracle_ops.h"
#include <string.h>

/* Coordinates of element number i. */
static void unravel(rk_shape s, int64_t i, int64_t *at)
{
    for (uint32_t d = s.rank; d > 0; d--) {
        at[d - 1] = i % s.dim[d - 1];
        i /= s.dim[d - 1];
    }
}

/* The number of the element at the coordinates, or -1 outside the shape. */
static int64_t ravel(rk_shape s, const int64_t *at)
{
    int64_t i = 0;
    for (uint32_t d = 0; d < s.rank; d++) {
        if (at[d] < 0 || at[d] >= s.dim[d]) return -1;
        i = i * s.dim[d] + at[d];
    }
    return i;
}

void oracle_view(const rk_node *n, operands x, cell *out)
{
    int64_t size = rk_shape_size(n->shape);
    rk_shape from = x.from[0].shape;
    for (int64_t i = 0; i < size; i++) {
        int64_t at[RK_MAX_RANK];
        unravel(n->shape, i, at);
        for (uint32_t d = 0; n->op == RK_OP_EXPAND && d < from.rank; d++)
            if (from.dim[d] == 1) at[d] = 0;
        out[i] = x.in[0][n->op == RK_OP_EXPAND ? ravel(from, at) : i];
    }
}

/* Where coordinates of the result lie in the operand. */
static void source(const rk_node *n, const int64_t *at, int64_t *from)
{
    for (uint32_t d = 0; d < n->shape.rank; d++) switch (n->op) {
        case RK_OP_PERMUTE: from[n->attr[d]] = at[d]; break;
        case RK_OP_SLICE: from[d] = at[d] + n->attr[d]; break;
        default: from[d] = at[d] - n->attr[d]; break; /* PAD */
        }
}

static cell joined(const rk_node *n, operands x, int64_t *at)
{
    uint32_t part = 0;
    while (at[n->attr[0]] >= x.from[part].shape.dim[n->attr[0]])
        at[n->attr[0]] -= x.from[part++].shape.dim[n->attr[0]];
    return x.in[part][ravel(x.from[part].shape, at)];
}

void oracle_move(const rk_node *n, operands x, cell *out)
{
    int64_t size = rk_shape_size(n->shape);
    for (int64_t i = 0; i < size; i++) {
        int64_t at[RK_MAX_RANK], from[RK_MAX_RANK];
        unravel(n->shape, i, at);
        if (n->op == RK_OP_CONCAT) {
            out[i] = joined(n, x, at);
            continue;
        }
        source(n, at, from);
        int64_t j = ravel(x.from[0].shape, from);
        out[i] = j < 0 ? (cell){0} : x.in[0][j];
    }
}

static int64_t row_size(rk_shape s)
{
    int64_t size = 1;
    for (uint32_t d = 1; d < s.rank; d++) size *= s.dim[d];
    return size;
}

void oracle_take(const rk_node *n, operands x, cell *out)
{
    int64_t width = row_size(n->shape), rows = x.from[0].shape.dim[0];
    for (int64_t i = 0; i < n->shape.dim[0]; i++)
        for (int64_t j = 0; j < width; j++) {
            int64_t row = x.in[1][i].u;
            out[i * width + j] = row < rows ? x.in[0][row * width + j] : (cell){0};
        }
}

void oracle_put(const rk_node *n, operands x, cell *out)
{
    int64_t width = row_size(n->shape), rows = n->shape.dim[0];
    memset(out, 0, (size_t)(rows * width) * sizeof *out);
    for (int64_t i = 0; i < x.from[0].shape.dim[0]; i++)
        for (int64_t j = 0; j < width; j++) {
            int64_t row = x.in[1][i].u;
            if (row < rows) out[row * width + j].f += x.in[0][i * width + j].f;
        }
}
