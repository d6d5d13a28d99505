/* Whether the device's fma keeps the sign of a zero, and its division and root round correctly:
 * tried on quotients and roots that lie close to the middle between two floats, on subnormals and
 * on special values.  The host's own are the measure: IEEE 754 demands them of it. */
#include "opencl.h"
#include "embedded.h"
#include <math.h>
#include <string.h>

enum { CASES = 16384 };

typedef struct cases {
    float a[CASES], b[CASES], quotient[CASES], root[CASES], zero[CASES];
} cases;

static float of(uint32_t w)
{
    float x;
    memcpy(&x, &w, sizeof x);
    return x;
}

static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void fill(cases *c)
{
    static const uint32_t special[] = {0x00000000u, 0x80000000u, 0x00000001u, 0x007FFFFFu,
                                       0x00800000u, 0x7F7FFFFFu, 0x7F800000u, 0x3F800000u};
    const uint32_t n = sizeof special / sizeof *special;
    uint32_t state = 2463534242u;
    for (uint32_t i = 0; i < CASES; i++) {
        uint32_t a = next(&state), b = next(&state);
        c->a[i] = of(a);
        c->b[i] = of(b);
        if (i < n * n) {
            c->a[i] = of(special[i / n]);
            c->b[i] = of(special[i % n]);
        } else if (i % 4 == 1) { /* a is b * q, or its neighbour, with few bits: near the middle */
            float q = of((a & 0x3FFFFFu) | 0x3F800000u), d = of((b & 0x7FFFFFu) | 0x3F800000u);
            c->a[i] = of((uint32_t)(a >> 31) + (uint32_t)(0x3F800000u | (a & 0x7FFFFFu)));
            c->a[i] = q * d;
            c->b[i] = d;
        } else if (i % 4 == 2) { /* a square of a float and half a unit, rounded */
            double r = (double)of((a & 0x7FFFFFu) | 0x3F800000u) + 0x1p-24;
            c->a[i] = (float)(r * r);
            c->b[i] = of((b & 0x7FFFFFu) | 0x3F800000u);
        } else if (i % 4 == 3) { /* subnormal quotients and roots of subnormals */
            c->a[i] = of(a & 0x00FFFFFFu);
            c->b[i] = of((b & 0x807FFFFFu) | (0x3F000000u + (b >> 2 & 0x03800000u)));
        }
    }
}

static int same(float x, float y)
{
    return (isnan(x) && isnan(y)) || memcmp(&x, &y, sizeof x) == 0;
}

static rk_status run(rk_device *d, cases *c, rk_error *e)
{
    const size_t bytes = sizeof c->a, global = CASES;
    cl_mem m[5] = {NULL};
    cl_kernel kernel = NULL;
    cl_program program;
    cl_int code = CL_SUCCESS;
    ocl_text source = {.host = d->host};
    OCL_APPEND(&source, ocl_cl_probe);
    rk_status status = ocl_build(d, &source, "", &program, e);
    ocl_text_free(&source);
    OCL_TRY(status);
    kernel = clCreateKernel(program, "probe", &code);
    for (cl_uint i = 0; i < 5 && code == CL_SUCCESS; i++) {
        m[i] = clCreateBuffer(d->context, i < 2 ? CL_MEM_COPY_HOST_PTR : CL_MEM_READ_WRITE, bytes,
                              i == 0   ? c->a
                              : i == 1 ? c->b
                                       : NULL,
                              &code);
        if (code == CL_SUCCESS) code = clSetKernelArg(kernel, i, sizeof m[i], &m[i]);
    }
    const size_t local = 1;
    if (code == CL_SUCCESS)
        code = clEnqueueNDRangeKernel(d->queue, kernel, 1, NULL, &global, d->cpu ? &local : NULL, 0,
                                      NULL, NULL);
    if (code == CL_SUCCESS)
        code = clEnqueueReadBuffer(d->queue, m[2], CL_TRUE, 0, bytes, c->quotient, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clEnqueueReadBuffer(d->queue, m[3], CL_TRUE, 0, bytes, c->root, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clEnqueueReadBuffer(d->queue, m[4], CL_TRUE, 0, bytes, c->zero, 0, NULL, NULL);
    for (int i = 0; i < 5; i++)
        if (m[i]) clReleaseMemObject(m[i]);
    if (kernel) clReleaseKernel(kernel);
    return ocl_status(d, code, "trying fma, division and sqrt", e);
}

rk_status ocl_probe(rk_device *d, int *div, int *root, int *zero, rk_error *e)
{
    cases *c = ocl_alloc(d->host, sizeof *c);
    if (!c) return OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left to try the device's rounding");
    fill(c);
    rk_status status = run(d, c, e);
    *div = *root = *zero = 1;
    for (uint32_t i = 0; status == RK_OK && i < CASES; i++) {
        if (!same(c->quotient[i], c->a[i] / c->b[i])) *div = 0;
        if (!same(c->root[i], sqrtf(fabsf(c->a[i])))) *root = 0;
        if (isfinite(c->b[i]) && !same(c->zero[i], 0.0f)) *zero = 0;
    }
    ocl_free(d->host, c);
    return status;
}
