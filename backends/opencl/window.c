/* WINDOW: sums over windows and their adjoint, arg-maximum, take and put, on planes. */
#include "opencl.h"
#include "embedded.h"
#include <stdio.h>

/* Extents of the planes of in[0] and of the result. */
typedef struct shape {
    int which;
    uint64_t planes, in_h, in_w, out_h, out_w;
} shape;

static rk_status check_tensor(const rk_tensor *t, const char *what, uint32_t dtype, uint64_t planes,
                              uint64_t h, uint64_t w, rk_error *e)
{
    if (t->dtype != dtype)
        return OCL_FAIL(e, RK_E_INVALID, 0, "WINDOW: %s is not %s", what,
                        dtype == RK_F32 ? "F32" : "U32");
    if (ocl_count(t) == planes * h * w) return RK_OK;
    return OCL_FAIL(e, RK_E_INVALID, 0, "WINDOW: %s has %llu elements, not %llu x %llu x %llu",
                    what, (unsigned long long)ocl_count(t), (unsigned long long)planes,
                    (unsigned long long)h, (unsigned long long)w);
}

static rk_status check(const rk_op *op, shape *s, rk_error *e)
{
    const int64_t *p = op->p;
    const uint64_t most = (uint64_t)1 << 31;
    if (p[0] < RK_WINDOW_SUM || p[0] > RK_WINDOW_PUT)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "WINDOW: unknown member %lld", (long long)p[0]);
    for (int i = 1; i < 12; i++)
        if (p[i] < (i == 6 || i == 7) || p[i] > (int64_t)most)
            return OCL_FAIL(e, RK_E_INVALID, 0, "WINDOW: parameter %d is %lld", i, (long long)p[i]);
    uint64_t h = (uint64_t)p[2], w = (uint64_t)p[3], oh = (uint64_t)p[10], ow = (uint64_t)p[11];
    if (h * w >= most || oh * ow >= most)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "WINDOW: a plane of 2^31 elements");
    *s = (shape){(int)p[0], (uint64_t)p[1], h, w, oh, ow};
    if (s->which == RK_WINDOW_SUM_T || s->which == RK_WINDOW_PUT)
        *s = (shape){s->which, s->planes, oh, ow, h, w};
    OCL_TRY(check_tensor(&op->in[0], "input 0", RK_F32, s->planes, s->in_h, s->in_w, e));
    if (s->which >= RK_WINDOW_TAKE)
        OCL_TRY(check_tensor(&op->in[1], "input 1", RK_U32, s->planes, oh, ow, e));
    uint32_t dtype = s->which == RK_WINDOW_ARGMAX ? RK_U32 : RK_F32;
    if (op->n_code) dtype = op->out[0].dtype;
    return check_tensor(&op->out[0], "output 0", dtype, s->planes, s->out_h, s->out_w, e);
}

/* The program's axes: those of the result if its last two are a plane's, so that an input may be
 * broadcast along any of them; else planes, rows, columns. */
static rk_status axes(ocl_code *c, const shape *s, rk_error *e)
{
    const rk_tensor *t = &c->op->out[0];
    const int64_t plain[] = {(int64_t)s->planes, (int64_t)s->out_h, (int64_t)s->out_w};
    uint32_t n = t->rank;
    if (n < 3 || t->dim[n - 2] != plain[1] || t->dim[n - 1] != plain[2])
        return ocl_code_axes(c, plain, 3, 2, e);
    return ocl_code_axes(c, t->dim, n, n - 1, e);
}

/* x0 ... of a plane, and the names of row and column. */
static void planes(ocl_text *t, uint32_t n)
{
    ocl_text_add(t, "#define RK_DIMS ");
    for (uint32_t a = 1; a + 2 < n; a++) ocl_text_add(t, "RK_POS d%u, ", a);
    ocl_text_add(t, "\n#define x%u y\n#define x%u x\n#define RK_PLANE RK_POS x0 = plane; ", n - 2,
                 n - 1);
    for (uint32_t a = n - 2; a-- > 1;)
        ocl_text_add(t, "RK_POS x%u = x0 %% d%u; x0 /= d%u; ", a, a, a);
    ocl_text_add(t, "\n");
}

