/* Shape and type rules: what builders return, what they refuse and with which words, and what they
 * need no operation for. */
#include "graph/builder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A graph with inputs of some shapes, by name: f23 is F32 [2][3], and so on. */
static rk_graph *g;

static rk_value in(uint32_t dtype, rk_shape s)
{
    char name[64] = "";
    snprintf(name, sizeof name, "%u %.50s", dtype, rk_shape_show(s).s);
    return rk_input(g, dtype, s, name);
}

#define F(...) in(RK_F32, RK_SHAPE(__VA_ARGS__))
#define U(...) in(RK_U32, RK_SHAPE(__VA_ARGS__))
#define B(...) in(RK_U8, RK_SHAPE(__VA_ARGS__))
#define I(...) ((const int64_t[]){__VA_ARGS__})
#define A(...) ((const uint32_t[]){__VA_ARGS__})

static int make(void **state)
{
    (void)state;
    g = rk_graph_new();
    return g ? 0 : -1;
}

static int drop(void **state)
{
    (void)state;
    rk_graph_free(g);
    return 0;
}

static void gives(rk_value v, const char *want, int line)
{
    rk_error e;
    if (rk_graph_check(g, &e) != RK_OK) fail_msg("line %d: %s", line, e.text);
    if (strcmp(rk_value_show(g, v).s, want) != 0)
        fail_msg("line %d: %s, not %s", line, rk_value_show(g, v).s, want);
}

#define GIVES(v, want) gives((v), (want), __LINE__)

static void test_elementwise(void **state)
{
    (void)state;
    GIVES(rk_add(g, F(2, 3), F(2, 3)), "f32[2, 3]");
    GIVES(rk_add(g, F(2, 1, 3), F(4, 1)), "f32[2, 4, 3]");
    GIVES(rk_mul(g, U(5), rk_const_u(g, 2)), "u32[5]");
    GIVES(rk_div(g, rk_const_f(g, 2), rk_const_f(g, 3)), "f32[]");
    GIVES(rk_sub(g, F(0, 3), F(3)), "f32[0, 3]");
    GIVES(rk_max(g, F(1, 3), F(0, 1)), "f32[0, 3]");
    GIVES(rk_lt(g, F(2, 3), F(3)), "u8[2, 3]");
    GIVES(rk_eq(g, B(2), B(1)), "u8[2]");
    GIVES(rk_eq(g, U(2), U(2, 1)), "u8[2, 2]");
    GIVES(rk_and(g, B(2), B(2)), "u8[2]");
    GIVES(rk_and(g, U(2), U(3, 2)), "u32[3, 2]");
    GIVES(rk_mulhi(g, U(2), U(1)), "u32[2]");
    GIVES(rk_shr(g, U(2), U(1)), "u32[2]");
    GIVES(rk_where(g, B(3, 1), F(2), F(1)), "f32[3, 2]");
    GIVES(rk_where(g, B(1), U(2), U(3, 2)), "u32[3, 2]");
    GIVES(rk_where(g, B(4, 1), U(1), U(1)), "u32[4, 1]");
    GIVES(rk_not(g, B(3)), "u8[3]");
    GIVES(rk_sqrt(g, F(3)), "f32[3]");
    GIVES(rk_cast(g, B(3), RK_F32), "f32[3]");
    GIVES(rk_cast(g, F(3), RK_U8), "u8[3]");
    GIVES(rk_iota(g, 0), "u32[0]");
    GIVES(rk_iota(g, (int64_t)1 << 32), "u32[4294967296]");
    GIVES(rk_rng_normal(g, RK_SHAPE(1, 2, 3, 1, 1, 2), "z"), "f32[1, 2, 3, 1, 1, 2]");
}

static void test_moves(void **state)
{
    (void)state;
    GIVES(rk_reshape(g, F(2, 3), RK_SHAPE(6)), "f32[6]");
    GIVES(rk_reshape(g, B(0, 3), RK_SHAPE(7, 0)), "u8[7, 0]");
    GIVES(rk_reshape(g, F(1, 1), (rk_shape){0}), "f32[]");
    GIVES(rk_expand(g, F(3, 1), RK_SHAPE(2, 3, 4)), "f32[2, 3, 4]");
    GIVES(rk_expand(g, U(1), RK_SHAPE(0)), "u32[0]");
    GIVES(rk_permute(g, F(2, 3, 4), A(2, 0, 1)), "f32[4, 2, 3]");
    GIVES(rk_slice(g, F(5, 3), I(1, 3), RK_SHAPE(4, 0)), "f32[4, 0]");
    GIVES(rk_pad(g, F(2, 3), I(1, 0), RK_SHAPE(3, 3)), "f32[3, 3]");
    GIVES(rk_concat(g, (rk_value[]){F(2, 3), F(2, 0), F(2, 1)}, 3, 1), "f32[2, 4]");
    GIVES(rk_flatten(g, F(4, 2, 3)), "f32[4, 6]");
    GIVES(rk_flatten(g, F(4)), "f32[4, 1]");
}

