/* Augmentation against plain loops over pixels on the host, with the same words of Philox.  The
 * device is RETHINK_TEST_DEVICE, from the backends of RETHINK_BACKEND_PATH. */
#include "augmented.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "data/augment.h"
#include "rethink/numerics.h"

/* ---- one augmentation by itself ---- */

/* The pixel of an image at a place that may be outside of it. */
static float pixel(const batch_test *b, int64_t n, int64_t c, int64_t row, int64_t column)
{
    const int64_t *d = b->in.dim;
    if (row < 0 || row >= d[2] || column < 0 || column >= d[3]) return 0;
    return b->x[((n * d[1] + c) * d[2] + row) * d[3] + column];
}

/* Every pixel of the result, from image n at (top[n] + i, left[n] + j), or from the right. */
static void expect_parts(const batch_test *b, const int64_t *top, const int64_t *left,
                         const bool *mirrored)
{
    const int64_t *d = b->out.dim;
    assert_true(b->out.rank == 4 && d[0] == ROWS && d[1] == b->in.dim[1]);
    for (int64_t n = 0, at = 0; n < d[0]; n++)
        for (int64_t c = 0; c < d[1]; c++)
            for (int64_t i = 0; i < d[2]; i++)
                for (int64_t j = 0; j < d[3]; j++, at++) {
                    int64_t column = left[n] + (mirrored[n] ? d[3] - 1 - j : j);
                    float want = pixel(b, n, c, top[n] + i, column);
                    if (rk_bits(b->y[at]) != rk_bits(want))
                        fail_msg("%s: image %d, channel %d, (%d, %d) is %g, not %g", b->spec,
                                 (int)n, (int)c, (int)i, (int)j, (double)b->y[at], (double)want);
                }
}

static const bool none_mirrored[ROWS];

static void check_crop(const world *w, const char *spec, int64_t h, int64_t wide, int64_t size,
                       int64_t pad, bool unfused)
{
    batch_test b = batch_of(spec, "augment/crop/", true, unfused, RK_SHAPE(ROWS, 3, h, wide));
    int64_t top[ROWS], left[ROWS], oh = size ? size : h, ow = size ? size : wide;
    run_batch(w, &b);
    assert_true(b.out.dim[2] == oh && b.out.dim[3] == ow);
    for (int n = 0; n < ROWS; n++) {
        uint64_t t = word_of(b.seed, "augment/crop/top", b.epoch, batch_rows[n]);
        uint64_t l = word_of(b.seed, "augment/crop/left", b.epoch, batch_rows[n]);
        top[n] = (int64_t)(t * (uint64_t)(h + 2 * pad - oh + 1) >> 32) - pad;
        left[n] = (int64_t)(l * (uint64_t)(wide + 2 * pad - ow + 1) >> 32) - pad;
    }
    expect_parts(&b, top, left, none_mirrored);
    free(b.x);
    free(b.y);
}

static void test_crop(void **state)
{
    for (int unfused = 0; unfused < 2; unfused++) {
        check_crop(*state, "crop:pad=2", 7, 7, 0, 2, unfused);
        check_crop(*state, "crop:pad=4", 8, 5, 0, 4, unfused); /* not square */
        check_crop(*state, "crop:size=5", 9, 7, 5, 0, unfused);
        check_crop(*state, "crop:size=6,pad=3", 5, 4, 6, 3, unfused); /* larger than the image */
        check_crop(*state, "crop:size=7", 7, 7, 7, 0, unfused);       /* one place */
        check_crop(*state, "crop:size=1", 3, 1, 1, 0, unfused);
    }
}

static void check_flip(const world *w, const char *spec, double p, int64_t wide, bool unfused)
{
    batch_test b = batch_of(spec, "augment/flip/", true, unfused, RK_SHAPE(ROWS, 2, 3, wide));
    int64_t zero[ROWS] = {0};
    bool mirrored[ROWS];
    run_batch(w, &b);
    for (int n = 0; n < ROWS; n++) {
        uint32_t word = word_of(b.seed, "augment/flip/flip", b.epoch, batch_rows[n]);
        mirrored[n] = (double)word < p * 4294967296.0;
    }
    expect_parts(&b, zero, zero, mirrored);
    free(b.x);
    free(b.y);
}

static void test_flip(void **state)
{
    for (int unfused = 0; unfused < 2; unfused++) {
        check_flip(*state, "flip", 0.5, 5, unfused);
        check_flip(*state, "flip:p=0.5", 0.5, 8, unfused);
        check_flip(*state, "flip:p=0.2", 0.2, 5, unfused);
        check_flip(*state, "flip:p=0", 0, 5, unfused);
        check_flip(*state, "flip:p=1", 1, 5, unfused);
        check_flip(*state, "flip", 0.5, 1, unfused);
    }
}

