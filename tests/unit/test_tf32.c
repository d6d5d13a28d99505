/* The OpenCL backend's convolutions by tensor cores, emulated: near the truth, and the same bits
 * with any tile; exact ones whose operands do not pass through registers.  test_tf32 OPENCL CPU */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check/sample.h"

typedef struct shape {
    int64_t N, C, H, W, K, R, S, stride, pad, OH, OW;
} shape;

static const char *const *paths; /* of the two backends */

static float *numbers(int64_t n, uint32_t state)
{
    float *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) * 0x1p-23f - 1;
    }
    return x;
}

static void describe(rk_sample *c, const shape *s, int64_t which, int fast)
{
    const int64_t x[4] = {s->N, s->C, s->H, s->W}, w[4] = {s->K, s->C, s->R, s->S},
                  g[4] = {s->N, s->K, s->OH, s->OW};
    const int64_t p[] = {which, s->N,      s->C,      s->H,   s->W,   s->K,  s->R,
                         s->S,  s->stride, s->stride, s->pad, s->pad, s->OH, s->OW};
    rk_sample_begin(c, RK_CONV);
    rk_sample_in(c, RK_F32, 4, which == RK_CONV_DX ? g : x, 0);
    rk_sample_in(c, RK_F32, 4, which == RK_CONV_DW ? g : w, 0);
    rk_sample_out(c, RK_F32, 4, which == RK_CONV_Y ? g : which == RK_CONV_DX ? x : w);
    memcpy(c->op.p, p, sizeof p);
    c->op.flags = fast ? RK_OP_FAST : 0;
}

static void open_bed(rk_bed *b, const char *path, const char *tf32)
{
    const char *list[] = {"variant=gpu", "threads=2", tf32, NULL};
    rk_error e = {.size = sizeof e};
    if (rk_bed_open(b, path, 0, list, &e) != RK_OK) fail_msg("%s: %s", path, e.text);
}

/* What the device computes by a choice, or by its rule if that is NULL. */
static float *compute(rk_bed *b, const rk_sample *c, const float *const *in, const char *choice,
                      rk_kinfo *info)
{
    const int64_t count[] = {rk_tensor_count(&c->in[0]), rk_tensor_count(&c->in[1]),
                             rk_tensor_count(&c->out[0])};
    rk_error e = {.size = sizeof e};
    rk_arg args[4] = {{0}};
    rk_op op = rk_sample_op(c);
    rk_kernel *k;
    float *y = numbers(count[2], 1);
    uint32_t n_args = 3;
    *info = (rk_kinfo){.size = sizeof *info};
    rk_status s = choice ? b->backend->prepare_choice(b->device, &op, choice, &k, info, &e)
                         : b->backend->prepare(b->device, &op, &k, info, &e);
    if (s != RK_OK) fail_msg("%s: %s", choice ? choice : "rule", e.text);
    if (info->workspace) n_args++;
    for (uint32_t i = 0; i < n_args; i++) {
        uint64_t bytes = i < 3 ? 4 * (uint64_t)count[i] : info->workspace;
        assert_int_equal(b->backend->mem_alloc(b->device, bytes, &args[i].mem, &e), RK_OK);
        const float *from = i < 2 ? in[i] : y;
        if (i < 3)
            assert_int_equal(b->backend->write(b->device, args[i].mem, 0, from, bytes, &e), RK_OK);
    }
    assert_int_equal(b->backend->launch(b->device, k, args, n_args, &e), RK_OK);
    s = b->backend->read(b->device, args[2].mem, 0, y, 4 * (uint64_t)count[2], &e);
    if (s != RK_OK) fail_msg("%s", e.text);
    for (uint32_t i = 0; i < n_args; i++) b->backend->mem_free(b->device, args[i].mem);
    b->backend->release(b->device, k);
    return y;
}