static void test_contractions(void **state)
{
    (void)state;
    rk_window w = {2, 3, 1, 2, 0, 1, 4, 3};
    GIVES(rk_reduce_sum(g, F(2, 3, 4), 1, 1), "f32[2, 1, 4]");
    GIVES(rk_reduce_max(g, F(2, 3, 4), 0, 3), "f32[1, 1, 1]");
    GIVES(rk_argmax(g, F(2, 3), 1, 1), "u32[2, 1]");
    GIVES(rk_matmul(g, F(2, 3), F(3, 4), 0, 0), "f32[2, 4]");
    GIVES(rk_matmul(g, F(3, 2), F(4, 3), 1, 1), "f32[2, 4]");
    GIVES(rk_matmul(g, F(5, 3, 2), F(3, 4), 1, 0), "f32[5, 2, 4]");
    GIVES(rk_matmul(g, F(2, 3), F(5, 4, 3), 0, 1), "f32[5, 2, 4]");
    GIVES(rk_matmul(g, F(5, 2, 3), F(5, 3, 4), 0, 0), "f32[5, 2, 4]");
    GIVES(rk_matmul(g, F(2, 0), F(0, 4), 0, 0), "f32[2, 4]");
    GIVES(rk_conv(g, F(2, 3, 5, 6), F(7, 3, 2, 3), w), "f32[2, 7, 4, 3]");
    GIVES(rk_conv_dx(g, F(2, 7, 4, 3), F(7, 3, 2, 3), w, RK_SHAPE(2, 3, 5, 6)), "f32[2, 3, 5, 6]");
    GIVES(rk_conv_dw(g, F(2, 3, 5, 6), F(2, 7, 4, 3), w, RK_SHAPE(7, 3, 2, 3)), "f32[7, 3, 2, 3]");
    GIVES(rk_wsum(g, F(5, 6), w), "f32[4, 3]");
    GIVES(rk_wsum_t(g, F(8, 2, 4, 3), w, RK_SHAPE(8, 2, 5, 6)), "f32[8, 2, 5, 6]");
    GIVES(rk_wargmax(g, F(8, 5, 6), w), "u32[8, 4, 3]");
    GIVES(rk_wtake(g, F(8, 5, 6), U(8, 4, 3), w), "f32[8, 4, 3]");
    GIVES(rk_wput(g, F(8, 4, 3), U(8, 4, 3), w, RK_SHAPE(8, 5, 6)), "f32[8, 5, 6]");
    GIVES(rk_take(g, B(9, 2, 2), U(4)), "u8[4, 2, 2]");
    GIVES(rk_put(g, F(4, 2), U(4), 9), "f32[9, 2]");
    GIVES(rk_mean(g, F(4, 2), 0, 1), "f32[1, 2]");
    GIVES(rk_cross_entropy(g, F(4, 3), U(4)), "f32[4]");
    GIVES(rk_log_softmax(g, F(4, 3, 2)), "f32[4, 3, 2]");
}

/* A convolution is found by its filters. */
static void test_conv_of(void **state)
{
    (void)state;
    rk_window w = {2, 3, 1, 2, 0, 1, 4, 3}, found;
    rk_value filters = F(7, 3, 2, 3), others = rk_mul(g, filters, filters), x = F(2, 3, 5, 6);
    rk_shape s;
    rk_conv(g, x, others, w);
    assert_false(rk_conv_of(g, filters, &found, &s));
    rk_conv(g, x, filters, w);
    assert_true(rk_conv_of(g, filters, &found, &s));
    assert_memory_equal(&found, &w, sizeof w);
    assert_int_equal(s.rank, 4);
    assert_memory_equal(s.dim, I(2, 3, 5, 6), 4 * sizeof *s.dim);
}

