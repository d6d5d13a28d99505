/* Parts of joined tensors: what convolutions write and read in place, what needs a COPY. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "plan/plan.h"

enum { N = 3, SIDE = 8, ONES = 4, THREES = 5, JOINED = ONES + THREES };

static rk_plan *plan_of(rk_graph *g)
{
    rk_error e = rk_error_new();
    rk_plan_options none = {0};
    rk_plan *plan;
    if (rk_plan_make(g, &none, &plan, &e) != RK_OK) fail_msg("%s", e.text);
    rk_graph_free(g);
    return plan;
}

static rk_value conv(rk_graph *g, rk_value x, int64_t filters, int64_t side, const char *name)
{
    return rk_conv_layer(g, x, filters, rk_window_same(g, x, side, 1), rk_init_he(9), NULL, name);
}

static rk_value input(rk_graph *g) { return rk_input(g, RK_F32, RK_SHAPE(N, 2, SIDE, SIDE), "x"); }

/* Two branches of x. */
static void branches(rk_graph *g, rk_value x, rk_value *out)
{
    out[0] = conv(g, x, ONES, 1, "ones");
    out[1] = conv(g, x, THREES, 3, "threes");
}

/* A step of training of a module as Inception has them, between two convolutions. */
static rk_plan *module(void)
{
    rk_graph *g = rk_graph_new();
    rk_norm norm = {true, true, 1e-3f, 0.9f};
    rk_value branch[2], param[8], grad[8];
    rk_graph_set_training(g, true);
    branches(g, rk_relu(g, conv(g, input(g), 6, 3, "first")), branch);
    rk_value x = rk_relu(g, rk_batch_norm(g, rk_concat(g, branch, 2, 1), norm, "bn"));
    x = conv(g, x, 3, 3, "last");
    uint32_t n = rk_graph_params(g, param, 8);
    rk_grad(g, rk_reduce_sum(g, rk_mul(g, x, x), 0, 4), param, n, grad);
    for (uint32_t i = 0; i < n; i++) rk_assign(g, param[i], rk_sub(g, param[i], grad[i]));
    return plan_of(g);
}

/* Batch norm also copies an element of each plane. */
static uint32_t count(const rk_plan *plan, uint32_t kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->n_step; i++) {
        const rk_op *op = &plan->step[i].op;
        int64_t moved = 1;
        for (int64_t d = 0; kind == RK_COPY && d < op->p[0]; d++) moved *= op->p[1 + 3 * d];
        n += op->kind == kind && (kind != RK_COPY || moved > N * JOINED);
    }
    return n;
}

/* Convolutions of a kind that write or read a part. */
static uint32_t parts(const rk_plan *plan, int64_t which)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->n_step; i++) {
        const rk_op *op = &plan->step[i].op;
        n += rk_part_of(op) != UINT32_MAX && op->p[0] == which;
    }
    return n;
}

/* Both branches of the forward pass, and four convolutions of the backward pass. */
static void no_copies(void **state)
{
    (void)state;
    rk_plan *plan = module();
    assert_int_equal(count(plan, RK_COPY), 0);
    assert_int_equal(parts(plan, RK_CONV_Y), 2);
    assert_int_equal(parts(plan, RK_CONV_DX), 2);
    assert_int_equal(parts(plan, RK_CONV_DW), 2);
    for (uint32_t i = 0; i < plan->n_step; i++) {
        const rk_step *s = &plan->step[i];
        uint32_t j = rk_part_of(&s->op);
        if (j == UINT32_MAX) continue;
        const rk_tensor *t = j < s->op.n_in ? &s->op.in[j] : &s->op.out[0];
        uint32_t buffer = j < s->op.n_in ? s->in[j] : s->out[0];
        bool three = s->op.p[6] == 3;
        assert_int_equal(s->op.p[14], JOINED);
        assert_int_equal(s->op.p[15], three ? ONES : 0);
        assert_int_equal(s->op.p[5], three ? THREES : ONES);
        assert_int_equal(t->dim[1], JOINED);
        assert_int_equal(plan->buffer[buffer].bytes, 4 * N * JOINED * SIDE * SIDE);
        assert_true(rk_part_bytes(&s->op) == 4.0 * N * (three ? THREES : ONES) * SIDE * SIDE);
    }
    rk_plan_free(plan);
}

static bool touches(const rk_step *s, uint32_t buffer)
{
    bool found = s->workspace == buffer;
    for (uint32_t j = 0; j < s->op.n_in; j++) found |= s->in[j] == buffer;
    for (uint32_t j = 0; j < s->op.n_out; j++) found |= s->out[j] == buffer;
    return found;
}

