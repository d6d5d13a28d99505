/* The list of operations: what is in it, what they are called, what is left of them when they are
 * made smaller. */
#include "bench_sink.h"
#include <malloc.h>
#include <string.h>
#include "base/error.h"
#include "bench/errors.h"
#include "bench/oplist.h"

static bench_values b;

static void make_list(rk_oplist *l)
{
    rk_error e = rk_error_new();
    if (rk_oplist_make(4, RK_BENCH_QUICK, l, &e) != RK_OK) fail_msg("%s", e.text);
}

static void test_list(void **state)
{
    static const char *const sorts[] = {"matmul", "conv y",     "conv dx",    "conv dw", "ewise",
                                        "copy",   "reduce sum", "window put", "rng"};
    rk_oplist l;
    double shares = 0;
    (void)state;
    make_list(&l);
    assert_true(l.n > 100);
    for (uint32_t i = 0; i < l.n; i++) {
        const rk_sample *t = &l.op[i]->op;
        shares += l.op[i]->share;
        assert_true(l.op[i]->bytes > 0);
        assert_true((l.op[i]->flop > 0) == (t->op.kind == RK_MATMUL || t->op.kind == RK_CONV));
        if (t->op.kind == RK_MATMUL || t->op.kind == RK_CONV) {
            assert_int_equal(t->op.n_code, 0);
            assert_int_equal(t->out[0].dtype, RK_F32);
        }
        for (uint32_t j = 0; j < i; j++)
            if (!strcmp(l.op[i]->subject, l.op[j]->subject))
                fail_msg("two ops are '%s'", l.op[i]->subject);
    }
    /* The work of each model is shared out whole, but for steps that are too long. */
    assert_true(shares > 6 && shares < 12.0001);
    for (size_t k = 0; k < sizeof sorts / sizeof *sorts; k++) {
        uint32_t at = 0;
        while (at < l.n && strcmp(rk_op_sort(&l.op[at]->op), sorts[k]) != 0) at++;
        if (at >= 20) fail_msg("%s is not among the first", sorts[k]);
        assert_int_equal(l.op[at]->rank, 0);
    }
    rk_oplist_free(&l);
}

/* What a subject leaves out makes another one all the same; the first keeps the name it had. */
static void test_subjects(void **state)
{
    static const struct {
        uint32_t kind;
        int64_t p[14];
        int place; /* of what a subject does not say */
    } ops[] = {{RK_CONV, {RK_CONV_Y, 2, 3, 8, 8, 5, 3, 3, 1, 1, 0, 0, 6, 6}, 12},
               {RK_WINDOW, {RK_WINDOW_SUM, 3, 8, 8, 2, 2, 2, 2, 0, 0, 4, 4}, 11},
               {RK_MATMUL, {2, 4, 5, 6, 0, 0, 24, 30}, 6},
               {RK_TAKE, {9, 4, 3}, -1}};
    rk_error e = rk_error_new();
    rk_oplist l = {0};
    (void)state;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        rk_sample t;
        char usual[128];
        const int64_t dim = 12;
        rk_sample_begin(&t, ops[i].kind);
        memcpy(t.op.p, ops[i].p, sizeof ops[i].p);
        rk_sample_in(&t, RK_F32, 1, &dim, 0);
        rk_sample_out(&t, RK_F32, 1, &dim);
        rk_op_subject(&t, usual, sizeof usual);
        assert_int_equal(rk_oplist_add(&l, &t, 0, &e), RK_OK);
        assert_int_equal(rk_oplist_add(&l, &t, 0, &e), RK_OK); /* the same one */
        if (ops[i].place >= 0) t.op.p[ops[i].place]--;
        if (ops[i].place < 0) t.in[0].dtype = t.out[0].dtype = RK_U8;
        assert_int_equal(rk_oplist_add(&l, &t, 0, &e), RK_OK);
        assert_int_equal(l.n, 2 * i + 2);
        assert_string_equal(l.op[2 * i]->subject, usual);
        assert_memory_equal(l.op[2 * i + 1]->subject, usual, strlen(usual));
        assert_string_not_equal(l.op[2 * i + 1]->subject, usual);
    }
    rk_oplist_free(&l);
}

/* The same in every process, whatever is in memory that nobody has written. */
static void test_same_list(void **state)
{
    rk_oplist first, other;
    (void)state;
    mallopt(M_PERTURB, 0x11);
    make_list(&first);
    mallopt(M_PERTURB, 0xC3);
    make_list(&other);
    mallopt(M_PERTURB, 0);
    assert_int_equal(first.n, other.n);
    for (uint32_t i = 0; i < first.n; i++) {
        assert_string_equal(first.op[i]->subject, other.op[i]->subject);
        assert_memory_equal(&first.op[i]->op, &other.op[i]->op, sizeof(rk_sample));
    }
    rk_oplist_free(&first);
    rk_oplist_free(&other);
}

static double terms_of(const rk_sample *t)
{
    const int64_t *p = t->op.p;
    double n = (double)rk_tensor_count(&t->out[0]);
    if (t->op.kind == RK_MATMUL) return n * (double)p[3];
    if (t->op.kind == RK_REDUCE) return n * (double)p[2];
    if (t->op.kind == RK_WINDOW) return (double)(p[1] * p[10] * p[11] * p[4] * p[5]);
    if (t->op.kind == RK_CONV)
        return (double)(p[1] * p[2] * p[5]) * (double)(p[6] * p[7] * p[12] * p[13]);
    return n;
}

/* Sums are as long as they were, over the same taps. */
static void check_sums(const rk_sample *t, const rk_sample *whole)
{
    static const int kept[3] = {2, 5, 1}; /* channels, outputs, images */
    const int64_t *p = t->op.p, *q = whole->op.p;
    if (t->op.kind == RK_MATMUL) assert_true(p[3] == q[3]);
    if (t->op.kind == RK_REDUCE) assert_true(p[2] == q[2]);
    if (t->op.kind != RK_CONV) return;
    assert_true(p[kept[q[0]]] == q[kept[q[0]]]);
    for (int i = 6; i < 14; i++) assert_true(p[i] == q[i]);
}

/* What is shrunk is an op that a device takes, as long in its sums, and right. */
static void test_shrink(void **state)
{
    enum { MOST = 20000, EACH = 9 };
    rk_oplist l;
    rk_open d;
    uint32_t device, tried = 0;
    rk_error e = rk_error_new();
    (void)state;
    bench_open(&b, NULL, "cpu");
    make_list(&l);
    assert_int_equal(rk_hub_find(b.hub, "cpu", &device, &e), RK_OK);
    assert_int_equal(rk_open_device(b.hub, device, &d, &e), RK_OK);
    for (uint32_t i = 0; i < l.n; i += i < 40 ? 1 : EACH) {
        rk_sample t;
        rk_errors x;
        if (!rk_op_shrink(&l.op[i]->op, MOST, &t)) continue;
        if (rk_errors_of(&d, &t, true, 3, &x, &e) != RK_OK)
            fail_msg("%s: %s", l.op[i]->subject, e.text);
        if (!x.right) fail_msg("%s: %s", l.op[i]->subject, x.where);
        assert_true(x.most < 10);
        assert_true(x.mean <= x.most);
        const rk_sample *whole = &l.op[i]->op;
        assert_true(terms_of(&t) <= terms_of(whole));
        check_sums(&t, whole);
        tried++;
    }
    assert_true(tried > 30);
    rk_open_close(&d);
    rk_oplist_free(&l);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list), cmocka_unit_test(test_same_list),
        cmocka_unit_test(test_subjects), cmocka_unit_test(test_shrink)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
