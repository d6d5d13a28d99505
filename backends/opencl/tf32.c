/* Products by tensor cores: whether a device has them, and how far off they are. */
#include "tf32.h"
#include <math.h>
#include <rethink/numerics.h>
#include <string.h>

/* CL_DEVICE_COMPUTE_CAPABILITY_MAJOR_NV; _MINOR_NV follows. */
enum { CAPABILITY = 0x4000 };

/* The convolution that is tried, 3 x 3 with a border: two panels each of rows and of columns, and
 * a chain that ends within a slice. */
enum { C = 5, H = 12, W = 11, K = 70, SIDE = 3 };

typedef struct trial {
    float x[C * H * W], w[K * C * SIDE * SIDE], y[K * H * W];
} trial;

static const double most_error = 32; /* of it, over eps and the sum of its terms */

static void fill(float *x, size_t n, uint32_t state)
{
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) * 0x1p-23f - 1;
    }
}

static int is_near(const trial *t, int k, int h, int v)
{
    double sum = 0, terms = 0, got = (double)t->y[(k * H + h) * W + v];
    for (int i = 0; i < C * SIDE * SIDE; i++) {
        int c = i / (SIDE * SIDE), row = h + i / SIDE % SIDE - 1, column = v + i % SIDE - 1;
        if (row < 0 || row >= H || column < 0 || column >= W) continue;
        double term =
            (double)t->x[(c * H + row) * W + column] * (double)t->w[k * C * SIDE * SIDE + i];
        sum += term;
        terms += fabs(term);
    }
    return fabs(got - sum) <= most_error * 0x1p-23 * terms;
}

static int is_right(const trial *t)
{
    int right = 1;
    for (int k = 0; k < K; k++)
        for (int h = 0; h < H; h++)
            for (int v = 0; v < W; v++) right &= is_near(t, k, h, v);
    return right;
}

static rk_tensor dense(int64_t a, int64_t b, int64_t h, int64_t w)
{
    return (rk_tensor){
        .dtype = RK_F32, .rank = 4, .dim = {a, b, h, w}, .stride = {b * h * w, h * w, w, 1}};
}

/* With a tile whose operands are copied directly. */
static rk_status prepare(rk_kernel *k, uint64_t *workspace, rk_error *e)
{
    const rk_tensor in[] = {dense(1, C, H, W), dense(K, C, SIDE, SIDE)}, out = dense(1, K, H, W);
    const rk_op op = {.size = sizeof op,
                      .kind = RK_CONV,
                      .flags = RK_OP_FAST,
                      .n_in = 2,
                      .n_out = 1,
                      .in = in,
                      .out = &out,
                      .p = {RK_CONV_Y, 1, C, H, W, K, SIDE, SIDE, 1, 1, 1, 1, H, W}};
    rk_kinfo info = {.size = sizeof info};
    k->choice = (ocl_choice){64, 128, 16, 128, OCL_WAY_TF32, 0};
    OCL_TRY(ocl_convolve(k, &op, &info, e));
    *workspace = info.workspace;
    return RK_OK;
}

enum { ARGS = 4 }; /* the last is the workspace */

static rk_status convolve(rk_device *d, rk_kernel *k, rk_mem **m, trial *t, rk_error *e)
{
    uint64_t bytes[ARGS] = {sizeof t->x, sizeof t->w, sizeof t->y};
    rk_arg args[ARGS] = {{0}};
    k->device = d;
    k->n_args = ARGS - 1;
    OCL_TRY(prepare(k, &bytes[ARGS - 1], e));
    k->n_args = ARGS;
    for (int i = 0; i < ARGS; i++) {
        OCL_TRY(ocl_mem_alloc(d, bytes[i], &m[i], e));
        k->bytes[i] = bytes[i];
        args[i].mem = m[i];
    }
    OCL_TRY(ocl_write(d, m[0], 0, t->x, sizeof t->x, e));
    OCL_TRY(ocl_write(d, m[1], 0, t->w, sizeof t->w, e));
    OCL_TRY(ocl_launch(d, k, args, ARGS, e));
    OCL_TRY(ocl_read(d, m[2], 0, t->y, sizeof t->y, e));
    return ocl_sync(d, e);
}

/* A device without, whose driver does not take the source or run it, is none that fails. */
static rk_status try(rk_device *d, rk_error *e)
{
    rk_error why = {.size = sizeof why};
    trial *t = ocl_alloc(d->host, sizeof *t);
    rk_kernel *k = ocl_alloc(d->host, sizeof *k);
    rk_mem *m[ARGS] = {NULL};
    rk_status status = RK_OK;
    const int room = t && k;
    if (room) {
        fill(t->x, C * H * W, 1);
        fill(t->w, K * C * SIDE * SIDE, 2);
        status = convolve(d, k, m, t, &why);
    }
    if (room && (status != RK_OK || !is_right(t))) {
        d->tf32 = OCL_TF32_NONE;
        ocl_log(d->host, 1, "opencl: not using tensor cores of %s: %s", d->info.name,
                status == RK_OK ? "a convolution is wrong" : why.text);
    }
    if (k) ocl_release(d, k);
    for (int i = 0; i < ARGS; i++)
        if (m[i]) ocl_mem_free(d, m[i]);
    ocl_free(d->host, t);
    if (!room) return OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left for a trial of tensor cores");
    return d->sticky.code == RK_OK ? RK_OK : ocl_start_over(d, e);
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
