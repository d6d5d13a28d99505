/* Loading, standardizing and digesting, on data items made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "data/args.h"
#include "data/dataset.h"
#include "data/examples.h"

enum { TRAIN = 40, TEST = 15, CLASSES = 5, CHANNELS = 2, HEIGHT = 3, WIDTH = 5, PIXELS = 30 };

static rk_status shape(rk_dataset *d, uint32_t dtype, uint32_t standardize, rk_error *e)
{
    d->classes = CLASSES;
    d->channels = CHANNELS;
    d->height = HEIGHT;
    d->width = WIDTH;
    d->standardize = standardize;
    RK_TRY(rk_dataset_make(d, dtype, TRAIN, TEST, e));
    rk_random r = {4, 0, 4};
    rk_examples *sets[] = {&d->train.x, &d->test.x};
    for (uint32_t s = 0; s < 2; s++)
        for (uint32_t i = 0; i < (uint32_t)sets[s]->n; i++) {
            sets[s]->label[i] = rk_random_below(r, i + 100 * s, CLASSES);
            for (uint32_t k = 0; k < PIXELS; k++) {
                uint32_t at = i * PIXELS + k, word = rk_random_word(r, at + 100000 * s);
                if (dtype == RK_U8)
                    ((uint8_t *)sets[s]->pixels)[at] = i ? (uint8_t)word : 77; /* 0 is constant */
                else
                    ((float *)sets[s]->pixels)[at] = i ? 1e4f + (float)(word >> 16) / 65536 : 3;
            }
        }
    return RK_OK;
}

static rk_status bytes(rk_dataset *d, const rk_args *a, rk_error *e)
{
    (void)a;
    return shape(d, RK_U8, RK_STANDARDIZE_IMAGE, e);
}
static rk_status floats(rk_dataset *d, const rk_args *a, rk_error *e)
{
    (void)a;
    return shape(d, RK_F32, RK_STANDARDIZE_IMAGE, e);
}
static rk_status raw_bytes(rk_dataset *d, const rk_args *a, rk_error *e)
{
    (void)a;
    return shape(d, RK_U8, RK_STANDARDIZE_NONE, e);
}
static rk_status raw_floats(rk_dataset *d, const rk_args *a, rk_error *e)
{
    (void)a;
    return shape(d, RK_F32, RK_STANDARDIZE_NONE, e);
}
static rk_status bad_label(rk_dataset *d, const rk_args *a, rk_error *e)
{
    RK_TRY(bytes(d, a, e));
    d->test.x.label[3] = CLASSES;
    return RK_OK;
}
static rk_status infinite(rk_dataset *d, const rk_args *a, rk_error *e)
{
    RK_TRY(floats(d, a, e));
    ((float *)d->train.x.pixels)[2 * PIXELS + 7] = INFINITY;
    return RK_OK;
}
static rk_status empty(rk_dataset *d, const rk_args *a, rk_error *e)
{
    (void)a;
    (void)e;
    d->classes = 2;
    return RK_OK;
}
static rk_status failing(rk_dataset *d, const rk_args *a, rk_error *e)
{
    RK_TRY(bytes(d, a, e));
    return rk_error_set(e, RK_E_IO, "no %s", "luck");
}

static rk_status load(rk_status (*data)(rk_dataset *, const rk_args *, rk_error *),
                      const rk_spec *const *t, uint32_t n, rk_dataset **d, rk_audit *audit,
                      rk_error *e)
{
    rk_item item = RK_ITEM(RK_KIND_DATA, .name = "made", .doc = "d", .data = data);
    rk_spec spec = {.item = &item};
    return rk_dataset_load(&spec, t, n, 11, d, audit, e);
}

static rk_status load_part(int64_t train, int64_t test, rk_dataset **d, rk_audit *audit,
                           rk_error *e)
{
    rk_item item = RK_ITEM(RK_KIND_DATA, .name = "made", .doc = "d", .data = bytes);
    rk_spec spec = {.item = &item, .limit = {train, test}};
    return rk_dataset_load(&spec, NULL, 0, 11, d, audit, e);
}

static rk_dataset *loaded(rk_status (*data)(rk_dataset *, const rk_args *, rk_error *),
                          rk_audit *audit)
{
    rk_error e = rk_error_new();
    rk_dataset *d;
    if (load(data, NULL, 0, &d, audit, &e) != RK_OK) fail_msg("%s", e.text);
    return d;
}

