/* The graphs of a run, on the double-precision interpreter, against softmax regression by hand. */
#include "linear.h"
#include <math.h>
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

/* One step of SGD with momentum and weight decay on the given examples. */
static void train(linear *m, linear *velocity, const rk_examples *x, const uint32_t *batch,
                  int64_t rows, double rate, double momentum, double decay, double *loss,
                  double *correct)
{
    static linear grad;
    linear_gradient(m, x, batch, rows, 0, &grad, loss, correct);
    for (int k = 0; k < CLASSES; k++)
        for (int j = 0; j < PIXELS; j++) grad.w[k][j] += decay * m->w[k][j];
    linear_add(velocity, momentum - 1, velocity);
    linear_add(velocity, 1, &grad);
    linear_add(m, -rate, velocity);
}

/* Two epochs of 11 examples in batches of 4, 4 and 3, with momentum and weight decay: parameters,
 * logs and positions after every step. */
static void test_epochs_by_hand(void **state)
{
    static linear m, velocity;
    rk_config c = rk_config_default();
    bench b;
    c.model = "linear:init=zero";
    c.data = "synth16:n=11,test=5";
    c.optimizer = "sgd:momentum=0.5";
    c.regularize = "l2:strength=0.25";
    c.batch = 4;
    bench_open(&b, *state, &c);
    assert_true(b.chunks.rows == 4 && b.chunks.count == 3);
    assert_int_equal(bench_size(&b, "train/loss"), 3);
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        uint32_t order[11];
        double rate = epoch ? 0.125 : 0.25, loss[3], correct[3];
        rk_random r = rk_random_named(3, "train/order");
        r.step = epoch;
        rk_random_order(r, 11, order);
        bench_begin(&b, order, rate);
        for (int64_t step = 0; step < 3; step++) {
            int64_t rows = step < 2 ? 4 : 3;
            bench_step(&b, step);
            train(&m, &velocity, &b.data->train.x, order + 4 * step, rows, rate, 0.5, 0.25,
                  &loss[step], &correct[step]);
            linear_expect(&b, &m);
            assert_int_equal(bench_buffer(&b, "train/position")->u, step < 2 ? 4 * step + 4 : 0);
        }
        for (int step = 0; step < 3; step++) { /* each in its own entry, without the penalty */
            assert_true(fabs(bench_buffer(&b, "train/loss")[step].f - loss[step]) < 1e-6);
            assert_true(bench_buffer(&b, "train/correct")[step].f == correct[step]);
        }
    }
    bench_close(&b);
}

/* Sets whose last chunk reaches beyond their end count every example once. */
static void evaluate(void *plugins, const char *data, int64_t chunk, int64_t chunks)
{
    static linear m;
    rk_config c = rk_config_default();
    bench b;
    memset(&m, 0, sizeof m);
    c.model = "linear:init=zero";
    c.data = data;
    bench_open(&b, plugins, &c);
    assert_true(b.eval[1].rows == chunk && b.eval[1].count == chunks);
    cell *w = bench_buffer(&b, "output/weight");
    for (int i = 0; i < CLASSES * PIXELS; i++)
        w[i].f = m.w[i / PIXELS][i % PIXELS] = sin(0.1 * i) / 4;
    for (int test = 0; test < 2; test++) {
        const rk_examples *x = test ? &b.data->test.x : &b.data->train.x;
        double want = 0, right = 0, loss, correct, p[CLASSES];
        for (int64_t i = 0; i < x->n; i++) {
            bool r;
            want += linear_judge(&m, x, (uint32_t)i, p, &r);
            right += r;
        }
        for (int again = 0; again < 2; again++) { /* the position is where it was */
            bench_evaluate(&b, test, &loss, &correct);
            assert_true(fabs(loss - want) < 1e-6 * want);
            assert_true(correct == right);
        }
    }
    assert_int_equal(bench_buffer(&b, "train/position")->u, 0);
    bench_close(&b);
}

static void test_evaluation(void **state)
{
    evaluate(*state, "synth16:n=20,test=1", 1, 1);
    evaluate(*state, "synth16:n=3,test=256", 256, 1);
    evaluate(*state, "synth16:n=259,test=257", 129, 2);
    evaluate(*state, "synth16:n=1,test=601", 201, 3);
}

/* Right and wrong among examples with unchanged and with changed labels, counted one by one. */
static void test_fits_by_hand(void **state)
{
    static linear m;
    rk_config c = rk_config_default();
    bench b;
    int64_t changed = 0;
    double clean = 0, noisy = 0, truth = 0, loss, correct, p[CLASSES];
    memset(&m, 0, sizeof m);
    c.model = "linear:init=zero";
    c.data = "synth16:n=259,test=3";
    c.randomize = "labels:p=0.5";
    bench_open(&b, *state, &c);
    cell *w = bench_buffer(&b, "output/weight");
    for (int i = 0; i < CLASSES * PIXELS; i++)
        w[i].f = m.w[i / PIXELS][i % PIXELS] = sin(0.1 * i) / 4;
    const rk_train_set *t = &b.data->train;
    for (uint32_t i = 0; i < 259; i++) {
        bool right, is_true;
        rk_examples as_true = t->x;
        as_true.label = t->true_label;
        linear_judge(&m, &t->x, i, p, &right);
        linear_judge(&m, &as_true, i, p, &is_true);
        if (t->x.label[i] == t->true_label[i]) {
            clean += right;
            continue;
        }
        changed++;
        noisy += right;
        truth += is_true;
    }
    assert_true(changed > 80 && clean > 0 && noisy > 0 && truth > 0 && noisy != truth);
    for (int again = 0; again < 2; again++) {
        bench_evaluate(&b, false, &loss, &correct);
        assert_true(bench_sum(&b, false, "clean") == clean);
        assert_true(bench_sum(&b, false, "noisy") == noisy);
        assert_true(bench_sum(&b, false, "true") == truth);
        assert_true(correct == clean + noisy);
    }
    bench_close(&b);
}

