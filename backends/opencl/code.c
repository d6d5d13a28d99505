/* Programs of an op, written as OpenCL C.  Sizes, strides and immediate words are arguments of the
 * kernel, so that ops that differ in nothing else share one binary. */
#include "opencl.h"
#include <rethink/numerics.h>
#include <string.h>

static const char *name_of(uint16_t op)
{
#define NAME(name, n)                                                                              \
    case RK_I_##name: return #name;
    switch (op) {
        RK_INSTRUCTIONS(NAME)
    default: return "?";
    }
#undef NAME
}

static int operands_of(uint16_t op)
{
#define ARITY(name, n)                                                                             \
    case RK_I_##name: return n;
    switch (op) {
        RK_INSTRUCTIONS(ARITY)
    default: return 1;
    }
#undef ARITY
}

static uint16_t operand(const rk_ins *i, int which)
{
    return which == 0 ? i->a : which == 1 ? i->b : i->c;
}

/* Whether instructions [from, to) use the operand r. */
static int uses(const ocl_code *c, uint32_t from, uint32_t to, uint32_t r)
{
    for (uint32_t k = from; k < to; k++)
        for (int o = 0; o < operands_of(c->code[k].op); o++)
            if (operand(&c->code[k], o) == r) return 1;
    return 0;
}

static int stores(const ocl_code *c, uint32_t from, uint32_t to, uint32_t output)
{
    for (uint32_t k = from; k < to; k++)
        if (c->code[k].op == RK_I_STORE && c->code[k].b == output) return 1;
    return 0;
}

/* Convolutions write plane by plane. */
static int whole_planes(const rk_device *d, const rk_tensor *t)
{
    return t->rank < 2 || t->dim[t->rank - 2] * t->dim[t->rank - 1] % d->width == 0;
}

/* Whether results are too large to be found in a cache by what reads them next; and are written by
 * whole vectors, as those at ends would have to be read first. */
static int streams(const rk_device *d, const rk_op *op)
{
    enum { LARGE = 2 << 20 };
    uint64_t bytes = 0;
    if (op->kind == RK_CONV && !whole_planes(d, &op->out[0])) return 0;
    for (uint32_t j = 0; j < op->n_out; j++)
        bytes += ocl_count(&op->out[j]) * ocl_size(op->out[j].dtype);
    return d->cpu && (op->kind == RK_EWISE || op->kind == RK_CONV) && bytes >= LARGE;
}

rk_status ocl_code_init(ocl_code *c, rk_device *d, const rk_op *op, uint32_t first, uint32_t skip,
                        rk_error *e)
{
    (void)e;
    memset(c, 0, sizeof *c);
    c->op = op;
    c->width = d->width;
    c->small = ocl_small(d, op);
    c->first = first;
    c->skip = skip;
    c->n_in = op->n_in - first + skip;
    c->n_code = op->n_code;
    c->streams = streams(d, op);
    if (op->n_code) memcpy(c->code, op->code, op->n_code * sizeof *op->code);
    if (!op->n_code && op->kind == RK_REDUCE)
        c->code[c->n_code++] = (rk_ins){RK_I_FOLD, RK_R_IN, 0, 0};
    for (uint32_t k = 0; k < c->n_code; k++) {
        if (c->code[k].op != RK_I_FOLD) continue;
        c->split = k + 1;
        c->folds++;
    }
    if (op->kind == RK_REDUCE && c->split == c->n_code)
        for (uint32_t j = 0; j < c->folds; j++)
            c->code[c->n_code++] = (rk_ins){RK_I_STORE, (uint16_t)(RK_R_FOLD + j), (uint16_t)j, 0};
    if (!c->n_code) c->code[c->n_code++] = (rk_ins){RK_I_STORE, RK_R_IN, 0, 0};
    return RK_OK;
}

/* The stride of one axis, made of the dimensions [*d ...) downwards whose product is extent. */
static int axis_stride(const rk_tensor *t, uint32_t *d, int64_t extent, int64_t *stride)
{
    int64_t product = 1;
    int first = 1;
    *stride = 0;
    while (product < extent) {
        if (!*d) return 0;
        uint32_t at = --*d;
        if (t->dim[at] == 1) continue;
        if (first)
            *stride = t->stride[at];
        else if (t->stride[at] != *stride * product)
            return 0;
        first = 0;
        product *= t->dim[at];
    }
    return product == extent;
}

/* A dense input may have any shape with as many elements. */
static int dense_strides(const rk_tensor *t, const int64_t *extent, uint32_t n, int64_t *stride)
{
    int64_t dense = 1;
    if (ocl_extent(t) != ocl_count(t)) return 0;
    for (uint32_t a = n; a-- > 0;) {
        stride[a] = extent[a] > 1 ? dense : 0;
        dense *= extent[a];
    }
    return 1;
}

