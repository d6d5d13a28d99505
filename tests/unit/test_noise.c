/* noise against its definition, its bits against a record, and what may be done to such a set. */
#include "data_harness.h"
#include <math.h>
#include <string.h>

enum { CLASSES = 7, SIDE = 6, CHANNELS = 3, PIXELS = CHANNELS * SIDE * SIDE };
#define SMALL "noise:size=6,classes=7,"

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

/* Pixel k of an example, in double precision, from words of Philox. */
static double pixel(uint64_t seed, const char *stream, uint32_t example, uint32_t k)
{
    rk_random r = rk_random_named(seed, stream);
    r.step = example;
    double u = ((rk_random_word(r, 2 * k) >> 8) + 1) / 16777216.0;
    double v = (rk_random_word(r, 2 * k + 1) >> 8) / 16777216.0;
    return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v);
}

static void check_set(const rk_dataset *d, bool test, uint64_t seed)
{
    const rk_examples *x = test ? &d->test.x : &d->train.x;
    const char *stream = test ? "noise/test" : "noise/train";
    rk_random label = rk_random_named(seed, test ? "noise/test/label" : "noise/train/label");
    const uint32_t some[] = {0, (uint32_t)x->n / 2, (uint32_t)x->n - 1};
    rk_error e = rk_error_new();
    assert_null(x->pixels);
    for (uint32_t i = 0; i < x->n; i++) {
        assert_int_equal(x->label[i], rk_random_below(label, i, CLASSES));
        assert_int_equal(x->index[i], i);
    }
    for (int s = 0; s < 3; s++) {
        float got[PIXELS];
        assert_int_equal(d->source.read(d->source.state, test, some[s], got, &e), RK_OK);
        for (uint32_t k = 0; k < PIXELS; k++)
            assert_true(fabs((double)got[k] - pixel(seed, stream, some[s], k)) < 1e-5);
    }
}

static void test_definition(void **state)
{
    rk_dataset *d = load_data(*state, SMALL "n=400,test=60,seed=3", NULL, 1, NULL);
    assert_int_equal(d->classes, CLASSES);
    assert_int_equal(d->channels, CHANNELS);
    assert_int_equal(d->height, SIDE);
    assert_int_equal(d->width, SIDE);
    assert_int_equal(d->standardize, RK_STANDARDIZE_NONE);
    assert_int_equal(d->train.x.n, 400);
    assert_int_equal(d->test.x.n, 60);
    check_set(d, false, 3);
    check_set(d, true, 3);
    rk_dataset_free(d);
}

/* In memory: the same examples, which the seed of the run and transforms meet as any others. */
static void test_kept(void **state)
{
    rk_dataset *a = load_data(*state, SMALL "n=40,test=7,seed=3", NULL, 1, NULL);
    rk_dataset *b =
        load_data(*state, "noise-kept:size=6,classes=7,n=40,test=7,seed=3", NULL, 1, NULL);
    rk_error e = rk_error_new();
    float x[PIXELS];
    assert_memory_equal(a->train.x.label, b->train.x.label, 40 * sizeof(uint32_t));
    assert_memory_equal(a->test.x.label, b->test.x.label, 7 * sizeof(uint32_t));
    for (uint32_t i = 0; i < 47; i++) {
        bool test = i >= 40;
        const rk_examples *kept = test ? &b->test.x : &b->train.x;
        uint32_t row = test ? i - 40 : i;
        assert_int_equal(a->source.read(a->source.state, test, row, x, &e), RK_OK);
        assert_memory_equal(x, (const float *)kept->pixels + (size_t)row * PIXELS, sizeof x);
    }
    assert_int_equal(b->standardize, RK_STANDARDIZE_NONE);
    assert_null(b->source.state);
    rk_dataset_free(a);
    rk_dataset_free(b);
}

/* As large as the paper's: what is in memory are labels and positions. */
static void test_default_size(void **state)
{
    rk_audit audit;
    rk_dataset *d = load_data(*state, "noise", NULL, 1, &audit);
    assert_int_equal(d->train.x.n, 1281167);
    assert_int_equal(d->test.x.n, 50000);
    assert_int_equal(rk_dataset_pixels(d), 3 * 224 * 224);
    assert_null(d->train.x.shift);
    assert_string_equal(audit.digest, "634f1d75d98bb55a39cf7807454d23f4");
    uint32_t count[1000] = {0};
    for (int64_t i = 0; i < d->train.x.n; i++) count[d->train.x.label[i]]++;
    double chi = 0, want = 1281167.0 / 1000;
    for (int k = 0; k < 1000; k++) chi += (count[k] - want) * (count[k] - want) / want;
    assert_true(fabs(chi - 999) < 5 * sqrt(2 * 999.0));
    rk_dataset_free(d);
}

