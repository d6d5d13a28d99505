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
    for (uint32_t a = 1; a + 2 < n; a++) ocl_text_add(t, "ulong d%u, ", a);
    ocl_text_add(t, "\n#define x%u y\n#define x%u x\n#define RK_PLANE ulong x0 = plane; ", n - 2,
                 n - 1);
    for (uint32_t a = n - 2; a-- > 1;)
        ocl_text_add(t, "ulong x%u = x0 %% d%u; x0 /= d%u; ", a, a, a);
    ocl_text_add(t, "\n");
}

static rk_status gather(rk_kernel *k, const ocl_code *c, const shape *s, rk_error *e)
{
    const int64_t *p = c->op->p;
    uint64_t rows = s->planes * s->out_h;
    ocl_text source;
    ocl_step *step;
    ocl_source(k->device, &source, 1);
    ocl_text_add(&source, "#define RK_WHICH %d\n", s->which);
    planes(&source, c->n_axes);
    ocl_code_params(c, &source, "RK_PARAMS", 0, c->n_code);
    ocl_code_body(c, &source, "RK_BODY", 0, c->n_code);
    OCL_APPEND(&source, ocl_cl_window);
    OCL_TRY(ocl_step_add(k, &source, "window", &step, e));
    ocl_step_buffer(step, 0, 0);
    ocl_step_buffer(step, s->which >= RK_WINDOW_TAKE, 0);
    OCL_TRY(ocl_code_args(c, step, 0, c->n_code, e));
    for (uint32_t a = 1; a + 2 < c->n_axes; a++)
        OCL_TRY(ocl_step_u64(step, (uint64_t)c->extent[a], e));
    const uint64_t words[] = {s->in_h,        s->in_w,        (uint64_t)p[4], (uint64_t)p[5],
                              (uint64_t)p[6], (uint64_t)p[7], (uint64_t)p[8], (uint64_t)p[9],
                              s->out_h,       s->out_w};
    for (int i = 0; i < 10; i++) OCL_TRY(ocl_step_u32(step, (uint32_t)words[i], e));
    if (k->device->cpu) return ocl_divide(step, k->device, rows, s->out_w, ocl_grain(k, 512), e);
    OCL_TRY(ocl_step_u64(step, rows * s->out_w, e));
    ocl_step_range(step, rows * s->out_w, 1, OCL_GROUP);
    return RK_OK;
}

static rk_status put(rk_kernel *k, const shape *s, rk_error *e)
{
    const rk_device *d = k->device;
    uint64_t per = d->cpu ? s->planes / ((uint64_t)d->units * 8) + 1 : 1;
    ocl_text source;
    ocl_step *step;
    OCL_TRY(ocl_loops(d, s->in_h * s->in_w * per, e));
    ocl_source(k->device, &source, 0);
    ocl_text_add(&source, "#define RK_WHICH %d\n", s->which);
    OCL_APPEND(&source, ocl_cl_window);
    OCL_TRY(ocl_step_add(k, &source, "window_put", &step, e));
    for (uint32_t i = 0; i < 3; i++) ocl_step_buffer(step, i, 0);
    OCL_TRY(ocl_step_u64(step, s->planes, e));
    OCL_TRY(ocl_step_u64(step, per, e));
    OCL_TRY(ocl_step_u32(step, (uint32_t)(s->in_h * s->in_w), e));
    OCL_TRY(ocl_step_u32(step, (uint32_t)(s->out_h * s->out_w), e));
    uint64_t group = d->cpu ? 1 : OCL_GROUP;
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
    if (s.which == RK_WINDOW_PUT) return put(k, &s, e);
    OCL_TRY(axes(&c, &s, e));
    return gather(k, &c, &s, e);
}
