/* How a tuner judges kernels of the fast tier: Winograd's convolution with a program after it.
 * test_trial CPU_BACKEND */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tune/trial.h"

enum { N = 2, C = 5, OUT = 7, H = 6, W = 9 };
static const char *path;

typedef struct devices {
    rk_hub *hub;
    rk_open own, reference;
} devices;

static int setup(void **state)
{
    devices *d = calloc(1, sizeof *d);
    uint32_t cpu;
    *state = d;
    if (!d || rk_hub_new_of(&path, 1, &d->hub, NULL) != RK_OK) return 1;
    if (rk_hub_option(d->hub, "cpu.winograd", "always", NULL) != RK_OK) return 1;
    if (rk_hub_find(d->hub, "cpu", &cpu, NULL) != RK_OK) return 1;
    return rk_open_device(d->hub, cpu, &d->own, NULL) != RK_OK ||
           rk_open_device(d->hub, cpu, &d->reference, NULL) != RK_OK;
}

static int teardown(void **state)
{
    devices *d = *state;
    rk_open_close(&d->own);
    rk_open_close(&d->reference);
    rk_hub_free(d->hub);
    free(d);
    return 0;
}

/* out0 = max(conv + bias, 0) * factor, out1 = whether it is above 0. */
static void describe(rk_sample *t, int64_t K, float factor)
{
    rk_sample_begin(t, RK_CONV);
    t->op.flags = RK_OP_FAST;
    memcpy(t->op.p, (int64_t[]){RK_CONV_Y, N, C, H, W, K, 3, 3, 1, 1, 1, 1, H, W},
           14 * sizeof(int64_t));
    rk_sample_in(t, RK_F32, 4, (int64_t[]){N, C, H, W}, 0);
    rk_sample_in(t, RK_F32, 4, (int64_t[]){K, C, 3, 3}, 0);
    rk_sample_in(t, RK_F32, 4, (int64_t[]){N, K, H, W}, 1 | 4 | 8);
    rk_sample_out(t, RK_F32, 4, (int64_t[]){N, K, H, W});
    rk_sample_out(t, RK_U32, 4, (int64_t[]){N, K, H, W});
    uint16_t zero = rk_sample_immf(t, 0.0f), by = rk_sample_immf(t, factor);
    uint16_t sum = rk_sample_ins(t, RK_I_FADD, RK_R_IN, RK_R_IN + 1, 0);
    uint16_t relu = rk_sample_ins(t, RK_I_FMAX, sum, zero, 0);
    uint16_t mask = rk_sample_ins(t, RK_I_FLT, zero, sum, 0);
    rk_sample_store(t, 0, rk_sample_ins(t, RK_I_FMUL, relu, by, 0));
    rk_sample_store(t, 1, mask);
}

/* The verdict on a kernel whose program has another factor than the op that it is tried for. */
static void verdict(devices *d, float factor, int is_right)
{
    rk_sample asked, other;
    rk_tune_trial t;
    rk_error e = rk_error_new();
    char wrong[160];
    describe(&asked, OUT, 3.0f);
    describe(&other, OUT, factor);
    const rk_op op = rk_sample_op(&asked), made = rk_sample_op(&other);
    if (rk_tune_trial_open(&t, &d->own, &d->reference, &op, false, 1, &e) != RK_OK)
        fail_msg("%s", e.text);
    rk_tune_trial_kernel k;
    t.op = &made;
    assert_int_equal(rk_tune_trial_prepare(&t, NULL, &k, &e), RK_OK);
    t.op = &op;
    assert_int_equal(rk_tune_trial_check(&t, &k, wrong, &e), RK_OK);
    print_message("%s, factor %g: %s\n", k.info.impl, (double)factor, wrong[0] ? wrong : "right");
    if (strncmp(k.info.impl, "conv chains", 11) != 0) /* no vectors, no Winograd */
        assert_int_equal(k.info.tier, RK_TIER_FAST);
    assert_int_equal(!wrong[0], is_right);
    rk_open_release(&d->own, k.kernel);
    rk_tune_trial_close(&t);
}

static void test_a_right_kernel(void **state) { verdict(*state, 3.0f, 1); }
static void test_a_wrong_program(void **state) { verdict(*state, 3.01f, 0); }
static void test_a_wrong_sign(void **state) { verdict(*state, -3.0f, 0); }

static rk_status full(rk_device *d, uint64_t bytes, rk_mem **out, rk_error *e)
{
    (void)d, (void)bytes, (void)out, (void)e;
    return RK_E_NOMEM;
}

/* A kernel whose workspace does not fit is left out, and the others keep theirs. */
static void test_a_workspace_that_does_not_fit(void **state)
{
    devices *d = *state;
    rk_sample asked, more;
    rk_tune_trial t;
    rk_tune_trial_kernel k, larger;
    rk_error e = rk_error_new();
    char wrong[160];
    describe(&asked, OUT, 3.0f);
    describe(&more, 40 * OUT, 3.0f);
    const rk_op op = rk_sample_op(&asked), wide = rk_sample_op(&more);
    rk_backend limited = *d->own.table;
    const rk_backend *table = d->own.table;
    assert_int_equal(rk_tune_trial_open(&t, &d->own, &d->reference, &op, false, 1, &e) == RK_OK &&
                         rk_tune_trial_prepare(&t, NULL, &k, &e) == RK_OK,
                     1);
    if (k.info.workspace) {
        limited.mem_alloc = full;
        d->own.table = &limited;
        t.op = &wide;
        assert_int_equal(rk_tune_trial_prepare(&t, NULL, &larger, &e), RK_E_NOMEM);
        t.op = &op;
        d->own.table = table;
    }
    assert_int_equal(rk_tune_trial_check(&t, &k, wrong, &e), RK_OK);
    assert_string_equal(wrong, "");
    rk_open_release(&d->own, k.kernel);
    rk_tune_trial_close(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_right_kernel), cmocka_unit_test(test_a_wrong_program),
        cmocka_unit_test(test_a_wrong_sign), cmocka_unit_test(test_a_workspace_that_does_not_fit)};
    if (argc < 2) return 2;
    path = argv[1];
    return cmocka_run_group_tests(tests, setup, teardown);
}
