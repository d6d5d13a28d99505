/* Optimizers, regularizers and schedules: what graphs they build. */
#include "data_harness.h"
#include "graph/node.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void assert_sound(const rk_graph *g, const rk_spec *s)
{
    rk_error e = rk_error_new();
    if (rk_graph_check(g, &e) != RK_OK) fail_msg("%s: %s", s->text, e.text);
    assert_null(rk_args_misused(s->args));
}

/* The value of a node of up to 4 elements, all alike: enough for arithmetic on constant tensors. */
static double eval(const rk_graph *g, rk_value v, double (*leaf)(const char *name))
{
    rk_node n = rk_graph_node(g, v);
    switch (n.op) {
    case RK_OP_INPUT:
    case RK_OP_STATE: return leaf(n.name);
    case RK_OP_CONST: {
        uint32_t bits = (uint32_t)n.attr[0];
        float f;
        memcpy(&f, &bits, sizeof f);
        return (double)f;
    }
    case RK_OP_RESHAPE:
    case RK_OP_EXPAND: return eval(g, n.in[0], leaf);
    case RK_OP_ADD: return eval(g, n.in[0], leaf) + eval(g, n.in[1], leaf);
    case RK_OP_SUB: return eval(g, n.in[0], leaf) - eval(g, n.in[1], leaf);
    case RK_OP_MUL: return eval(g, n.in[0], leaf) * eval(g, n.in[1], leaf);
    case RK_OP_SUM:
        return eval(g, n.in[0], leaf) *
               (double)(rk_shape_size(rk_shape_of(g, n.in[0])) / rk_shape_size(n.shape));
    case RK_OP_DIV: return eval(g, n.in[0], leaf) / eval(g, n.in[1], leaf);
    case RK_OP_LT: return eval(g, n.in[0], leaf) < eval(g, n.in[1], leaf);
    case RK_OP_WHERE: return eval(g, n.in[eval(g, n.in[0], leaf) != 0 ? 1 : 2], leaf);
    case RK_OP_SQRT: return sqrt(eval(g, n.in[0], leaf));
    default: fail_msg("unexpected operation %s", rk_op_info(n.op)->name); return 0;
    }
}

/* What the graph assigns to the state of a name. */
static double assigned(const rk_graph *g, const char *name, double (*leaf)(const char *name))
{
    for (rk_value v = 1; v < rk_graph_count(g); v++) {
        rk_node n = rk_graph_node(g, v);
        if (n.op == RK_OP_ASSIGN && strcmp(rk_name_of(g, n.in[0]), name) == 0)
            return eval(g, n.in[1], leaf);
    }
    fail_msg("nothing is assigned to %s", name);
    return 0;
}

static double leaf(const char *name)
{
    static const struct {
        const char *name;
        double value;
    } known[] = {{"a/weight", 3},
                 {"a/bias", -2},
                 {"grad/a", 5},
                 {"grad/b", 7},
                 {"rate", 0.25},
                 {"optimizer/a/weight/velocity", 11},
                 {"optimizer/a/bias/velocity", 13}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) return known[i].value;
    fail_msg("unexpected name %s", name);
    return 0;
}

/* Two parameters, 3 and -2 everywhere, with gradients 5 and 7. */
static rk_graph *two_params(rk_value params[2], rk_value grads[2])
{
    rk_graph *g = rk_graph_new();
    rk_init zero = {RK_INIT_ZERO, 0};
    assert_non_null(g);
    params[0] = rk_param(g, RK_SHAPE(2, 2), zero, "a/weight");
    params[1] = rk_param(g, RK_SHAPE(2), zero, "a/bias");
    grads[0] = rk_input(g, RK_F32, RK_SHAPE(2, 2), "grad/a");
    grads[1] = rk_input(g, RK_F32, RK_SHAPE(2), "grad/b");
    return g;
}

static void check_sgd(const rk_registry *r, const char *text, double a, double b, bool velocity)
{
    rk_value params[2], grads[2];
    rk_graph *g = two_params(params, grads);
    rk_spec *s = parse_item(r, RK_KIND_OPTIMIZER, text);
    rk_value rate = rk_input(g, RK_F32, rk_shape_make(0, NULL), "rate");
    s->item->step(g, params, grads, 2, rate, s->args);
    assert_sound(g, s);
    assert_true(fabs(assigned(g, "a/weight", leaf) - a) < 1e-6);
    assert_true(fabs(assigned(g, "a/bias", leaf) - b) < 1e-6);
    if (velocity) {
        assert_true(fabs(assigned(g, "optimizer/a/weight/velocity", leaf) - (0.5 * 11 + 5)) < 1e-6);
        assert_true(fabs(assigned(g, "optimizer/a/bias/velocity", leaf) - (0.5 * 13 + 7)) < 1e-6);
    }
    for (rk_value v = 1; v < rk_graph_count(g) && !velocity; v++)
        assert_null(strstr(rk_name_of(g, v), "velocity"));
    rk_graph_free(g);
    rk_spec_free(s);
}