/* Adds term by term, and their magnitudes. */
static void tell_truth(const shape *s, int64_t which, const float *const *in, double *sum,
                       double *terms)
{
    for (int64_t n = 0; n < s->N; n++)
        for (int64_t k = 0; k < s->K; k++)
            for (int64_t c = 0; c < s->C; c++)
                for (int64_t i = 0; i < s->OH * s->OW * s->R * s->S; i++) {
                    int64_t t = i % (s->R * s->S), o = i / (s->R * s->S), oh = o / s->OW,
                            ow = o % s->OW, h = oh * s->stride + t / s->S - s->pad,
                            v = ow * s->stride + t % s->S - s->pad;
                    if (h < 0 || h >= s->H || v < 0 || v >= s->W) continue;
                    int64_t x = ((n * s->C + c) * s->H + h) * s->W + v,
                            w = (k * s->C + c) * s->R * s->S + t,
                            y = ((n * s->K + k) * s->OH + oh) * s->OW + ow,
                            a = which == RK_CONV_DX ? y : x, b = which == RK_CONV_DW ? y : w,
                            to = which == RK_CONV_Y    ? y
                                 : which == RK_CONV_DX ? x
                                                       : w;
                    double term = (double)in[0][a] * (double)in[1][b];
                    sum[to] += term;
                    terms[to] += fabs(term);
                }
}

/* Far below what one product of 11 bits would be off, 2^-11 of a term. */
static void is_near(const float *y, const double *sum, const double *terms, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        double off = fabs((double)y[i] - sum[i]) / (0x1p-23 * fmax(terms[i], 0x1p-100));
        most = fmax(most, isnan(off) ? INFINITY : off);
    }
    print_message("at most %.2f eps of the terms off\n", most);
    assert_true(most < 12);
}

/* Every choice of tensor cores' tiles that begins with one of these. */
static void same_by_choices(rk_bed *b, const rk_sample *c, const float *const *in,
                            const float *want)
{
    static const char *const tiles[] = {"3xtf32 tile 96x128 deep 8", "3xtf32 tile 32x32 deep 32"};
    const size_t bytes = 4 * (size_t)rk_tensor_count(&c->out[0]);
    rk_op op = rk_sample_op(c);
    rk_error e = {.size = sizeof e};
    char name[64];
    uint32_t n = 2, tried = 0, exact = 0;
    for (uint32_t i = 1; i < n; i++) {
        rk_kinfo info;
        assert_int_equal(b->backend->choices(b->device, &op, i, name, &n, &e), RK_OK);
        for (size_t t = 0; t < sizeof tiles / sizeof *tiles; t++) {
            if (strncmp(name, tiles[t], strlen(tiles[t])) != 0) continue;
            float *y = compute(b, c, in, name, &info);
            assert_non_null(strstr(info.impl, "3xtf32"));
            if (memcmp(y, want, bytes) != 0) fail_msg("%s: other bits", name);
            free(y);
            tried++;
        }
        exact |= strcmp(name, "exact kernels") == 0;
    }
    assert_true(tried == 2 && exact);
}

static void try_shape(const shape *s, int64_t which, int choices)
{
    rk_bed b;
    rk_sample c;
    rk_kinfo info;
    describe(&c, s, which, 1);
    int64_t n = rk_tensor_count(&c.out[0]);
    const float *const in[] = {numbers(rk_tensor_count(&c.in[0]), 2),
                               numbers(rk_tensor_count(&c.in[1]), 3)};
    double *sum = calloc((size_t)n, sizeof *sum), *terms = calloc((size_t)n, sizeof *terms);
    assert_true(sum && terms);
    open_bed(&b, paths[0], "opencl.tf32=always");
    float *y = compute(&b, &c, in, NULL, &info);
    print_message("%s, bound %g\n", info.impl, (double)info.ulp);
    assert_non_null(strstr(info.impl, "3xtf32"));
    assert_int_equal(info.tier, RK_TIER_FAST);
    assert_int_equal(info.bound, RK_BOUND_PLANES);
    tell_truth(s, which, in, sum, terms);
    is_near(y, sum, terms, n);
    if (choices) same_by_choices(&b, &c, in, y);
    assert_int_equal(rk_bed_close(&b), 0);
    free(y);
    free(sum);
    free(terms);
    free((void *)in[0]);
    free((void *)in[1]);
}

static const shape padded = {3, 19, 7, 6, 37, 3, 3, 1, 1, 7, 6},
                   strided = {2, 33, 9, 8, 20, 3, 3, 2, 1, 5, 4},
                   point = {3, 40, 5, 7, 33, 1, 1, 1, 0, 5, 7};

static void test_near(void **state)
{
    static const shape *const all[] = {&padded, &strided, &point};
    (void)state;
    for (int i = 0; i < 3; i++)
        for (int64_t which = 0; which < 3; which++) try_shape(all[i], which, i == 0 && which == 0);
}

