/* Graphs: nodes, sharing, names, scopes, errors, reading. */
#include "graph/builder.h"
#include "graph/storage.h"
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <cmocka.h>

static const rk_init zero_init = {RK_INIT_ZERO, 0};

static int make(void **state)
{
    *state = rk_graph_new();
    return *state ? 0 : -1;
}

static int drop(void **state)
{
    rk_graph_free(*state);
    return 0;
}

static void check_ok(const rk_graph *g)
{
    rk_error e;
    if (rk_graph_check(g, &e) != RK_OK) fail_msg("%s", e.text);
}

/* The graph's error contains all of the words. */
static void check_error(const rk_graph *g, const char *const *words)
{
    rk_error e = {0};
    assert_int_equal(rk_graph_check(g, &e), RK_E_INVALID);
    assert_int_equal(e.code, RK_E_INVALID);
    for (; *words; words++)
        if (!strstr(e.text, *words)) fail_msg("no \"%s\" in \"%s\"", *words, e.text);
}

#define ERROR(g, ...) check_error((g), (const char *const[]){__VA_ARGS__, NULL})

/* Names are those of ops.def in lower case. */
static void test_names_of_ops(void **state)
{
    (void)state;
    static const char *const capitals[] = {
        "NONE",
#define X(name, operands, class) #name,
#include "graph/ops.def"
#undef X
    };
    for (rk_opcode op = 0; op < RK_OP_COUNT; op++) {
        const rk_opinfo *i = rk_op_info(op);
        assert_int_equal(strlen(i->name), strlen(capitals[op]));
        for (size_t k = 0; i->name[k]; k++)
            assert_int_equal(i->name[k], tolower((unsigned char)capitals[op][k]));
    }
    assert_int_equal(rk_op_info(RK_OP_WHERE)->operands, 3);
    assert_int_equal(rk_op_info(RK_OP_CONCAT)->operands, -1);
    assert_int_equal(rk_op_info(RK_OP_ASSIGN)->class, RK_CLASS_EFFECT);
    assert_string_equal(rk_op_info(RK_OP_COUNT)->name, "none");
}

static void test_sharing(void **state)
{
    rk_graph *g = *state;
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(2, 3), "x"), y = rk_exp(g, x);
    uint32_t count = rk_graph_count(g);
    assert_int_equal(rk_exp(g, x), y);
    assert_int_equal(rk_input(g, RK_F32, RK_SHAPE(2, 3), "x"), x);
    assert_int_equal(rk_graph_count(g), count);
    assert_int_not_equal(rk_log(g, x), y);
    assert_int_not_equal(rk_reduce_sum(g, x, 0, 1), rk_reduce_sum(g, x, 1, 1));
    assert_int_not_equal(rk_slice(g, x, (int64_t[]){0, 0}, RK_SHAPE(1, 2)),
                         rk_slice(g, x, (int64_t[]){1, 0}, RK_SHAPE(1, 2)));
    assert_int_not_equal(rk_reshape(g, x, RK_SHAPE(6)), rk_reshape(g, x, RK_SHAPE(3, 2)));
    assert_int_not_equal(rk_const_f(g, 0.0f), rk_const_f(g, -0.0f));
    assert_int_not_equal(rk_const_f(g, 0.0f), rk_const_u(g, 0));
    assert_int_not_equal(rk_sub(g, x, y), rk_sub(g, y, x));
    assert_int_equal(rk_const_f(g, 2), rk_const_f(g, 2));
    check_ok(g);
}

/* Enough nodes that every table grows several times; all stay shared and keep their parts. */
static void test_growth(void **state)
{
    enum { N = 5000 };
    rk_graph *g = *state;
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(4), "x"), first = rk_exp(g, x), all[N];
    rk_node view = rk_graph_node(g, first);
    for (uint32_t i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof name, "state %u", i);
        all[i] = rk_state(g, RK_F32, RK_SHAPE(4), name);
    }
    for (uint32_t i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof name, "state %u", i);
        assert_string_equal(rk_name_of(g, all[i]), name);
        assert_int_equal(rk_state(g, RK_F32, RK_SHAPE(4), name), all[i]);
        assert_int_equal(rk_graph_find(g, name), all[i]);
    }
    assert_int_equal(rk_exp(g, x), first);
    assert_int_equal(view.in[0], x);
    rk_value sum = rk_concat(g, all, N, 0); /* more operands than a chunk holds */
    assert_int_equal(rk_graph_node(g, sum).n_in, N);
    assert_int_equal(rk_concat(g, all, N, 0), sum);
    assert_int_equal(rk_graph_find(g, "no such state"), 0);
    check_ok(g);
}

