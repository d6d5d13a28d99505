/* The shipped models, small, on a device: loss and every gradient of a step against the double-
 * precision interpreter, and the same bits however the step is planned. */
#include "device_bench.h"
#include "graph/node.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 5, CHANNELS = 3, SIDE = 12, CLASSES = 10, MOST = 128, NAME = 128 };

/* A step without an optimizer: what it computes is assigned to states. */
typedef struct step {
    rk_graph *g;
    uint32_t n, kept; /* parameters; all that is compared: loss, gradients, statistics */
    char name[2 * MOST][NAME];
    int64_t size[2 * MOST];
} step;

static void keep(step *s, const char *name, rk_value v)
{
    assert_true(s->kept < 2 * MOST);
    if (v) rk_assign(s->g, rk_state(s->g, RK_F32, rk_shape_of(s->g, v), name), v);
    snprintf(s->name[s->kept], NAME, "%s", name);
    s->kept++;
}

static void build(step *s, const rk_spec *spec)
{
    rk_error e = rk_error_new();
    rk_value param[MOST], grad[MOST];
    memset(s, 0, sizeof *s);
    rk_graph *g = s->g = rk_graph_new();
    rk_graph_set_training(g, true);
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(ROWS, CHANNELS, SIDE, SIDE), "x");
    rk_value label = rk_input(g, RK_U32, RK_SHAPE(ROWS), "label");
    rk_value logits = spec->item->model(g, x, CLASSES, spec->args);
    rk_value loss = rk_mean(g, rk_cross_entropy(g, logits, label), 0, 1);
    s->n = rk_graph_params(g, param, MOST);
    assert_true(s->n <= MOST);
    rk_grad(g, loss, param, s->n, grad);
    for (uint32_t i = 0; i < s->n; i++) {
        char name[NAME];
        snprintf(name, NAME, "gradient/%s", rk_name_of(g, param[i]));
        keep(s, name, grad[i]);
    }
    keep(s, "loss", loss);
    must(rk_graph_check(g, &e), &e);
    for (rk_value v = 1; v < rk_graph_count(g); v++)
        if (rk_graph_node(g, v).statistic) keep(s, rk_name_of(g, v), 0);
}

static float sample(int64_t i, float low, float high)
{
    rk_random r = rk_random_named(5, "test");
    return low + (high - low) * rk_random_uniform(r, (uint64_t)i);
}

/* Runs the step on the device with parameters from their inits; the caller closes the session. */
static rk_session *run(const world *w, const step *s, rk_session_options options)
{
    rk_error e = rk_error_new();
    rk_session *session;
    rk_program *program;
    float x[ROWS * CHANNELS * SIDE * SIDE];
    uint32_t label[ROWS];
    for (int i = 0; i < ROWS * CHANNELS * SIDE * SIDE; i++) x[i] = sample(i, -2, 2);
    for (uint32_t i = 0; i < ROWS; i++) label[i] = 3 * i % CLASSES;
    options.seed = 9;
    must(rk_session_open(w->hub, w->device, &options, &session, &e), &e);
    must(rk_session_add(session, s->g, "step", &program, &e), &e);
    must(rk_session_commit(session, &e), &e);
    must(rk_session_init(session, &e), &e);
    must(rk_session_write(session, "x", x, sizeof x, &e), &e);
    must(rk_session_write(session, "label", label, sizeof label, &e), &e);
    must(rk_program_run(program, &e), &e);
    must(rk_session_sync(session, &e), &e);
    return session;
}

/* The same inputs, parameters and random words for the interpreter; the step changes none of them.
 */