/* More taps than a block has, and blocks of dw. */
static void test_blocks(void **state)
{
    static const shape deep = {1, 931, 3, 3, 9, 3, 3, 1, 1, 3, 3},
                       wide = {11, 5, 12, 12, 7, 3, 3, 1, 1, 12, 12};
    (void)state;
    try_shape(&deep, RK_CONV_Y, 0);
    try_shape(&wide, RK_CONV_DW, 1);
}

static void same_as_cpu(const shape *s, int64_t which, const float *const *in)
{
    static const char *const tiles[] = {"tile 80x128", "tile 96x64", "tile 32x128 deep 32", NULL};
    rk_bed b;
    rk_sample c;
    rk_kinfo info;
    describe(&c, s, which, 0);
    const size_t bytes = 4 * (size_t)rk_tensor_count(&c.out[0]);
    open_bed(&b, paths[1], "cpu.winograd=never");
    float *want = compute(&b, &c, in, NULL, &info);
    assert_int_equal(rk_bed_close(&b), 0);
    open_bed(&b, paths[0], "opencl.tf32=always");
    for (int i = 0; i < 4; i++) {
        float *y = compute(&b, &c, in, tiles[i], &info);
        if (memcmp(y, want, bytes) != 0) fail_msg("%s: other bits", info.impl);
        assert_int_equal(info.tier, RK_TIER_EXACT);
        free(y);
    }
    assert_int_equal(rk_bed_close(&b), 0);
    free(want);
}

/* Chains that fill slices, of which exact kernels copy directly; and others that end in -0, as
 * their products underflow, which one more +0 would change. */
static void test_direct(void **state)
{
    static const shape whole = {2, 32, 6, 7, 80, 3, 3, 1, 1, 6, 7},
                       ragged = {2, 5, 6, 7, 80, 3, 3, 1, 0, 4, 5};
    const int64_t many = 2 * 80 * 6 * 7 * 9;
    float *x = numbers(many, 2), *w = numbers(many, 3);
    (void)state;
    for (int64_t which = 0; which < 2; which++)
        same_as_cpu(&whole, which, (const float *const[]){x, w});
    for (int64_t i = 0; i < many; i++) x[i] = 1e-30f, w[i] = -1e-30f;
    same_as_cpu(&ragged, RK_CONV_Y, (const float *const[]){x, w});
    free(x);
    free(w);
}

/* NaN is not lost where numbers are split; nothing is offered where there are no tensor cores. */
static void test_edges(void **state)
{
    rk_bed b;
    rk_sample c;
    rk_kinfo info;
    (void)state;
    describe(&c, &point, RK_CONV_Y, 1);
    float *x = numbers(rk_tensor_count(&c.in[0]), 2), *w = numbers(rk_tensor_count(&c.in[1]), 3);
    const uint32_t nan_words[] = {0x7FFFFFFFu, 0xFFFFFFFFu, 0x7F800001u, 0x7FC00000u};
    for (int i = 0; i < 4; i++) memcpy(&x[i * 2], &nan_words[i], 4);
    open_bed(&b, paths[0], "opencl.tf32=always");
    float *y = compute(&b, &c, (const float *const[]){x, w}, NULL, &info);
    for (int64_t i = 0; i < point.K * point.H * point.W; i++)
        assert_int_equal(isnan(y[i]) != 0, i % (point.H * point.W) < 8 && i % 35 % 2 == 0);
    assert_int_equal(rk_bed_close(&b), 0);
    free(y);
    open_bed(&b, paths[0], "opencl.tf32=never");
    y = compute(&b, &c, (const float *const[]){x, w}, NULL, &info);
    assert_int_equal(info.tier, RK_TIER_EXACT);
    assert_int_equal(rk_bed_close(&b), 0);
    free(y);
    free(x);
    free(w);
}

static void test_option(void **state)
{
    const char *list[] = {"opencl.tf32=perhaps", NULL};
    rk_error e = {.size = sizeof e};
    rk_bed b;
    (void)state;
    assert_int_equal(rk_bed_open(&b, paths[0], 0, list, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "option opencl.tf32 is \"perhaps\"; it may be always or never"));
    assert_int_equal(rk_bed_close(&b), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_near), cmocka_unit_test(test_blocks),
                                       cmocka_unit_test(test_direct), cmocka_unit_test(test_edges),
                                       cmocka_unit_test(test_option)};
    if (argc != 3) return 2;
    paths = (const char *const *)argv + 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