static void test_sgd(void **state)
{
    check_sgd(*state, "sgd:momentum=0.5", 3 - 0.25 * (0.5 * 11 + 5), -2 - 0.25 * (0.5 * 13 + 7),
              true);
    check_sgd(*state, "sgd:momentum=0.5,nesterov=yes", 3 - 0.25 * (5 + 0.5 * (0.5 * 11 + 5)),
              -2 - 0.25 * (7 + 0.5 * (0.5 * 13 + 7)), true);
    check_sgd(*state, "sgd:momentum=0", 3 - 0.25 * 5, -2 - 0.25 * 7, false);
    rk_spec *s = parse_item(*state, RK_KIND_OPTIMIZER, "sgd");
    assert_string_equal(s->text, "sgd:momentum=0.9,nesterov=no");
    rk_spec_free(s);
}

/* A convolution, a hidden layer with normalization, and the layer of logits. */
static double layers_leaf(const char *name)
{
    static const struct {
        const char *name;
        double value;
    } known[] = {{"conv/weight", 2},     {"conv/bias", 3},      {"hidden/weight", 5},
                 {"hidden/bn/scale", 7}, {"output/weight", 11}, {"output/bias", 13}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) return known[i].value;
    fail_msg("unexpected name %s", name);
    return 0;
}

enum { LAYERS = 6 };

static rk_graph *layers(rk_value params[LAYERS])
{
    rk_graph *g = rk_graph_new();
    rk_init zero = {RK_INIT_ZERO, 0};
    assert_non_null(g);
    params[0] = rk_param(g, RK_SHAPE(2, 3, 1, 1), zero, "conv/weight");
    params[1] = rk_param(g, RK_SHAPE(2), zero, "conv/bias");
    params[2] = rk_param(g, RK_SHAPE(2, 2), zero, "hidden/weight");
    params[3] = rk_param(g, RK_SHAPE(2), zero, "hidden/bn/scale");
    params[4] = rk_param(g, RK_SHAPE(4, 2), zero, "output/weight");
    params[5] = rk_param(g, RK_SHAPE(4), zero, "output/bias");
    return g;
}

static void check_penalty(const rk_registry *r, const char *text, double penalty)
{
    rk_value params[LAYERS];
    rk_graph *g = layers(params);
    rk_spec *s = parse_item(r, RK_KIND_REGULARIZER, text);
    rk_value sum = s->item->penalty(g, params, LAYERS, s->args);
    assert_sound(g, s);
    assert_int_equal(rk_shape_of(g, sum).rank, 0);
    if (fabs(eval(g, sum, layers_leaf) - penalty) >= 1e-6)
        fail_msg("%s is %g", text, eval(g, sum, layers_leaf));
    rk_graph_free(g);
    rk_spec_free(s);
}

static void test_penalties(void **state)
{
    const double conv = 6 * 4, hidden = 4 * 25, output = 8 * 121, rest = 2 * 9 + 2 * 49 + 4 * 169;
    check_penalty(*state, "l2:strength=0.25", 0.125 * (conv + hidden + output));
    check_penalty(*state, "l2:strength=0.25,on=all", 0.125 * (conv + hidden + output + rest));
    check_penalty(*state, "l2:strength=0.25,on=hidden", 0.125 * (conv + hidden));
    check_penalty(*state, "l2:strength=0.25,on=dense", 0.125 * (hidden + output));
    check_penalty(*state, "l2:strength=0.25,on=conv", 0.125 * conv);
    check_penalty(*state, "l2:strength=0.25,on=hidden-dense", 0.125 * hidden);
    check_penalty(*state, "weight-norm:strength=0.5", 0.5 * sqrt(conv + hidden + output));
    check_penalty(*state, "weight-norm:strength=0.5,on=conv", 0.5 * sqrt(conv));
}