/* From the first step that touches it to the last one nothing else lies in a joined tensor's
 * memory, but for what takes it over at the end. */
static void alone_while_it_lives(void **state)
{
    rk_error e = rk_error_new();
    rk_pack_options pack = {.align = 64};
    (void)state;
    rk_plan *plan = module();
    for (uint32_t i = 0; i < plan->n_step; i++) plan->step[i].alias_ok = UINT32_MAX;
    assert_int_equal(rk_plan_lives(plan, true, &e), RK_OK);
    assert_int_equal(rk_plan_pack(plan, &pack, &e), RK_OK);
    for (uint32_t b = 1; b < plan->n_buffer; b++)
        for (uint32_t c = 1; c < plan->n_buffer; c++) {
            const rk_buffer *x = &plan->buffer[b], *y = &plan->buffer[c];
            if (b == c || x->kind != RK_BUFFER_TEMP || y->kind != RK_BUFFER_TEMP) continue;
            if (x->first == UINT32_MAX || y->first == UINT32_MAX) continue;
            uint64_t at = plan->buffer[x->home].offset, to = plan->buffer[y->home].offset;
            if (at + x->bytes <= to || to + y->bytes <= at) continue;
            uint32_t first = UINT32_MAX, last = 0;
            for (uint32_t i = 0; i < plan->n_step; i++) {
                if (!touches(&plan->step[i], b)) continue;
                if (first == UINT32_MAX) first = i;
                last = i;
            }
            for (uint32_t i = first; i < last; i++)
                if (i > first && touches(&plan->step[i], c))
                    fail_msg("step %u uses %%%u in the memory of %%%u", i, c, b);
        }
    rk_plan_free(plan);
}

/* What must be copied is: another reader of a branch, of a part; a joined state; a constant. */
static void kept_copies(void **state)
{
    (void)state;
    for (int what = 0; what < 6; what++) {
        rk_graph *g = rk_graph_new();
        rk_value x = input(g), branch[2], joined;
        const rk_shape shape = RK_SHAPE(N, JOINED, SIDE, SIDE);
        branches(g, x, branch);
        if (what == 1)
            rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(N, ONES, SIDE, SIDE), "b"), branch[0]);
        if (what == 2) branch[0] = rk_relu(g, branch[0]);
        if (what == 5) { /* made once, where it is joined in every run */
            rk_value c = rk_expand(g, rk_reshape(g, rk_const_f(g, 3), RK_SHAPE(1, 1, 1, 1)),
                                   RK_SHAPE(N, 2, SIDE, SIDE));
            rk_value w = rk_expand(g, rk_reshape(g, rk_const_f(g, 2), RK_SHAPE(1, 1, 1, 1)),
                                   RK_SHAPE(ONES, 2, 1, 1));
            branch[0] = rk_conv(g, c, w, rk_window_same(g, c, 1, 1));
        }
        joined = rk_concat(g, branch, 2, 1);
        if (what == 3) {
            rk_value old = rk_state(g, RK_F32, shape, "j");
            rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(1, 1, 1, 1), "sum"),
                      rk_reduce_sum(g, old, 0, 4));
            rk_assign(g, old, joined);
        }
        if (what == 4) {
            rk_value part =
                rk_slice(g, joined, (int64_t[]){0, ONES, 0, 0}, RK_SHAPE(N, THREES, SIDE, SIDE));
            rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(N, THREES, SIDE, SIDE), "p"), part);
        }
        rk_assign(g, rk_state(g, RK_F32, shape, "all"), rk_mul(g, joined, joined));
        rk_plan *plan = plan_of(g);
        static const uint32_t copies[] = {0, 1, 1, 2, 1, 1}, written[] = {2, 1, 1, 0, 2, 1};
        assert_int_equal(count(plan, RK_COPY), copies[what]);
        assert_int_equal(parts(plan, RK_CONV_Y), written[what]);
        rk_plan_free(plan);
    }
}

