/* Data sets from files: idx, mnist, cifar10, whole and damaged in each way. */
#include "data_harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { IMAGES = 30, TESTS = 12, SIDE = 28, PIXELS = 784 };

typedef struct fixture {
    rk_registry *registry;
    char folder[64];
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->registry = load_plugins();
    strcpy(f->folder, "/tmp/rethink-data-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    rk_registry_free(f->registry);
    free(f);
    return 0;
}

/* Writes a file of the fixture's folder; a name that ends with .gz is packed. */
static void put(const fixture *f, const char *name, const uint8_t *bytes, size_t n)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    gzFile file = gzopen(path, strstr(name, ".gz") ? "wb1" : "wbT"); /* T: as it is */
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)n), n);
    assert_int_equal(gzclose(file), Z_OK);
}

static void drop(const fixture *f, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    assert_int_equal(unlink(path), 0);
}

static uint8_t image_byte(uint32_t i, uint32_t k) { return (uint8_t)(i * 31 + k * k * 7); }
static uint8_t label_byte(uint32_t i) { return (uint8_t)(i * 3 % 10); }

static void put_word(uint8_t *to, uint32_t w)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(w >> (24 - 8 * i));
}

static void put_images(const fixture *f, const char *name, uint32_t magic, uint32_t n,
                       uint32_t said, uint32_t height, uint32_t width)
{
    uint32_t pixels = height * width;
    uint8_t *b = malloc(16 + n * pixels);
    assert_non_null(b);
    put_word(b, magic);
    put_word(b + 4, said);
    put_word(b + 8, height);
    put_word(b + 12, width);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < pixels; k++) b[16 + i * pixels + k] = image_byte(i, k);
    put(f, name, b, 16 + n * pixels);
    free(b);
}

static void put_labels(const fixture *f, const char *name, uint32_t magic, uint32_t n,
                       uint32_t said)
{
    uint8_t b[8 + 256];
    put_word(b, magic);
    put_word(b + 4, said);
    for (uint32_t i = 0; i < n; i++) b[8 + i] = label_byte(i);
    put(f, name, b, 8 + n);
}

#define TRAIN_IMAGES "train-images-idx3-ubyte"
#define TRAIN_LABELS "train-labels-idx1-ubyte"
#define TEST_IMAGES "t10k-images-idx3-ubyte"
#define TEST_LABELS "t10k-labels-idx1-ubyte"

static void put_set(const fixture *f, const char *end)
{
    char name[64];
    snprintf(name, sizeof name, TRAIN_IMAGES "%s", end);
    put_images(f, name, 0x803, IMAGES, IMAGES, SIDE, SIDE);
    snprintf(name, sizeof name, TRAIN_LABELS "%s", end);
    put_labels(f, name, 0x801, IMAGES, IMAGES);
    snprintf(name, sizeof name, TEST_IMAGES "%s", end);
    put_images(f, name, 0x803, TESTS, TESTS, SIDE, SIDE);
    snprintf(name, sizeof name, TEST_LABELS "%s", end);
    put_labels(f, name, 0x801, TESTS, TESTS);
}

static rk_dataset *load(const fixture *f, const char *item, rk_audit *audit)
{
    char spec[256];
    snprintf(spec, sizeof spec, item, f->folder);
    return load_data(f->registry, spec, NULL, 1, audit);
}

static void test_idx_plain_and_gzip(void **state)
{
    fixture *f = *state;
    rk_audit plain, packed, as_idx;
    put_set(f, "");
    rk_dataset *d = load(f, "mnist:path=%s", &plain);
    assert_int_equal(d->train.x.n, IMAGES);
    assert_int_equal(d->test.x.n, TESTS);
    assert_int_equal(d->classes, 10);
    assert_int_equal(d->channels, 1);
    assert_int_equal(d->height, SIDE);
    assert_int_equal(d->width, SIDE);
    assert_int_equal(d->standardize, RK_STANDARDIZE_IMAGE);
    for (uint32_t i = 0; i < IMAGES; i++) {
        assert_int_equal(d->train.x.label[i], label_byte(i));
        for (uint32_t k = 0; k < PIXELS; k++)
            assert_int_equal(((uint8_t *)d->train.x.pixels)[i * PIXELS + k], image_byte(i, k));
    }
    rk_dataset_free(d);
    rk_dataset_free(load(f, "idx:path=%s", &as_idx));
    assert_string_equal(plain.digest, as_idx.digest);
    drop(f, TRAIN_IMAGES);
    drop(f, TRAIN_LABELS);
    drop(f, TEST_IMAGES);
    drop(f, TEST_LABELS);
    put_set(f, ".gz");
    rk_dataset_free(load(f, "mnist:path=%s", &packed));
    assert_string_equal(plain.digest, packed.digest);
}