/* Whether no coordinate, window and padding included, has 32 bits. */
static int is_near(const rk_op *op)
{
    const int64_t *p = op->p;
    int near = 1;
    for (int i = 0; i < 2; i++) {
        uint64_t most = (uint64_t)(p[2 + i] > p[10 + i] ? p[2 + i] : p[10 + i]);
        near &= most * (uint64_t)p[6 + i] + (uint64_t)p[4 + i] + (uint64_t)p[8 + i] < 1u << 31;
    }
    return near;
}

/* Elements of a window, or windows of an element, along a dimension. */
static int64_t taps_of(const rk_op *op, int dimension)
{
    int64_t k = op->p[4 + dimension], step = op->p[6 + dimension];
    return op->p[0] == RK_WINDOW_SUM_T ? (k + step - 1) / step : k;
}

/* The gpu variant has a program of its own for windows as in most networks, those of up to 3 x 3
 * elements and those along channels. */
static void start(const ocl_code *c, const shape *s, rk_device *d, ocl_text *t)
{
    const char *word = !d->cpu && is_near(c->op) ? "int" : "long";
    int64_t high = taps_of(c->op, 0), wide = taps_of(c->op, 1);
    int square = high <= 3 && wide <= 3;
    int column = high <= 9 && wide <= 1 && s->which <= RK_WINDOW_SUM_T;
    int taps = s->which <= RK_WINDOW_ARGMAX && s->in_h && s->in_w;
    int unroll = !d->cpu && taps && (square || column);
    ocl_source(d, t, 1);
    ocl_text_add(t, "#define RK_WHICH %d\n#define RK_POS %s\n", s->which,
                 c->small ? "uint" : "ulong");
    ocl_text_add(t, "#define RK_SIGNED %s\n#define RK_UNSIGNED u%s\n", word, word);
    ocl_text_add(t, "#define RK_UNROLL %d\n", unroll);
    if (unroll)
        ocl_text_add(t, "#define RK_HIGH %d\n#define RK_WIDE %d\n", square ? 3 : 9, square ? 3 : 1);
}

static rk_status sizes(const rk_op *op, const shape *s, ocl_step *step, rk_error *e)
{
    const int64_t *p = op->p;
    const uint64_t words[] = {s->in_h,        s->in_w,        (uint64_t)p[4], (uint64_t)p[5],
                              (uint64_t)p[6], (uint64_t)p[7], (uint64_t)p[8], (uint64_t)p[9],
                              s->out_h,       s->out_w};
    for (int i = 0; i < 10; i++) OCL_TRY(ocl_step_u32(step, (uint32_t)words[i], e));
    return RK_OK;
}

static rk_status gather(rk_kernel *k, const ocl_code *c, const shape *s, rk_error *e)
{
    uint64_t rows = s->planes * s->out_h;
    ocl_text source;
    ocl_step *step;
    start(c, s, k->device, &source);
    planes(&source, c->n_axes);
    ocl_code_params(c, &source, "RK_PARAMS", 0, c->n_code);
    ocl_code_body(c, &source, "RK_BODY", 0, c->n_code);
    OCL_APPEND(&source, ocl_cl_window);
    OCL_TRY(ocl_step_add(k, &source, "window", &step, e));
    ocl_step_buffer(step, 0, 0);
    ocl_step_buffer(step, s->which >= RK_WINDOW_TAKE, 0);
    OCL_TRY(ocl_code_args(c, step, 0, c->n_code, e));
    for (uint32_t a = 1; a + 2 < c->n_axes; a++)
        OCL_TRY(ocl_step_count(step, c->small, (uint64_t)c->extent[a], e));
    OCL_TRY(sizes(c->op, s, step, e));
    if (k->device->cpu) return ocl_divide(step, k->device, rows, s->out_w, ocl_grain(k, 512), e);
    OCL_TRY(ocl_step_count(step, c->small, rows * s->out_w, e));
    ocl_step_range(step, rows * s->out_w, 1, OCL_GROUP);
    return RK_OK;
}

