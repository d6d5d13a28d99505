/* synth16 against its definition in double precision, and its bits against a record. */
#include "data_harness.h"
#include <math.h>
#include <string.h>

enum { SIDE = 16, PIXELS = 256, BUMPS = 6, MODES = 2, CLASSES = 10 };

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

static double uniform(rk_random r, uint64_t i, double low, double high)
{
    return low + (high - low) * (rk_random_word(r, i) >> 8) / 16777216.0;
}

static double template_at(uint64_t seed, uint32_t class, uint32_t mode, uint32_t y, uint32_t x)
{
    rk_random r = rk_random_named(seed, "synth16/templates");
    double sum = 0;
    for (uint32_t k = 0; k < BUMPS; k++) {
        uint64_t j = 5 * (uint64_t)((class * MODES + mode) * BUMPS + k);
        double dx = fabs(x - uniform(r, j, 0, SIDE)), dy = fabs(y - uniform(r, j + 1, 0, SIDE));
        double sigma = uniform(r, j + 2, 1.5, 3), height = uniform(r, j + 3, 0.5, 1.5);
        dx = fmin(dx, SIDE - dx);
        dy = fmin(dy, SIDE - dy);
        if (rk_random_word(r, j + 4) & 0x80000000u) height = -height;
        sum += height * exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
    }
    return sum;
}

static double normal(rk_random r, uint64_t i)
{
    double u = ((rk_random_word(r, 2 * i) >> 8) + 1) / 16777216.0;
    double v = (rk_random_word(r, 2 * i + 1) >> 8) / 16777216.0;
    return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v);
}

static void check_set(const rk_examples *x, uint64_t seed, const char *choice, const char *noise)
{
    rk_random c = rk_random_named(seed, choice), z = rk_random_named(seed, noise);
    for (uint32_t i = 0; i < (uint32_t)x->n; i++) {
        uint32_t class = rk_random_below(c, 5 * i, CLASSES);
        uint32_t mode = rk_random_below(c, 5 * i + 1, MODES);
        uint32_t dx = rk_random_below(c, 5 * i + 2, 5), dy = rk_random_below(c, 5 * i + 3, 5);
        double contrast = uniform(c, 5 * i + 4, 0.6, 1.4);
        assert_int_equal(x->label[i], class);
        z.step = i;
        for (uint32_t k = 0; k < PIXELS; k++) {
            double t = template_at(seed, class, mode, (k / SIDE + dy + 14) % SIDE,
                                   (k % SIDE + dx + 14) % SIDE);
            double want = contrast * t + 0.5 * normal(z, k);
            assert_true(fabs((double)((float *)x->pixels)[i * PIXELS + k] - want) < 1e-5);
        }
    }
}

static void test_definition(void **state)
{
    rk_dataset *d = load_data(*state, "synth16:n=40,test=30,seed=3", NULL, 1, NULL);
    assert_int_equal(d->classes, CLASSES);
    assert_int_equal(d->channels, 1);
    assert_int_equal(d->height, SIDE);
    assert_int_equal(d->width, SIDE);
    assert_int_equal(d->standardize, RK_STANDARDIZE_IMAGE);
    check_set(&d->train.x, 3, "synth16/train", "synth16/train/noise");
    check_set(&d->test.x, 3, "synth16/test", "synth16/test/noise");
    rk_dataset_free(d);
}

static void test_default_size(void **state)
{
    rk_dataset *d = load_data(*state, "synth16", NULL, 1, NULL);
    uint32_t count[CLASSES] = {0};
    assert_int_equal(d->train.x.n, 1000);
    assert_int_equal(d->test.x.n, 2000);
    for (int i = 0; i < 2000; i++) count[d->test.x.label[i]]++;
    for (int k = 0; k < CLASSES; k++) assert_true(fabs(count[k] - 200.0) < 5 * sqrt(180.0));
    rk_dataset_free(d);
}

/* Example i is the same whatever n is, and the run's seed has no part in it. */
static void test_prefix(void **state)
{
    rk_dataset *a = load_data(*state, "synth16:n=100,test=10", NULL, 1, NULL);
    rk_dataset *b = load_data(*state, "synth16:n=20,test=5", NULL, 2, NULL);
    assert_memory_equal(a->train.x.pixels, b->train.x.pixels, 20 * PIXELS * sizeof(float));
    assert_memory_equal(a->train.x.label, b->train.x.label, 20 * sizeof(uint32_t));
    assert_memory_equal(a->test.x.pixels, b->test.x.pixels, 5 * PIXELS * sizeof(float));
    rk_dataset_free(a);
    rk_dataset_free(b);
}

/* The bits are the same on every machine and with every compiler. */
static void test_golden_digest(void **state)
{
    rk_audit zero, one;
    rk_dataset_free(load_data(*state, "synth16", NULL, 1, &zero));
    rk_dataset_free(load_data(*state, "synth16:seed=1", NULL, 1, &one));
    assert_string_equal(zero.digest, "8c64b9c32167ee5f2853b46577bb7312");
    assert_string_equal(one.digest, "0a126245189dea4abcaed1dd7edef5e4");
}

static void test_parameters(void **state)
{
    rk_dataset *d = load_data(
        *state, "synth16:n=60,test=60,classes=3,modes=1,shift=0,contrast=0,noise=0", NULL, 1, NULL);
    const float *pixels = d->train.x.pixels, *seen[3] = {NULL};
    assert_int_equal(d->classes, 3);
    for (int i = 0; i < 60; i++) { /* nothing varies within a class */
        const float *image = pixels + i * PIXELS, **first = &seen[d->train.x.label[i]];
        if (*first) assert_memory_equal(image, *first, PIXELS * sizeof(float));
        *first = image;
    }
    for (int k = 0; k < 3; k++) assert_non_null(seen[k]);
    assert_memory_not_equal(seen[0], seen[1], PIXELS * sizeof(float));
    rk_dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition), cmocka_unit_test(test_default_size),
        cmocka_unit_test(test_prefix), cmocka_unit_test(test_golden_digest),
        cmocka_unit_test(test_parameters)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