static void test_idx_other_names_and_extents(void **state)
{
    fixture *f = *state;
    char spec[512];
    put_images(f, "a.gz", 0x803, 4, 4, 5, 7);
    put_labels(f, "b", 0x801, 4, 4);
    put_images(f, TEST_IMAGES, 0x803, 3, 3, 5, 7);
    put_labels(f, TEST_LABELS ".gz", 0x801, 3, 3);
    snprintf(spec, sizeof spec, "idx:path=%s,train-images=%s/a.gz,train-labels=%s/b", f->folder,
             f->folder, f->folder);
    rk_dataset *d = load_data(f->registry, spec, NULL, 1, NULL);
    assert_int_equal(d->height, 5);
    assert_int_equal(d->width, 7);
    assert_int_equal(d->train.x.n, 4);
    rk_dataset_free(d);
    EXPECT_REFUSED(f->registry, "idx", "no files: give path=FOLDER or all four");
}

/* The text names the file, what was found, what was expected and what to do. */
static void refused(const fixture *f, const char *file, const char *what)
{
    char spec[128];
    snprintf(spec, sizeof spec, "mnist:path=%s", f->folder);
    EXPECT_REFUSED(f->registry, spec, f->folder, file, what,
                   "scripts/fetch-data mnist /tmp/rethink");
}

static void test_idx_damaged(void **state)
{
    fixture *f = *state;
    refused(f, TRAIN_IMAGES, "No such file");
    put_set(f, "");
    put_images(f, TRAIN_IMAGES, 0x803, IMAGES - 1, IMAGES, SIDE, SIDE);
    refused(f, TRAIN_IMAGES,
            "has 22752 bytes, its header says 23536 (30 records): it is truncated");
    put_images(f, TRAIN_IMAGES, 0x803, IMAGES + 1, IMAGES, SIDE, SIDE);
    refused(f, TRAIN_IMAGES, "it is too long");
    put_images(f, TRAIN_IMAGES, 0x803, IMAGES - 1, IMAGES - 1, SIDE, SIDE);
    refused(f, TRAIN_IMAGES, "has 29 images but");
    put_images(f, TRAIN_IMAGES, 0x801, IMAGES, IMAGES, SIDE, SIDE);
    refused(f, TRAIN_IMAGES, "starts with 0x00000801, IDX files of images start with 0x00000803");
    put_images(f, TRAIN_IMAGES, 0x803, IMAGES, IMAGES, SIDE, SIDE - 1);
    refused(f, TRAIN_IMAGES, "images of 28 x 27 pixels, expected 28 x 28");
    put_images(f, TRAIN_IMAGES, 0x803, 0, 0x80000000u, 0, SIDE);
    refused(f, TRAIN_IMAGES, "says its images have 0 x 28 pixels");
    put_images(f, TRAIN_IMAGES, 0x803, 0, 0xFFFFFFFFu, 1, 4096);
    refused(f, TRAIN_IMAGES, "it is truncated");
    put(f, TRAIN_IMAGES, (const uint8_t *)"\0\0\x08", 3);
    refused(f, TRAIN_IMAGES, "3 bytes are no IDX file");
    put_set(f, "");
    put_images(f, TEST_IMAGES, 0x803, TESTS, TESTS, SIDE / 2, SIDE * 2);
    refused(f, TEST_IMAGES, "images of 14 x 56 pixels");
}

static void test_idx_damaged_labels(void **state)
{
    fixture *f = *state;
    char spec[128];
    put_set(f, "");
    put_labels(f, TEST_LABELS, 0x803, TESTS, TESTS);
    refused(f, TEST_LABELS, "IDX files of labels start with 0x00000801");
    put_labels(f, TEST_LABELS, 0x801, TESTS - 1, TESTS);
    refused(f, TEST_LABELS, "truncated");
    uint8_t bytes[8 + TESTS] = {0, 0, 8, 1, 0, 0, 0, TESTS, 0, 1, 10};
    put(f, TEST_LABELS, bytes, sizeof bytes);
    refused(f, TEST_LABELS, "label 2 is 10, expected 0 to 9");
    put_set(f, "");
    snprintf(spec, sizeof spec, "idx:path=%s,classes=9", f->folder);
    EXPECT_REFUSED(f->registry, spec, TRAIN_LABELS, "label 3 is 9, expected 0 to 8");
    snprintf(spec, sizeof spec, "mnist:path=%s,limit=31", f->folder);
    EXPECT_REFUSED(f->registry, spec, "limit=31 is more than its 30 training examples");
}

static void test_idx_truncated_gzip(void **state)
{
    fixture *f = *state;
    char path[256];
    put_set(f, ".gz");
    snprintf(path, sizeof path, "%s/" TRAIN_IMAGES ".gz", f->folder);
    assert_int_equal(truncate(path, 200), 0);
    refused(f, TRAIN_IMAGES ".gz", "the file is truncated");
}

enum { RECORDS = 10000, RECORD = 3073 };

/* Pixel (c, y, x) of record i of batch b. */
static uint8_t cifar_byte(uint32_t b, uint32_t i, uint32_t c, uint32_t y, uint32_t x)
{
    return (uint8_t)(b * 40 + i + c * 85 + y * 32 + x);
}