static void mirror(rk_session *s, oracle *o)
{
    const rk_buffer_info *b;
    uint32_t n = rk_session_buffers(s, &b);
    for (uint32_t i = 0; i < n; i++) {
        cell *to = oracle_buffer(o, b[i].name);
        int64_t size;
        if (!b[i].trained && !b[i].input && b[i].dtype != RK_U32) continue;
        float *data = read_floats(s, b[i].name, &size);
        for (int64_t k = 0; k < size; k++)
            if (b[i].dtype == RK_F32)
                to[k].f = data[k];
            else
                memcpy(&to[k].u, &data[k], sizeof to[k].u);
        free(data);
    }
}

/* Norms of what is wanted, and of the difference. */
typedef struct norms {
    double want, off;
} norms;

static norms compare(rk_session *s, oracle *o, const char *name)
{
    int64_t n;
    float *got = read_floats(s, name, &n);
    const cell *want = oracle_buffer(o, name);
    norms sum = {0, 0};
    for (int64_t i = 0; i < n; i++) {
        sum.want += want[i].f * want[i].f;
        sum.off += (got[i] - want[i].f) * (got[i] - want[i].f);
    }
    free(got);
    return (norms){sqrt(sum.want), sqrt(sum.off)};
}

/* 1e-4 of each tensor's own norm, or 1e-7 of the whole gradient's: the bias before a batch norm has
 * the derivative 0, and rounding alone is far above 1e-4 of that. */
static void check_against_oracle(const char *model, const step *s, rk_session *session)
{
    oracle *o = oracle_new(s->g);
    double all = 0, worst = 0;
    mirror(session, o);
    oracle_run(o, NULL, 0);
    for (uint32_t i = 0; i < s->kept; i++) all = hypot(all, compare(session, o, s->name[i]).want);
    for (uint32_t i = 0; i < s->kept; i++) {
        norms c = compare(session, o, s->name[i]);
        if (!(c.off <= 1e-4 * c.want || c.off <= 1e-7 * all))
            fail_msg("%s: %s is off by %.2e of its norm %.2e", model, s->name[i], c.off / c.want,
                     c.want);
        if (c.want > 1e-7 * all) worst = fmax(worst, c.off / c.want);
    }
    print_message("%s: %u tensors, at most %.1e off\n", model, s->kept, worst);
    oracle_free(o);
}

static void check_same_bits(const char *model, const step *s, rk_session *a, rk_session *b)
{
    for (uint32_t i = 0; i < s->kept; i++) {
        int64_t n, m;
        float *x = read_floats(a, s->name[i], &n), *y = read_floats(b, s->name[i], &m);
        if (n != m || memcmp(x, y, (size_t)n * sizeof *x) != 0)
            fail_msg("%s: %s depends on how the step is planned", model, s->name[i]);
        free(x);
        free(y);
    }
}

static void check_model(const world *w, const char *model, rk_numerics numerics)
{
    static step s;
    static const rk_session_options other[] = {{.unfused = true},
                                               {.separate = true, .poison = true}};
    rk_error e = rk_error_new();
    rk_spec *spec;
    must(rk_spec_parse(w->plugins, RK_KIND_MODEL, model, &spec, &e), &e);
    build(&s, spec);
    rk_session *fused = run(w, &s, (rk_session_options){.numerics = numerics});
    check_against_oracle(model, &s, fused);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        rk_session_options options = other[i];
        options.numerics = numerics;
        rk_session *session = run(w, &s, options);
        check_same_bits(model, &s, fused, session);
        rk_session_close(session);
    }
    rk_session_close(fused);
    rk_graph_free(s.g);
    rk_spec_free(spec);
}