/* Identities: the value itself, where not one bit could change. */
static void test_identities(void **state)
{
    (void)state;
    rk_value x = F(2, 3), u = U(2, 3), one = rk_const_f(g, 1), zero = rk_const_f(g, 0);
    rk_value minus_zero = rk_const_f(g, -0.0f), y = rk_exp(g, x);
    const rk_value same_x[] = {rk_mul(g, x, one),
                               rk_mul(g, one, x),
                               rk_div(g, x, one),
                               rk_sub(g, x, zero),
                               rk_add(g, x, minus_zero),
                               rk_add(g, minus_zero, x),
                               rk_max(g, x, x),
                               rk_neg(g, rk_neg(g, x)),
                               rk_where(g, B(2, 3), x, x),
                               rk_cast(g, x, RK_F32),
                               rk_expand(g, x, RK_SHAPE(2, 3)),
                               rk_reshape(g, x, RK_SHAPE(2, 3)),
                               rk_reshape(g, rk_reshape(g, x, RK_SHAPE(6)), RK_SHAPE(2, 3)),
                               rk_permute(g, x, A(0, 1)),
                               rk_permute(g, rk_permute(g, x, A(1, 0)), A(1, 0)),
                               rk_slice(g, x, I(0, 0), RK_SHAPE(2, 3)),
                               rk_pad(g, x, I(0, 0), RK_SHAPE(2, 3)),
                               rk_concat(g, &x, 1, 0),
                               rk_mul(g, x, rk_expand(g, one, RK_SHAPE(2, 3))),
                               rk_mul(g, x, rk_reshape(g, one, RK_SHAPE(1, 1)))};
    for (size_t i = 0; i < sizeof same_x / sizeof *same_x; i++) assert_int_equal(same_x[i], x);
    const rk_value same_u[] = {rk_add(g, u, rk_const_u(g, 0)),
                               rk_add(g, rk_const_u(g, 0), u),
                               rk_sub(g, u, rk_const_u(g, 0)),
                               rk_mul(g, u, rk_const_u(g, 1)),
                               rk_shr(g, u, rk_const_u(g, 0)),
                               rk_and(g, u, u),
                               rk_and(g, u, rk_const_u(g, 0xFFFFFFFFu)),
                               rk_max(g, u, rk_const_u(g, 0)),
                               rk_stop(g, u)};
    for (size_t i = 0; i < sizeof same_u / sizeof *same_u; i++) assert_int_equal(same_u[i], u);
    assert_int_equal(rk_stop(g, rk_stop(g, y)), rk_stop(g, y));
    assert_int_equal(rk_graph_check(g, NULL), RK_OK);
}

/* What looks like an identity and is none: zeros with signs, NaN, another shape. */
static void test_no_identities(void **state)
{
    (void)state;
    rk_value x = F(2, 3), one = rk_const_f(g, 1), zero = rk_const_f(g, 0), u = U(2, 3);
    const struct {
        rk_value v;
        rk_opcode op;
    } kept[] = {{rk_add(g, x, zero), RK_OP_ADD},
                {rk_sub(g, zero, x), RK_OP_SUB},
                {rk_sub(g, x, rk_const_f(g, -0.0f)), RK_OP_SUB},
                {rk_mul(g, x, zero), RK_OP_MUL},
                {rk_sub(g, x, x), RK_OP_SUB},
                {rk_div(g, x, x), RK_OP_DIV},
                {rk_div(g, one, x), RK_OP_DIV},
                {rk_max(g, x, zero), RK_OP_MAX},
                {rk_eq(g, x, x), RK_OP_EQ},
                {rk_mul(g, F(3), rk_expand(g, one, RK_SHAPE(2, 3))), RK_OP_MUL},
                {rk_sub(g, rk_const_u(g, 0), u), RK_OP_SUB},
                {rk_shr(g, rk_const_u(g, 0), u), RK_OP_SHR},
                {rk_reduce_sum(g, F(1, 3), 0, 1), RK_OP_SUM}};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        assert_int_equal(rk_graph_node(g, kept[i].v).op, kept[i].op);
}

