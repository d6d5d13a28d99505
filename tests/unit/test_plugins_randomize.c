/* The randomization tests as experiments define them: labels, pixels. */
#include "data_harness.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRAIN = 4000, TEST = 300, CLASSES = 10, CHANNELS = 3, SIDE = 8, PLANE = 64, PIXELS = 192 };

/* U8 pixels: position k of channel c holds k + 64 c, so that each pixel says where it came from. */
static rk_status traced(rk_dataset *d, const rk_args *a, rk_error *e)
{
    (void)a;
    *d = (rk_dataset){.classes = CLASSES, .channels = CHANNELS, .height = SIDE, .width = SIDE};
    RK_TRY(rk_dataset_make(d, RK_U8, TRAIN, TEST, e));
    rk_examples *sets[] = {&d->train.x, &d->test.x};
    for (uint32_t s = 0; s < 2; s++)
        for (uint32_t i = 0; i < (uint32_t)sets[s]->n; i++) {
            sets[s]->label[i] = i % CLASSES;
            for (uint32_t k = 0; k < PIXELS; k++)
                ((uint8_t *)sets[s]->pixels)[i * PIXELS + k] = (uint8_t)k;
        }
    return RK_OK;
}

/* Channel c is uniform in a range of its own. */
static rk_status colored(rk_dataset *d, const rk_args *a, rk_error *e)
{
    RK_TRY(traced(d, a, e));
    rk_examples *sets[] = {&d->train.x, &d->test.x};
    for (uint32_t s = 0; s < 2; s++)
        for (uint32_t i = 0; i < (uint32_t)sets[s]->n * PIXELS; i++) {
            uint32_t c = i / PLANE % CHANNELS, span = 40 + 60 * c;
            /* The test set is darker: its statistics must not be used. */
            uint32_t low = s ? 0 : 30 + 20 * c;
            ((uint8_t *)sets[s]->pixels)[i] =
                (uint8_t)(low + rk_random_below((rk_random){s, 0, 1}, i, span));
        }
    return RK_OK;
}

static const rk_item traced_item =
    RK_ITEM(RK_KIND_DATA, .name = "traced", .doc = "d", .data = traced);
static const rk_item colored_item =
    RK_ITEM(RK_KIND_DATA, .name = "colored", .doc = "d", .data = colored);

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

static void check_fraction(const rk_registry *r, double p, const char *spec)
{
    rk_audit audit;
    rk_dataset *d = load_item(r, &traced_item, 0, spec, 5, &audit);
    int64_t changed = 0;
    double expected = p * (1 - 1.0 / CLASSES);
    for (uint32_t i = 0; i < TRAIN; i++) {
        assert_int_equal(d->train.true_label[i], i % CLASSES);
        changed += d->train.x.label[i] != i % CLASSES;
    }
    assert_true(audit.changed_labels == (double)changed / TRAIN);
    assert_true(fabs(audit.changed_labels - expected) <=
                4 * sqrt(expected * (1 - expected) / TRAIN));
    for (uint32_t i = 0; i < TEST; i++) assert_int_equal(d->test.x.label[i], i % CLASSES);
    rk_dataset_free(d);
}

static void test_corrupted_fraction(void **state)
{
    check_fraction(*state, 0, "labels:p=0");
    check_fraction(*state, 0.1, "labels:p=0.1");
    check_fraction(*state, 0.5, "labels:p=0.5");
    check_fraction(*state, 1, "labels");
}

/* The definition, example by example.  p is what word 8 gives as a uniform number: not below p,
 * so that example 8 stays. */
static void test_labels_by_definition(void **state)
{
    rk_random whether = rk_random_named(5, "transform/labels"), which = whether;
    double p = (double)rk_random_uniform(whether, 8);
    char spec[64];
    which.step = 1;
    snprintf(spec, sizeof spec, "labels:p=%.17g", p);
    rk_dataset *d = load_item(*state, &traced_item, 0, spec, 5, NULL);
    for (uint32_t i = 0; i < TRAIN; i++) {
        bool corrupted = (double)rk_random_uniform(whether, i) < p;
        uint32_t expected = corrupted ? rk_random_below(which, i, CLASSES) : i % CLASSES;
        assert_int_equal(d->train.x.label[i], expected);
    }
    rk_dataset_free(d);
}

