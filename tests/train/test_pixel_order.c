/* A dense network cannot see the order of pixels: so shuffled ones cost it nothing in figure 1a of
 * Zhang et al. 2016. */
#include "bench.h"
#include <math.h>

enum { PIXELS = 256, HIDDEN = 24, N = 60, BATCH = 20, EPOCHS = 5, CLASSES = 10 };

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

static void open_network(bench *b, const rk_registry *plugins, const char *randomize)
{
    rk_config c = rk_config_default();
    c.model = "mlp:hidden=24,layers=1";
    c.data = "synth16:n=60,test=20";
    c.randomize = randomize;
    c.batch = BATCH;
    bench_open(b, plugins, &c);
    assert_int_equal(bench_size(b, "hidden1/weight"), HIDDEN * PIXELS);
    assert_int_equal(bench_size(b, "output/weight"), CLASSES * HIDDEN);
}

/* from[j]: the position in a's images of what is at j in b's. */
static void find_order(const bench *a, const bench *b, int *from)
{
    const float *x = a->data->train.x.pixels, *y = b->data->train.x.pixels;
    int moved = 0;
    for (int j = 0; j < PIXELS; j++) {
        int found = 0;
        for (int k = 0; k < PIXELS; k++) {
            int same = 0;
            while (same < N && x[same * PIXELS + k] == y[same * PIXELS + j]) same++;
            if (same < N) continue;
            from[j] = k;
            found++;
        }
        assert_int_equal(found, 1);
        moved += from[j] != j;
    }
    assert_true(moved > PIXELS / 2);
}

/* Weights of the first layer in the order of the pixels, of the second layer as they come. */
static void start(const bench *b, const int *from)
{
    cell *first = bench_buffer(b, "hidden1/weight"), *second = bench_buffer(b, "output/weight");
    for (int u = 0; u < HIDDEN; u++)
        for (int j = 0; j < PIXELS; j++) {
            int k = from ? from[j] : j;
            first[u * PIXELS + j].f = sqrt(2.0 / PIXELS) * sin(u * 7919.0 + k * 104.729 + 1);
        }
    for (int i = 0; i < CLASSES * HIDDEN; i++) second[i].f = sqrt(2.0 / HIDDEN) * sin(i * 31.7 + 2);
}

static void learn(bench *b)
{
    uint32_t order[N];
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        for (uint32_t i = 0; i < N; i++) order[i] = (i * 7 + epoch) % N;
        bench_begin(b, order, 0.02);
        for (int step = 0; step < N / BATCH; step++) bench_step(b, step);
    }
}

/* The largest difference between the networks, first layers compared pixel by pixel. */
static double difference(const bench *a, const bench *b, const int *from)
{
    const cell *x = bench_buffer(a, "hidden1/weight"), *y = bench_buffer(b, "hidden1/weight");
    double most = 0;
    for (int u = 0; u < HIDDEN; u++)
        for (int j = 0; j < PIXELS; j++)
            most = fmax(most, fabs(y[u * PIXELS + j].f - x[u * PIXELS + from[j]].f));
    x = bench_buffer(a, "output/weight");
    y = bench_buffer(b, "output/weight");
    for (int i = 0; i < CLASSES * HIDDEN; i++) most = fmax(most, fabs(y[i].f - x[i].f));
    return most;
}

static void test_order_of_pixels(void **state)
{
    bench a, b;
    int from[PIXELS];
    double loss[2], correct[2];
    open_network(&a, *state, "");
    open_network(&b, *state, "pixels:mode=shuffle");
    find_order(&a, &b, from);
    start(&a, NULL);
    start(&b, from);
    learn(&a);
    learn(&b);
    assert_true(difference(&a, &b, from) < 1e-4);
    bench_evaluate(&a, true, &loss[0], &correct[0]); /* test images are shuffled alike */
    bench_evaluate(&b, true, &loss[1], &correct[1]);
    assert_true(fabs(loss[0] - loss[1]) < 1e-3 && correct[0] == correct[1]);
    bench_close(&b);
    open_network(&b, *state,
                 "pixels:mode=shuffle"); /* weights in their old places: another network */
    start(&b, NULL);
    learn(&b);
    assert_true(difference(&a, &b, from) > 1e-2);
    bench_close(&b);
    bench_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_of_pixels)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