/* The place from the middle of n places at a distance, as the whole number next to it. */
static int64_t place_at(float distance, int64_t n)
{
    return (int64_t)floorf(distance + ((float)(n - 1) / 2 + 0.5f));
}

static void check_rotate(const world *w, const char *spec, double degrees, int64_t h, int64_t wide,
                         bool unfused)
{
    batch_test b = batch_of(spec, "augment/rotate/", true, unfused, RK_SHAPE(ROWS, 2, h, wide));
    run_batch(w, &b);
    int outside = 0;
    for (int64_t n = 0, at = 0; n < ROWS; n++) {
        float u = rk_uniform(word_of(b.seed, "augment/rotate/angle", b.epoch, batch_rows[n]));
        float angle = (2 * u - 1) * (float)(degrees * (3.14159265358979324 / 180));
        float s = rk_sinf(angle), c = rk_cosf(angle);
        for (int64_t k = 0; k < 2 * h * wide; k++, at++) {
            float y = (float)(k / wide % h) - (float)(h - 1) / 2;
            float x = (float)(k % wide) - (float)(wide - 1) / 2;
            float want = pixel(&b, n, k / wide / h, place_at(c * y + s * x, h),
                               place_at(c * x - s * y, wide));
            outside += want == 0;
            if (rk_bits(b.y[at]) != rk_bits(want))
                fail_msg("%s: image %d, pixel %d is %g, not %g", spec, (int)n, (int)k,
                         (double)b.y[at], (double)want);
        }
    }
    assert_true((outside > 0) == (degrees > 0 && h > 1));
    free(b.x);
    free(b.y);
}

static void test_rotate(void **state)
{
    for (int unfused = 0; unfused < 2; unfused++) {
        check_rotate(*state, "rotate", 25, 9, 9, unfused);
        check_rotate(*state, "rotate:degrees=180", 180, 7, 10, unfused);
        check_rotate(*state, "rotate:degrees=90", 90, 8, 8, unfused);
        check_rotate(*state, "rotate:degrees=0", 0, 6, 5, unfused);
    }
}

/* Words of a step, by value; and no other in evaluation. */
static void check_values(const world *w, const char *spec, const char *stream, bool unfused,
                         float (*want)(rk_random r, uint64_t i, float x))
{
    for (int training = 0; training < 2; training++) {
        batch_test b = batch_of(spec, "augment/x/", training, unfused, RK_SHAPE(ROWS, 3, 5, 4));
        run_batch(w, &b);
        rk_random r = rk_random_named(b.seed, stream);
        r.step = b.epoch;
        for (int64_t i = 0; i < rk_shape_size(b.in); i++) {
            float value = training ? want(r, (uint64_t)i, b.x[i]) : b.x[i];
            if (rk_bits(b.y[i]) != rk_bits(value))
                fail_msg("%s: value %d is %g, not %g", spec, (int)i, (double)b.y[i], (double)value);
        }
        free(b.x);
        free(b.y);
    }
}

static float noisy(rk_random r, uint64_t i, float x) { return x + 0.5f * rk_random_normal(r, i); }
static float same(rk_random r, uint64_t i, float x) { return x + 0 * rk_random_uniform(r, i); }

static float dropped(rk_random r, uint64_t i, float x)
{
    const float keep = 1 - 0.3f;
    return rk_random_uniform(r, i) < keep ? x * (1 / keep) : 0;
}

static void test_inputs(void **state)
{
    for (int unfused = 0; unfused < 2; unfused++) {
        check_values(*state, "noise:sigma=0.5", "normal", unfused, noisy);
        check_values(*state, "drop:p=0.3", "mask", unfused, dropped);
        check_values(*state, "noise:sigma=0", "normal", unfused, same);
        check_values(*state, "drop:p=0", "mask", unfused, same);
    }
}

/* What a word makes of the largest change. */
static double part_of(const batch_test *b, const char *name, int n, double most)
{
    char full[64];
    snprintf(full, sizeof full, "augment/jitter/%s", name);
    uint32_t word = word_of(b->seed, full, b->epoch, batch_rows[n]);
    return (2 * (word >> 8) / 16777216.0 - 1) * most;
}

/* The image n in place: all four changes, in double precision; strengths as the device has them. */
static void jitter(const batch_test *b, int n, double x[3][20], const double strength[4])
{
    const double turn = 6.28318530717958648 * part_of(b, "hue", n, strength[2]);
    for (int k = 0; k < 20; k++) {
        double r[3], grey = 0;
        for (int c = 0; c < 3; c++) {
            r[c] = x[c][k] + part_of(b, "brightness", n, strength[0]);
            grey += r[c] / 3;
        }
        for (int c = 0; c < 3; c++)
            r[c] = grey + (r[c] - grey) * (1 + part_of(b, "saturation", n, strength[1]));
        for (int c = 0; c < 3; c++)
            x[c][k] = grey + (r[c] - grey) * cos(turn) +
                      (r[(c + 2) % 3] - r[(c + 1) % 3]) / sqrt(3) * sin(turn);
    }
    for (int c = 0; c < 3; c++) {
        double mean = 0;
        for (int k = 0; k < 20; k++) mean += x[c][k] / 20;
        for (int k = 0; k < 20; k++)
            x[c][k] = mean + (x[c][k] - mean) * (1 + part_of(b, "contrast", n, strength[3]));
    }
}

