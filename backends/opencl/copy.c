/* COPY: a strided box. */
#include "opencl.h"
#include "embedded.h"
#include <stdio.h>

typedef struct axis {
    int64_t n, in, out;
} axis;

/* The first and last element that the box touches must lie in the tensor. */
static rk_status check_span(const axis *a, uint32_t rank, int out, int64_t first, int64_t count,
                            rk_error *e)
{
    int64_t low = first, high = first;
    for (uint32_t d = 0; d < rank; d++) {
        int64_t stride = out ? a[d].out : a[d].in, span;
        if (__builtin_mul_overflow(a[d].n - 1, stride, &span) ||
            __builtin_add_overflow(span < 0 ? low : high, span, span < 0 ? &low : &high))
            return OCL_FAIL(e, RK_E_INVALID, 0, "COPY: stride %lld of dimension %u overflows",
                            (long long)stride, d);
    }
    if (low >= 0 && high < count) return RK_OK;
    return OCL_FAIL(e, RK_E_INVALID, 0,
                    "COPY: the box touches elements %lld to %lld of an %s of %lld", (long long)low,
                    (long long)high, out ? "output" : "input", (long long)count);
}

static rk_status check(const rk_op *op, axis *a, uint64_t *count, rk_error *e)
{
    uint32_t rank = (uint32_t)op->p[0];
    *count = 1;
    if (op->p[0] < 0 || op->p[0] > 6)
        return OCL_FAIL(e, RK_E_INVALID, 0, "COPY: rank %lld", (long long)op->p[0]);
    if (op->in[0].dtype != op->out[0].dtype)
        return OCL_FAIL(e, RK_E_INVALID, 0, "COPY: input and output differ in dtype");
    for (uint32_t d = 0; d < rank; d++) {
        a[d] = (axis){op->p[1 + 3 * d], op->p[2 + 3 * d], op->p[3 + 3 * d]};
        if (a[d].n < 0 || a[d].n > (int64_t)1 << 40)
            return OCL_FAIL(e, RK_E_INVALID, 0, "COPY: dimension %u has extent %lld", d,
                            (long long)a[d].n);
        if (a[d].n > 1 && a[d].out == 0)
            return OCL_FAIL(e, RK_E_INVALID, 0, "COPY: dimension %u has out stride 0", d);
        *count *= (uint64_t)a[d].n;
    }
    if (!*count) return RK_OK;
    OCL_TRY(check_span(a, rank, 0, op->p[19], (int64_t)ocl_count(&op->in[0]), e));
    return check_span(a, rank, 1, op->p[20], (int64_t)ocl_count(&op->out[0]), e);
}

static int64_t size_of(int64_t stride) { return stride < 0 ? -stride : stride; }

/* Orders the axes by falling output stride and joins those that are one run in both tensors. */
static uint32_t simplify(axis *a, uint32_t rank)
{
    uint32_t n = 0;
    for (uint32_t d = 1; d < rank; d++)
        for (uint32_t i = d; i && size_of(a[i - 1].out) < size_of(a[i].out); i--) {
            axis t = a[i];
            a[i] = a[i - 1];
            a[i - 1] = t;
        }
    for (uint32_t d = 0; d < rank; d++) {
        if (a[d].n == 1) continue;
        if (n && a[n - 1].in == a[d].in * a[d].n && a[n - 1].out == a[d].out * a[d].n)
            a[n - 1] = (axis){a[n - 1].n * a[d].n, a[d].in, a[d].out};
        else
            a[n++] = a[d];
    }
    if (!n) a[n++] = (axis){1, 1, 1};
    return n;
}

static void write_source(rk_device *d, ocl_text *t, const axis *a, uint32_t n, uint32_t bytes)
{
    ocl_source(d, t, 0);
    ocl_text_add(t, "#define T %s\n#define RK_UNIT %d\n#define RK_AXES ",
                 bytes == 1 ? "uchar" : "uint", a[n - 1].in == 1 && a[n - 1].out == 1);
    for (uint32_t i = 0; i + 1 < n; i++)
        ocl_text_add(t, "ulong n%u, long i%u, long o%u, ", i, i, i);
    ocl_text_add(t, "\n#define RK_ROW long from = in_first, to = out_first; ulong rest = row; ");
    for (uint32_t i = n - 1; i-- > 0;) {
        ocl_text_add(t, "{ ulong x = rest %% n%u; rest /= n%u; ", i, i);
        ocl_text_add(t, "from += (long)x * i%u; to += (long)x * o%u; } ", i, i);
    }
    ocl_text_add(t, "\n");
    OCL_APPEND(t, ocl_cl_copy);
}

rk_status ocl_copy(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    axis a[6];
    uint64_t count;
    rk_device *d = k->device;
    snprintf(info->impl, sizeof info->impl, "copy %s", d->cpu ? "cpu" : "gpu");
    OCL_TRY(check(op, a, &count, e));
    if (!count) return RK_OK;
    uint32_t n = simplify(a, (uint32_t)op->p[0]);
    ocl_text source;
    ocl_step *s;
    write_source(d, &source, a, n, ocl_size(op->in[0].dtype));
    OCL_TRY(ocl_step_add(k, &source, "copy", &s, e));
    ocl_step_buffer(s, 0, 0);
    ocl_step_buffer(s, 1, 0);
    for (uint32_t i = 0; i + 1 < n; i++) {
        OCL_TRY(ocl_step_u64(s, (uint64_t)a[i].n, e));
        OCL_TRY(ocl_step_u64(s, (uint64_t)a[i].in, e));
        OCL_TRY(ocl_step_u64(s, (uint64_t)a[i].out, e));
    }
    const axis *last = &a[n - 1];
    const int64_t words[] = {op->p[19], op->p[20], last->n, last->in, last->out};
    for (int i = 0; i < 5; i++) OCL_TRY(ocl_step_u64(s, (uint64_t)words[i], e));
    if (d->cpu) return ocl_divide(s, d, count / (uint64_t)last->n, (uint64_t)last->n, 4096, e);
    OCL_TRY(ocl_step_u64(s, count, e));
    ocl_step_range(s, count, 1, OCL_GROUP);
    return RK_OK;
}
