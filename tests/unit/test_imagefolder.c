/* imagefolder: what it lists, decodes, resizes and refuses. */
#include "broken_folder.h"
#include "data_harness.h"
#include "pictures.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct world {
    rk_registry *plugins;
    char folder[256];
} world;

static int setup(void **state)
{
    static world w;
    w.plugins = load_plugins();
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    rk_registry_free(((world *)*state)->plugins);
    return 0;
}

/* A path in the scratch folder; a few are valid at a time. */
static const char *at(const world *w, const char *name)
{
    static char path[4][600];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", w->folder, name);
    return path[next];
}

static int fresh(void **state)
{
    static const char *const folders[] = {"train",   "val",   "train/a", "train/b",
                                          "train/B", "val/a", "val/b",   "val/B"};
    world *w = *state;
    snprintf(w->folder, sizeof w->folder, "/tmp/rk-images-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    for (int i = 0; i < 8; i++) assert_int_equal(mkdir(at(w, folders[i]), 0777), 0);
    return 0;
}

static int gone(void **state)
{
    char command[400];
    snprintf(command, sizeof command, "rm -rf %s", ((world *)*state)->folder);
    return system(command);
}

static void png(const world *w, const char *name, uint32_t seed, uint32_t width, uint32_t height)
{
    assert_true(picture_png(at(w, name), seed, width, height, PICTURE_RGB, 8, false));
}

/* One image in every folder, so that a test may add its own. */
static void fill(const world *w)
{
    png(w, "train/a/one.png", 1, 8, 8);
    png(w, "train/b/one.png", 2, 8, 8);
    png(w, "train/B/one.png", 3, 8, 8);
    png(w, "val/a/one.png", 4, 8, 8);
    png(w, "val/b/one.png", 5, 8, 8);
    png(w, "val/B/one.png", 6, 8, 8);
}

static rk_dataset *load(const world *w, const char *options, rk_audit *audit)
{
    char spec[600];
    snprintf(spec, sizeof spec, "imagefolder:path=%s,%s", w->folder, options);
    return load_data(w->plugins, spec, NULL, 1, audit);
}

static void refuse(const world *w, const char *options, const char *a, const char *b)
{
    char spec[600];
    snprintf(spec, sizeof spec, "imagefolder:path=%s,%s", w->folder, options);
    EXPECT_REFUSED(w->plugins, spec, a, b);
}

static const uint8_t *image(const rk_dataset *d, int64_t row)
{
    return (const uint8_t *)d->train.x.pixels + row * rk_dataset_pixels(d);
}

/* At each of its entries, and those of its classes: none is left out in silence. */
static void test_folder_that_cannot_be_read(void **state)
{
    const world *w = *state;
    fill(w);
    for (int entries = 0; entries < 16; entries++) {
        broken_folder_after(entries);
        refuse(w, "size=8", at(w, "train"), ": cannot be read to its end: Input/output error");
    }
    broken_folder_after(-1);
}

/* Classes and files in the order of bytes, so that B is before a. */
static void test_order(void **state)
{
    const world *w = *state;
    fill(w);
    png(w, "train/a/10.png", 7, 8, 8);
    png(w, "train/a/9.png", 8, 8, 8);
    rk_dataset *d = load(w, "size=8,resize=0", NULL);
    const uint32_t labels[] = {0, 1, 1, 1, 2}, seeds[] = {3, 7, 8, 1, 2};
    assert_int_equal(d->classes, 3);
    assert_int_equal(d->train.x.n, 5);
    assert_int_equal(d->test.x.n, 3);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(d->train.x.label[i], labels[i]);
        assert_int_equal(d->train.x.index[i], i);
        for (uint32_t k = 0; k < 3 * 64; k++)
            assert_int_equal(image(d, i)[k], picture_at(seeds[i], k % 8, k / 8 % 8, k / 64));
    }
    rk_dataset_free(d);
}