static double pixel(const rk_examples *x, int64_t i, int64_t k)
{
    if (x->dtype == RK_U8) return ((uint8_t *)x->pixels)[i * PIXELS + k];
    return (double)((float *)x->pixels)[i * PIXELS + k];
}

/* Against the formula in long double: (x - mean) / max(std, 1 / sqrt(N)) on the [0, 1] scale. */
static void check_standardized(const rk_examples *x, long double unit)
{
    for (int64_t i = 0; i < x->n; i++) {
        long double mean = 0, var = 0;
        for (int k = 0; k < PIXELS; k++) mean += (long double)pixel(x, i, k) / unit / PIXELS;
        for (int k = 0; k < PIXELS; k++) {
            long double d = (long double)pixel(x, i, k) / unit - mean;
            var += d * d / PIXELS;
        }
        long double deviation = fmaxl(sqrtl(var), 1 / sqrtl(PIXELS));
        assert_true(x->shift[i] == (float)(mean * unit) ||
                    fabsl((long double)x->shift[i] - mean * unit) <= FLT_EPSILON * mean * unit);
        long double scale = 1 / (deviation * unit);
        assert_true(fabsl((long double)x->scale[i] - scale) <= 0.50001L * FLT_EPSILON * scale);
        for (int k = 0; k < PIXELS; k++) {
            float got = ((float)pixel(x, i, k) - x->shift[i]) * x->scale[i];
            long double want = ((long double)pixel(x, i, k) / unit - mean) / deviation;
            /* Rounding of shift is the largest error: half an ULP of the mean. */
            long double bound = FLT_EPSILON * (fabsl(want) * 2 + fabsl(mean) / deviation);
            assert_true(fabsl((long double)got - want) <= bound);
        }
    }
}

static void test_standardize(void **state)
{
    (void)state;
    rk_audit audit;
    rk_dataset *d = loaded(bytes, &audit);
    check_standardized(&d->train.x, 255);
    check_standardized(&d->test.x, 255);
    assert_true(d->train.x.shift[0] == 77.0f); /* a constant image becomes all zeros */
    rk_dataset_free(d);
    d = loaded(floats, &audit);
    check_standardized(&d->train.x, 1);
    check_standardized(&d->test.x, 1);
    rk_dataset_free(d);
}

static void test_without_standardization(void **state)
{
    (void)state;
    rk_audit audit;
    rk_dataset *d = loaded(raw_bytes, &audit);
    for (int i = 0; i < TRAIN; i++) {
        assert_true(d->train.x.shift[i] == 0);
        assert_true(d->train.x.scale[i] == (float)(1.0 / 255));
    }
    rk_dataset_free(d);
    d = loaded(raw_floats, &audit);
    for (int i = 0; i < TEST; i++) {
        assert_true(d->test.x.shift[i] == 0);
        assert_true(d->test.x.scale[i] == 1);
    }
    rk_dataset_free(d);
}

static void test_to_f32(void **state)
{
    (void)state;
    rk_audit audit;
    rk_dataset *d = loaded(bytes, &audit), *original = loaded(bytes, &audit);
    for (int again = 0; again < 2; again++) { /* the second time nothing is left to do */
        assert_int_equal(rk_examples_to_f32(&d->train.x, PIXELS, NULL), RK_OK);
        assert_int_equal(d->train.x.dtype, RK_F32);
        for (int64_t k = 0; k < TRAIN * PIXELS; k++)
            assert_true(((float *)d->train.x.pixels)[k] ==
                        (float)((uint8_t *)original->train.x.pixels)[k] / 255.0f);
    }
    rk_dataset_free(d);
    rk_dataset_free(original);
}

static void test_completed_by_the_core(void **state)
{
    (void)state;
    rk_audit audit;
    rk_dataset *d = loaded(bytes, &audit);
    for (uint32_t i = 0; i < TRAIN; i++) {
        assert_int_equal(d->train.x.index[i], i);
        assert_int_equal(d->train.true_label[i], d->train.x.label[i]);
    }
    for (uint32_t i = 0; i < TEST; i++) assert_int_equal(d->test.x.index[i], i);
    assert_int_equal(rk_dataset_pixels(d), PIXELS);
    rk_dataset_free(d);
}