static void test_models(void **state)
{
    static const char *const models[] = {"alexnet:width=0.1",
                                         "alexnet:width=0.1,lrn=off,init=torch",
                                         "inception:width=0.05",
                                         "inception:width=0.05,bn=bias,init=torch",
                                         "inception:width=0.05,bn=off",
                                         "wrn:depth=10,base=3",
                                         "wrn:depth=10,base=2,width=2,dropout=0.25",
                                         "mlp:layers=2,hidden=20",
                                         "linear"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        check_model(*state, models[i], RK_NUMERICS_EXACT);
}

/* With the transforms of the fast tier in every layer; its kernels stand in for the exact ones up
 * to rounding, and give the same bits in every plan. */
static void test_fast(void **state)
{
    const world *w = *state;
    rk_error e = rk_error_new();
    must(rk_hub_option(w->hub, "cpu.winograd", "always", &e), &e);
    check_model(*state, "wrn:depth=10,base=16", RK_NUMERICS_FAST);
    check_model(*state, "inception:width=0.25", RK_NUMERICS_FAST);
}

/* Epochs with a smaller last batch, and evaluations by the running averages, as the interpreter has
 * them. */
static void test_epochs(void **state)
{
    static const char *const models[] = {"wrn:depth=10,base=1", "inception:width=0.05"};
    for (int i = 0; i < 2; i++) {
        const world *w = *state;
        rk_config c = rk_config_default();
        rk_error e = rk_error_new();
        rk_score got;
        double loss, correct;
        bench b;
        c.model = models[i];
        c.data = "synth16:n=20,test=9";
        c.batch = 8;
        rk_trainer *t = open_trainer(w, &c);
        bench_open(&b, w->plugins, &c);
        copy_parameters(t, &b);
        for (int64_t epoch = 0; epoch < 2; epoch++)
            assert_true(epoch_difference(t, &b, epoch) <= 1e-5);
        for (int test = 0; test < 2; test++) {
            must(rk_trainer_evaluate(t, test, &got, &e), &e);
            bench_evaluate(&b, test, &loss, &correct);
            double n = test ? 9 : 20;
            print_message("%s: loss %g, relative difference %.1e\n", models[i], got.loss,
                          fabs(got.loss - loss / n) / got.loss);
            assert_true(fabs(got.loss - loss / n) <= 1e-5 * got.loss);
            assert_true(fabs(got.accuracy - correct / n) < 1e-12);
        }
        bench_close(&b);
        rk_trainer_close(t);
    }
}

/* A graph of one input x[n] and one result, run on the device. */
typedef struct one {
    rk_graph *g;
    rk_value x;
} one;

static one one_new(rk_shape shape)
{
    one o = {.g = rk_graph_new()};
    rk_graph_set_training(o.g, true);
    o.x = rk_input(o.g, RK_F32, shape, "x");
    return o;
}

static float *one_run(const world *w, one o, rk_value y, const float *x)
{
    rk_error e = rk_error_new();
    rk_session_options options = {0};
    rk_session *session;
    rk_program *program;
    int64_t n;
    rk_assign(o.g, rk_state(o.g, RK_F32, rk_shape_of(o.g, y), "y"), y);
    must(rk_session_open(w->hub, w->device, &options, &session, &e), &e);
    must(rk_session_add(session, o.g, "one", &program, &e), &e);
    must(rk_session_commit(session, &e), &e);
    must(rk_session_write(session, "x", x, rk_session_buffer(session, "x")->bytes, &e), &e);
    must(rk_program_run(program, &e), &e);
    float *data = read_floats(session, "y", &n);
    rk_session_close(session);
    rk_graph_free(o.g);
    return data;
}

/* A mean a thousand deviations from 0, where squares alone have no correct digit of the variance;
 * and planes that are far from one another. */
static void check_far(const world *w, double offset, double per_plane)
{
    enum { N = 6, PLANE = 35 };
    static float x[N * PLANE];
    double mean = 0, variance = 0, worst = 0;
    for (int i = 0; i < N * PLANE; i++)
        x[i] = (float)(offset + per_plane * (i / PLANE)) + sample(i, -1, 1);
    for (int i = 0; i < N * PLANE; i++) mean += (double)x[i] / (N * PLANE);
    for (int i = 0; i < N * PLANE; i++) variance += (x[i] - mean) * (x[i] - mean) / (N * PLANE);
    one o = one_new(RK_SHAPE(N, 1, 5, 7));
    rk_norm norm = {.eps = 1e-5f};
    float *y = one_run(w, o, rk_batch_norm(o.g, o.x, norm, "bn"), x);
    for (int i = 0; i < N * PLANE; i++)
        worst = fmax(worst, fabs(y[i] - (x[i] - mean) / sqrt(variance + (double)1e-5f)));
    print_message("batch norm, mean %g: off by %.1e\n", offset, worst);
    /* The mean is a float: half a unit of it, over the deviation, and as much for arithmetic. */
    assert_true(worst <= 1e-6 + 1.2e-7 * fabs(mean) / sqrt(variance));
    free(y);
}

static void test_far_mean(void **state)
{
    check_far(*state, 0, 0);
    check_far(*state, 1000, 0);
    check_far(*state, -1e5, 0);
    check_far(*state, 0, 500);
    check_far(*state, 3000, -100);
}

/* The power of the LRN: one channel, so that what is raised to it is known to the last bit. */
static void test_lrn_accuracy(void **state)
{
    enum { N = 4096 };
    static float x[N];
    const float alpha = 0.001f / 9, beta = 0.75f;
    double worst = 0;
    for (int i = 0; i < N; i++) x[i] = expf(sample(i, -3, 14)) * (i % 2 ? 1.0f : -1.0f);
    one o = one_new(RK_SHAPE(N, 1, 1));
    float *y = one_run(*state, o, rk_lrn(o.g, o.x, 4, 1.0f, alpha, beta), x);
    for (int i = 0; i < N; i++) {
        float square = x[i] * x[i], scaled = square * alpha, z = scaled + 1.0f;
        double power = pow((double)z, -(double)beta), want = x[i] * power;
        double ulp = ldexp(1, ilogb(want) - 23), off = fabs(y[i] - want) / ulp;
        worst = fmax(worst, off - 2 * fabs((double)beta * log((double)z)));
    }
    print_message("lrn: off by 2 |beta log z| and %.2f ULP\n", worst);
    assert_true(worst <= 3);
    free(y);
}

/* Running averages are what an evaluation is by, and a part of the digest. */
static void test_statistics(void **state)
{
    const world *w = *state;
    rk_config c = rk_config_default();
    rk_error e = rk_error_new();
    char before[33], after[33];
    rk_score first, second, online;
    rk_trainer *t;
    int64_t n;
    c.model = "wrn:depth=10,base=2";
    c.data = "synth16:n=70,test=30";
    c.batch = 32;
    t = open_trainer(w, &c);
    must(rk_trainer_begin(t, 0, &e), &e);
    for (int64_t step = 0; step < t->steps; step++) must(rk_trainer_step(t, step, &e), &e);
    must(rk_trainer_digest(t, before, &e), &e);
    must(rk_trainer_online(t, &online, &e), &e);
    for (int i = 0; i < 2; i++) { /* evaluation moves nothing */
        must(rk_trainer_evaluate(t, true, &first, &e), &e);
        must(rk_trainer_digest(t, after, &e), &e);
        assert_string_equal(before, after);
    }
    float *variance = read_floats(t->session, "bn/variance", &n);
    for (int64_t i = 0; i < n; i++) variance[i] *= 4;
    must(rk_session_write(t->session, "bn/variance", variance, (uint64_t)n * sizeof *variance, &e),
         &e);
    free(variance);
    must(rk_trainer_digest(t, after, &e), &e);
    assert_string_not_equal(before, after);
    must(rk_trainer_evaluate(t, true, &second, &e), &e);
    assert_true(first.loss != second.loss);
    assert_int_equal(rk_trainer_parameters(t), 1360); /* trained values only */
    rk_trainer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),   cmocka_unit_test(test_fast),
        cmocka_unit_test(test_epochs),   cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_far_mean), cmocka_unit_test(test_lrn_accuracy)};
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
