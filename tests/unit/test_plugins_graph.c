/* Models, optimizers, regularizers and schedules: what graphs they build. */
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

static rk_spec *parse(const rk_registry *r, uint32_t kind, const char *text)
{
    rk_error e = rk_error_new();
    rk_spec *s;
    if (rk_spec_parse(r, kind, text, &s, &e) != RK_OK) fail_msg("%s", e.text);
    return s;
}

static void assert_sound(const rk_graph *g, const rk_spec *s)
{
    rk_error e = rk_error_new();
    if (rk_graph_check(g, &e) != RK_OK) fail_msg("%s: %s", s->text, e.text);
    assert_null(rk_args_misused(s->args));
}

enum { PARAMS_MAX = 256 };

/* A model on 28 x 28 x 3 inputs. */
typedef struct built {
    rk_graph *g;
    rk_spec *spec;
    rk_value params[PARAMS_MAX];
    uint32_t n;
} built;

static built build(const rk_registry *r, const char *text)
{
    built b = {.g = rk_graph_new(), .spec = parse(r, RK_KIND_MODEL, text)};
    assert_non_null(b.g);
    rk_value x = rk_input(b.g, RK_F32, RK_SHAPE(7, 3, 28, 28), "x");
    rk_value logits = b.spec->item->model(b.g, x, 10, b.spec->args);
    assert_sound(b.g, b.spec);
    rk_shape shape = rk_shape_of(b.g, logits);
    assert_int_equal(shape.rank, 2);
    assert_int_equal(shape.dim[0], 7);
    assert_int_equal(shape.dim[1], 10);
    b.n = rk_graph_params(b.g, b.params, PARAMS_MAX);
    return b;
}

static void unbuild(built *b)
{
    rk_graph_free(b->g);
    rk_spec_free(b->spec);
}

static void test_parameter_counts(void **state)
{
    static const struct {
        const char *model;
        int64_t count;
    } rows[] = {{"mlp", 1209866},
                {"mlp:layers=3", 1735178},
                {"mlp:hidden=1", 2373},
                {"mlp:layers=2,hidden=8,init=torch", 18986},
                {"linear", 23530},
                {"linear:init=zero", 23530},
                {"alexnet", 1387786},
                {"alexnet:lrn=off", 1387786},
                {"inception", 1649402},
                {"inception:bn=bias", 1649402},
                {"inception:bn=off", 1649402},
                {"wrn", 369498},
                {"wrn:depth=16,width=4", 2748890},
                {"wrn:depth=40,width=2", 2243546}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        built b = build(*state, rows[i].model);
        int64_t count = 0;
        for (uint32_t k = 0; k < b.n; k++) count += rk_shape_size(rk_shape_of(b.g, b.params[k]));
        assert_int_equal(count, rows[i].count);
        unbuild(&b);
    }
}

/* How the parameters of a model start: weights by kind and spread, biases by kind. */
static void check_init(const rk_registry *r, const char *model, uint32_t weight, uint32_t bias,
                       double (*spread)(double fan_in))
{
    built b = build(r, model);
    for (uint32_t k = 0; k < b.n; k++) {
        rk_node node = rk_graph_node(b.g, b.params[k]);
        bool is_weight = strstr(node.name, "/weight");
        rk_shape shape = {0}; /* a bias follows its weight */
        if (is_weight || k > 0) shape = rk_shape_of(b.g, b.params[is_weight ? k : k - 1]);
        int64_t fan_in = rk_shape_size(shape) / (shape.rank ? shape.dim[0] : 1);
        bool is_norm = strstr(node.name, "/shift") || strstr(node.name, "/scale");
        if (is_norm) { /* starts as the identity */
            assert_int_equal(node.init.kind, RK_INIT_CONST);
            assert_true(node.init.a == (strstr(node.name, "/scale") ? 1 : 0));
            continue;
        }
        assert_int_equal(node.init.kind, is_weight ? weight : bias);
        if (node.init.kind == RK_INIT_ZERO) continue;
        assert_true(fabs((double)node.init.a / spread((double)fan_in) - 1) < 1e-6);
    }
    unbuild(&b);
}

static double he(double fan_in) { return sqrt(2 / fan_in); }
static double torch(double fan_in) { return 1 / sqrt(fan_in); }

