/* The OpenCL backend's convolutions of the fast tier: one result, whatever the vectors, the units
 * of work and the family of kernels, and it is the cpu backend's.  test_winograd OPENCL CPU */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check/sample.h"

typedef struct shape {
    int64_t N, C, H, W, K;
} shape;

static const char *const *paths; /* of the two backends */

static float *numbers(int64_t n, float scale, float from)
{
    float *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(i * 7919 % 1009) * scale - from;
    return x;
}

static void describe(rk_sample *c, const shape *s, int64_t which)
{
    const int64_t x[4] = {s->N, s->C, s->H, s->W}, w[4] = {s->K, s->C, 3, 3},
                  g[4] = {s->N, s->K, s->H, s->W};
    const int64_t p[] = {which, s->N, s->C, s->H, s->W, s->K, 3, 3, 1, 1, 1, 1, s->H, s->W};
    rk_sample_begin(c, RK_CONV);
    rk_sample_in(c, RK_F32, 4, which == RK_CONV_DX ? g : x, 0);
    rk_sample_in(c, RK_F32, 4, which == RK_CONV_DW ? g : w, 0);
    rk_sample_out(c, RK_F32, 4, which == RK_CONV_Y ? g : which == RK_CONV_DX ? x : w);
    memcpy(c->op.p, p, sizeof p);
    c->op.flags = RK_OP_FAST;
    rk_sample_store(c, 0, rk_sample_ins(c, RK_I_FMAX, RK_R_IN, rk_sample_immf(c, 0.0f), 0));
}

/* What a backend with an option computes; NULL if this processor has no fast tier.  tile: 2, 4. */
static float *convolve(const char *path, const char *option, int tile, const shape *s,
                       int64_t which, rk_kinfo *info)
{
    const char *list[] = {option,
                          tile == 4 ? "opencl.winograd=4x4" : "opencl.winograd=2x2",
                          tile == 4 ? "cpu.winograd=4x4" : "cpu.winograd=2x2",
                          "opencl.winograd-error=20",
                          "cpu.winograd-error=20",
                          "opencl.pass=1",
                          NULL};
    rk_error e = {.size = sizeof e};
    rk_bed h;
    rk_sample c;
    describe(&c, s, which);
    if (rk_bed_open(&h, path, 0, list, &e) != RK_OK) {
        assert_int_equal(rk_bed_close(&h), 0);
        return NULL;
    }
    int64_t n = rk_tensor_count(&c.out[0]);
    float *a = numbers(rk_tensor_count(&c.in[0]), 0.01f, 5.0f);
    float *b = numbers(rk_tensor_count(&c.in[1]), 0.002f, 1.0f), *y = numbers(n, 1, 0);
    if (rk_sample_run_info(&h, &c, (const void *[]){a, b}, (void *[]){y}, -1, info, &e))
        fail_msg("%s: %s", option, e.text);
    assert_int_equal(rk_bed_close(&h), 0);
    free(a);
    free(b);
    return y;
}

static int is_winograd(const rk_kinfo *info, int tile, int64_t which)
{
    const char *name = which == RK_CONV_DW ? tile == 4 ? "winograd 3x3,4x4" : "winograd 3x3"
                       : tile == 4         ? "winograd 4x4"
                                           : "winograd 2x2";
    return strstr(info->impl, name) && info->tier == RK_TIER_FAST &&
           info->bound == RK_BOUND_PLANES && info->ulp > 0;
}

/* Compares what options of the OpenCL backend give with `want`, or with the first of them. */
static void same_bits(const shape *s, int64_t which, int tile, const char *const *options,
                      float *want)
{
    const size_t bytes =
        sizeof(float) * (size_t)(which == RK_CONV_DW   ? s->K * s->C * 9
                                 : which == RK_CONV_DX ? s->N * s->C * s->H * s->W
                                                       : s->N * s->K * s->H * s->W);
    for (; *options; options++) {
        rk_kinfo info = {.size = sizeof info};
        float *y = convolve(paths[0], *options, tile, s, which, &info);
        assert_non_null(y);
        if (!is_winograd(&info, tile, which)) fail_msg("%s: %s", *options, info.impl);
        if (want && memcmp(y, want, bytes) != 0)
            fail_msg("%s: %s: other bits", *options, info.impl);
        print_message("%s: %s\n", *options, info.impl);
        if (want)
            free(y);
        else
            want = y;
    }
    free(want);
}

/* All options of the OpenCL backend give what the cpu backend does. */
static void compare(const shape *s, int64_t which, int tile, const char *const *options)
{
    rk_kinfo info = {.size = sizeof info};
    float *want = convolve(paths[1], "threads=2", tile, s, which, &info);
    if (want && !is_winograd(&info, tile, which)) free(want), want = NULL; /* no vectors */
    same_bits(s, which, tile, options, want);
}