static void put_batch(const fixture *f, const char *name, uint32_t b, size_t bytes, int bad_label)
{
    uint8_t *all = malloc((size_t)RECORDS * RECORD + 1);
    assert_non_null(all);
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint8_t *record = all + (size_t)i * RECORD;
        record[0] = (int)i == bad_label ? 10 : label_byte(i + b);
        for (uint32_t k = 0; k < RECORD - 1; k++)
            record[1 + k] = cifar_byte(b, i, k / 1024, k / 32 % 32, k % 32);
    }
    all[(size_t)RECORDS * RECORD] = 0;
    put(f, name, all, bytes);
    free(all);
}

static void put_cifar(const fixture *f)
{
    char name[64];
    for (uint32_t b = 1; b <= 5; b++) {
        snprintf(name, sizeof name, "data_batch_%u.bin%s", b, b == 2 ? "" : ".gz");
        put_batch(f, name, b, (size_t)RECORDS * RECORD, -1);
    }
    put_batch(f, "test_batch.bin.gz", 0, (size_t)RECORDS * RECORD, -1);
}

static void check_crop(const rk_dataset *d, uint32_t crop)
{
    static const uint32_t rows[] = {0, 1, 9999, 10000, 29999, 49999};
    uint32_t edge = (32 - crop) / 2;
    for (int r = 0; r < 6; r++) {
        const uint8_t *image =
            (const uint8_t *)d->train.x.pixels + (size_t)rows[r] * 3 * crop * crop;
        uint32_t batch = rows[r] / RECORDS + 1, i = rows[r] % RECORDS;
        assert_int_equal(d->train.x.label[rows[r]], label_byte(i + batch));
        for (uint32_t k = 0; k < 3 * crop * crop; k++)
            assert_int_equal(image[k], cifar_byte(batch, i, k / crop / crop, k / crop % crop + edge,
                                                  k % crop + edge));
    }
    assert_int_equal(d->test.x.label[7], label_byte(7));
    assert_int_equal(((uint8_t *)d->test.x.pixels)[0], cifar_byte(0, 0, 0, edge, edge));
}

static void test_cifar10(void **state)
{
    fixture *f = *state;
    put_cifar(f);
    rk_dataset *d = load(f, "cifar10:path=%s", NULL);
    assert_int_equal(d->train.x.n, 50000);
    assert_int_equal(d->test.x.n, 10000);
    assert_int_equal(d->channels, 3);
    assert_int_equal(d->height, 28);
    assert_int_equal(d->width, 28);
    assert_int_equal(d->classes, 10);
    assert_int_equal(d->standardize, RK_STANDARDIZE_IMAGE);
    check_crop(d, 28);
    rk_dataset_free(d);
    d = load(f, "cifar10:path=%s,crop=32", NULL);
    check_crop(d, 32);
    rk_dataset_free(d);
}

static void test_cifar10_damaged(void **state)
{
    fixture *f = *state;
    char spec[128];
    snprintf(spec, sizeof spec, "cifar10:path=%s", f->folder);
    EXPECT_REFUSED(f->registry, spec, f->folder, "data_batch_1.bin", "No such file",
                   "scripts/fetch-data cifar10 /tmp/rethink");
    put_batch(f, "data_batch_1.bin.gz", 1, (size_t)RECORDS * RECORD - 1, -1);
    EXPECT_REFUSED(f->registry, spec, "data_batch_1.bin.gz",
                   "has 30729999 bytes, expected 30730000 (10000 records of 3073)",
                   "it is truncated", "scripts/fetch-data cifar10");
    put_batch(f, "data_batch_1.bin.gz", 1, (size_t)RECORDS * RECORD + 1, -1);
    EXPECT_REFUSED(f->registry, spec, "it is too long");
    put_batch(f, "data_batch_1.bin.gz", 1, (size_t)RECORDS * RECORD, 77);
    EXPECT_REFUSED(f->registry, spec, "data_batch_1.bin.gz",
                   "the label of record 77 is 10, expected 0 to 9", "scripts/fetch-data cifar10");
}

/* Facts about the real files: counts per class and the digest of everything. */
static void test_real_mnist(void **state)
{
    fixture *f = *state;
    char spec[512];
    rk_audit audit;
    if (!real_data()) {
        print_message("SKIPPED: set RETHINK_TEST_DATA to a folder with mnist/ in it\n");
        skip();
    }
    static const uint32_t count[10] = {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949};
    uint32_t found[10] = {0};
    snprintf(spec, sizeof spec, "mnist:path=%s/mnist", real_data());
    rk_dataset *d = load_data(f->registry, spec, NULL, 1, &audit);
    assert_int_equal(d->train.x.n, 60000);
    assert_int_equal(d->test.x.n, 10000);
    for (int i = 0; i < 60000; i++) found[d->train.x.label[i]]++;
    for (int k = 0; k < 10; k++) assert_int_equal(found[k], count[k]);
    assert_string_equal(audit.digest, "34c6cad37c497a5c6f2b256a40b4c9f8");
    rk_dataset_free(d);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_idx_plain_and_gzip), TEST(test_idx_other_names_and_extents),
        TEST(test_idx_damaged),        TEST(test_idx_damaged_labels),
        TEST(test_idx_truncated_gzip), TEST(test_cifar10),
        TEST(test_cifar10_damaged),    TEST(test_real_mnist)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