/* What each of the six becomes of the value that its name stands for. */
static void check_limit(const rk_registry *r, const char *text, const double want[LAYERS])
{
    rk_value params[LAYERS];
    rk_graph *g = layers(params);
    rk_spec *s = parse_item(r, RK_KIND_REGULARIZER, text);
    for (uint32_t i = 0; i < LAYERS; i++) {
        rk_value to = s->item->project(g, params, LAYERS, i, params[i], s->args);
        assert_sound(g, s);
        if (fabs(eval(g, to, layers_leaf) - want[i]) >= 1e-6)
            fail_msg("%s: %s is %g", text, rk_name_of(g, params[i]), eval(g, to, layers_leaf));
    }
    rk_graph_free(g);
    rk_spec_free(s);
}

static void test_max_norm(void **state)
{
    const double c = 2 / sqrt(12), h = 5 / sqrt(50), o = 11 / sqrt(242); /* of norm 1 */
    check_limit(*state, "max-norm:limit=1", (const double[]){c, 3, h, 7, o, 13});
    check_limit(*state, "max-norm:limit=4", (const double[]){2, 3, 4 * h, 7, 4 * o, 13});
    check_limit(*state, "max-norm:limit=4,on=hidden", (const double[]){2, 3, 4 * h, 7, 11, 13});
    check_limit(*state, "max-norm:limit=1,on=conv", (const double[]){c, 3, 5, 7, 11, 13});
}

static void test_schedules(void **state)
{
    rk_spec *c = parse_item(*state, RK_KIND_SCHEDULE, "constant");
    rk_spec *x = parse_item(*state, RK_KIND_SCHEDULE, "exponential:decay=0.95");
    double rate = 0.1;
    for (int64_t epoch = 0; epoch < 200; epoch++) {
        assert_true(c->item->rate(0.1, epoch, c->args) == 0.1);
        assert_true(x->item->rate(0.1, epoch, x->args) == rate); /* to the bit */
        assert_true(fabs(rate / (0.1 * pow(0.95, (double)epoch)) - 1) < 1e-13);
        rate *= 0.95;
    }
    rk_spec *d = parse_item(*state, RK_KIND_SCHEDULE, "drops:factor=0.5,first=3,second=5");
    static const double dropped[] = {1, 1, 1, 0.5, 0.5, 0.25, 0.25};
    for (int64_t epoch = 0; epoch < 7; epoch++)
        assert_true(d->item->rate(0.25, epoch, d->args) == 0.25 * dropped[epoch]);
    assert_null(rk_args_misused(d->args));
    rk_spec_free(d);
    assert_null(rk_args_misused(c->args));
    assert_null(rk_args_misused(x->args));
    rk_spec_free(c);
    rk_spec_free(x);
}

/* What `rethink plugins` must list, exactly. */
static const char *const expected[] = {"model alexnet",
                                       "model cnn",
                                       "model inception",
                                       "model linear",
                                       "model mlp",
                                       "model vgg",
                                       "model wrn",
                                       "data cifar10",
                                       "data idx",
                                       "data imagefolder",
                                       "data mnist",
                                       "data noise",
                                       "data noise-kept",
                                       "data synth16",
                                       "transform labels",
                                       "transform pixels",
                                       "transform unique",
                                       "regularizer l2",
                                       "regularizer label-smoothing",
                                       "regularizer max-norm",
                                       "regularizer sam",
                                       "regularizer weight-norm",
                                       "optimizer adam",
                                       "optimizer sgd",
                                       "schedule constant",
                                       "schedule drops",
                                       "schedule exponential",
                                       "augmentation crop",
                                       "augmentation drop",
                                       "augmentation flip",
                                       "augmentation jitter",
                                       "augmentation noise",
                                       "augmentation rotate",
                                       "diagnostic alpha",
                                       "diagnostic cover",
                                       "diagnostic csr",
                                       "diagnostic double-descent",
                                       "diagnostic flatness",
                                       "diagnostic hessian",
                                       "diagnostic interpolate",
                                       "diagnostic kernel",
                                       "diagnostic margins",
                                       "diagnostic min-norm",
                                       "diagnostic ntk",
                                       "diagnostic rademacher",
                                       "diagnostic sensitivity",
                                       "diagnostic sharpness",
                                       "diagnostic surface",
                                       "diagnostic theorem1"};

static void test_items(void **state)
{
    const rk_item *const *items;
    uint32_t n = rk_registry_items(*state, &items);
    assert_int_equal(n, sizeof expected / sizeof *expected);
    for (uint32_t i = 0; i < n; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s %s", rk_kind_name(items[i]->kind), items[i]->name);
        assert_string_equal(name, expected[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {

        cmocka_unit_test(test_sgd), cmocka_unit_test(test_penalties),
        cmocka_unit_test(test_max_norm), cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_items)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