static void test_initialization(void **state)
{
    check_init(*state, "mlp:layers=3", RK_INIT_NORMAL, RK_INIT_ZERO, he);
    check_init(*state, "mlp:layers=3,init=torch", RK_INIT_UNIFORM, RK_INIT_UNIFORM, torch);
    check_init(*state, "linear", RK_INIT_NORMAL, RK_INIT_ZERO, he);
    check_init(*state, "linear:init=torch", RK_INIT_UNIFORM, RK_INIT_UNIFORM, torch);
    check_init(*state, "linear:init=zero", RK_INIT_ZERO, RK_INIT_ZERO, he);
    check_init(*state, "alexnet", RK_INIT_NORMAL, RK_INIT_ZERO, he);
    check_init(*state, "alexnet:init=torch", RK_INIT_UNIFORM, RK_INIT_UNIFORM, torch);
    check_init(*state, "inception", RK_INIT_NORMAL, RK_INIT_ZERO, he);
    check_init(*state, "inception:bn=off,init=torch", RK_INIT_UNIFORM, RK_INIT_UNIFORM, torch);
}

/* Parameters layer by layer: those of one prefix after the other. */
typedef struct part {
    const char *prefix;
    int64_t count;
} part;

static void check_parts(const rk_registry *r, const char *model, const part *parts, size_t n)
{
    built b = build(r, model);
    uint32_t k = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t count = 0;
        size_t length = strlen(parts[i].prefix);
        for (; k < b.n && strncmp(rk_name_of(b.g, b.params[k]), parts[i].prefix, length) == 0; k++)
            count += rk_shape_size(rk_shape_of(b.g, b.params[k]));
        if (count != parts[i].count)
            fail_msg("%s %s has %lld parameters", model, parts[i].prefix, (long long)count);
    }
    assert_int_equal(k, b.n);
    unbuild(&b);
}

static void test_layer_by_layer(void **state)
{
    static const part inception[] = {
        {"first/", 2688},         {"inception2/", 30784},   {"inception3/", 29776},
        {"down4/", 57680},        {"inception5/", 87200},   {"inception6/", 107680},
        {"inception7/", 128160},  {"inception8/", 146064},  {"down9/", 124512},
        {"inception10/", 388176}, {"inception11/", 543312}, {"output/", 3370}};
    static const part alexnet[] = {{"conv1/", 4864},
                                   {"conv2/", 102464},
                                   {"hidden1/", 1204608},
                                   {"hidden2/", 73920},
                                   {"output/", 1930}};
    static const part wrn[] = {{"conv1/", 432},     {"group1/", 18688}, {"group2/", 70112},
                               {"group3/", 279488}, {"bn/", 128},       {"output/", 650}};
    check_parts(*state, "alexnet", alexnet, sizeof alexnet / sizeof *alexnet);
    check_parts(*state, "inception", inception, sizeof inception / sizeof *inception);
    check_parts(*state, "inception:bn=bias", inception, sizeof inception / sizeof *inception);
    check_parts(*state, "inception:bn=off", inception, sizeof inception / sizeof *inception);
    check_parts(*state, "wrn", wrn, sizeof wrn / sizeof *wrn);
}

/* The variance of the published code counts outputs; a depth that is none is refused. */
static void test_wrn(void **state)
{
    built b = build(*state, "wrn:depth=10,width=2");
    for (uint32_t k = 0; k < b.n; k++) {
        rk_node n = rk_graph_node(b.g, b.params[k]);
        if (n.shape.rank != 4) continue;
        double outputs = (double)(n.shape.dim[0] * n.shape.dim[2] * n.shape.dim[3]);
        assert_int_equal(n.init.kind, RK_INIT_NORMAL);
        assert_true(fabs((double)n.init.a - sqrt(2 / outputs)) < 1e-7);
    }
    unbuild(&b);
    rk_spec *s = parse(*state, RK_KIND_MODEL, "wrn:depth=12");
    rk_graph *g = rk_graph_new();
    rk_error e = rk_error_new();
    s->item->model(g, rk_input(g, RK_F32, RK_SHAPE(1, 3, 8, 8), "x"), 10, s->args);
    assert_int_not_equal(rk_graph_check(g, &e), RK_OK);
    assert_non_null(strstr(e.text, "depth is 12, expected 4 more than a multiple of 6: 10"));
    rk_graph_free(g);
    rk_spec_free(s);
}