static void test_limit(void **state)
{
    (void)state;
    rk_audit all, part, again;
    rk_error e = rk_error_new();
    rk_dataset *d, *whole = loaded(bytes, &all);
    assert_int_equal(load_part(7, 0, &d, &part, &e), RK_OK);
    assert_int_equal(d->train.x.n, 7);
    assert_int_equal(d->test.x.n, TEST);
    assert_memory_equal(d->train.x.pixels, whole->train.x.pixels, 7 * PIXELS);
    assert_string_not_equal(all.digest, part.digest);
    rk_dataset_free(d);
    assert_int_equal(load_part(TRAIN, TEST, &d, &again, &e), RK_OK);
    assert_string_equal(all.digest, again.digest);
    rk_dataset_free(d);
    assert_int_equal(load_part(0, 5, &d, &part, &e), RK_OK);
    assert_int_equal(d->train.x.n, TRAIN);
    assert_int_equal(d->test.x.n, 5);
    assert_memory_equal(d->test.x.label, whole->test.x.label, 5 * sizeof *d->test.x.label);
    rk_dataset_free(d);
    rk_dataset_free(whole);
    assert_int_equal(load_part(TRAIN + 1, 0, &d, &again, &e), RK_E_INVALID);
    assert_null(d);
    assert_string_equal(e.text, "made: limit=41 is more than its 40 training examples");
    assert_int_equal(load_part(0, TEST + 1, &d, &again, &e), RK_E_INVALID);
    assert_null(d);
    assert_non_null(strstr(e.text, "made: limit-test="));
}

static void expect(rk_status (*data)(rk_dataset *, const rk_args *, rk_error *), rk_status code,
                   const char *text)
{
    rk_error e = rk_error_new();
    rk_audit audit;
    rk_dataset *d;
    assert_int_equal(load(data, NULL, 0, &d, &audit, &e), code);
    assert_null(d);
    assert_string_equal(e.text, text);
    assert_int_equal(load(data, NULL, 0, &d, &audit, NULL), code); /* nobody wants the text */
}

static void test_bad_sets(void **state)
{
    (void)state;
    expect(bad_label, RK_E_INVALID,
           "made: the label of test example 3 is 5, the 5 classes are 0 to 4");
    expect(infinite, RK_E_INVALID, "made: training example 2 has a pixel that is not finite");
    expect(empty, RK_E_INVALID, "made: it has no training examples");
    expect(failing, RK_E_IO, "made: no luck");
}

static void test_make_refuses(void **state)
{
    (void)state;
    rk_error e = rk_error_new();
    rk_dataset d = {.classes = 2, .channels = 1, .height = 0, .width = 4};
    assert_int_equal(rk_dataset_make(&d, RK_U8, 1, 1, &e), RK_E_INVALID);
    d.height = 65537;
    assert_int_equal(rk_dataset_make(&d, RK_U8, 1, 1, &e), RK_E_INVALID);
    d.height = d.width = d.channels = 65536;
    assert_int_equal(rk_dataset_make(&d, RK_U8, 1, 1, &e), RK_E_INVALID);
    d.height = d.width = d.channels = 1;
    assert_int_equal(rk_dataset_make(&d, RK_U32, 1, 1, &e), RK_E_INVALID);
    assert_int_equal(rk_dataset_make(&d, RK_U8, -1, 1, &e), RK_E_INVALID);
    assert_int_equal(rk_dataset_make(&d, RK_U8, 1, (int64_t)1 << 32, &e), RK_E_INVALID);
    d.classes = 1;
    assert_int_equal(rk_dataset_make(&d, RK_U8, 1, 1, &e), RK_E_INVALID);
    d.classes = 2;
    assert_int_equal(rk_dataset_make(&d, RK_U8, 0, 0, &e), RK_OK);
    assert_int_equal(rk_dataset_make(&d, RK_F32, 3, 2, &e), RK_OK); /* again: the old is freed */
    rk_dataset_clear(&d);
}

/* A transform that writes down what it was given. */
static rk_status note_stream(rk_dataset *d, const rk_args *a, rk_random r, rk_error *e)
{
    (void)a;
    (void)e;
    uint32_t *at = &d->train.x.index[d->train.x.n - 1]; /* counts the calls, from n - 1 */
    d->train.x.index[*at - TRAIN + 1] = r.stream;
    d->train.x.label[0] = (d->train.x.label[0] + 1) % CLASSES;
    (*at)++;
    return r.seed == 11 && r.step == 0 ? RK_OK : RK_E_INTERNAL;
}