/* Planes of a work-item of the cpu variant, or of a group of the gpu variant. */
static uint64_t planes_each(const rk_device *d, const shape *s)
{
    enum { SHARE = 1024 }; /* elements of a group */
    uint64_t in = s->in_h * s->in_w, out = s->out_h * s->out_w, most = in > out ? in : out;
    if (d->cpu) return s->planes / ((uint64_t)d->units * 8) + 1;
    return most < SHARE ? SHARE / (most ? most : 1) : 1;
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Rounds that a work-item's loops may make. */
static uint64_t put_rounds(const rk_device *d, const rk_op *op, const shape *s, uint64_t per)
{
    const uint64_t kh = (uint64_t)op->p[4], kw = (uint64_t)op->p[5];
    uint64_t in = s->in_h * s->in_w, out = s->out_h * s->out_w;
    if (d->cpu) return per * (in + out);
    uint64_t tall = least(kh / (uint64_t)op->p[6] + 1, s->in_h);
    uint64_t wide = least(kw / (uint64_t)op->p[7] + 1, s->in_w);
    uint64_t gathered = (per * out / OCL_GROUP + 1) * (tall * wide + 1), all = per * in;
    return per * in / OCL_GROUP + 1 + (gathered > all ? gathered : all);
}

static rk_status put(rk_kernel *k, const ocl_code *c, const shape *s, rk_error *e)
{
    const rk_device *d = k->device;
    uint64_t per = planes_each(d, s), group = d->cpu ? 1 : OCL_GROUP;
    uint64_t in = s->in_h * s->in_w, out = s->out_h * s->out_w;
    ocl_text source;
    ocl_step *step;
    OCL_TRY(ocl_loops(d, put_rounds(d, c->op, s, per), e));
    start(c, s, k->device, &source);
    OCL_APPEND(&source, ocl_cl_window);
    OCL_TRY(ocl_step_add(k, &source, "window_put", &step, e));
    for (uint32_t i = 0; i < 3; i++) ocl_step_buffer(step, i, 0);
    if (d->cpu) {
        OCL_TRY(ocl_step_u64(step, s->planes, e));
        OCL_TRY(ocl_step_u64(step, per, e));
        OCL_TRY(ocl_step_u32(step, (uint32_t)in, e));
        OCL_TRY(ocl_step_u32(step, (uint32_t)out, e));
    } else {
        OCL_TRY(sizes(c->op, s, step, e));
        OCL_TRY(ocl_step_count(step, c->small, s->planes, e));
        OCL_TRY(ocl_step_u32(step, (uint32_t)per, e));
    }
    ocl_step_range(step, (s->planes + per - 1) / per * group, 1, group);
    return RK_OK;
}

rk_status ocl_window(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    ocl_code c;
    shape s = {0};
    OCL_TRY(check(op, &s, e));
    uint32_t operands = s.which >= RK_WINDOW_TAKE ? 2 : 1;
    OCL_TRY(ocl_code_init(&c, k->device, op, operands, 1, e));
    info->alias_ok = ocl_code_alias(&c);
    snprintf(info->impl, sizeof info->impl, "window %s", k->device->cpu ? "cpu" : "gpu");
    if (!ocl_count(&op->out[0])) return RK_OK;
    if (s.which == RK_WINDOW_PUT) return put(k, &c, &s, e);
    OCL_TRY(axes(&c, &s, e));
    return gather(k, &c, &s, e);
}