static void test_named(void **state)
{
    rk_graph *g = *state;
    rk_init he = rk_init_he(2);
    rk_value p = rk_param(g, RK_SHAPE(2), he, "p"), s = rk_state(g, RK_U32, RK_SHAPE(3), "s");
    assert_int_equal(rk_state(g, RK_F32, RK_SHAPE(2), "p"), p); /* reads a parameter */
    assert_int_equal(rk_param(g, RK_SHAPE(2), he, "p"), p);
    assert_int_equal(rk_state(g, RK_U32, RK_SHAPE(3), "s"), s);
    assert_string_equal(rk_name_of(g, rk_exp(g, p)), "");
    assert_true(rk_graph_node(g, p).trained && !rk_graph_node(g, s).trained);
    check_ok(g);
    assert_int_equal(rk_state(g, RK_U32, RK_SHAPE(4), "s"), 0);
    ERROR(g, "state", "'s'", "u32[3]", "u32[4]");
}

static void test_name_clashes(void **state)
{
    rk_graph *g = *state;
    rk_value s = rk_state(g, RK_F32, RK_SHAPE(2), "s");
    assert_int_equal(rk_param(g, RK_SHAPE(2), zero_init, "s"), 0);
    ERROR(g, "param", "'s'", "not trained");
    assert_int_equal(rk_input(g, RK_F32, RK_SHAPE(2), "s"), 0);
    assert_int_equal(rk_state(g, RK_U32, RK_SHAPE(2), "s"), 0);
    assert_int_equal(rk_state(g, RK_F32, RK_SHAPE(2), "s"), s);
    rk_value p = rk_param(g, RK_SHAPE(2), zero_init, "p");
    assert_int_equal(rk_param(g, RK_SHAPE(2), rk_init_he(1), "p"), 0);
    assert_int_equal(rk_param(g, RK_SHAPE(2), zero_init, "p"), p);
    rk_rng(g, RK_SHAPE(2), "r");
    assert_int_equal(rk_input(g, RK_U32, RK_SHAPE(2), "rng/key"), 0);
}

static void test_scopes(void **state)
{
    rk_graph *g = *state;
    rk_scope_push(g, "a");
    rk_scope_push(g, "b/c");
    rk_value p = rk_param(g, RK_SHAPE(1), zero_init, "w"), r = rk_rng(g, RK_SHAPE(2), "r");
    rk_value i = rk_input(g, RK_F32, RK_SHAPE(1), "input");
    rk_scope_pop(g);
    rk_value s = rk_state(g, RK_F32, RK_SHAPE(1), "s");
    rk_scope_pop(g);
    rk_value t = rk_state(g, RK_F32, RK_SHAPE(1), "s");
    check_ok(g);
    assert_string_equal(rk_name_of(g, p), "a/b/c/w");
    assert_string_equal(rk_name_of(g, s), "a/s");
    assert_string_equal(rk_name_of(g, t), "s");
    assert_string_equal(rk_name_of(g, i), "input"); /* inputs belong to the caller */
    assert_string_equal(rk_name_of(g, r), "");
    rk_node n = rk_graph_node(g, r);
    assert_string_equal(n.name, "a/b/c/r");
    assert_int_equal(n.attr[0], (uint32_t)XXH3_64bits("a/b/c/r", 7));
    assert_string_equal(rk_name_of(g, n.in[0]), "rng/key");
    assert_int_equal(rk_dtype_of(g, n.in[0]), RK_U32);
    assert_int_equal(rk_dim(g, n.in[0], 0), 3);
    rk_scope_pop(g);
    ERROR(g, "scope", "popped");
}

/* Same stream, same words: sharing goes by name and shape. */
static void test_streams(void **state)
{
    rk_graph *g = *state;
    rk_value a = rk_rng(g, RK_SHAPE(4), "a");
    assert_int_equal(rk_rng(g, RK_SHAPE(4), "a"), a);
    assert_int_not_equal(rk_rng(g, RK_SHAPE(4), "b"), a);
    assert_int_not_equal(rk_rng(g, RK_SHAPE(2, 2), "a"), a);
    check_ok(g);
}