static rk_status break_label(rk_dataset *d, const rk_args *a, rk_random r, rk_error *e)
{
    (void)a;
    (void)r;
    (void)e;
    d->train.x.label[5] = 99;
    return RK_OK;
}

static void test_transforms(void **state)
{
    (void)state;
    rk_item one = RK_ITEM(RK_KIND_TRANSFORM, .name = "one", .doc = "d", .transform = note_stream);
    rk_item two = RK_ITEM(RK_KIND_TRANSFORM, .name = "two", .doc = "d", .transform = note_stream);
    rk_item bad = RK_ITEM(RK_KIND_TRANSFORM, .name = "bad", .doc = "d", .transform = break_label);
    rk_spec s1 = {.item = &one}, s2 = {.item = &two}, s3 = {.item = &bad};
    const rk_spec *specs[] = {&s1, &s2, &s1, &s3};
    rk_error e = rk_error_new();
    rk_audit audit;
    rk_dataset *d;
    assert_int_equal(load(bytes, specs, 3, &d, &audit, &e), RK_OK);
    assert_int_equal(d->train.x.index[0], rk_random_named(11, "transform/one").stream);
    assert_int_equal(d->train.x.index[1], rk_random_named(11, "transform/two").stream);
    assert_int_equal(d->train.x.index[2], rk_random_named(11, "transform/one/2").stream);
    assert_true(audit.changed_labels == 1.0 / TRAIN); /* moved by 3 of 5 classes */
    rk_dataset_free(d);
    assert_int_equal(load(bytes, specs + 3, 1, &d, &audit, &e), RK_E_INVALID);
    assert_string_equal(e.text,
                        "bad: the label of training example 5 is 99, the 5 classes are 0 to 4");
}

/* Each thing that the digest must depend on changes it, and the label digest only for labels. */
static void test_digest(void **state)
{
    (void)state;
    rk_audit first, other = {0};
    rk_dataset *d = loaded(bytes, &first);
    assert_int_equal(strlen(first.digest), 32);
    assert_int_equal(strspn(first.digest, "0123456789abcdef"), 32);
    assert_int_equal(strlen(first.label_digest), 32);
    rk_examples *sets[] = {&d->train.x, &d->test.x};
    for (int s = 0; s < 2; s++) {
        void *places[] = {(uint8_t *)sets[s]->pixels + sets[s]->n * PIXELS - 1,
                          &sets[s]->shift[sets[s]->n - 1], &sets[s]->scale[0],
                          &sets[s]->label[sets[s]->n - 1]};
        for (int p = 0; p < 4; p++) {
            *(uint8_t *)places[p] ^= 1;
            assert_int_equal(rk_dataset_audit(d, &other, NULL), RK_OK);
            assert_string_not_equal(first.digest, other.digest);
            assert_int_equal(strcmp(first.label_digest, other.label_digest) != 0, s == 0 && p == 3);
            *(uint8_t *)places[p] ^= 1;
        }
    }
    d->height = WIDTH;
    d->width = HEIGHT;
    assert_int_equal(rk_dataset_audit(d, &other, NULL), RK_OK);
    assert_string_not_equal(first.digest, other.digest);
    d->height = HEIGHT;
    d->width = WIDTH;
    assert_int_equal(rk_dataset_audit(d, &other, NULL), RK_OK);
    assert_string_equal(first.digest, other.digest);
    rk_dataset_free(d);
}

static void test_error_set(void **state)
{
    (void)state;
    rk_error e = rk_error_new();
    assert_int_equal(rk_error_set(&e, RK_E_IO, "%d %s", 3, "files"), RK_E_IO);
    assert_int_equal(e.code, RK_E_IO);
    assert_string_equal(e.text, "3 files");
    assert_int_equal(rk_error_set(NULL, RK_E_IO, "x"), RK_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standardize),  cmocka_unit_test(test_without_standardization),
        cmocka_unit_test(test_to_f32),       cmocka_unit_test(test_completed_by_the_core),
        cmocka_unit_test(test_limit),        cmocka_unit_test(test_bad_sets),
        cmocka_unit_test(test_make_refuses), cmocka_unit_test(test_transforms),
        cmocka_unit_test(test_digest),       cmocka_unit_test(test_error_set)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
