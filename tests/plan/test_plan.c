/* Plans by themselves: patterns, fusion of known graphs, lifetimes and places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "plan/pattern.h"
#include "plan/plan.h"
#include "random_graph.h"

/* ---- patterns against counting ---- */

/* Which element of the buffer index i of the space reads. */
static int64_t element(const rk_pattern *p, int64_t i)
{
    int64_t at = 0, stride = 1;
    for (uint32_t d = p->rank; d-- > 0;) {
        int64_t x = i % p->dim[d];
        i /= p->dim[d];
        if (p->repeat >> d & 1u) continue;
        at += x * stride;
        stride *= p->dim[d];
    }
    return at;
}

static rk_shape shape_of(random_source *r, rk_shape *stretched)
{
    static const int64_t extents[] = {1, 2, 3, 4, 6};
    rk_shape s = {.rank = 1 + random_below(r, 4)};
    for (uint32_t d = 0; d < s.rank; d++) s.dim[d] = extents[random_below(r, 5)];
    *stretched = s;
    for (uint32_t d = 0; d < s.rank; d++)
        if (random_below(r, 2)) s.dim[d] = 1;
    return s;
}

static void expect_strides(const rk_pattern *p, uint32_t rank, const int64_t *dim)
{
    int64_t stride[RK_MAX_RANK], n = 1;
    if (!rk_pattern_strides(p, rank, dim, stride)) return;
    for (uint32_t d = 0; d < rank; d++) n *= dim[d];
    for (int64_t i = 0; i < n; i++) {
        int64_t at = 0, left = i;
        for (uint32_t d = rank; d-- > 0;) {
            at += left % dim[d] * stride[d];
            left /= dim[d];
        }
        assert_int_equal(at, element(p, i));
    }
}

static void patterns(void **state)
{
    random_source r = {5};
    int composed = 0, cuts = 0;
    (void)state;
    for (int i = 0; i < 4000; i++) {
        rk_shape outer_to, inner_to, outer_from = shape_of(&r, &outer_to);
        rk_shape inner_from = shape_of(&r, &inner_to);
        rk_pattern outer = rk_pattern_expand(&outer_from, &outer_to), both;
        rk_pattern inner = rk_pattern_expand(&inner_from, &inner_to);
        int64_t n = rk_shape_size(outer_to);
        rk_cut cut = {.n = n};
        expect_strides(&outer, outer_to.rank, outer_to.dim);
        if (rk_shape_size(outer_from) == rk_shape_size(inner_to) &&
            rk_pattern_then(&outer, &inner, &both)) {
            for (int64_t j = 0; j < n; j++)
                assert_int_equal(element(&both, j), element(&inner, element(&outer, j)));
            composed++;
        }
        if (rk_shape_size(inner_to) == n && rk_cut_add(&cut, &outer) && rk_cut_add(&cut, &inner)) {
            int64_t dim[RK_MAX_RANK], stride[RK_MAX_RANK];
            uint32_t rank = rk_cut_dims(&cut, dim);
            assert_true(rk_pattern_strides(&outer, rank, dim, stride));
            assert_true(rk_pattern_strides(&inner, rank, dim, stride));
            expect_strides(&inner, rank, dim);
            cuts++;
        }
    }
    assert_true(composed > 100 && cuts > 100);
}

/* ---- known graphs ---- */

static rk_plan *plan_of(rk_graph *g, bool unfused)
{
    rk_error e = rk_error_new();
    rk_plan_options o = {.unfused = unfused};
    rk_plan *plan;
    if (rk_plan_make(g, &o, &plan, &e) != RK_OK) fail_msg("%s", e.text);
    return plan;
}

static uint32_t count(const rk_plan *plan, uint32_t kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->n_step; i++) n += plan->step[i].op.kind == kind;
    return n;
}

/* Plans the graph, frees it, and checks how many steps of some kinds there are. */
static void expect_steps(rk_graph *g, uint32_t all, uint32_t ewise, uint32_t reduce,
                         uint32_t matmul)
{
    rk_plan *plan = plan_of(g, false);
    rk_str text = {0};
    rk_plan_print(plan, false, &text);
    if (plan->n_step != all || count(plan, RK_EWISE) != ewise || count(plan, RK_REDUCE) != reduce ||
        count(plan, RK_MATMUL) != matmul)
        fail_msg("not %u steps, %u ewise, %u reduce, %u matmul:\n%s", all, ewise, reduce, matmul,
                 text.s);
    rk_str_free(&text);
    rk_plan_free(plan);
    rk_graph_free(g);
}