static void test_sticky(void **state)
{
    rk_graph *g = *state;
    rk_scope_push(g, "block");
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(2, 3), "x"), y = rk_matmul(g, x, x, false, false);
    assert_int_equal(y, 0);
    assert_int_equal(rk_relu(g, y), 0);
    assert_int_equal(rk_dense(g, y, 3, zero_init, zero_init, "fc"), 0);
    assert_int_equal(rk_add(g, x, rk_cast(g, x, RK_U32)), 0);
    assert_int_equal(rk_graph_fail(g, "another %d", 5), 0);
    rk_assign(g, y, x);
    rk_value d[1] = {7};
    rk_grad(g, y, &x, 1, d);
    assert_int_equal(d[0], 0);
    ERROR(g, "matmul", "f32[2, 3] x f32[2, 3]", "inner", "block/");
    assert_int_equal(rk_graph_check(g, NULL), RK_E_INVALID);
    assert_int_not_equal(rk_exp(g, x), 0); /* what is right is still built */
}

static void test_fail(void **state)
{
    rk_graph *g = *state;
    assert_int_equal(rk_graph_fail(g, "layer '%s' wants %d", "mine", 3), 0);
    ERROR(g, "layer 'mine' wants 3");
}

/* A 0 that no failed builder returned is a mistake, too. */
static void test_no_value(void **state)
{
    rk_graph *g = *state;
    assert_int_equal(rk_exp(g, 0), 0);
    ERROR(g, "exp", "no value");
}

static void test_long_error(void **state)
{
    rk_graph *g = *state;
    char name[1000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    rk_state(g, RK_F32, RK_SHAPE(1), name);
    rk_state(g, RK_F32, RK_SHAPE(2), name);
    ERROR(g, "state", "nnnn");
}

static void test_assign(void **state)
{
    rk_graph *g = *state;
    rk_value s = rk_state(g, RK_F32, RK_SHAPE(2), "s"), x = rk_input(g, RK_F32, RK_SHAPE(2), "x");
    rk_assign(g, s, x);
    check_ok(g);
    uint32_t last = rk_graph_count(g) - 1;
    assert_int_equal(rk_graph_node(g, last).op, RK_OP_ASSIGN);
    rk_node n = rk_graph_node(g, last);
    assert_int_equal(rk_graph_append(g, &n), last + 1); /* effects are not shared */
    assert_int_equal(rk_exp(g, last), 0);
    ERROR(g, "exp", "assign");
}

static void test_assign_twice(void **state)
{
    rk_graph *g = *state;
    rk_value s = rk_state(g, RK_F32, RK_SHAPE(2), "s"), x = rk_input(g, RK_F32, RK_SHAPE(2), "x");
    rk_assign(g, s, x);
    rk_assign(g, s, x); /* even of the same value: an assign is never shared */
    ERROR(g, "assign", "'s'", "twice");
}

static void test_mark(void **state)
{
    rk_graph *g = *state;
    rk_value s = rk_state(g, RK_F32, RK_SHAPE(2), "s"), x = rk_input(g, RK_F32, RK_SHAPE(2), "x");
    rk_value a = rk_exp(g, s), b = rk_exp(g, x), c = rk_log(g, b), d = rk_sin(g, b);
    rk_assign(g, s, a);
    bool live[16];
    assert_true(rk_graph_count(g) <= 16);
    rk_graph_mark(g, (rk_value[]){c, 0, 1000}, 3, live);
    assert_true(live[s] && live[x] && live[a] && live[b] && live[c] && live[d + 1]);
    assert_false(live[d] || live[0]);
    rk_graph_mark(g, NULL, 0, live);
    assert_true(live[s] && live[a] && live[d + 1] && !live[x] && !live[b] && !live[c]);
}

static void test_dump(void **state)
{
    static const char want[] = "%1 = state : f32[3, 1] 'w' trained\n"
                               "%2 = input : f32[2, 3] 'x'\n"
                               "%3 = matmul %1 %2 {1,1} : f32[1, 2]\n"
                               "%4 = const {1073741824} : f32[]\n"
                               "%5 = state : u32[3] 'rng/key'\n"
                               "%6 = rng %5 {3031370549} : u32[3, 1] 'r'\n"
                               "%7 = cast %6 : f32[3, 1]\n"
                               "%8 = assign %1 %7 : f32[3, 1]\n";
    rk_graph *g = *state;
    rk_value w = rk_param(g, RK_SHAPE(3, 1), zero_init, "w");
    rk_matmul(g, w, rk_input(g, RK_F32, RK_SHAPE(2, 3), "x"), true, true);
    rk_const_f(g, 2);
    rk_assign(g, w, rk_cast(g, rk_rng(g, RK_SHAPE(3, 1), "r"), RK_F32));
    check_ok(g);
    char all[1000], some[8];
    size_t n = rk_graph_dump(g, all, sizeof all);
    assert_string_equal(all, want);
    assert_int_equal(n, strlen(all));
    assert_int_equal(rk_graph_dump(g, some, sizeof some), n);
    assert_string_equal(some, "%1 = st");
    assert_int_equal(rk_graph_dump(g, NULL, 0), n);
}

/* Layers and derivatives number their nodes alike whatever compiler made them: the text of this
 * graph has one digest.  It changes when a layer or a rule does, but for all compilers alike. */
static void test_same_everywhere(void **state)
{
    rk_graph *g = *state;
    rk_window pool = {2, 2, 2, 2, 0, 0, 2, 2};
    rk_init he = rk_init_he(3);
    char all[16384];
    rk_graph_set_training(g, true);
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(2, 4, 4), "x");
    rk_value labels = rk_input(g, RK_U32, RK_SHAPE(2), "labels");
    x = rk_wtake(g, x, rk_wargmax(g, x, pool), pool);
    x = rk_relu(g, rk_dense(g, rk_flatten(g, x), 5, he, he, "fc1"));
    x = rk_dropout(g, x, 0.5f, "drop");
    x = rk_div(g, x, rk_reduce_max(g, x, 1, 1));
    x = rk_mul(g, x, rk_rng_normal(g, RK_SHAPE(5), "noise"));
    x = rk_log_softmax(g, rk_dense(g, x, 3, he, he, "fc2"));
    rk_value loss = rk_mean(g, rk_cross_entropy(g, x, labels), 0, 1), param[4], d[4], dd[4];
    assert_int_equal(rk_graph_params(g, param, 4), 4);
    rk_grad(g, loss, param, 4, d);
    rk_grad(g, rk_reduce_sum(g, d[3], 0, 1), param, 4, dd);
    check_ok(g);
    size_t n = rk_graph_dump(g, all, sizeof all);
    assert_true(n < sizeof all);
    assert_true(XXH3_64bits(all, n) == 0x8A4336F0319425FBu);
}