/* A state of which a convolution reads a part is not overwritten by that convolution. */
static void own_part(void **state)
{
    (void)state;
    rk_graph *g = rk_graph_new();
    rk_value a = rk_state(g, RK_F32, RK_SHAPE(N, JOINED, SIDE, SIDE), "a");
    rk_value w = rk_input(g, RK_F32, RK_SHAPE(ONES, JOINED, 3, 3), "w");
    rk_value part = rk_slice(g, a, (int64_t[]){0, 1, 0, 0}, RK_SHAPE(N, ONES, SIDE, SIDE));
    rk_assign(g, a, rk_conv_dx(g, part, w, rk_window_same(g, a, 3, 1), rk_shape_of(g, a)));
    rk_plan *plan = plan_of(g);
    assert_int_equal(parts(plan, RK_CONV_DX), 1);
    assert_int_equal(plan->n_step, 2);
    assert_int_not_equal(plan->step[0].out[0], plan->step[0].in[0]);
    assert_int_equal(plan->step[1].op.kind, RK_COPY);
    rk_plan_free(plan);
}

/* Only g may be a part, not x beside it. */
static void part_as_x(void **state)
{
    (void)state;
    rk_graph *g = rk_graph_new();
    rk_value all = rk_input(g, RK_F32, RK_SHAPE(N, JOINED, SIDE, SIDE), "all");
    rk_value part = rk_slice(g, all, (int64_t[]){0, 1, 0, 0}, RK_SHAPE(N, ONES, SIDE, SIDE));
    rk_shape w = RK_SHAPE(ONES, ONES, 1, 1);
    rk_assign(g, rk_state(g, RK_F32, w, "w"),
              rk_conv_dw(g, part, part, rk_window_same(g, part, 1, 1), w));
    rk_plan *plan = plan_of(g);
    assert_int_equal(parts(plan, RK_CONV_DW), 0);
    assert_int_equal(count(plan, RK_COPY), 1);
    rk_plan_free(plan);
}

/* A device that does not know the revision: a COPY for each branch, and one for each part of the
 * gradient, which both readers share. */
static void refused(void **state)
{
    rk_error e = rk_error_new();
    (void)state;
    rk_plan *plan = module();
    uint32_t convs = count(plan, RK_CONV);
    for (uint32_t i = 0; i < plan->n_step; i++)
        if (rk_part_of(&plan->step[i].op) != UINT32_MAX)
            assert_int_equal(rk_plan_part(plan, i--, &e), RK_OK);
    assert_int_equal(count(plan, RK_CONV), convs);
    assert_int_equal(count(plan, RK_COPY), 4);
    for (uint32_t i = 0; i < plan->n_step; i++) {
        const rk_op *op = &plan->step[i].op;
        assert_int_equal(op->rev, 0);
        if (op->kind == RK_CONV) assert_true(op->p[14] == 0 && op->p[15] == 0);
    }
    assert_int_equal(rk_plan_part(plan, 0, &e), RK_E_UNSUPPORTED);
    rk_plan_free(plan);
}

/* The same part of a state before and after it was assigned is not the same. */
static void refused_of_a_state(void **state)
{
    rk_error e = rk_error_new();
    (void)state;
    rk_graph *g = rk_graph_new();
    rk_shape all = RK_SHAPE(N, JOINED, SIDE, SIDE), w = RK_SHAPE(ONES, 2, 3, 3);
    rk_value x = input(g), s = rk_state(g, RK_F32, all, "s"), next = rk_exp(g, s);
    rk_window window = rk_window_same(g, x, 3, 1);
    rk_assign(g, s, next);
    for (int i = 0; i < 2; i++) {
        rk_value part =
            rk_slice(g, i ? next : s, (int64_t[]){0, 1, 0, 0}, RK_SHAPE(N, ONES, SIDE, SIDE));
        rk_assign(g, rk_state(g, RK_F32, w, i ? "after" : "before"),
                  rk_conv_dw(g, x, part, window, w));
    }
    rk_plan *plan = plan_of(g);
    assert_int_equal(parts(plan, RK_CONV_DW), 2);
    uint32_t read[2], n = 0;
    for (uint32_t i = 0; i < plan->n_step; i++)
        if (rk_part_of(&plan->step[i].op) != UINT32_MAX)
            assert_int_equal(rk_plan_part(plan, i--, &e), RK_OK);
    for (uint32_t i = 0; i < plan->n_step; i++)
        if (plan->step[i].op.kind == RK_CONV) read[n++] = plan->step[i].in[1];
    assert_int_equal(n, 2);
    assert_int_not_equal(read[0], read[1]);
    rk_plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_copies),         cmocka_unit_test(alone_while_it_lives),
        cmocka_unit_test(kept_copies),       cmocka_unit_test(own_part),
        cmocka_unit_test(part_as_x),         cmocka_unit_test(refused),
        cmocka_unit_test(refused_of_a_state)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