static rk_value state_like(rk_graph *g, rk_value v, const char *name)
{
    return rk_state(g, rk_dtype_of(g, v), rk_shape_of(g, v), name);
}

static void chain_is_one_step(void **state)
{
    rk_graph *g = rk_graph_new();
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(8, 5), "x"),
             b = rk_input(g, RK_F32, RK_SHAPE(5), "b");
    (void)state;
    rk_value y = rk_exp(g, rk_add(g, rk_mul(g, x, x), b));
    for (int i = 0; i < 5; i++)
        y = rk_add(g, rk_reshape(g, y, RK_SHAPE(40)), rk_const_f(g, (float)i));
    rk_value s = state_like(g, y, "s"), mask = rk_lt(g, y, rk_const_f(g, 0));
    rk_assign(g, s, y);
    rk_assign(g, state_like(g, mask, "mask"), mask);
    expect_steps(g, 1, 1, 0, 0);
}

static void momentum_rides_on_the_gradient(void **state)
{
    rk_graph *g = rk_graph_new();
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(8, 5), "x"),
             d = rk_input(g, RK_F32, RK_SHAPE(8, 3), "d");
    rk_value w = rk_state(g, RK_F32, RK_SHAPE(3, 5), "w"),
             v = rk_state(g, RK_F32, RK_SHAPE(3, 5), "v");
    rk_value rate = rk_input(g, RK_F32, rk_shape_make(0, NULL), "rate");
    (void)state;
    rk_value back = rk_matmul(g, d, w, false, false); /* reads w before it is written */
    rk_value next = rk_add(g, rk_mul(g, rk_const_f(g, 0.9f), v), rk_matmul(g, d, x, true, false));
    rk_assign(g, v, next);
    rk_assign(g, w, rk_sub(g, w, rk_mul(g, rate, next)));
    rk_assign(g, state_like(g, back, "back"), back);
    rk_plan *plan = plan_of(g, false);
    assert_int_equal(plan->n_step, 2);
    const rk_step *first = &plan->step[0], *last = &plan->step[1];
    assert_string_equal(plan->buffer[first->out[0]].name, "back");
    assert_int_equal(last->op.kind, RK_MATMUL);
    assert_int_equal(last->op.n_out, 2);
    assert_string_equal(plan->buffer[last->out[0]].name, "v");
    assert_string_equal(plan->buffer[last->out[1]].name, "w");
    for (uint32_t j = 2; j < last->op.n_in; j++)
        assert_int_equal(rk_step_same(last, j), plan->buffer[last->in[j]].bytes > 4);
    rk_plan_free(plan);
    rk_graph_free(g);
}

static void layer(void **state)
{
    rk_graph *g = rk_graph_new();
    rk_init init = rk_init_torch(5);
    (void)state;
    rk_value y = rk_dense(g, rk_input(g, RK_F32, RK_SHAPE(8, 5), "x"), 4, init, init, "d");
    rk_value relu = rk_relu(g, y);
    rk_assign(g, state_like(g, relu, "y"), relu);
    expect_steps(g, 1, 0, 0, 1);
}

/* max; sum of exp, log, and the sum that picks the label, in one pass; the gradient. */
static void softmax(void **state)
{
    rk_graph *g = rk_graph_new();
    rk_value x = rk_state(g, RK_F32, RK_SHAPE(8, 10), "x"), d;
    rk_value labels = rk_input(g, RK_U32, RK_SHAPE(8), "labels");
    (void)state;
    rk_value loss = rk_mean(g, rk_cross_entropy(g, x, labels), 0, 1);
    rk_grad(g, rk_reshape(g, loss, rk_shape_make(0, NULL)), &x, 1, &d);
    rk_assign(g, x, rk_sub(g, x, d));
    rk_assign(g, state_like(g, loss, "loss"), loss);
    expect_steps(g, 5, 2, 3, 0); /* the first EWISE makes 0 ... 9 */
}

