/* Steps with regularizers, on the double-precision interpreter, against softmax regression. */
#include "linear.h"
#include "train/learn.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXAMPLES = 7, BATCH = 4 };

static int setup(void **state)
{
    *state = load_plugins();
    return 0;
}

static int teardown(void **state)
{
    rk_registry_free(*state);
    return 0;
}

static bench open_linear(const rk_registry *plugins, const char *regularize)
{
    rk_config c = rk_config_default();
    bench b;
    c.model = "linear:init=zero";
    c.data = "synth16:n=7,test=3";
    c.optimizer = "sgd:momentum=0.5";
    c.regularize = regularize;
    c.batch = BATCH;
    bench_open(&b, plugins, &c);
    return b;
}

/* What a regularizer does to a step, by hand. */
typedef struct knobs {
    double epsilon, rho, l2, norm, limit; /* limit 0: none */
} knobs;

static double dot(const linear *a, const linear *b, bool biases)
{
    double sum = 0;
    for (int k = 0; k < CLASSES; k++) {
        if (biases) sum += a->b[k] * b->b[k];
        for (int j = 0; j < PIXELS; j++) sum += a->w[k][j] * b->w[k][j];
    }
    return sum;
}

static void add_weights(linear *to, double factor, const linear *m)
{
    for (int k = 0; k < CLASSES; k++)
        for (int j = 0; j < PIXELS; j++) to->w[k][j] += factor * m->w[k][j];
}

static void limit_rows(linear *m, double limit)
{
    for (int k = 0; k < CLASSES; k++) {
        double squares = 0;
        for (int j = 0; j < PIXELS; j++) squares += m->w[k][j] * m->w[k][j];
        if (sqrt(squares) <= limit) continue;
        for (int j = 0; j < PIXELS; j++) m->w[k][j] *= limit / sqrt(squares);
    }
}

static void train(linear *m, linear *velocity, const rk_examples *x, const uint32_t *batch,
                  int64_t rows, const knobs *o, double *loss)
{
    static linear grad, there;
    double unused, norm = sqrt(dot(m, m, false));
    linear_gradient(m, x, batch, rows, o->epsilon, &grad, loss, &unused);
    if (o->rho > 0) {
        double ignored;
        there = *m;
        linear_add(&there, o->rho / sqrt(dot(&grad, &grad, true)), &grad);
        linear_gradient(&there, x, batch, rows, o->epsilon, &grad, &ignored, &unused);
    }
    add_weights(&grad, o->l2, m);
    if (norm > 0) add_weights(&grad, o->norm / norm, m);
    linear_add(velocity, 0.5 - 1, velocity);
    linear_add(velocity, 1, &grad);
    linear_add(m, -0.25, velocity);
    if (o->limit > 0) limit_rows(m, o->limit);
}

/* Two epochs of two steps, the second one smaller: parameters, and losses that know nothing of
 * regularizers. */
static void check(const rk_registry *plugins, const char *regularize, knobs o)
{
    static linear m, velocity;
    static const uint32_t order[EXAMPLES] = {3, 0, 6, 1, 5, 2, 4};
    bench b = open_linear(plugins, regularize);
    memset(&m, 0, sizeof m);
    memset(&velocity, 0, sizeof velocity);
    bench_begin(&b, order, 0.25);
    for (int step = 0; step < 4; step++) {
        int64_t rows = step % 2 ? EXAMPLES - BATCH : BATCH;
        double loss;
        bench_step(&b, step % 2);
        train(&m, &velocity, &b.data->train.x, order + BATCH * (step % 2), rows, &o, &loss);
        linear_expect(&b, &m);
        assert_true(fabs(bench_buffer(&b, "train/loss")[step % 2].f - loss) < 1e-6);
    }
    bench_close(&b);
}

static void test_by_hand(void **state)
{
    check(*state, "", (knobs){0});
    check(*state, "label-smoothing:epsilon=0.25", (knobs){.epsilon = 0.25});
    check(*state, "label-smoothing:epsilon=1", (knobs){.epsilon = 1});
    check(*state, "label-smoothing:epsilon=0", (knobs){0});
    check(*state, "sam:rho=0.5", (knobs){.rho = 0.5});
    check(*state, "sam:rho=0", (knobs){0});
    check(*state, "l2:strength=0.5", (knobs){.l2 = 0.5});
    check(*state, "l2:strength=0.5,on=hidden", (knobs){0});          /* there is one layer */
    check(*state, "weight-norm:strength=0.5", (knobs){.norm = 0.5}); /* the first weights are 0 */
    check(*state, "max-norm:limit=0.0625", (knobs){.limit = 0.0625});
    check(*state, "max-norm:limit=100", (knobs){0});
}

/* The penalty counts at the weights, the objective where SAM looks. */
static void test_together(void **state)
{
    check(*state, "l2:strength=0.5+sam:rho=0.5+label-smoothing:epsilon=0.25+max-norm:limit=0.125",
          (knobs){.epsilon = 0.25, .rho = 0.5, .l2 = 0.5, .limit = 0.125});
    check(*state, "l2:strength=0.25+l2:strength=0.25+weight-norm:strength=0.5",
          (knobs){.l2 = 0.5, .norm = 0.5});
}

/* Logits that do not depend on the parameters: there is no slope to go up. */
static rk_value flat(rk_graph *g, rk_value x, uint32_t classes, const rk_args *a)
{
    (void)a;
    rk_init zero = {RK_INIT_ZERO, 0};
    rk_value y = rk_dense(g, rk_flatten(g, x), classes, zero, zero, "output");
    return rk_stop(g, y);
}