/* dw of the gpu variant adds in another order. */
static void test_same_bits(void **state)
{
    static const char *const options[3][3] = {
        {"variant=cpu", "variant=gpu"}, {"variant=cpu", "variant=gpu"}, {"opencl.width=4"}};
    static const shape s = {19, 19, 7, 5, 21}; /* several images in a unit of work */
    (void)state;
    for (int64_t which = 0; which < 3; which++) compare(&s, which, 2, options[which]);
}

/* More channels than a chain has; bands of large planes, and in the gpu variant passes. */
static void test_large_tiles(void **state)
{
    static const char *const cpu[] = {"variant=cpu", NULL}, *const gpu[] = {"variant=gpu", NULL};
    static const shape y = {3, 70, 59, 60, 21}, dx = {19, 21, 7, 5, 131}, small = {9, 40, 7, 6, 37};
    (void)state;
    compare(&y, RK_CONV_Y, 4, cpu);
    compare(&small, RK_CONV_Y, 4, cpu);
    compare(&small, RK_CONV_DX, 4, cpu);
    compare(&dx, RK_CONV_DX, 4, gpu);
}

/* dw: several images in a block, or several blocks in an image. */
static void test_large_weights(void **state)
{
    static const char *const all[] = {"variant=cpu", "opencl.width=4", NULL};
    static const shape shapes[] = {{19, 19, 11, 10, 21}, {9, 37, 7, 7, 70}, {3, 9, 33, 37, 11}};
    (void)state;
    for (int i = 0; i < 3; i++) compare(&shapes[i], RK_CONV_DW, 4, all);
}

/* Bands of large planes, and in the gpu variant passes over the images. */
static void test_passes(void **state)
{
    static const char *const all[] = {"variant=cpu", "variant=gpu", NULL};
    static const shape s = {3, 32, 32, 32, 32};
    (void)state;
    same_bits(&s, RK_CONV_Y, 2, all, NULL);
}

/* The gate of tiles of 4 x 4, and what a tuner may choose. */
static void test_gate(void **state)
{
    static const struct {
        int64_t which, C;
        const char *variant, *error;
        int large;
    } cases[] = {{RK_CONV_Y, 27, "variant=cpu", NULL, 0},
                 {RK_CONV_Y, 64, "variant=cpu", NULL, 1},
                 {RK_CONV_Y, 27, "variant=gpu", NULL, 0},
                 {RK_CONV_Y, 64, "variant=gpu", NULL, 1},
                 {RK_CONV_Y, 64, "variant=cpu", "opencl.winograd-error=7", 0},
                 {RK_CONV_DW, 64, "variant=cpu", "opencl.winograd-error=0.5", 0},
                 {RK_CONV_DW, 64, "variant=cpu", "opencl.winograd-error=0.52", 1},
                 {RK_CONV_DW, 64, "variant=gpu", NULL, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const shape s = {32, cases[i].C, 16, 16, 16};
        const char *list[] = {"opencl.winograd=4x4", cases[i].variant, cases[i].error, NULL};
        const int large = cases[i].large;
        rk_error e = {.size = sizeof e};
        rk_kernel *k;
        rk_kinfo info = {.size = sizeof info};
        char name[64];
        rk_bed h;
        rk_sample c;
        uint32_t n, found = 0;
        describe(&c, &s, cases[i].which);
        rk_op op = rk_sample_op(&c);
        assert_int_equal(rk_bed_open(&h, paths[0], 0, list, &e), RK_OK);
        assert_int_equal(h.backend->prepare(h.device, &op, &k, &info, &e), RK_OK);
        if ((strstr(info.impl, "4x4") != NULL) != large) fail_msg("case %zu: %s", i, info.impl);
        h.backend->release(h.device, k);
        assert_int_equal(h.backend->choices(h.device, &op, 0, name, &n, &e), RK_OK);
        for (uint32_t j = 0; j < n; j++) {
            assert_int_equal(h.backend->choices(h.device, &op, j, name, &n, &e), RK_OK);
            found += strcmp(name, large ? "winograd" : "winograd 4x4") == 0;
        }
        assert_int_equal(found, large); /* what the gate refuses is no choice either */
        assert_int_equal(rk_bed_close(&h), 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits),
                                       cmocka_unit_test(test_large_tiles),
                                       cmocka_unit_test(test_large_weights),
                                       cmocka_unit_test(test_passes), cmocka_unit_test(test_gate)};
    if (argc != 3) return 2;
    paths = (const char *const *)(argv + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