/* Every kind of file gives the pixels that were put in. */
static void test_kinds(void **state)
{
    const world *w = *state;
    fill(w);
    assert_true(picture_png(at(w, "train/a/a"), 9, 8, 8, PICTURE_GREY, 8, false));
    assert_true(picture_png(at(w, "train/a/b"), 9, 8, 8, PICTURE_GREY, 16, true));
    assert_true(picture_png(at(w, "train/a/c"), 9, 8, 8, PICTURE_PALETTE, 8, false));
    assert_true(picture_png(at(w, "train/a/d"), 9, 8, 8, PICTURE_RGBA, 8, true));
    assert_true(picture_png(at(w, "train/a/e"), 9, 8, 8, PICTURE_RGB, 16, false));
    assert_true(picture_jpeg(at(w, "train/a/f"), 9, 8, 8, 1, 100, false));
    rk_dataset *d = load(w, "size=8,resize=0", NULL);
    for (int64_t row = 1; row < 7; row++)
        for (uint32_t k = 0; k < 3 * 64; k++) {
            bool colour = row == 4 || row == 5;
            int want = picture_at(9, k % 8, k / 8 % 8, colour ? k / 64 : 0);
            assert_true(abs(image(d, row)[k] - want) <= (row == 6 ? 2 : 0));
        }
    rk_dataset_free(d);
}

/* The triangle of image.c in double precision, without its steps in between. */
static double resized(uint32_t seed, uint32_t w, uint32_t h, double scale, double x, double y,
                      uint32_t c)
{
    double wide = scale > 1 ? scale : 1, sum = 0, weights = 0;
    for (uint32_t i = 0; i < h; i++)
        for (uint32_t j = 0; j < w; j++) {
            double fx = wide - fabs(j + 0.5 - x), fy = wide - fabs(i + 0.5 - y);
            if (fx <= 0 || fy <= 0) continue;
            sum += fx * fy * picture_at(seed, j, i, c);
            weights += fx * fy;
        }
    return sum / weights;
}

/* Images of one shape: the shorter side becomes `to`, of which the centre `size` is kept. */
static void check_resize(const world *w, uint32_t width, uint32_t height, uint32_t to,
                         uint32_t size)
{
    char options[64];
    uint32_t least = width < height ? width : height;
    double scale = (double)least / to;
    png(w, "train/a/one.png", 1, width, height);
    snprintf(options, sizeof options, "size=%u,resize=%u", size, to);
    rk_dataset *d = load(w, options, NULL);
    uint32_t left = ((uint32_t)floor(width / scale + 0.5) - size) / 2;
    uint32_t top = ((uint32_t)floor(height / scale + 0.5) - size) / 2;
    double sx = width / floor(width / scale + 0.5), sy = height / floor(height / scale + 0.5);
    assert_true(fabs(sx - sy) < 1e-12); /* the shapes are such that both axes scale alike */
    for (uint32_t k = 0; k < 3 * size * size; k++) {
        uint32_t x = k % size, y = k / size % size;
        double want = resized(1, width, height, scale, (x + left + 0.5) * scale,
                              (y + top + 0.5) * scale, k / (size * size));
        if (fabs(image(d, 1)[k] - want) > 1.01) /* two roundings */
            fail_msg("%u x %u to %u, pixel %u is %d, not %g", width, height, to, k, image(d, 1)[k],
                     want);
    }
    rk_dataset_free(d);
}

static void test_resize(void **state)
{
    const world *w = *state;
    fill(w);
    check_resize(w, 24, 16, 8, 8);  /* half */
    check_resize(w, 20, 30, 8, 6);  /* a step that is no whole number */
    check_resize(w, 8, 12, 20, 20); /* larger */
    check_resize(w, 16, 16, 16, 10);
}