rk_status ocl_code_axes(ocl_code *c, const int64_t *extent, uint32_t n, uint32_t vec, rk_error *e)
{
    c->n_axes = n;
    c->vec = vec;
    memcpy(c->extent, extent, n * sizeof *extent);
    for (uint32_t j = c->skip; j < c->n_in; j++) {
        const rk_tensor *t = &c->op->in[c->first + j - c->skip];
        uint32_t d = t->rank;
        int dense = dense_strides(t, extent, n, c->stride[j]);
        for (uint32_t a = n; !dense && a-- > 0;)
            if (!axis_stride(t, &d, extent[a], &c->stride[j][a]))
                return OCL_FAIL(e, RK_E_UNSUPPORTED, 0,
                                "input %u does not vary regularly along the axes of this kind",
                                c->first + j - c->skip);
        if (c->stride[j][vec] > 1)
            return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "input %u is strided along the last axis",
                            c->first + j - c->skip);
    }
    return RK_OK;
}

/* Axes along which input j has a stride that is an argument. */
static int has_stride(const ocl_code *c, uint32_t j, uint32_t axis)
{
    return axis != c->vec && c->stride[j][axis] != 0;
}

void ocl_code_params(const ocl_code *c, ocl_text *t, const char *name, uint32_t from, uint32_t to)
{
    ocl_text_add(t, "#define %s ", name);
    for (uint32_t j = c->skip; j < c->n_in; j++)
        if (uses(c, from, to, RK_R_IN + j))
            ocl_text_add(t, "__global const uchar *b%u, ulong q%u, ", j, j);
    for (uint32_t j = 0; j < c->op->n_out; j++)
        if (stores(c, from, to, j)) ocl_text_add(t, "__global uchar *w%u, ulong v%u, ", j, j);
    for (uint32_t j = 0; j < c->op->n_imm; j++)
        if (uses(c, from, to, RK_R_IMM + j)) ocl_text_add(t, "uint m%u, ", j);
    for (uint32_t j = c->skip; j < c->n_in; j++)
        for (uint32_t a = 0; a < c->n_axes && uses(c, from, to, RK_R_IN + j); a++)
            if (has_stride(c, j, a))
                ocl_text_add(t, "%s t%u_%u, ", c->small ? "uint" : "ulong", j, a);
    ocl_text_add(t, "\n");
}

rk_status ocl_code_args(const ocl_code *c, ocl_step *s, uint32_t from, uint32_t to, rk_error *e)
{
    for (uint32_t j = c->skip; j < c->n_in; j++)
        if (uses(c, from, to, RK_R_IN + j)) ocl_step_buffer(s, c->first + j - c->skip, 0);
    for (uint32_t j = 0; j < c->op->n_out; j++)
        if (stores(c, from, to, j)) ocl_step_buffer(s, c->op->n_in + j, c->before);
    for (uint32_t j = 0; j < c->op->n_imm; j++)
        if (uses(c, from, to, RK_R_IMM + j)) OCL_TRY(ocl_step_u32(s, c->op->imm[j], e));
    for (uint32_t j = c->skip; j < c->n_in; j++)
        for (uint32_t a = 0; a < c->n_axes && uses(c, from, to, RK_R_IN + j); a++)
            if (has_stride(c, j, a))
                OCL_TRY(ocl_step_count(s, c->small, (uint64_t)c->stride[j][a], e));
    return RK_OK;
}

/* Whether input j has the space's elements, in its order. */
static int is_whole(const ocl_code *c, uint32_t j)
{
    int64_t dense = 1;
    for (uint32_t a = c->n_axes; a-- > 0;) {
        if (c->extent[a] > 1 && c->stride[j][a] != dense) return 0;
        dense *= c->extent[a];
    }
    return 1;
}

int ocl_code_flat(const ocl_code *c, uint32_t from, uint32_t to)
{
    for (uint32_t j = c->skip; j < c->n_in; j++)
        if (uses(c, from, to, RK_R_IN + j) && c->stride[j][c->vec] && !is_whole(c, j)) return 0;
    return 1;
}

int ocl_code_aligned(const ocl_code *c)
{
    uint64_t outer = 1;
    for (uint32_t a = 0; a < c->vec; a++) outer *= (uint64_t)c->extent[a];
    return outer == 1 || c->extent[c->vec] % 4 == 0;
}

static int is_narrow(const ocl_code *c, uint32_t j)
{
    return c->op->in[c->first + j - c->skip].dtype == RK_U8;
}

/* After an address, how far from it the element of input j is. */
static void add_place(const ocl_code *c, ocl_text *t, uint32_t j)
{
    for (uint32_t a = 0; a < c->n_axes; a++)
        if (has_stride(c, j, a)) ocl_text_add(t, " + (x%u) * t%u_%u", a, j, a);
    if (c->stride[j][c->vec] != 0) ocl_text_add(t, " + (x%u)", c->vec);
}