/* With p = 1 each class is equally likely whatever the true one was. */
static void test_random_labels_are_uniform(void **state)
{
    rk_dataset *d = load_item(*state, &traced_item, 0, "labels:p=1", 5, NULL);
    double cells[CLASSES][CLASSES] = {{0}}, chi2 = 0, expected = TRAIN / 100.0;
    for (int i = 0; i < TRAIN; i++) cells[d->train.true_label[i]][d->train.x.label[i]]++;
    for (int i = 0; i < CLASSES; i++)
        for (int j = 0; j < CLASSES; j++) chi2 += pow(cells[i][j] - expected, 2) / expected;
    assert_true(fabs(chi2 - 90) < 5 * sqrt(180.0)); /* 10 rows of 9 degrees of freedom */
    rk_dataset_free(d);
}

/* The label of example i depends on seed and i alone; a larger p corrupts more of the same. */
static void test_labels_are_stable(void **state)
{
    rk_dataset *all = load_item(*state, &traced_item, 0, "labels:p=1", 5, NULL);
    rk_dataset *few = load_item(*state, &traced_item, 100, "labels:p=1", 5, NULL);
    rk_dataset *part = load_item(*state, &traced_item, 0, "labels:p=0.3", 5, NULL);
    rk_dataset *other = load_item(*state, &traced_item, 0, "labels:p=1", 6, NULL);
    int same = 0;
    assert_memory_equal(all->train.x.label, few->train.x.label, 100 * sizeof(uint32_t));
    for (int i = 0; i < TRAIN; i++) {
        if (part->train.x.label[i] != part->train.true_label[i])
            assert_int_equal(part->train.x.label[i], all->train.x.label[i]);
        same += all->train.x.label[i] == other->train.x.label[i];
    }
    assert_true(fabs(same - TRAIN / 10.0) < 5 * sqrt(TRAIN * 0.09));
    rk_dataset_free(all);
    rk_dataset_free(few);
    rk_dataset_free(part);
    rk_dataset_free(other);
}

/* An image of `traced` is one permutation for all channels; writes it to order[PLANE]. */
static void read_order(const rk_examples *x, int64_t i, uint8_t *order)
{
    const uint8_t *image = (const uint8_t *)x->pixels + i * PIXELS;
    bool seen[PLANE] = {false};
    for (int k = 0; k < PLANE; k++) {
        assert_true(image[k] < PLANE); /* still of channel 0: its histogram is unchanged */
        assert_false(seen[image[k]]);
        seen[image[k]] = true;
        order[k] = image[k];
        for (int c = 1; c < CHANNELS; c++)
            assert_int_equal(image[c * PLANE + k], image[k] + c * PLANE);
    }
}

static void test_shuffle_is_one_permutation(void **state)
{
    rk_dataset *d = load_item(*state, &traced_item, 0, "pixels:mode=shuffle", 5, NULL);
    rk_dataset *e = load_item(*state, &traced_item, 10, "pixels", 6, NULL);
    uint8_t order[PLANE], other[PLANE];
    int unmoved = 0;
    read_order(&d->train.x, 0, order);
    for (int64_t i = 1; i < TRAIN; i++) {
        read_order(&d->train.x, i, other);
        assert_memory_equal(order, other, PLANE);
    }
    for (int64_t i = 0; i < TEST; i++) { /* the test images by the same one */
        read_order(&d->test.x, i, other);
        assert_memory_equal(order, other, PLANE);
    }
    for (int k = 0; k < PLANE; k++) unmoved += order[k] == k;
    assert_true(unmoved < 10);
    read_order(&e->train.x, 0, other); /* shuffle is the default; another seed, another one */
    assert_memory_not_equal(order, other, PLANE);
    rk_dataset_free(d);
    rk_dataset_free(e);
}

