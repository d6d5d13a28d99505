/* Launches that need not be: of states that can be updated in place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "plan/plan.h"

enum { SMALL = 300 };

static void keep(rk_graph *g, rk_value v, const char *name)
{
    rk_assign(g, rk_state(g, RK_F32, rk_shape_of(g, v), name), v);
}

static rk_plan *plan_of(rk_graph *g)
{
    rk_error e = rk_error_new();
    rk_plan_options none = {0};
    rk_plan *plan;
    if (rk_plan_make(g, &none, &plan, &e) != RK_OK) fail_msg("%s", e.text);
    return plan;
}

/* Plans the graph, frees it, and checks how many steps of a kind, and others, there are. */
static void expect_steps(rk_graph *g, uint32_t kind, uint32_t wanted, uint32_t others)
{
    rk_plan *plan = plan_of(g);
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->n_step; i++) n += plan->step[i].op.kind == kind;
    assert_int_equal(n, wanted);
    assert_int_equal(plan->n_step - n, others);
    rk_plan_free(plan);
    rk_graph_free(g);
}

/* What a sum updates by itself, element by element, it may read before and after it is summed; a
 * factor along the reduced axis may not be overwritten. */
static void updates(void **state)
{
    (void)state;
    for (int along = 0; along < 2; along++) {
        rk_graph *g = rk_graph_new();
        rk_value x = rk_input(g, RK_F32, RK_SHAPE(SMALL, SMALL), "x");
        rk_value s = rk_state(g, RK_F32, RK_SHAPE(SMALL), "s");
        rk_value factor = rk_reshape(g, s, along ? RK_SHAPE(SMALL, 1) : RK_SHAPE(1, SMALL));
        rk_value sum = rk_reduce_sum(g, rk_mul(g, x, factor), 0, 1);
        rk_assign(g, s, rk_sub(g, s, rk_reshape(g, sum, RK_SHAPE(SMALL))));
        expect_steps(g, RK_REDUCE, 1, along ? 1 : 0);
    }
}

/* A value that is read before and after it is summed is two operands: the sum may take its memory
 * if the kernel allows that for both. */
static void allowed_for_both(void **state)
{
    (void)state;
    for (uint32_t allowed = 0; allowed < 8; allowed++) {
        rk_graph *g = rk_graph_new();
        rk_error e = rk_error_new();
        rk_value x = rk_input(g, RK_F32, RK_SHAPE(SMALL, SMALL), "x");
        rk_value t = rk_exp(g, rk_input(g, RK_F32, RK_SHAPE(1, SMALL), "s"));
        rk_value sum = rk_add(g, t, rk_reduce_sum(g, rk_mul(g, x, t), 0, 1));
        keep(g, rk_matmul(g, sum, x, false, false), "product");
        rk_plan *plan = plan_of(g);
        rk_step *s = &plan->step[1];
        assert_true(plan->n_step == 3 && s->op.kind == RK_REDUCE && s->op.n_in == 3);
        s->alias_ok = allowed;
        assert_int_equal(rk_plan_lives(plan, true, &e), RK_OK);
        assert_int_equal(plan->buffer[s->out[0]].home != s->out[0], (s->same & allowed) == s->same);
        rk_plan_free(plan);
        rk_graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(updates),
                                       cmocka_unit_test(allowed_for_both)};
    return cmocka_run_group_tests_name("launches", tests, NULL, NULL);
}