static void add_load(const ocl_code *c, ocl_text *t, uint32_t j)
{
    const char *type = is_narrow(c, j) ? "uchar" : "uint";
    int vector = c->stride[j][c->vec] != 0;
    ocl_text_add(t, "%s%d((__global const %s *)(b%u + q%u), 0", vector ? "ld" : "splat",
                 is_narrow(c, j) ? 8 : 32, type, j, j);
    if (vector && c->flat)
        ocl_text_add(t, " + pos");
    else
        add_place(c, t, j);
    ocl_text_add(t, vector ? ", rem)" : ")");
}

void ocl_code_values(const ocl_code *c, ocl_text *t, const char *name)
{
    ocl_text_add(t, "#define %s(X) ", name);
    for (uint32_t j = c->skip; j < c->n_in; j++) {
        if (!uses(c, 0, c->n_code, RK_R_IN + j) || c->stride[j][c->vec]) continue;
        ocl_text_add(t, "X(%u, ", j);
        add_load(c, t, j);
        ocl_text_add(t, ") ");
    }
    ocl_text_add(t, "\n");
}

void ocl_code_soon(const ocl_code *c, ocl_text *t, const char *name, uint32_t from, uint32_t to)
{
    ocl_text_add(t, "#define %s ", name);
    for (uint32_t j = c->skip; j < c->n_in; j++) {
        int each = uses(c, from, to, RK_R_IN + j);
        for (uint32_t a = 0; a < c->n_axes; a++)
            if (c->extent[a] > 1 && c->stride[j][a] == 0) each = 0;
        if (!each) continue;
        ocl_text_add(t, "SOON((__global const %s *)(b%u + q%u)", is_narrow(c, j) ? "uchar" : "uint",
                     j, j);
        add_place(c, t, j);
        ocl_text_add(t, ") ");
    }
    ocl_text_add(t, "\n");
}

int ocl_code_want(const ocl_code *c, ocl_text *t, const char *name)
{
    for (uint32_t j = 0; j < c->op->n_out; j++)
        if (stores(c, 0, c->n_code, j) && c->op->out[j].dtype != RK_U8) {
            ocl_text_add(t, "#define %s ((__global const uint *)(w%u + v%u))\n", name, j, j);
            return 1;
        }
    return 0;
}

static void put_operand(ocl_text *t, uint16_t r)
{
    unsigned number = r & (unsigned)RK_R_NUM;
    switch (r & (unsigned)RK_R_KIND) {
    case RK_R_IN: ocl_text_add(t, "in%u", number); break;
    case RK_R_INS: ocl_text_add(t, "r%u", number); break;
    case RK_R_IMM: ocl_text_add(t, "(U)(m%u)", number); break;
    case RK_R_INDEX: ocl_text_add(t, "((U)((uint)(pos)) + LANES)"); break;
    default: ocl_text_add(t, "done[%u]", number); break;
    }
}

static void instruction(const ocl_code *c, ocl_text *t, uint32_t k)
{
    const rk_ins *i = &c->code[k];
    if (i->op == RK_I_STORE) {
        int narrow = c->op->out[i->b].dtype == RK_U8;
        const char *store = c->streams ? "nt32" : "st32";
        ocl_text_add(t, "%s((__global %s *)(w%u + v%u), pos, ", narrow ? "st8" : store,
                     narrow ? "uchar" : "uint", i->b, i->b);
        put_operand(t, i->a);
        ocl_text_add(t, ", rem); \\\n");
        return;
    }
    if (i->op == RK_I_FOLD) {
        ocl_text_add(t, "fold[%u] = ", i->b);
        put_operand(t, i->a);
        ocl_text_add(t, "; \\\n");
        return;
    }
    ocl_text_add(t, "const U r%u = rk_op_%s", k, name_of(i->op));
    if (c->width > 1) ocl_text_add(t, "_%u", c->width);
    for (int o = 0; o < operands_of(i->op); o++) {
        ocl_text_add(t, o ? ", " : "(");
        put_operand(t, operand(i, o));
    }
    ocl_text_add(t, "); \\\n");
}

void ocl_code_body(const ocl_code *c, ocl_text *t, const char *name, uint32_t from, uint32_t to)
{
    ocl_text_add(t, "#define %s \\\n", name);
    for (uint32_t j = c->skip; j < c->n_in; j++) {
        if (!uses(c, from, to, RK_R_IN + j) || (c->flat && !c->stride[j][c->vec])) continue;
        ocl_text_add(t, "const U in%u = ", j);
        add_load(c, t, j);
        ocl_text_add(t, "; \\\n");
    }
    for (uint32_t k = from; k < to; k++) instruction(c, t, k);
    ocl_text_add(t, "\n");
}

uint32_t ocl_code_alias(const ocl_code *c)
{
    uint32_t bits = 0;
    const rk_tensor *out = &c->op->out[0];
    for (uint32_t j = c->skip; j < c->n_in; j++) {
        const rk_tensor *t = &c->op->in[c->first + j - c->skip];
        if (ocl_extent(t) == ocl_count(out) && ocl_size(t->dtype) == ocl_size(out->dtype) &&
            (c->op->kind != RK_REDUCE || !c->stride[j][1]))
            bits |= 1u << (c->first + j - c->skip);
    }
    return bits;
}