static void check_jitter(const world *w, const char *spec, const double strength[4], bool unfused)
{
    batch_test b = batch_of(spec, "augment/jitter/", true, unfused, RK_SHAPE(ROWS, 3, 5, 4));
    double x[3][20];
    run_batch(w, &b);
    for (int n = 0; n < ROWS; n++) {
        for (int i = 0; i < 60; i++) x[i / 20][i % 20] = (double)b.x[60 * n + i];
        jitter(&b, n, x, strength);
        for (int i = 0; i < 60; i++)
            if (!(fabs((double)b.y[60 * n + i] - x[i / 20][i % 20]) < 1e-4))
                fail_msg("%s: image %d, value %d is %g, not %g", spec, n, i,
                         (double)b.y[60 * n + i], x[i / 20][i % 20]);
    }
    free(b.x);
    free(b.y);
}

/* Values are up to 135, so that 1e-4 are a few roundings. */
static void test_jitter(void **state)
{
    static const double each[4][4] = {{2, 0, 0, 0}, {0, 0.5, 0, 0}, {0, 0, 0.5, 0}, {0, 0, 0, 1}};
    static const double all[4] = {0.5, 0.5, 0.2, 0.5}, none[4] = {0};
    for (int unfused = 0; unfused < 2; unfused++) {
        check_jitter(*state, "jitter", all, unfused);
        check_jitter(*state, "jitter:brightness=2,saturation=0,hue=0,contrast=0", each[0], unfused);
        check_jitter(*state, "jitter:brightness=0,saturation=0.5,hue=0,contrast=0", each[1], false);
        check_jitter(*state, "jitter:brightness=0,saturation=0,hue=0.5,contrast=0", each[2], false);
        check_jitter(*state, "jitter:brightness=0,saturation=0,hue=0,contrast=1", each[3], false);
        check_jitter(*state, "jitter:brightness=0,saturation=0,hue=0,contrast=0", none, unfused);
    }
}

static void check_evaluation(const world *w, const char *spec, int64_t h, int64_t wide, int64_t oh,
                             int64_t ow, int64_t top, int64_t left)
{
    batch_test b = batch_of(spec, "augment/x/", false, false, RK_SHAPE(ROWS, 2, h, wide));
    int64_t tops[ROWS], lefts[ROWS];
    run_batch(w, &b);
    assert_true(b.out.dim[2] == oh && b.out.dim[3] == ow);
    for (int n = 0; n < ROWS; n++) {
        tops[n] = top;
        lefts[n] = left;
    }
    expect_parts(&b, tops, lefts, none_mirrored);
    free(b.x);
    free(b.y);
}

static void test_evaluation(void **state)
{
    check_evaluation(*state, "crop:size=4", 8, 10, 4, 4, 2, 3);
    check_evaluation(*state, "rotate:degrees=90", 4, 5, 4, 5, 0, 0);
    check_evaluation(*state, "flip:p=1", 4, 5, 4, 5, 0, 0);
    check_evaluation(*state, "jitter:saturation=0,hue=0", 4, 5, 4, 5, 0, 0);
    check_evaluation(*state, "crop:pad=4", 6, 7, 6, 7, 0, 0);
    check_evaluation(*state, "crop:size=4,pad=2", 8, 5, 4, 4, 2, 0);
    check_evaluation(*state, "crop:size=8,pad=2", 6, 4, 8, 8, -1, -2);
}

/* ---- in training ---- */

static rk_trainer *open_augmented(const world *w, const char *augment, int64_t batch)
{
    rk_config c = rk_config_default();
    c.model = "linear";
    c.data = "synth16:n=37,test=5";
    c.augment = augment;
    c.batch = batch;
    c.seed = 77;
    return open_trainer(w, &c);
}

/* The words of an epoch are where the device takes them from, each stream's own; a second
 * augmentation of a name has streams of its own. */
static void test_words_of_an_epoch(void **state)
{
    static const char *const names[] = {"augment/crop/top", "augment/crop/left",
                                        "augment/crop/2/top", "augment/flip/flip"};
    rk_error e = rk_error_new();
    rk_trainer *t = open_augmented(*state, "crop:pad=1+crop:pad=2+flip", 10);
    for (uint32_t epoch = 0; epoch < 3; epoch += 2) {
        must(rk_trainer_begin(t, epoch, &e), &e);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            char full[64];
            uint32_t words[37];
            snprintf(full, sizeof full, "random/%s", names[k]);
            must(rk_session_read(t->session, full, words, sizeof words, &e), &e);
            rk_random r = rk_random_named(77, names[k]);
            r.step = epoch;
            for (uint32_t i = 0; i < 37; i++) assert_int_equal(words[i], rk_random_word(r, i));
        }
    }
    rk_trainer_close(t);
}