static int by_bytes(const void *a, const void *b) { return memcmp(a, b, PLANE); }

static void test_random_is_one_permutation_each(void **state)
{
    rk_dataset *d = load_item(*state, &traced_item, 0, "pixels:mode=random", 5, NULL);
    rk_dataset *few = load_item(*state, &traced_item, 9, "pixels:mode=random", 5, NULL);
    uint8_t(*orders)[PLANE] = malloc((TRAIN + TEST) * sizeof *orders);
    assert_non_null(orders);
    for (int64_t i = 0; i < TRAIN; i++) read_order(&d->train.x, i, orders[i]);
    for (int64_t i = 0; i < TEST; i++) read_order(&d->test.x, i, orders[TRAIN + i]);
    qsort(orders, TRAIN + TEST, sizeof *orders, by_bytes);
    for (int i = 1; i < TRAIN + TEST; i++) assert_memory_not_equal(orders[i - 1], orders[i], PLANE);
    assert_memory_equal(d->train.x.pixels, few->train.x.pixels, 9 * PIXELS);
    free(orders);
    rk_dataset_free(d);
    rk_dataset_free(few);
}

static void check_noise(const rk_examples *x, int c, double mean, double deviation)
{
    double sum = 0, squares = 0, fourth = 0, n = (double)x->n * PLANE;
    const float *pixels = (const float *)x->pixels + c * PLANE;
    for (int64_t i = 0; i < x->n; i++)
        for (int k = 0; k < PLANE; k++) {
            double z = ((double)pixels[i * PIXELS + k] - mean) / deviation;
            sum += z;
            squares += z * z;
            fourth += z * z * z * z;
        }
    assert_true(fabs(sum / n) < 0.01 + 4 / sqrt(n));
    assert_true(fabs(squares / n - 1) < 0.01 + 6 / sqrt(n));
    assert_true(fabs(fourth / n - 3) < 0.05 + 40 / sqrt(n)); /* 1.8 if it were uniform */
}

/* Noise that starts at x knows nothing of noise that starts at y: the differences of pixel k from
 * one image to the next, which have mean 0, are not correlated. */
static void assert_independent(const float *x, const float *y)
{
    double xy = 0, xx = 0, yy = 0;
    for (int64_t i = 0; i + 2 < TRAIN; i += 2)
        for (int64_t k = i * PIXELS; k < i * PIXELS + PLANE; k++) {
            double a = (double)x[k + PIXELS] - (double)x[k];
            double b = (double)y[k + PIXELS] - (double)y[k];
            xy += a * b;
            xx += a * a;
            yy += b * b;
        }
    assert_true(fabs(xy) < 5 * sqrt(xx * yy / (TRAIN / 2.0 * PLANE)));
}

static void test_gaussian_matches_the_channels(void **state)
{
    rk_dataset *plain = load_item(*state, &colored_item, 0, NULL, 5, NULL);
    rk_dataset *d = load_item(*state, &colored_item, 0, "pixels:mode=gaussian", 5, NULL);
    const uint8_t *before = plain->train.x.pixels;
    const float *after = d->train.x.pixels;
    assert_int_equal(d->train.x.dtype, RK_F32);
    assert_int_equal(d->test.x.dtype, RK_F32);
    for (int c = 0; c < CHANNELS; c++) {
        double mean = 0, var = 0, n = (double)TRAIN * PLANE;
        for (int i = 0; i < TRAIN * PIXELS; i++)
            if (i / PLANE % CHANNELS == c) mean += before[i] / 255.0 / n;
        for (int i = 0; i < TRAIN * PIXELS; i++)
            if (i / PLANE % CHANNELS == c) var += pow(before[i] / 255.0 - mean, 2) / n;
        check_noise(&d->train.x, c, mean, sqrt(var));
        check_noise(&d->test.x, c, mean, sqrt(var));
    }
    bool outside = false; /* not clipped: uniform data have a larger spread than room */
    for (int i = 0; i < TRAIN * PIXELS; i++) outside |= after[i] < 0 || after[i] > 1;
    assert_true(outside);
    assert_memory_not_equal(after, after + PIXELS, PIXELS * sizeof *after);
    assert_memory_not_equal(after, d->test.x.pixels, PIXELS * sizeof *after);
    assert_independent(after, after + PLANE);
    assert_independent(after, after + 2 * PLANE);
    assert_independent(after + PLANE, after + 2 * PLANE);
    assert_memory_equal(d->train.x.label, plain->train.x.label, TRAIN * sizeof(uint32_t));
    rk_dataset_free(plain);
    rk_dataset_free(d);
}