static void moments(void **state)
{
    rk_graph *g = rk_graph_new();
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(4, 6, 50), "x");
    (void)state;
    rk_value mean = rk_mean(g, x, 2, 1), square = rk_mean(g, rk_mul(g, x, x), 2, 1);
    rk_value variance = rk_sub(g, square, rk_mul(g, mean, mean));
    rk_assign(g, state_like(g, mean, "mean"), mean);
    rk_assign(g, state_like(g, variance, "variance"), variance);
    expect_steps(g, 1, 0, 1, 0); /* two reductions, one pass, and what follows */
}

static void swap(void **state)
{
    rk_graph *g = rk_graph_new();
    rk_value a = rk_state(g, RK_F32, RK_SHAPE(7), "a"), b = rk_state(g, RK_F32, RK_SHAPE(7), "b");
    (void)state;
    rk_assign(g, a, b);
    rk_assign(g, b, a);
    rk_plan *plan = plan_of(g, false);
    assert_true(plan->n_step <= 3);
    rk_plan_free(plan);
    rk_graph_free(g);
}

/* A product of the state itself, and a reduction of it, go through memory of their own. */
static void own_operand(void **state)
{
    rk_graph *g = rk_graph_new();
    rk_value a = rk_state(g, RK_F32, RK_SHAPE(4, 4), "a"),
             b = rk_state(g, RK_F32, RK_SHAPE(1), "b");
    (void)state;
    rk_assign(g, a, rk_matmul(g, a, rk_add(g, a, b), false, false));
    rk_plan *plan = plan_of(g, false);
    for (uint32_t i = 0; i < plan->n_step; i++) {
        const rk_step *s = &plan->step[i];
        for (uint32_t o = 0; o < s->op.n_out; o++)
            for (uint32_t j = 0; j < s->op.n_in; j++) assert_int_not_equal(s->out[o], s->in[j]);
    }
    assert_int_equal(count(plan, RK_COPY), 1);
    rk_plan_free(plan);
    rk_graph_free(g);
}