/* The model has the size of what is left. */
static void test_size_of_the_model(void **state)
{
    rk_trainer *t = open_augmented(*state, "crop:size=12+flip", 10);
    assert_int_equal(rk_trainer_parameters(t), 12 * 12 * 10 + 10);
    rk_trainer_close(t);
    t = open_augmented(*state, "crop:pad=3", 37);
    assert_int_equal(rk_trainer_parameters(t), 16 * 16 * 10 + 10);
    rk_trainer_close(t);
}

static void test_refused(void **state)
{
    const world *w = *state;
    static const char *const bad[][2] = {
        {"crop:size=17", "more than the image's 16 x 16"},
        {"crop:pad=2000", "pad=2000 is out of range"},
        {"flip:p=1.5", "p=1.5 is out of range"},
        {"jitter", "saturation and hue are of 3 channels, the images have 1"},
        {"drop:p=1", "p=1 is out of range: from 0 to 0.99"},
        {"noise:sigma=-1", "sigma=-1 is out of range"},
        {"crap", "did you mean 'crop'"},
        {"labels:p=1", "is a transform, not an augmentation"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rk_config c = rk_config_default();
        rk_error e = rk_error_new();
        rk_trainer *t;
        c.data = "synth16:n=20,test=5";
        c.augment = bad[i][0];
        c.device = w->device;
        assert_int_equal(rk_trainer_open(w->hub, w->plugins, &c, &t, &e), RK_E_INVALID);
        if (!strstr(e.text, bad[i][1])) fail_msg("no '%s' in: %s", bad[i][1], e.text);
    }
}

/* ---- statistics ---- */

/* Offsets 0 ... 8 by 0 ... 8 of crop:pad=4 over examples and epochs: every one about equally often.
 * The bounds are those of a fair draw at 1 in 10^6 (Wilson and Hilferty). */
static void test_all_offsets(void **state)
{
    enum { EXAMPLES = 2000, EPOCHS = 8, PLACES = 9 };
    double count[PLACES * PLACES] = {0}, expected = EXAMPLES * EPOCHS / (double)(PLACES * PLACES);
    double chi = 0, again = 0, flips = 0, both = 0;
    static uint32_t index[EXAMPLES], top[EXAMPLES], left[EXAMPLES], before[EXAMPLES], hit[EXAMPLES];
    const rk_examples set = {.n = EXAMPLES, .index = index};
    (void)state;
    for (uint32_t i = 0; i < EXAMPLES; i++) index[i] = i;
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++) {
        rk_batch_words(1, "augment/crop/top", epoch, &set, top);
        rk_batch_words(1, "augment/crop/left", epoch, &set, left);
        rk_batch_words(1, "augment/flip/flip", epoch, &set, hit);
        for (int i = 0; i < EXAMPLES; i++) {
            uint32_t y = (uint32_t)((uint64_t)top[i] * PLACES >> 32);
            uint32_t x = (uint32_t)((uint64_t)left[i] * PLACES >> 32);
            count[y * PLACES + x]++;
            flips += hit[i] < 0x80000000u;
            both += hit[i] < 0x80000000u && y < 3;
            if (epoch) again += before[i] == y * PLACES + x;
            before[i] = y * PLACES + x;
        }
    }
    for (int i = 0; i < PLACES * PLACES; i++)
        chi += (count[i] - expected) * (count[i] - expected) / expected;
    print_message("chi-square %.1f of 80 degrees, %.0f of %d flips, %.0f places kept\n", chi, flips,
                  EXAMPLES * EPOCHS, again);
    assert_true(chi > 32 && chi < 150);
    assert_true(flips > 8000 - 316 && flips < 8000 + 316); /* 5 sigma */
    assert_true(both > 2667 - 236 && both < 2667 + 236);
    assert_true(again > 173 - 66 && again < 173 + 66); /* 14000 / 81: epochs are independent */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_crop),
                                       cmocka_unit_test(test_flip),
                                       cmocka_unit_test(test_rotate),
                                       cmocka_unit_test(test_inputs),
                                       cmocka_unit_test(test_jitter),
                                       cmocka_unit_test(test_evaluation),
                                       cmocka_unit_test(test_words_of_an_epoch),
                                       cmocka_unit_test(test_size_of_the_model),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_all_offsets)};
    return cmocka_run_group_tests_name("test_augment", tests, world_setup, world_teardown);
}
