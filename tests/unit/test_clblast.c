/* Sets of CLBlast's parameters, with fake_clblast.c in its place.
 * test_clblast OPENCL_BACKEND LOG MODE; MODE as FAKE_CLBLAST, or "turns". */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "check/sample.h"

#define WITH_K "Xgemm MWG=64 from 0\n"
#define DIRECT "XgemmDirect WGD=32 from 1\n"

enum { M = 24, N = 20, K = 30 };
static const char *backend, *log_path;

typedef struct product {
    rk_bed *bed;
    rk_kernel *kernel;
    rk_arg arg[3];
    char impl[64];
} product;

static void open_bed(rk_bed *b, const char *variant)
{
    static const char *options[2];
    rk_error e = {.size = sizeof e};
    options[0] = variant;
    memset(b, 0, sizeof *b);
    if (rk_bed_open(b, backend, 0, options, &e) != RK_OK) fail_msg("%s", e.text);
}

static void describe(rk_sample *t)
{
    rk_sample_begin(t, RK_MATMUL);
    t->op.flags = RK_OP_FAST;
    rk_sample_in(t, RK_F32, 2, (int64_t[]){M, K}, 0);
    rk_sample_in(t, RK_F32, 2, (int64_t[]){K, N}, 0);
    rk_sample_out(t, RK_F32, 3, (int64_t[]){1, M, N});
    memcpy(t->op.p, (int64_t[]){1, M, N, K, 0, 0, 0, 0}, 8 * sizeof(int64_t));
}

static rk_status prepare(rk_bed *b, const char *choice, product *x, rk_error *e)
{
    rk_sample t;
    rk_kinfo info = {.size = sizeof info};
    describe(&t);
    const rk_op op = rk_sample_op(&t);
    *x = (product){.bed = b};
    rk_status s = b->backend->prepare_choice(b->device, &op, choice, &x->kernel, &info, e);
    for (int i = 0; s == RK_OK && i < 3; i++)
        s = b->backend->mem_alloc(b->device, 4 * M * K, &x->arg[i].mem, e);
    memcpy(x->impl, info.impl, sizeof x->impl);
    return s;
}

/* Launches it; the result must be right. */
static void multiply(const product *x)
{
    const rk_backend *b = x->bed->backend;
    rk_device *d = x->bed->device;
    rk_error e = {.size = sizeof e};
    float a[M * K], w[K * N], y[M * N];
    for (int i = 0; i < M * K; i++) a[i] = (float)(i % 13) - 6.0f;
    for (int i = 0; i < K * N; i++) w[i] = (float)(i % 7) - 3.0f;
    assert_int_equal(b->write(d, x->arg[0].mem, 0, a, sizeof a, &e), RK_OK);
    assert_int_equal(b->write(d, x->arg[1].mem, 0, w, sizeof w, &e), RK_OK);
    assert_int_equal(b->launch(d, x->kernel, x->arg, 3, &e), RK_OK);
    assert_int_equal(b->read(d, x->arg[2].mem, 0, y, sizeof y, &e), RK_OK);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            float want = 0;
            for (int k = 0; k < K; k++) want += a[i * K + k] * w[k * N + j];
            assert_true(y[i * N + j] == want);
        }
}

/* Name number i of those of sets. */
static void set_name(const rk_bed *b, int i, char name[64])
{
    rk_sample t;
    rk_error e = {.size = sizeof e};
    describe(&t);
    const rk_op op = rk_sample_op(&t);
    uint32_t n = 2;
    for (uint32_t k = 0; k < n; k++) {
        assert_int_equal(b->backend->choices(b->device, &op, k, name, &n, &e), RK_OK);
        if (strncmp(name, "clblast ", 8) == 0 && i-- == 0) return;
    }
    fail_msg("there are not so many sets");
}

/* Each launch finds its own set current, whatever was launched before, on any device. */
static void test_turns(void **state)
{
    static const char want[] = WITH_K DIRECT WITH_K DIRECT WITH_K;
    rk_bed one, two;
    product first, second, third;
    char name[64], got[512] = "";
    rk_error e = {.size = sizeof e};
    (void)state;
    open_bed(&one, "variant=cpu");
    open_bed(&two, "variant=cpu");
    set_name(&one, 0, name);
    if (prepare(&one, name, &first, &e) != RK_OK) fail_msg("%s", e.text);
    assert_memory_equal(first.impl, name, strlen(name));
    assert_int_equal(prepare(&two, name, &third, &e), RK_OK);
    set_name(&one, 2, name);
    assert_int_equal(prepare(&one, name, &second, &e), RK_OK);
    remove(log_path);
    const product *const order[] = {&first, &second, &third, &second, &first};
    for (int i = 0; i < 5; i++) multiply(order[i]);
    FILE *log = fopen(log_path, "re");
    assert_non_null(log);
    got[fread(got, 1, sizeof got - 1, log)] = 0;
    fclose(log);
    assert_string_equal(got, want);
    assert_int_equal(rk_bed_close(&two), 0);
    assert_int_equal(rk_bed_close(&one), 0);
}

/* The set is refused, and why says so; closes the bed. */
static void check_refused(rk_bed *b, int set, const char *why)
{
    product x;
    char name[64];
    rk_error e = {.size = sizeof e};
    set_name(b, set, name);
    assert_int_equal(prepare(b, name, &x, &e), RK_E_UNSUPPORTED);
    assert_non_null(strstr(e.text, why));
    assert_int_equal(rk_bed_close(b), 0);
}

static void test_refuses(void **state)
{
    rk_bed b;
    (void)state;
    open_bed(&b, "variant=cpu");
    check_refused(&b, 0, "CLBlast 1.9.9 does not take these parameters (-2044)");
}

static void test_mixes(void **state)
{
    rk_bed b;
    product x;
    char name[64];
    rk_error e = {.size = sizeof e};
    (void)state;
    open_bed(&b, "variant=cpu");
    set_name(&b, 0, name);
    assert_int_equal(prepare(&b, name, &x, &e), RK_OK);
    check_refused(&b, 2, "mixes sets");
}

/* A rapid search tries eight choices: on a GPU three of them are sets. */
static void test_order(void **state)
{
    rk_bed b;
    char name[64];
    uint32_t n;
    rk_sample t;
    rk_error e = {.size = sizeof e};
    (void)state;
    describe(&t);
    const rk_op op = rk_sample_op(&t);
    open_bed(&b, "variant=gpu");
    for (uint32_t i = 2; i < 6; i++) {
        assert_int_equal(b.backend->choices(b.device, &op, i, name, &n, &e), RK_OK);
        assert_int_equal(strncmp(name, "clblast ", 8) == 0, i < 5);
    }
    set_name(&b, 6, name);
    assert_int_equal(rk_bed_close(&b), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest turns[] = {cmocka_unit_test(test_turns), cmocka_unit_test(test_order)},
                            refuses[] = {cmocka_unit_test(test_refuses)},
                            mixes[] = {cmocka_unit_test(test_mixes)};
    if (argc < 4) return 2;
    backend = argv[1];
    log_path = argv[2];
    if (strcmp(argv[3], "refuses") == 0) return cmocka_run_group_tests(refuses, NULL, NULL);
    if (strcmp(argv[3], "mixes") == 0) return cmocka_run_group_tests(mixes, NULL, NULL);
    return cmocka_run_group_tests(turns, NULL, NULL);
}
