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

/* The gpu variant's elements: several of the tensors' where all places are multiples of that, up to
 * 16 bytes. */
static uint32_t widen(const rk_device *d, const rk_op *op, axis *a, uint32_t n, int64_t *first,
                      uint32_t bytes)
{
    uint32_t most = d->cpu || a[n - 1].in != 1 || a[n - 1].out != 1 ? 1 : 16 / bytes;
    int64_t places = op->p[19] | op->p[20] | a[n - 1].n;
    for (uint32_t i = 0; i + 1 < n; i++) places |= a[i].in | a[i].out;
    while (places % most) most /= 4;
    for (uint32_t i = 0; i + 1 < n; i++) a[i].in /= most, a[i].out /= most;
    a[n - 1].n /= most;
    for (int i = 0; i < 2; i++) first[i] = op->p[19 + i] / most;
    return bytes * most;
}

/* Whether results are too large to be found in a cache by what reads them next. */
static int streams(const rk_op *op)
{
    enum { LARGE = 2 << 20 };
    return ocl_count(&op->out[0]) * ocl_size(op->out[0].dtype) >= LARGE;
}

/* Rows of the output that a task of the cpu variant writes: many read memory in longer runs, few
 * make more tasks. */
static int64_t rows_of(const rk_op *op) { return streams(op) ? 256 : 64; }

/* Whether the cpu variant turns squares: of the last axis and another, which is made the one before
 * it.  *across becomes that axis, which then counts blocks. */
static int turn(const rk_device *d, const rk_op *op, axis *a, uint32_t n, axis *across)
{
    int64_t rows = rows_of(op);
    if (!d->cpu || d->width == 1 || ocl_size(op->in[0].dtype) != 4 || a[n - 1].out != 1 ||
        a[n - 1].in == 1 || a[n - 1].n < d->width)
        return 0;
    for (uint32_t i = 0; i + 1 < n; i++) {
        if (a[i].in != 1 || a[i].n < d->width) continue;
        *across = a[i];
        for (; i + 2 < n; i++) a[i] = a[i + 1];
        a[i] = (axis){(across->n + rows - 1) / rows, rows, across->out * rows};
        return 1;
    }
    return 0;
}

static void write_turn(ocl_text *t, const rk_op *op, uint32_t n)
{
    ocl_text_add(t, "#define RK_TURN %d\n#define RK_BLOCKS n%u\n#define RK_PUT %s\n",
                 (int)rows_of(op), n - 2, streams(op) ? "nt32" : "st32");
    OCL_APPEND(t, ocl_cl_transpose);
}

static void write_source(rk_device *d, ocl_text *t, const rk_op *op, const axis *a, uint32_t n,
                         uint32_t bytes, int small, int turns)
{
    const char *type = bytes == 1 ? "uchar" : bytes == 4 ? "uint" : "uint4";
    const char *word = small ? "int" : "long";
    ocl_source(d, t, 0);
    ocl_text_add(t, "#define RK_POS u%s\n#define RK_SIGNED %s\n", word, word);
    ocl_text_add(t, "#define T %s\n#define RK_UNIT %d\n#define RK_AXES ", type,
                 a[n - 1].in == 1 && a[n - 1].out == 1);
    for (uint32_t i = 0; i + 1 < n; i++)
        ocl_text_add(t, "RK_POS n%u, RK_SIGNED i%u, RK_SIGNED o%u, ", i, i, i);
    ocl_text_add(t,
                 "\n#define RK_ROW RK_SIGNED from = in_first, to = out_first; RK_POS rest = row; ");
    for (uint32_t i = n - 1; i-- > 0;) {
        ocl_text_add(t, "{ RK_SIGNED x = (RK_SIGNED)(rest %% n%u); rest /= n%u; ", i, i);
        ocl_text_add(t, "from += x * i%u; to += x * o%u; } ", i, i);
    }
    ocl_text_add(t, "\n");
    if (turns) write_turn(t, op, n);
    OCL_APPEND(t, ocl_cl_copy);
}

static rk_status add_args(ocl_step *s, const axis *a, uint32_t n, const int64_t *first, int small,
                          const axis *across, rk_error *e)
{
    const axis *last = &a[n - 1];
    const int64_t words[] = {first[0],
                             first[1],
                             last->n,
                             last->in,
                             across ? across->out : last->out,
                             across ? across->n : 0};
    for (uint32_t i = 0; i + 1 < n; i++) {
        OCL_TRY(ocl_step_count(s, small, (uint64_t)a[i].n, e));
        OCL_TRY(ocl_step_count(s, small, (uint64_t)a[i].in, e));
        OCL_TRY(ocl_step_count(s, small, (uint64_t)a[i].out, e));
    }
    for (int i = 0; i < (across ? 6 : 5); i++)
        OCL_TRY(ocl_step_count(s, small, (uint64_t)words[i], e));
    return RK_OK;
}

rk_status ocl_copy(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    axis a[6], across;
    uint64_t count;
    rk_device *d = k->device;
    snprintf(info->impl, sizeof info->impl, "copy %s", d->cpu ? "cpu" : "gpu");
    OCL_TRY(check(op, a, &count, e));
    if (!count) return RK_OK;
    int64_t first[2];
    int small = ocl_small(d, op) && count < (uint64_t)1 << 31;
    uint32_t n = simplify(a, (uint32_t)op->p[0]);
    uint32_t bytes = widen(d, op, a, n, first, ocl_size(op->in[0].dtype));
    int turns = turn(d, op, a, n, &across);
    uint64_t length = (uint64_t)a[n - 1].n, rows = 1;
    for (uint32_t i = 0; i + 1 < n; i++) rows *= (uint64_t)a[i].n;
    ocl_text source;
    ocl_step *s;
    write_source(d, &source, op, a, n, bytes, small, turns);
    OCL_TRY(ocl_step_add(k, &source, "copy", &s, e));
    ocl_step_buffer(s, 0, 0);
    ocl_step_buffer(s, 1, 0);
    OCL_TRY(add_args(s, a, n, first, small, turns ? &across : NULL, e));
    if (d->cpu) return ocl_divide(s, d, rows, length, turns ? 256 : 4096, e);
    OCL_TRY(ocl_step_count(s, small, rows * length, e));
    ocl_step_range(s, rows * length, 1, OCL_GROUP);
    return RK_OK;
}