static void test_reading(void **state)
{
    rk_graph *g = *state;
    rk_value x = rk_input(g, RK_U8, RK_SHAPE(2, 3), "x");
    assert_int_equal(rk_dtype_of(g, x), RK_U8);
    assert_int_equal(rk_dim(g, x, 0), 2);
    assert_int_equal(rk_dim(g, x, -1), 3);
    assert_int_equal(rk_dim(g, x, 2), 0);
    assert_int_equal(rk_dim(g, x, -3), 0);
    assert_int_equal(rk_shape_of(g, 0).rank, 0);
    assert_int_equal(rk_dtype_of(g, 0), 0);
    assert_int_equal(rk_graph_node(g, 1000).op, RK_OP_NONE);
    assert_int_equal(rk_shape_size((rk_shape){0}), 1);
    assert_int_equal(rk_shape_size(RK_SHAPE(3, 0)), 0);
    assert_true(rk_shape_size(RK_SHAPE(INT64_MAX, 2)) == INT64_MAX);
    assert_false(rk_graph_training(g));
    rk_graph_set_training(g, true);
    assert_true(rk_graph_training(g));
    rk_graph_free(NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(test_names_of_ops),    TEST(test_sharing),      TEST(test_growth),
        TEST(test_named),           TEST(test_name_clashes), TEST(test_scopes),
        TEST(test_streams),         TEST(test_sticky),       TEST(test_fail),
        TEST(test_no_value),        TEST(test_long_error),   TEST(test_assign),
        TEST(test_assign_twice),    TEST(test_mark),         TEST(test_dump),
        TEST(test_same_everywhere), TEST(test_reading)};
    return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