static void test_chunks(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 3000; n++) {
        rk_chunks e = rk_eval_chunks(n), t = rk_train_chunks(n, 128);
        assert_true(e.rows <= 256 && e.rows * e.count >= n && e.rows * (e.count - 1) < n);
        assert_true(t.rows <= 128 && t.rows * t.count >= n && t.rows * (t.count - 1) < n);
    }
    assert_int_equal(rk_train_chunks(5, 100).rows, 5); /* a batch is never more than all */
}

/* A model of the test's own: dropout before a dense layer. */
static rk_value dropping(rk_graph *g, rk_value x, uint32_t classes, const rk_args *a)
{
    (void)a;
    rk_value dropped = rk_dropout(g, rk_flatten(g, x), 0.5f, "drop");
    rk_init zero = {RK_INIT_ZERO, 0};
    return rk_dense(g, dropped, classes, zero, zero, "output");
}

static rk_value without_parameters(rk_graph *g, rk_value x, uint32_t classes, const rk_args *a)
{
    (void)a;
    int64_t zero[] = {0, 0};
    return rk_slice(g, rk_flatten(g, x), zero, RK_SHAPE(rk_dim(g, x, 0), classes));
}

static rk_value of_wrong_shape(rk_graph *g, rk_value x, uint32_t classes, const rk_args *a)
{
    (void)a;
    rk_init zero = {RK_INIT_ZERO, 0};
    return rk_dense(g, rk_flatten(g, x), classes + 1, zero, zero, "output");
}

static bool has_state(const rk_graph *g, const char *name)
{
    for (rk_value v = 1; v < rk_graph_count(g); v++)
        if (strcmp(rk_graph_node(g, v).name, name) == 0) return true;
    return false;
}

/* Random words differ from step to step, and evaluations draw none. */
static void test_random_step(void **state)
{
    rk_config c = rk_config_default();
    rk_item item = {.size = sizeof item, .kind = RK_KIND_MODEL, .name = "drop", .model = dropping};
    rk_graph *g;
    rk_error e = rk_error_new();
    bench b;
    c.data = "synth16:n=8,test=3";
    bench_open(&b, *state, &c);
    const rk_item *shipped = b.recipe.model->item;
    b.recipe.model->item = &item;
    assert_int_equal(rk_step_build(&b.recipe, b.data, b.chunks, 8, &g, &e), RK_OK);
    oracle *o = oracle_new(g);
    cell *key = oracle_buffer(o, "rng/key");
    key[0].u = 7;
    key[1].u = 8;
    key[2].u = UINT32_MAX;
    oracle_run(o, NULL, 0);
    assert_true(key[0].u == 7 && key[1].u == 8 && key[2].u == 0);
    oracle_free(o);
    rk_graph_free(g);
    assert_int_equal(rk_eval_build(&b.recipe, b.data, false, &g, &e), RK_OK);
    assert_false(has_state(g, "rng/key"));
    rk_graph_free(g);
    b.recipe.model->item = shipped;
    bench_close(&b);
}

/* The second augmentation of a name draws from a stream of its own. */
static void test_streams_of_augmentations(void **state)
{
    static const char *const names[] = {"augment/noise/normal", "augment/drop/mask",
                                        "augment/noise/2/normal"};
    rk_config c = rk_config_default();
    bench b;
    uint32_t n = 0;
    c.data = "synth16:n=8,test=3";
    c.augment = "noise+drop+noise:sigma=2";
    bench_open(&b, *state, &c);
    for (rk_value v = 1; v < rk_graph_count(b.step.graph); v++) {
        rk_node node = rk_graph_node(b.step.graph, v);
        if (node.op == RK_OP_RNG) assert_string_equal(node.name, names[n++]);
        if (node.trained) assert_null(strstr(node.name, "augment"));
    }
    assert_int_equal(n, 3);
    bench_close(&b);
}

static void test_wrong_models(void **state)
{
    rk_config c = rk_config_default();
    rk_item item = {.size = sizeof item, .kind = RK_KIND_MODEL, .name = "wrong"};
    rk_graph *g;
    rk_error e = rk_error_new();
    bench b;
    c.data = "synth16:n=8,test=3";
    bench_open(&b, *state, &c);
    const rk_item *shipped = b.recipe.model->item;
    b.recipe.model->item = &item;
    item.model = without_parameters;
    assert_int_not_equal(rk_step_build(&b.recipe, b.data, b.chunks, 8, &g, &e), RK_OK);
    assert_non_null(strstr(e.text, "wrong has no parameters"));
    assert_null(g);
    item.model = of_wrong_shape;
    assert_int_not_equal(rk_step_build(&b.recipe, b.data, b.chunks, 8, &g, &e), RK_OK);
    assert_non_null(strstr(e.text, "a row of 10 logits per example"));
    b.recipe.model->item = shipped;
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epochs_by_hand), cmocka_unit_test(test_evaluation),
        cmocka_unit_test(test_fits_by_hand),   cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_random_step),    cmocka_unit_test(test_streams_of_augmentations),
        cmocka_unit_test(test_wrong_models)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