/* F32 pixels are permuted too, and keep their values. */
static void test_permuting_floats(void **state)
{
    static const char *const modes[] = {"pixels:mode=shuffle", "pixels:mode=random"};
    for (int m = 0; m < 2; m++) {
        rk_dataset *a = load_data(*state, "synth16:n=3,test=2", NULL, 1, NULL);
        rk_dataset *b = load_data(*state, "synth16:n=3,test=2", modes[m], 1, NULL);
        for (int i = 0; i < 3; i++) {
            double sum = 0, moved = 0;
            for (int k = 0; k < 256; k++) {
                sum += (double)((float *)a->train.x.pixels)[i * 256 + k];
                moved += (double)((float *)b->train.x.pixels)[i * 256 + k];
            }
            assert_true(fabs(sum - moved) < 1e-9);
            assert_true(fabsf(a->train.x.scale[i] - b->train.x.scale[i]) < 1e-6f);
        }
        assert_memory_not_equal(a->train.x.pixels, b->train.x.pixels, 256 * sizeof(float));
        rk_dataset_free(a);
        rk_dataset_free(b);
    }
}

static bool same_image(const rk_dataset *a, const rk_dataset *b, bool test, int64_t i)
{
    const rk_examples *x = test ? &a->test.x : &a->train.x, *y = test ? &b->test.x : &b->train.x;
    size_t bytes = PIXELS * (x->dtype == RK_U8 ? 1 : sizeof(float));
    assert_int_equal(x->dtype, y->dtype);
    return memcmp((char *)x->pixels + (size_t)i * bytes, (char *)y->pixels + (size_t)i * bytes,
                  bytes) == 0;
}

/* With p each image on its own is what it was or what p=1 makes of it, by its own word. */
static void check_part(const rk_registry *r, const char *mode, double p, bool with_test)
{
    char all[64], none[64], part[64];
    snprintf(all, sizeof all, "pixels:mode=%s", mode);
    snprintf(none, sizeof none, "pixels:mode=%s,p=0", mode);
    snprintf(part, sizeof part, "pixels:mode=%s,p=%g,test=%s", mode, p, with_test ? "yes" : "no");
    rk_dataset *before = load_item(r, &colored_item, 0, none, 5, NULL);
    rk_dataset *after = load_item(r, &colored_item, 0, all, 5, NULL);
    rk_dataset *d = load_item(r, &colored_item, 0, part, 5, NULL);
    rk_random stream = rk_random_named(5, "transform/pixels");
    for (int test = 0; test < 2; test++) {
        rk_random whether = stream;
        whether.stream ^= test ? 3u : 2u;
        for (uint32_t i = 0; i < (test ? TEST : TRAIN); i++) {
            bool changed = (double)rk_random_uniform(whether, i) < p && (!test || with_test);
            assert_true(same_image(d, changed ? after : before, test, i));
            assert_false(same_image(d, changed ? before : after, test, i));
        }
    }
    rk_dataset_free(before);
    rk_dataset_free(after);
    rk_dataset_free(d);
}