/* Channels scale, but there is one at least; any image will do. */
static void test_widths(void **state)
{
    static const char *const models[] = {"alexnet:width=0.01", "inception:width=0.01",
                                         "inception:width=0.5,bn=off", "wrn:base=1,depth=10"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        rk_spec *s = parse(*state, RK_KIND_MODEL, models[i]);
        rk_graph *g = rk_graph_new();
        rk_value x = rk_input(g, RK_F32, RK_SHAPE(2, 1, 5, 3), "x");
        assert_int_equal(rk_dim(g, s->item->model(g, x, 3, s->args), 1), 3);
        assert_sound(g, s);
        rk_graph_free(g);
        rk_spec_free(s);
    }
}

/* A relu after each hidden layer and none after the last. */
static void test_relu_between_layers(void **state)
{
    built b = build(*state, "mlp:layers=2,hidden=4");
    int matmuls = 0, relus = 0;
    for (rk_value v = 1; v < rk_graph_count(b.g); v++) {
        rk_opcode op = rk_graph_node(b.g, v).op;
        matmuls += op == RK_OP_MATMUL;
        relus += op == RK_OP_MAX || op == RK_OP_WHERE; /* however it is made */
    }
    assert_int_equal(matmuls, 3);
    assert_int_equal(relus, 2);
    unbuild(&b);
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
    rk_spec *s = parse(r, RK_KIND_OPTIMIZER, text);
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
    rk_spec *s = parse(*state, RK_KIND_OPTIMIZER, "sgd");
    assert_string_equal(s->text, "sgd:momentum=0.9,nesterov=no");
    rk_spec_free(s);
}

static void check_l2(const rk_registry *r, const char *text, double penalty)
{
    rk_value params[2], grads[2];
    rk_graph *g = two_params(params, grads);
    rk_spec *s = parse(r, RK_KIND_REGULARIZER, text);
    rk_value sum = s->item->penalty(g, params, 2, s->args);
    assert_sound(g, s);
    assert_int_equal(rk_shape_of(g, sum).rank, 0);
    assert_true(fabs(eval(g, sum, leaf) - penalty) < 1e-6);
    rk_graph_free(g);
    rk_spec_free(s);
}

static void test_l2(void **state)
{
    check_l2(*state, "l2:strength=0.25", 0.125 * 4 * 9);
    check_l2(*state, "l2:strength=0.25,on=all", 0.125 * (4 * 9 + 2 * 4));
}

static void test_schedules(void **state)
{
    rk_spec *c = parse(*state, RK_KIND_SCHEDULE, "constant");
    rk_spec *x = parse(*state, RK_KIND_SCHEDULE, "exponential:decay=0.95");
    double rate = 0.1;
    for (int64_t epoch = 0; epoch < 200; epoch++) {
        assert_true(c->item->rate(0.1, epoch, c->args) == 0.1);
        assert_true(x->item->rate(0.1, epoch, x->args) == rate); /* to the bit */
        assert_true(fabs(rate / (0.1 * pow(0.95, (double)epoch)) - 1) < 1e-13);
        rate *= 0.95;
    }
    assert_null(rk_args_misused(c->args));
    assert_null(rk_args_misused(x->args));
    rk_spec_free(c);
    rk_spec_free(x);
}

/* What `rethink plugins` must list, exactly. */
static void test_items(void **state)
{
    static const char *const expected[] = {
        "model alexnet",      "model inception",   "model linear",
        "model mlp",          "model wrn",         "data cifar10",
        "data idx",           "data mnist",        "data synth16",
        "transform labels",   "transform pixels",  "regularizer l2",
        "optimizer sgd",      "schedule constant", "schedule exponential",
        "schedule drops",     "augmentation crop", "augmentation flip",
        "augmentation rotate"};
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parameter_counts),
                                       cmocka_unit_test(test_initialization),
                                       cmocka_unit_test(test_layer_by_layer),
                                       cmocka_unit_test(test_wrn),
                                       cmocka_unit_test(test_widths),
                                       cmocka_unit_test(test_relu_between_layers),
                                       cmocka_unit_test(test_sgd),
                                       cmocka_unit_test(test_l2),
                                       cmocka_unit_test(test_schedules),
                                       cmocka_unit_test(test_items)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