/* Example i is the same whatever n is, and the run's seed has no part in it. */
static void test_prefix(void **state)
{
    rk_dataset *a = load_data(*state, SMALL "n=100,test=5", NULL, 1, NULL);
    rk_dataset *b = load_data(*state, SMALL "n=200,test=5,limit=100", NULL, 2, NULL);
    float x[PIXELS], y[PIXELS];
    rk_error e = rk_error_new();
    assert_int_equal(b->train.x.n, 100);
    assert_memory_equal(a->train.x.label, b->train.x.label, 100 * sizeof(uint32_t));
    assert_int_equal(a->source.read(a->source.state, false, 99, x, &e), RK_OK);
    assert_int_equal(b->source.read(b->source.state, false, 99, y, &e), RK_OK);
    assert_memory_equal(x, y, sizeof x);
    rk_dataset_free(a);
    rk_dataset_free(b);
}

/* The digest sees pixels, by way of the seed, labels, sizes. */
static void test_digest(void **state)
{
    rk_audit a, b;
    rk_dataset_free(load_data(*state, SMALL "n=50,test=5", NULL, 1, &a));
    rk_dataset_free(load_data(*state, SMALL "n=50,test=5", NULL, 2, &b));
    assert_string_equal(a.digest, b.digest);
    rk_dataset_free(load_data(*state, SMALL "n=51,test=5", NULL, 1, &b));
    assert_string_not_equal(a.digest, b.digest);
    rk_dataset_free(load_data(*state, SMALL "n=50,test=5,seed=1", NULL, 1, &b));
    assert_string_not_equal(a.digest, b.digest);
    assert_string_not_equal(a.label_digest, b.label_digest);
}

static void test_labels(void **state)
{
    rk_audit plain, changed;
    rk_dataset_free(load_data(*state, SMALL "n=3000,test=5", NULL, 1, &plain));
    rk_dataset_free(load_data(*state, SMALL "n=3000,test=5", "labels:p=0.5", 1, &changed));
    assert_true(plain.changed_labels == 0);
    assert_true(fabs(changed.changed_labels - 0.5 * 6 / 7) < 0.05);
    assert_string_not_equal(plain.label_digest, changed.label_digest);
}

static void test_pixels_refused(void **state)
{
    rk_error e = rk_error_new();
    rk_audit audit;
    rk_spec *s, *t;
    rk_dataset *d;
    assert_int_equal(rk_spec_parse(*state, RK_KIND_DATA, SMALL "n=50,test=5", &s, &e), RK_OK);
    assert_int_equal(rk_spec_parse(*state, RK_KIND_TRANSFORM, "pixels:mode=random", &t, &e), RK_OK);
    const rk_spec *list[] = {t};
    assert_int_equal(rk_dataset_load(s, list, 1, 1, &d, &audit, &e), RK_E_INVALID);
    assert_null(d);
    assert_non_null(strstr(e.text, "pixels: it changes pixels"));
    rk_spec_free(s);
    rk_spec_free(t);
}

/* A set without pixels whose source cannot be what it says. */
static void test_sources_refused(void **state)
{
    rk_dataset d = {.classes = 2, .channels = 1, .height = 1, .width = 1};
    rk_error e = rk_error_new();
    rk_dataset *from = load_data(*state, SMALL "n=5,test=5", NULL, 1, NULL);
    assert_int_equal(rk_dataset_make_sourced(&d, RK_F32, 1, 1, &e), RK_E_INVALID);
    d.source = (rk_source){.read = from->source.read, .generate = from->source.generate};
    assert_int_equal(rk_dataset_make_sourced(&d, RK_U8, 1, 1, &e), RK_E_INVALID);
    d.standardize = RK_STANDARDIZE_IMAGE;
    assert_int_equal(rk_dataset_make_sourced(&d, RK_F32, 1, 1, &e), RK_E_INVALID);
    rk_dataset_free(from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),     cmocka_unit_test(test_kept),
        cmocka_unit_test(test_default_size),   cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_digest),         cmocka_unit_test(test_labels),
        cmocka_unit_test(test_pixels_refused), cmocka_unit_test(test_sources_refused)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