/* Chains of moves are one move from the first operand. */
static void test_chains(void **state)
{
    (void)state;
    rk_value x = F(2, 3, 4);
    rk_node n = rk_graph_node(g, rk_reshape(g, rk_reshape(g, x, RK_SHAPE(24)), RK_SHAPE(4, 6)));
    assert_true(n.op == RK_OP_RESHAPE && n.in[0] == x);
    n = rk_graph_node(g, rk_permute(g, rk_permute(g, x, A(1, 2, 0)), A(1, 0, 2)));
    assert_true(n.op == RK_OP_PERMUTE && n.in[0] == x);
    assert_true(n.attr[0] == 2 && n.attr[1] == 1 && n.attr[2] == 0);
    n = rk_graph_node(g, rk_slice(g, rk_slice(g, x, I(1, 0, 1), RK_SHAPE(1, 3, 3)), I(0, 2, 1),
                                  RK_SHAPE(1, 1, 2)));
    assert_true(n.op == RK_OP_SLICE && n.in[0] == x);
    assert_true(n.attr[0] == 1 && n.attr[1] == 2 && n.attr[2] == 2);
    n = rk_graph_node(g, rk_expand(g, rk_expand(g, F(1, 1), RK_SHAPE(1, 5)), RK_SHAPE(4, 5)));
    assert_true(n.op == RK_OP_EXPAND && n.in[0] == F(1, 1));
    n = rk_graph_node(g, rk_permute(g, F(1, 2, 1, 3), A(1, 0, 3, 2))); /* nothing changes place */
    assert_true(n.op == RK_OP_RESHAPE && n.in[0] == F(1, 2, 1, 3));
    GIVES(rk_permute(g, F(1, 2, 1, 3), A(1, 0, 3, 2)), "f32[2, 1, 3, 1]");
}

/* Each is refused: the value is 0, and the message has these words. */
#define REFUSED(call, ...) refused((call), (const char *const[]){__VA_ARGS__, NULL}, __LINE__)

static void refused(rk_value v, const char *const *words, int line)
{
    rk_error e = {0};
    if (v != 0 || rk_graph_check(g, &e) != RK_E_INVALID) fail_msg("line %d: not refused", line);
    for (; *words; words++)
        if (!strstr(e.text, *words)) fail_msg("line %d: no \"%s\" in \"%s\"", line, *words, e.text);
    rk_graph_free(g);
    g = rk_graph_new();
    assert_non_null(g);
}

static void test_refused_types(void **state)
{
    (void)state;
    REFUSED(rk_exp(g, U(2)), "exp", "u32[2]", "expected f32");
    REFUSED(rk_not(g, F(2)), "not", "f32[2]", "expected u8");
    REFUSED(rk_add(g, B(2), B(2)), "add", "u8[2]", "f32 or u32");
    REFUSED(rk_add(g, F(2), U(2)), "add", "f32[2] and u32[2]", "type");
    REFUSED(rk_div(g, U(2), U(2)), "div", "u32[2]");
    REFUSED(rk_lt(g, B(2), B(2)), "lt", "u8[2]");
    REFUSED(rk_mulhi(g, F(2), F(2)), "mulhi", "expected u32");
    REFUSED(rk_shr(g, B(2), B(2)), "shr", "expected u32");
    REFUSED(rk_and(g, F(2), F(2)), "and", "u32 or u8");
    REFUSED(rk_where(g, U(2), F(2), F(2)), "where", "u32[2]", "expected u8");
    REFUSED(rk_where(g, B(2), F(2), U(2)), "where", "type");
    REFUSED(rk_cast(g, F(2), 2), "cast", "2 is no type");
    REFUSED(rk_input(g, 7, RK_SHAPE(2), "x"), "input", "'x'", "7 is no type");
    REFUSED(rk_reduce_sum(g, U(2), 0, 1), "sum", "u32[2]");
    REFUSED(rk_matmul(g, F(2, 2), U(2, 2), 0, 0), "matmul", "u32[2, 2]");
    REFUSED(rk_take(g, F(2), F(2)), "take", "f32[2]", "u32");
    REFUSED(rk_put(g, U(2), U(2), 1), "put", "u32[2]");
    REFUSED(rk_cross_entropy(g, F(2, 3), F(2)), "cross_entropy", "f32[2]");
}

