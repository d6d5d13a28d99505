/* Models: their parameters, and what graphs they build. */
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
    built b = {.g = rk_graph_new(), .spec = parse_item(r, RK_KIND_MODEL, text)};
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
                {"alexnet:dropout=0.5", 1387786},
                {"alexnet:bn=on", 1387786 + 2 * (64 + 64 + 384 + 192)},
                {"mlp:dropout=0.5", 1209866},
                {"mlp:layers=3,bn=on", 1735178 + 2 * 3 * 512},
                /* Pools of 2: 28, 14, 7. */
                {"cnn", 3 * 9 * 32 + 32 + 32 * 9 * 64 + 64 + 7 * 7 * 64 * 10 + 10},
                {"cnn:hidden1=5", 896 + 18496 + 3136 * 5 + 5 + 5 * 10 + 10},
                {"cnn:hidden2=5", 896 + 18496 + 3136 * 5 + 5 + 5 * 10 + 10},
                /* Arpit et al. 2017: 28, 10, 4. */
                {"cnn:filters1=200,filters2=200,kernel=5,pool=3,hidden1=384,hidden2=192,bn=on",
                 15200 + 1000200 + 3200 * 384 + 384 + 384 * 192 + 192 + 192 * 10 + 10 +
                     2 * (200 + 200 + 384 + 192)},
                {"inception", 1649402},
                {"inception:bn=bias", 1649402},
                {"inception:bn=off", 1649402},
                /* Keskar et al. 2017, C2; pools: 28, 14, 7, 4, 2, 1. */
                {"vgg", 14714688 + 2 * 4224 + 512 * 512 + 3 * 512 + 512 * 10 + 10},
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
    rk_spec *s = parse_item(*state, RK_KIND_MODEL, "wrn:depth=12");
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
    static const char *const models[] = {
        "alexnet:width=0.01",  "inception:width=0.01", "inception:width=0.5,bn=off",
        "wrn:base=1,depth=10", "cnn:pool=9",           "vgg:width=0.01"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        rk_spec *s = parse_item(*state, RK_KIND_MODEL, models[i]);
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

/* The small network of the experiments on synth16. */
static void test_small_cnn(void **state)
{
    rk_spec *s = parse_item(*state, RK_KIND_MODEL, "cnn");
    rk_graph *g = rk_graph_new();
    rk_value params[PARAMS_MAX];
    int64_t count = 0;
    s->item->model(g, rk_input(g, RK_F32, RK_SHAPE(5, 1, 16, 16), "x"), 10, s->args);
    assert_sound(g, s);
    uint32_t n = rk_graph_params(g, params, PARAMS_MAX);
    for (uint32_t k = 0; k < n; k++) count += rk_shape_size(rk_shape_of(g, params[k]));
    assert_int_equal(count, 29066);
    rk_graph_free(g);
    rk_spec_free(s);
}

/* A mask of dropout: its stream, and how many values of a row it covers. */
typedef struct mask {
    const char *name;
    int64_t width;
} mask;

static void check_masks(const rk_registry *r, const char *model, const mask *masks, int n)
{
    rk_spec *s = parse_item(r, RK_KIND_MODEL, model);
    for (int training = 0; training < 2; training++) {
        rk_graph *g = rk_graph_new();
        int seen = 0;
        rk_graph_set_training(g, training);
        s->item->model(g, rk_input(g, RK_F32, RK_SHAPE(7, 3, 28, 28), "x"), 10, s->args);
        assert_sound(g, s);
        for (rk_value v = 1; v < rk_graph_count(g); v++) {
            rk_node node = rk_graph_node(g, v);
            if (node.op != RK_OP_RNG) continue;
            assert_true(training && seen < n);
            assert_string_equal(node.name, masks[seen].name);
            assert_int_equal(rk_shape_size(node.shape), 7 * masks[seen].width);
            seen++;
        }
        assert_int_equal(seen, training ? n : 0);
        rk_graph_free(g);
    }
    rk_spec_free(s);
}

static void test_dropout(void **state)
{
    static const mask vgg[] = {
        {"conv1_1/dropout", 28 * 28}, {"conv2_1/dropout", 14 * 14}, {"conv3_1/dropout", 3 * 49},
        {"conv3_2/dropout", 3 * 49},  {"conv4_1/dropout", 5 * 16},  {"conv4_2/dropout", 5 * 16},
        {"conv5_1/dropout", 5 * 4},   {"conv5_2/dropout", 5 * 4},   {"dropout", 5},
        {"hidden/dropout", 5}};
    static const mask mlp[] = {{"hidden1/dropout", 8}, {"hidden2/dropout", 8}};
    static const mask alexnet[] = {{"hidden1/dropout", 38}, {"dropout", 19}};
    static const mask cnn[] = {{"dropout", 3136}}, one[] = {{"dropout", 4}};
    check_masks(*state, "mlp:hidden=8,layers=2", NULL, 0);
    check_masks(*state, "mlp:hidden=8,layers=2,dropout=0.3", mlp, 2);
    check_masks(*state, "alexnet:width=0.1", NULL, 0);
    check_masks(*state, "alexnet:width=0.1,dropout=0.5", alexnet, 2);
    check_masks(*state, "vgg:width=0.01", vgg, 10);
    check_masks(*state, "vgg:width=0.01,dropout=off", NULL, 0);
    check_masks(*state, "cnn", NULL, 0);
    check_masks(*state, "cnn:dropout=0.5", cnn, 1);
    check_masks(*state, "cnn:dropout=0.5,hidden1=4", one, 1);
    check_masks(*state, "cnn:dropout=0.5,hidden2=4", one, 1);
}

/* Normalization comes after the layer's products and before its relu. */
static void test_batch_norm(void **state)
{
    static const char *const models[] = {"mlp:hidden=3,layers=2,bn=on", "vgg:width=0.05",
                                         "cnn:filters1=3,filters2=3,hidden1=3,hidden2=3,bn=on"};
    static const char *const first[] = {"hidden1/bn/mean", "conv1_1/bn/mean", "conv1/bn/mean"};
    static const int layers[] = {2, 14, 4};
    for (int i = 0; i < 3; i++) {
        built b = build(*state, models[i]);
        int statistics = 0;
        rk_value mean = 0, relu = 0;
        for (rk_value v = 1; v < rk_graph_count(b.g); v++) {
            rk_node node = rk_graph_node(b.g, v);
            statistics += node.statistic;
            if (strcmp(node.name, first[i]) == 0) mean = v;
            if (node.op == RK_OP_MAX && !relu) relu = v;
        }
        assert_int_equal(statistics, 3 * layers[i]);
        assert_true(mean > 0 && relu > mean);
        unbuild(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameter_counts), cmocka_unit_test(test_initialization),
        cmocka_unit_test(test_layer_by_layer),   cmocka_unit_test(test_wrn),
        cmocka_unit_test(test_widths),           cmocka_unit_test(test_relu_between_layers),
        cmocka_unit_test(test_small_cnn),        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_batch_norm)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