/* The digest of the data is of what was read, wherever that is kept. */
static void test_digest_of_memory(void **state)
{
    const world *w = *state;
    rk_audit yes, no, unchecked, moved;
    fill(w);
    rk_dataset *d = load(w, "size=8,resize=0,resident=no", &no);
    assert_null(d->train.x.pixels);
    assert_true(rk_dataset_streams(d));
    rk_dataset_free(d);
    rk_dataset_free(load(w, "size=8,resize=0,resident=yes", &yes));
    assert_string_equal(yes.digest, no.digest);
    rk_dataset_free(load(w, "size=8,resize=0,resident=no,check=no", &unchecked));
    png(w, "train/a/one.png", 99, 8, 8);
    rk_dataset_free(load(w, "size=8,resize=0,resident=no", &moved));
    assert_string_not_equal(moved.digest, no.digest);
    rk_dataset_free(load(w, "size=8,resize=0,resident=no,check=no", &moved));
    assert_string_not_equal(moved.digest, unchecked.digest);
}

static void write_file(const world *w, const char *name, const char *text)
{
    FILE *f = fopen(at(w, name), "wb");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* What is left out leaves the others as they were: their labels and their positions. */
static void test_skip(void **state)
{
    const world *w = *state;
    rk_audit audit;
    fill(w);
    write_file(w, "train/a/bad.png", "not an image");
    write_file(w, "train/b/empty.png", "");
    refuse(w, "size=8,resize=0", "train/a/bad.png", "neither JPEG nor PNG");
    refuse(w, "size=8,resize=0,resident=no", "train/a/bad.png", "on-error=skip");
    rk_dataset *d = load(w, "size=8,resize=0,on-error=skip", &audit);
    const uint32_t labels[] = {0, 1, 2}, index[] = {0, 2, 4}, seeds[] = {3, 1, 2};
    assert_int_equal(d->train.x.n, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(d->train.x.label[i], labels[i]);
        assert_int_equal(d->train.true_label[i], labels[i]);
        assert_int_equal(d->train.x.index[i], index[i]);
        assert_int_equal(image(d, i)[9], picture_at(seeds[i], 1, 1, 0));
    }
    assert_int_equal(audit.skipped, 2);
    assert_non_null(strstr(audit.skipped_why, "train/a/bad.png: neither"));
    rk_dataset_free(d);
}

/* What a decoder would make grey of, with a warning. */
static void test_truncated_jpeg(void **state)
{
    const world *w = *state;
    fill(w);
    assert_true(picture_jpeg(at(w, "train/a/cut"), 9, 64, 64, 3, 90, false));
    assert_int_equal(truncate(at(w, "train/a/cut"), 1500), 0);
    refuse(w, "size=8,resize=8", "train/a/cut", "Premature end of JPEG file");
}

static void test_folders_refused(void **state)
{
    const world *w = *state;
    fill(w);
    refuse(w, "size=9,resize=8", "resize=8", "size=9");
    refuse(w, "size=16,resize=0", "one.png", "8 x 8 pixels");
    assert_int_equal(unlink(at(w, "val/b/one.png")), 0);
    refuse(w, "size=8", "val/b", "without images");
    assert_int_equal(rmdir(at(w, "val/b")), 0);
    refuse(w, "size=8", "train/b is there", "no such class");
    assert_int_equal(mkdir(at(w, "val/b"), 0777), 0);
    assert_int_equal(mkdir(at(w, "val/b/c"), 0777), 0);
    refuse(w, "size=8", "val/b/c", "no file");
    assert_int_equal(rmdir(at(w, "val/b/c")), 0);
    png(w, "val/b/one.png", 5, 8, 8);
    png(w, "train/one.png", 5, 8, 8);
    refuse(w, "size=8", "train/one.png", "among the folders of classes");
    assert_int_equal(unlink(at(w, "train/one.png")), 0);
    assert_int_equal(mkdir(at(w, "val/c"), 0777), 0);
    png(w, "val/c/one.png", 5, 8, 8);
    refuse(w, "size=8", "val/c is there", "train has no such class");
    assert_int_equal(rename(at(w, "val"), at(w, "other")), 0);
    refuse(w, "size=8", "val", "No such file");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_order),
                                       TEST(test_folder_that_cannot_be_read),
                                       TEST(test_kinds),
                                       TEST(test_resize),
                                       TEST(test_digest_of_memory),
                                       TEST(test_skip),
                                       TEST(test_truncated_jpeg),
                                       TEST(test_folders_refused)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