static void test_no_slope(void **state)
{
    rk_item item = {.size = sizeof item, .kind = RK_KIND_MODEL, .name = "flat", .model = flat};
    rk_graph *g;
    rk_error e = rk_error_new();
    bench b = open_linear(*state, "sam:rho=1");
    const rk_item *shipped = b.recipe.model->item;
    b.recipe.model->item = &item;
    assert_int_equal(rk_step_build(&b.recipe, b.data, b.chunks, BATCH, &g, &e), RK_OK);
    oracle *o = oracle_new(g);
    cell *w = oracle_buffer(o, "output/weight");
    for (int i = 0; i < PIXELS; i++) w[i].f = i;
    oracle_run(o, NULL, 0);
    for (int i = 0; i < PIXELS; i++) assert_true(w[i].f == i);
    oracle_free(o);
    rk_graph_free(g);
    b.recipe.model->item = shipped;
    bench_close(&b);
}

static uint32_t count(const rk_graph *g, rk_opcode op)
{
    uint32_t n = 0;
    for (rk_value v = 1; v < rk_graph_count(g); v++) n += rk_graph_node(g, v).op == op;
    return n;
}

/* The second pass has the masks of the first one, and no statistic moves twice. */
static void test_second_pass(void **state)
{
    static const char *const regularize[] = {"", "sam"};
    uint32_t masks[2], assigns[2], products[2];
    for (int i = 0; i < 2; i++) {
        rk_config c = rk_config_default();
        rk_graph *g;
        rk_error e = rk_error_new();
        bench b;
        c.model = "wrn:depth=10,base=1,dropout=0.5";
        c.data = "synth16:n=4,test=3";
        c.regularize = regularize[i];
        bench_open(&b, *state, &c);
        assert_int_equal(rk_step_build(&b.recipe, b.data, b.chunks, 4, &g, &e), RK_OK);
        masks[i] = count(g, RK_OP_RNG);
        assigns[i] = count(g, RK_OP_ASSIGN);
        products[i] = count(g, RK_OP_CONV);
        rk_graph_free(g);
        bench_close(&b);
    }
    assert_true(masks[0] == 3 && masks[1] == masks[0]);
    assert_int_equal(assigns[1], assigns[0]);
    assert_true(products[1] > products[0]);
}

static void expect_conflict(const rk_registry *plugins, const char *regularize, const char *said)
{
    rk_config c = rk_config_default();
    rk_recipe r;
    rk_error e = rk_error_new();
    c.regularize = regularize;
    assert_int_equal(rk_recipe_parse(plugins, &c, &r, &e), RK_E_INVALID);
    if (!strstr(e.text, said)) fail_msg("\"%s\" does not say \"%s\"", e.text, said);
    assert_null(r.model);
}

static void test_conflicts(void **state)
{
    expect_conflict(
        *state, "label-smoothing+l2+label-smoothing:epsilon=0.2",
        "label-smoothing:epsilon=0.1 and label-smoothing:epsilon=0.2: only one can say");
    expect_conflict(*state, "sam+sam:rho=1", "sam:rho=0.05 and sam:rho=1: only one can say where");
    expect_conflict(*state, "max-norm:limit=0", "limit=0 is out of range: from 1e-06 to 1000000");
    expect_conflict(*state, "max-norm:limit=-3", "limit=-3 is out of range");
    expect_conflict(*state, "max-norm:on=all", "on=all is not one of weights|hidden|dense|conv");
    expect_conflict(*state, "label-smoothing:epsilon=1.5", "epsilon=1.5 is out of range");
}

static rk_value of_wrong_shape(rk_graph *g, rk_value logits, rk_value labels, const rk_args *a)
{
    (void)labels;
    (void)a;
    return rk_reduce_sum(g, logits, 1, 1);
}

static void lazy(rk_graph *g, const rk_value *params, const rk_value *grads, uint32_t n,
                 rk_value *at, const rk_args *a)
{
    (void)g;
    (void)grads;
    (void)a;
    for (uint32_t i = 1; i < n; i++) at[i] = params[i];
}

static void expect_wrong(const rk_registry *plugins, const rk_item *item, const char *said)
{
    bench b = open_linear(plugins, "l2");
    rk_graph *g;
    rk_error e = rk_error_new();
    const rk_item *shipped = b.recipe.regularizers.spec[0]->item;
    b.recipe.regularizers.spec[0]->item = item;
    assert_int_not_equal(rk_step_build(&b.recipe, b.data, b.chunks, BATCH, &g, &e), RK_OK);
    if (!strstr(e.text, said)) fail_msg("\"%s\" does not say \"%s\"", e.text, said);
    b.recipe.regularizers.spec[0]->item = shipped;
    bench_close(&b);
}

static void test_wrong_plugins(void **state)
{
    rk_item item = {.size = sizeof item, .kind = RK_KIND_REGULARIZER, .name = "wrong"};
    item.objective = of_wrong_shape;
    expect_wrong(*state, &item, "wrong does not give a loss per example");
    item.objective = NULL;
    item.perturb = lazy;
    expect_wrong(*state, &item, "substitute: an operand is 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),   cmocka_unit_test(test_together),
        cmocka_unit_test(test_no_slope),  cmocka_unit_test(test_second_pass),
        cmocka_unit_test(test_conflicts), cmocka_unit_test(test_wrong_plugins)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
