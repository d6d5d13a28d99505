/* Products by tensor cores: whether a device has them, and how far off they are. */
#include "tf32.h"
#include "matmul.h"
#include <math.h>
#include <rethink/numerics.h>
#include <string.h>

enum {
    CAPABILITY = 0x4000, /* CL_DEVICE_COMPUTE_CAPABILITY_MAJOR_NV, and _MINOR_NV */
    M = 128,             /* of the product that is tried */
    N = 128,
    K = 40
};

static const double most_error = 32; /* of that product, over eps and the sum of its terms */

typedef struct trial {
    float a[M][K], b[K][N], c[M][N];
} trial;

static void fill(trial *t)
{
    uint32_t state = 2463534242u;
    float *x = &t->a[0][0], *y = &t->b[0][0];
    for (int i = 0; i < M * K + K * N; i++) {
        state = state * 1664525u + 1013904223u;
        float v = (float)(state >> 8) * 0x1p-23f - 1;
        if (i < M * K)
            x[i] = v;
        else
            y[i - M * K] = v;
    }
}

static int is_right(const trial *t)
{
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0, terms = 0;
            for (int p = 0; p < K; p++) {
                double term = (double)t->a[i][p] * (double)t->b[p][j];
                sum += term;
                terms += fabs(term);
            }
            if (!(fabs((double)t->c[i][j] - sum) <= most_error * 0x1p-23 * terms)) return 0;
        }
    return 1;
}

static rk_status prepare(rk_kernel *k, rk_error *e)
{
    const ocl_product p = {.batch = 1, .m = M, .n = N, .k = K, .tf32 = 1};
    const ocl_choice none = {0}, g = ocl_product_group(k->device, &p, &none);
    ocl_text source;
    ocl_step *s;
    ocl_source(k->device, &source, 1);
    ocl_text_add(&source, "#define RK_PARAMS __global uchar *to, ulong to_at, \n#define RK_BODY "
                          "st32((__global uint *)(to + to_at), pos, in0, 1);\n");
    ocl_product_source(k->device, &p, &g, &source);
    OCL_TRY(ocl_step_add(k, &source, "matmul", &s, e));
    for (uint32_t i = 0; i < 3; i++) ocl_step_buffer(s, i, 0);
    return ocl_product_args(s, &p, &g, e);
}

static rk_status multiply(rk_device *d, rk_kernel *k, rk_mem **m, trial *t, rk_error *e)
{
    const uint64_t bytes[] = {sizeof t->a, sizeof t->b, sizeof t->c};
    rk_arg args[3] = {{0}};
    k->device = d;
    k->n_args = 3;
    OCL_TRY(prepare(k, e));
    for (int i = 0; i < 3; i++) {
        OCL_TRY(ocl_mem_alloc(d, bytes[i], &m[i], e));
        k->bytes[i] = bytes[i];
        args[i].mem = m[i];
    }
    OCL_TRY(ocl_write(d, m[0], 0, t->a, sizeof t->a, e));
    OCL_TRY(ocl_write(d, m[1], 0, t->b, sizeof t->b, e));
    OCL_TRY(ocl_launch(d, k, args, 3, e));
    OCL_TRY(ocl_read(d, m[2], 0, t->c, sizeof t->c, e));
    return ocl_sync(d, e);
}

/* A device without, whose driver does not take the source, is none that fails. */
static rk_status try(rk_device *d, rk_error *e)
{
    rk_error why = {.size = sizeof why};
    trial *t = ocl_alloc(d->host, sizeof *t);
    rk_kernel *k = ocl_alloc(d->host, sizeof *k);
    rk_mem *m[3] = {NULL};
    rk_status status = RK_E_NOMEM;
    if (t && k) {
        fill(t);
        status = multiply(d, k, m, t, &why);
    }
    if (status != RK_OK || !is_right(t)) {
        d->tf32 = OCL_TF32_NONE;
        ocl_log(d->host, 1, "opencl: not using tensor cores of %s: %s", d->info.name,
                status == RK_OK ? "a product is wrong" : why.text);
    }
    if (k) ocl_release(d, k);
    for (int i = 0; i < 3; i++)
        if (m[i]) ocl_mem_free(d, m[i]);
    ocl_free(d->host, t);
    return status == RK_E_NOMEM ? OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left") : RK_OK;
}