static void test_refused_shapes(void **state)
{
    (void)state;
    REFUSED(rk_mul(g, F(2, 3), F(2)), "mul", "f32[2, 3] and f32[2]", "broadcast");
    REFUSED(rk_add(g, F(0), F(2)), "add", "broadcast");
    REFUSED(rk_where(g, B(3), F(2), F(1)), "where", "u8[3]", "broadcast");
    REFUSED(rk_where(g, B(1), F(2), F(3)), "where", "broadcast");
    REFUSED(rk_reshape(g, F(2, 3), RK_SHAPE(5)), "reshape", "f32[2, 3]", "[5]");
    REFUSED(rk_reshape(g, F(2, 3), RK_SHAPE(-2, -3)), "reshape", "negative");
    REFUSED(rk_expand(g, F(2), RK_SHAPE(3)), "expand", "f32[2]", "[3]");
    REFUSED(rk_expand(g, F(2, 3), RK_SHAPE(3)), "expand", "[3]");
    REFUSED(rk_expand(g, F(3), RK_SHAPE(1)), "expand", "[1]");
    REFUSED(rk_permute(g, F(2, 3), A(0, 0)), "permute", "f32[2, 3]");
    REFUSED(rk_permute(g, F(2, 3), A(1, 2)), "permute");
    REFUSED(rk_slice(g, F(4), I(2), RK_SHAPE(3)), "slice", "[3] from [2]", "f32[4]");
    REFUSED(rk_slice(g, F(4), I(-1), RK_SHAPE(3)), "slice");
    REFUSED(rk_slice(g, F(4), I(0), RK_SHAPE(3, 1)), "slice");
    REFUSED(rk_slice(g, F(4), I(INT64_MAX), RK_SHAPE(1)), "slice");
    REFUSED(rk_pad(g, F(4), I(1), RK_SHAPE(4)), "pad", "f32[4] at [1]", "[4]");
    REFUSED(rk_concat(g, NULL, 0, 0), "concat", "nothing");
    REFUSED(rk_concat(g, (rk_value[]){F(2, 3), F(3, 3)}, 2, 1), "concat", "f32[3, 3]", "axis 1");
    REFUSED(rk_concat(g, (rk_value[]){F(2), U(2)}, 2, 0), "concat", "u32[2]");
    REFUSED(rk_concat(g, (rk_value[]){F(2), F(2)}, 2, 1), "concat", "axis 1");
    REFUSED(rk_iota(g, -1), "iota", "negative");
    REFUSED(rk_iota(g, ((int64_t)1 << 32) + 1), "iota", "4294967297");
    REFUSED(rk_input(g, RK_F32, rk_shape_make(7, I(1, 1, 1, 1, 1, 1, 1)), "x"), "input", "rank 7");
    REFUSED(rk_input(g, RK_F32, RK_SHAPE(INT64_MAX, 0), "x"), "input", "too many");
    REFUSED(rk_input(g, RK_F32, RK_SHAPE(0, INT64_MAX), "x"), "input", "too many");
    REFUSED(rk_param(g, RK_SHAPE(1), (rk_init){9, 0}, "w"), "param", "'w'", "9");
    REFUSED(rk_input(g, RK_F32, RK_SHAPE(1), ""), "input", "empty");
    REFUSED(rk_state(g, RK_F32, RK_SHAPE(1), NULL), "state", "empty");
    REFUSED(rk_rng(g, RK_SHAPE(1), ""), "rng", "empty");
    REFUSED(rk_rng_normal(g, RK_SHAPE(-1), "z"), "rng_normal", "negative");
    REFUSED((rk_scope_push(g, ""), 0), "scope", "empty");
}

