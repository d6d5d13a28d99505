/* What a device gets wrong.  Whether its division, root and fma round correctly is tried on
 * quotients and roots that lie close to the middle between two floats, on sums that cancel, on
 * subnormals and on special values.  The host's own are the measure: IEEE 754 demands them of it.
 * A long loop is counted. */
#include "opencl.h"
#include "embedded.h"
#include <math.h>
#include <string.h>

enum { CASES = 16384, INPUTS = 3, ARRAYS = 6 };
enum { A, B, C, QUOTIENT, ROOT, SUM };

typedef struct cases {
    float x[ARRAYS][CASES];
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
        c->x[A][i] = of(a);
        c->x[B][i] = of(b);
        if (i < n * n) {
            c->x[A][i] = of(special[i / n]);
            c->x[B][i] = of(special[i % n]);
        } else if (i % 4 == 1) { /* a is b * q, or its neighbour, with few bits: near the middle */
            float q = of((a & 0x3FFFFFu) | 0x3F800000u), d = of((b & 0x7FFFFFu) | 0x3F800000u);
            c->x[A][i] = q * d;
            c->x[B][i] = d;
        } else if (i % 4 == 2) { /* a square of a float and half a unit, rounded */
            double r = (double)of((a & 0x7FFFFFu) | 0x3F800000u) + 0x1p-24;
            c->x[A][i] = (float)(r * r);
            c->x[B][i] = of((b & 0x7FFFFFu) | 0x3F800000u);
        } else if (i % 4 == 3) { /* subnormal quotients and roots of subnormals */
            c->x[A][i] = of(a & 0x00FFFFFFu);
            c->x[B][i] = of((b & 0x807FFFFFu) | (0x3F000000u + (b >> 2 & 0x03800000u)));
        }
    }
}

/* Addends: any; what cancels the product but for its last bits; near it, of either sign. */
static void fill_addends(cases *c)
{
    uint32_t state = 88172645u;
    for (uint32_t i = 0; i < CASES; i++) {
        uint32_t w = next(&state);
        float product = c->x[A][i] * c->x[B][i];
        c->x[C][i] = of(w);
        if (w % 4 == 1) c->x[C][i] = -product;
        if (w % 4 == 2) c->x[C][i] = ldexpf(product, (int)(w >> 8 & 63) - 32);
        if (w % 4 == 3) c->x[C][i] = -ldexpf(product, (int)(w >> 8 & 63) - 32);
    }
}

static int same(float x, float y)
{
    return (isnan(x) && isnan(y)) || memcmp(&x, &y, sizeof x) == 0;
}

static rk_status run(rk_device *d, cl_program program, cases *c, rk_error *e)
{
    const size_t bytes = sizeof c->x[0], global = CASES, local = 1;
    cl_mem m[ARRAYS] = {NULL};
    cl_int code = CL_SUCCESS;
    cl_kernel kernel = clCreateKernel(program, "probe", &code);
    for (cl_uint i = 0; i < ARRAYS && code == CL_SUCCESS; i++) {
        m[i] = clCreateBuffer(d->context, i < INPUTS ? CL_MEM_COPY_HOST_PTR : CL_MEM_READ_WRITE,
                              bytes, i < INPUTS ? c->x[i] : NULL, &code);
        if (code == CL_SUCCESS) code = clSetKernelArg(kernel, i, sizeof m[i], &m[i]);
    }
    if (code == CL_SUCCESS)
        code = clEnqueueNDRangeKernel(d->queue, kernel, 1, NULL, &global, d->cpu ? &local : NULL, 0,
                                      NULL, NULL);
    for (int i = INPUTS; i < ARRAYS && code == CL_SUCCESS; i++)
        code = clEnqueueReadBuffer(d->queue, m[i], CL_TRUE, 0, bytes, c->x[i], 0, NULL, NULL);
    for (int i = 0; i < ARRAYS; i++)
        if (m[i]) clReleaseMemObject(m[i]);
    if (kernel) clReleaseKernel(kernel);
    return ocl_status(d, code, "trying fma, division and sqrt", e);
}

/* More iterations than the least limit that is known, 65535. */
static rk_status count_loops(rk_device *d, cl_program program, int *right, rk_error *e)
{
    const cl_uint n = 70000;
    const size_t one = 1;
    cl_uint got = 0, want = 0;
    cl_int code = CL_SUCCESS;
    cl_kernel kernel = clCreateKernel(program, "probe_loop", &code);
    if (code == CL_SUCCESS) code = clSetKernelArg(kernel, 0, sizeof d->dummy, &d->dummy);
    if (code == CL_SUCCESS) code = clSetKernelArg(kernel, 1, sizeof n, &n);
    if (code == CL_SUCCESS)
        code = clEnqueueNDRangeKernel(d->queue, kernel, 1, NULL, &one, &one, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clEnqueueReadBuffer(d->queue, d->dummy, CL_TRUE, 0, sizeof got, &got, 0, NULL, NULL);
    if (kernel) clReleaseKernel(kernel);
    for (cl_uint i = 0; i < n; i++) want = want * 1664525u + 1013904223u;
    *right = got == want;
    const cl_uint zero = 0; /* the counter is 0 between kernels */
    if (code == CL_SUCCESS)
        code =
            clEnqueueWriteBuffer(d->queue, d->dummy, CL_TRUE, 0, sizeof zero, &zero, 0, NULL, NULL);
    return ocl_status(d, code, "trying a long loop", e);
}

rk_status ocl_probe(rk_device *d, ocl_probed *right, rk_error *e)
{
    cases *c = ocl_alloc(d->host, sizeof *c);
    cl_program program;
    if (!c) return OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left to try the device's rounding");
    *right = (ocl_probed){1, 1, 1, 1};
    fill(c);
    fill_addends(c);
    ocl_text source = {.host = d->host};
    OCL_APPEND(&source, ocl_cl_probe);
    rk_status status = ocl_build(d, &source, &program, e);
    ocl_text_free(&source);
    if (status == RK_OK) status = run(d, program, c, e);
    for (uint32_t i = 0; status == RK_OK && i < CASES; i++) {
        float x = c->x[A][i], y = c->x[B][i];
        if (!same(c->x[QUOTIENT][i], x / y)) right->div = 0;
        if (!same(c->x[ROOT][i], sqrtf(fabsf(x)))) right->root = 0;
        if (!same(c->x[SUM][i], fmaf(x, y, c->x[C][i]))) right->fma = 0;
    }
    ocl_free(d->host, c);
    return status == RK_OK ? count_loops(d, program, &right->loops, e) : status;
}