static void test_part_of_the_images(void **state)
{
    check_part(*state, "gaussian", 0.4, false);
    check_part(*state, "gaussian", 0.4, true);
    check_part(*state, "random", 0.2, true);
    check_part(*state, "shuffle", 0.7, true);
    check_part(*state, "shuffle", 1, false);
    check_part(*state, "random", 0, true);
}

static void test_nothing_is_changed(void **state)
{
    rk_audit plain, kept;
    rk_dataset_free(load_item(*state, &traced_item, 0, NULL, 5, &plain));
    rk_dataset_free(load_item(*state, &traced_item, 0, "pixels:mode=random,p=0", 5, &kept));
    assert_string_equal(plain.digest, kept.digest);
}

/* Test labels by the definition of those of training, from a stream of their own; pixels stay. */
static void test_corrupted_test_labels(void **state)
{
    rk_audit before, after;
    rk_error e = rk_error_new();
    rk_dataset *d = load_item(*state, &traced_item, 0, "labels:p=0.5", 5, &before);
    rk_spec *s[] = {parse_item(*state, RK_KIND_TRANSFORM, "pixels"),
                    parse_item(*state, RK_KIND_TRANSFORM, "labels:p=0.5")};
    rk_random whether = rk_random_named(5, "transform/test/labels"), which = whether;
    int changed = 0;
    which.step = 1;
    after = before;
    assert_int_equal(rk_dataset_corrupt_test(d, (const rk_spec *const *)s, 2, 5, &after, &e), 0);
    for (uint32_t i = 0; i < TEST; i++) {
        uint32_t label = i % CLASSES;
        if ((double)rk_random_uniform(whether, i) < 0.5) label = rk_random_below(which, i, CLASSES);
        assert_int_equal(d->test.x.label[i], label);
        changed += label != i % CLASSES;
    }
    assert_true(changed > 0.45 * TEST - 40 && changed < 0.45 * TEST + 40);
    assert_string_equal(after.label_digest, before.label_digest);
    assert_true(after.changed_labels == before.changed_labels);
    assert_string_not_equal(after.digest, before.digest);
    assert_true(((uint8_t *)d->test.x.pixels)[PIXELS + 7] == 7);
    assert_int_equal(rk_dataset_corrupt_test(d, (const rk_spec *const *)s, 1, 5, &after, &e),
                     RK_E_INVALID);
    assert_non_null(strstr(e.text, "eval-labels=corrupted, but nothing corrupts labels"));
    rk_spec_free(s[0]);
    rk_spec_free(s[1]);
    rk_dataset_free(d);
}

/* A class for each training example; test labels, and classes that there were, stay. */
static void test_unique_classes(void **state)
{
    rk_dataset *d = load_item(*state, &traced_item, 40, "unique", 5, NULL);
    assert_int_equal(d->classes, 40);
    for (uint32_t i = 0; i < 40; i++) assert_int_equal(d->train.x.label[i], i);
    for (uint32_t i = 0; i < TEST; i++) assert_int_equal(d->test.x.label[i], i % CLASSES);
    rk_dataset_free(d);
    d = load_item(*state, &traced_item, 7, "unique", 5, NULL);
    assert_int_equal(d->classes, CLASSES);
    rk_dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_corrupted_fraction),
                                       cmocka_unit_test(test_labels_by_definition),
                                       cmocka_unit_test(test_random_labels_are_uniform),
                                       cmocka_unit_test(test_labels_are_stable),
                                       cmocka_unit_test(test_shuffle_is_one_permutation),
                                       cmocka_unit_test(test_random_is_one_permutation_each),
                                       cmocka_unit_test(test_gaussian_matches_the_channels),
                                       cmocka_unit_test(test_permuting_floats),
                                       cmocka_unit_test(test_part_of_the_images),
                                       cmocka_unit_test(test_nothing_is_changed),
                                       cmocka_unit_test(test_corrupted_test_labels),
                                       cmocka_unit_test(test_unique_classes)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