static void test_refused_contractions(void **state)
{
    (void)state;
    rk_window w = {2, 3, 1, 2, 0, 1, 4, 3}, bad = w;
    bad.stride_w = 0;
    REFUSED(rk_reduce_sum(g, F(2, 3), 2, 1), "sum", "f32[2, 3]", "axes 2 to 3");
    REFUSED(rk_reduce_max(g, F(2, 3), 0, 0), "max_over", "axes");
    REFUSED(rk_argmax(g, F(2, 3), 1, 0xFFFFFFFFu), "argmax", "axes");
    REFUSED(rk_matmul(g, F(2, 3), F(2, 3), 0, 0), "f32[2, 3] x f32[2, 3]", "inner");
    REFUSED(rk_matmul(g, F(2, 3), F(2, 3), 1, 1), "f32[2, 3] transposed", "inner");
    REFUSED(rk_matmul(g, F(4, 2, 3), F(5, 3, 2), 0, 0), "matmul", "batch");
    REFUSED(rk_matmul(g, F(3), F(3, 2), 0, 0), "matmul", "rank");
    REFUSED(rk_conv(g, F(2, 3, 5, 6), F(7, 4, 2, 3), w), "conv", "[2, 3, 5, 6]", "[7, 4, 2, 3]");
    REFUSED(rk_conv(g, F(2, 3, 5, 6), F(7, 3, 3, 3), w), "conv", "2 x 3 window");
    REFUSED(rk_conv(g, F(3, 5, 6), F(7, 3, 2, 3), w), "conv", "[3, 5, 6]");
    REFUSED(rk_conv(g, F(2, 3, 5, 6), F(7, 3, 2, 3), bad), "conv", "window");
    REFUSED(rk_conv_dx(g, F(2, 7, 4, 4), F(7, 3, 2, 3), w, RK_SHAPE(2, 3, 5, 6)), "conv_dx");
    REFUSED(rk_conv_dw(g, F(2, 3, 5, 6), F(1, 7, 4, 3), w, RK_SHAPE(7, 3, 2, 3)), "conv_dw");
    REFUSED(rk_wsum(g, F(5), w), "wsum", "f32[5]");
    REFUSED(rk_wargmax(g, F(5, 6), bad), "wargmax", "window");
    REFUSED(rk_wsum_t(g, F(4, 4), w, RK_SHAPE(5, 6)), "wsum_t", "[4, 4]", "4 x 3");
    REFUSED(rk_wtake(g, F(2, 5, 6), U(3, 4, 3), w), "wtake", "[3, 4, 3]");
    REFUSED(rk_wput(g, F(4, 3), U(4, 4), w, RK_SHAPE(5, 6)), "wput", "u32");
    REFUSED(rk_wput(g, F(4, 3), U(4, 3), w, RK_SHAPE(3)), "wput", "[3]");
    REFUSED(rk_take(g, F(5, 2), U(2, 2)), "take", "u32[2, 2]", "rank 1");
    REFUSED(rk_take(g, rk_const_f(g, 1), U(2)), "take", "f32[]");
    REFUSED(rk_put(g, F(5, 2), U(4), 9), "put", "f32[5, 2]", "u32[4]");
    REFUSED(rk_put(g, F(4, 2), U(4), -1), "put", "negative");
    REFUSED((rk_assign(g, F(2), F(2)), 0), "assign", "input");
    REFUSED((rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(3), "s"), F(2)), 0), "assign", "'s'",
            "f32[3]", "f32[2]");
}

static void test_refused_layers(void **state)
{
    (void)state;
    rk_init zero = {RK_INIT_ZERO, 0};
    rk_value d[1] = {1}, x[1] = {F(2)};
    REFUSED(rk_dense(g, F(2, 3, 4), 5, zero, zero, "fc"), "dense", "fc", "f32[2, 3, 4]", "flatten");
    REFUSED(rk_dense(g, F(2, 3), -5, zero, zero, "fc"), "param", "negative", "fc/");
    REFUSED(rk_dropout(g, F(2), 0, "d"), "dropout", "keep is 0");
    REFUSED(rk_dropout(g, F(2), 1.5f, "d"), "dropout", "keep is 1.5");
    REFUSED(rk_flatten(g, rk_const_f(g, 1)), "flatten", "f32[]");
    REFUSED(rk_log_softmax(g, rk_const_f(g, 1)), "log_softmax");
    REFUSED(rk_cross_entropy(g, F(2, 3), U(3)), "cross_entropy", "f32[2, 3]", "u32[3]");
    REFUSED((x[0] = F(2), rk_grad(g, F(2), x, 1, d), d[0]), "grad", "f32[2]", "one element");
    REFUSED((x[0] = U(2), rk_grad(g, F(1), x, 1, d), d[0]), "grad", "u32[2]");
    REFUSED((x[0] = F(2), rk_grad(g, U(1), x, 1, d), d[0]), "grad", "u32[1]");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)
    const struct CMUnitTest tests[] = {TEST(test_elementwise),    TEST(test_moves),
                                       TEST(test_contractions),   TEST(test_conv_of),
                                       TEST(test_identities),     TEST(test_no_identities),
                                       TEST(test_chains),         TEST(test_refused_types),
                                       TEST(test_refused_shapes), TEST(test_refused_contractions),
                                       TEST(test_refused_layers)};
    return cmocka_run_group_tests_name("graph shapes", tests, NULL, NULL);
}