/* Programs do not depend on constants' values: the same code, other words. */
static void constants_are_words(void **state)
{
    rk_ins *code[2];
    uint32_t n[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        rk_graph *g = rk_graph_new();
        rk_value x = rk_state(g, RK_F32, RK_SHAPE(9), "x");
        rk_assign(g, x,
                  rk_add(g, rk_mul(g, x, rk_const_f(g, i ? 3 : 2)), rk_const_f(g, i ? 8 : 7)));
        rk_plan *plan = plan_of(g, false);
        n[i] = plan->step[0].op.n_code;
        code[i] = malloc(n[i] * sizeof *code[i]);
        memcpy(code[i], plan->step[0].op.code, n[i] * sizeof *code[i]);
        rk_plan_free(plan);
        rk_graph_free(g);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(code[0], code[1], n[0] * sizeof *code[0]);
    free(code[0]);
    free(code[1]);
}

/* ---- lifetimes and places of random plans ---- */

typedef struct span {
    uint32_t first, last;
} span;

static void see(const rk_plan *plan, span *spans, uint32_t buffer, uint32_t step)
{
    if (plan->buffer[buffer].kind != RK_BUFFER_TEMP) return;
    if (step < spans[buffer].first) spans[buffer].first = step;
    if (step > spans[buffer].last) spans[buffer].last = step;
}

static span *spans_of(const rk_plan *plan)
{
    span *spans = malloc(plan->n_buffer * sizeof *spans);
    for (uint32_t b = 0; b < plan->n_buffer; b++) spans[b] = (span){UINT32_MAX, 0};
    for (uint32_t i = 0; i < plan->n_step; i++) {
        const rk_step *s = &plan->step[i];
        for (uint32_t j = 0; j < s->op.n_in; j++) {
            const rk_buffer *b = &plan->buffer[s->in[j]];
            if (b->kind == RK_BUFFER_TEMP && spans[s->in[j]].first >= i) {
                rk_str text = {0};
                rk_plan_print(plan, false, &text);
                fail_msg("step %u reads what was never written:\n%s", i, text.s);
            }
            see(plan, spans, s->in[j], i);
        }
        for (uint32_t j = 0; j < s->op.n_out; j++) see(plan, spans, s->out[j], i);
        if (s->workspace) see(plan, spans, s->workspace, i);
    }
    return spans;
}

/* An output may start where an input ends if the step works in place. */
static bool in_place(const rk_plan *plan, uint32_t a, uint32_t b, uint32_t step)
{
    const rk_step *s = &plan->step[step];
    bool writes = false, reads = false;
    for (uint32_t j = 0; j < s->op.n_out; j++) writes |= s->out[j] == b;
    for (uint32_t j = 0; j < s->op.n_in; j++) {
        if (s->in[j] != a) continue;
        reads = true;
        if (!(s->same >> j & 1u) || !(s->alias_ok >> j & 1u)) return false;
    }
    return writes && reads && plan->buffer[a].home == plan->buffer[b].home;
}

static void expect_apart(const rk_plan *plan, uint64_t seed)
{
    span *spans = spans_of(plan);
    for (uint32_t a = 1; a < plan->n_buffer; a++)
        for (uint32_t b = 1; b < plan->n_buffer; b++) {
            if (a == b || spans[a].first == UINT32_MAX || spans[b].first == UINT32_MAX) continue;
            uint64_t x = plan->buffer[plan->buffer[a].home].offset;
            uint64_t y = plan->buffer[plan->buffer[b].home].offset;
            bool touch = x < y + plan->buffer[b].bytes && y < x + plan->buffer[a].bytes;
            bool meet = spans[a].first <= spans[b].last && spans[b].first <= spans[a].last;
            if (!touch || !meet) continue;
            if (spans[a].last == spans[b].first && in_place(plan, a, b, spans[b].first)) continue;
            if (spans[b].last == spans[a].first && in_place(plan, b, a, spans[a].first)) continue;
            fail_msg("graph %d: buffers %u and %u overlap", (int)seed, a, b);
        }
    for (uint32_t b = 1; b < plan->n_buffer; b++) {
        const rk_buffer *home = &plan->buffer[plan->buffer[b].home];
        if (spans[b].first == UINT32_MAX) continue;
        assert_true(home->offset % 64 == 0);
        assert_true(home->offset + plan->buffer[b].bytes <= plan->arena_bytes);
    }
    free(spans);
}

static void places(void **state)
{
    uint64_t arena = 0, bound = 0, joined = 0, parts = 0;
    rk_error e = rk_error_new();
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        rk_graph *g = random_graph_make(seed, seed % 2);
        rk_plan *plan = plan_of(g, seed % 3 == 2);
        rk_pack_options o = {.align = 64, .max_alloc = seed % 5 ? 1 << 20 : 8192};
        for (uint32_t i = 0; i < plan->n_step; i++) {
            plan->step[i].alias_ok = seed % 7 ? UINT32_MAX : 0;
            plan->step[i].workspace_bytes = i % 4 == 3 ? 100 * i : 0;
            parts += rk_part_of(&plan->step[i].op) != UINT32_MAX;
        }
        assert_int_equal(rk_plan_lives(plan, true, &e), RK_OK);
        assert_int_equal(rk_plan_pack(plan, &o, &e), RK_OK);
        expect_apart(plan, seed);
        assert_true(plan->arena_bytes >= plan->bound_bytes);
        for (uint32_t b = 1; b < plan->n_buffer; b++) joined += plan->buffer[b].home != b;
        arena += plan->arena_bytes;
        bound += plan->bound_bytes;
        rk_plan_free(plan);
        rk_graph_free(g);
    }
    print_message("%d buffers in place, %d parts; %d bytes packed, %d the bound\n", (int)joined,
                  (int)parts, (int)arena, (int)bound);
    assert_true(joined > 100 && parts > 100);
    assert_true((double)arena <= 1.25 * (double)bound); /* tiny buffers: alignment is most of it */
}

/* The same graph gives the same plan. */
static void digests(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        char first[33];
        for (int i = 0; i < 2; i++) {
            rk_graph *g = random_graph_make(seed, true);
            rk_plan *plan = plan_of(g, false);
            if (i) assert_string_equal(first, plan->digest);
            memcpy(first, plan->digest, sizeof first);
            rk_plan_free(plan);
            rk_graph_free(g);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(patterns),
                                       cmocka_unit_test(chain_is_one_step),
                                       cmocka_unit_test(momentum_rides_on_the_gradient),
                                       cmocka_unit_test(layer),
                                       cmocka_unit_test(softmax),
                                       cmocka_unit_test(moments),
                                       cmocka_unit_test(swap),
                                       cmocka_unit_test(own_operand),
                                       cmocka_unit_test(constants_are_words),
                                       cmocka_unit_test(places),
                                       cmocka_unit_test(digests)};
    return cmocka_run_group_tests_name("test_plan", tests, NULL, NULL);
}