/* Quick are those of compute capability 8.0, 9.0 and 10.0, on A100, H100 and B200, with 8, 7 and 14
 * times as many products a second as fma, of which 3xTF32 needs three; 8.6, 8.9 and 12.0 have as
 * many, or twice.  Measured on 9.0 alone. */
static int kind_of(const rk_device *d)
{
    cl_uint version[2] = {0, 0};
    for (cl_device_info i = 0; i < 2; i++)
        if (clGetDeviceInfo(d->id, CAPABILITY + i, sizeof *version, &version[i], NULL) !=
            CL_SUCCESS)
            return OCL_TF32_NONE;
    if (version[0] < 8) return OCL_TF32_NONE;
    return version[0] <= 10 && version[1] == 0 ? OCL_TF32_QUICK : OCL_TF32_SLOW;
}

rk_status ocl_tf32_open(rk_device *d, rk_error *e)
{
    const char *use = ocl_option(d->host, "opencl.tf32");
    const int always = use && !strcmp(use, "always"), never = use && !strcmp(use, "never");
    if (use && !always && !never)
        return OCL_FAIL(e, RK_E_INVALID, 0,
                        "option opencl.tf32 is \"%.40s\"; it may be always or never", use);
    if (d->cpu || never) return RK_OK;
    d->tf32 = kind_of(d);
    if (always && d->tf32 == OCL_TF32_NONE) d->tf32 = OCL_TF32_EMULATED;
    return d->tf32 ? try(d, e) : RK_OK;
}

int ocl_tf32_can(const rk_device *d) { return d->tf32 != OCL_TF32_NONE; }

/* Measured on an H100 beside exact kernels.  y and dx took .56 to 1.23 of their time (59 layers,
 * median .86), with fewer channels of the result 1.05; chains of less than a step would be filled
 * up.  dw took .63 to 1.11 (14 layers, median .84) where the channels of g nearly fill tiles of 64
 * and weights are not few, else .89 to 1.42 (17 layers, median 1.04). */
int ocl_tf32_pays(const rk_device *d, const ocl_conv *c)
{
    const uint64_t few = 16, step = 8, small = 9000, tile = 64,
                   padded = ocl_parts(c->co, tile) * tile;
    const char *use = ocl_option(d->host, "opencl.tf32");
    if (use && !strcmp(use, "always")) return ocl_tf32_can(d);
    if (d->tf32 != OCL_TF32_QUICK) return 0;
    if (c->which != RK_CONV_DW) return c->co >= few && c->taps >= step;
    return c->co * c->taps >= small && 5 * c->co >= 4 * padded;
}

/* What the result may be away from the truth, over eps and the sum S of the terms' magnitudes,
 * which is at most the magnitude of RK_BOUND_PLANES.  x is its high part and its low one but for
 * 2^-21 |x| (the low part has 2^-11 |x|, of which 11 bits are read), and the product of low parts
 * is left out: 5 * 2^-22 or 10 eps of a term, 11 with a margin for products of errors.  Tensor
 * cores align 8 products and the sum so far and cut off what is below their last bit: 9 numbers
 * and the result, each by at most eps of the largest, thus of S, three times for 8 terms.  Blocks
 * are added as in exact kernels.  Parts of numbers below 2^-100 may be lost: see the floor of that
 * magnitude. */
void ocl_tf32_claim(const ocl_conv *c, rk_kinfo *info)
{
    const int dw = c->which == RK_CONV_DW;
    uint64_t terms = dw ? c->batch * c->h.out * c->w.out : c->taps,
             chain = ocl_least(terms, dw ? RK_CONV_DW_BLOCK : RK_CONV_BLOCK);
    info->tier = RK_TIER_FAST;
    info->bound = RK_BOUND_PLANES;
    info->ulp = (float)(11 + 3 * 10 * (double)ocl_parts(chain, 8) + 0.5 * (double)c->blocks);
}
