/* cifar10: CIFAR-10 in its binary layout, plain or gzip.
 *
 * Six files data_batch_1.bin ... data_batch_5.bin and test_batch.bin of 10000 records each, a
 * record being one label byte and 3 x 32 x 32 pixel bytes (A. Krizhevsky, "Learning multiple
 * layers of features from tiny images", 2009, and the data set's page).  As in Zhang et al. 2016,
 * appendix A, images are cropped to their centre of 28 x 28 and standardized one by one; crop=32
 * keeps them whole. */
#include "rethink/plugin.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CLASSES = 10,
    CHANNELS = 3,
    SIDE = 32,
    RECORD = 1 + CHANNELS * SIDE * SIDE,
    RECORDS = 10000,
    TRAINING_FILES = 5,
    PATH_BYTES = 4096
};

static const rk_param_spec params[] = {
    {"path", NULL, "folder of the six files, as scripts/fetch-data cifar10 DIR makes it",
     RK_PARAM_PATH, 0, 0, NULL},
    {"crop", "28", "side of the square that is kept at the centre, pixels; 32: all", RK_PARAM_INT,
     4, SIDE, NULL},
    {0}};

/* DIR/name or DIR/cifar-10-batches-bin/name (as the archive unpacks), or either with .gz; DIR/name
 * if there is none. */
static void find(const char *folder, const char *name, char path[PATH_BYTES])
{
    static const char *const inside[] = {"", "cifar-10-batches-bin/"}, *const ends[] = {"", ".gz"};
    for (int i = 0; i < 4; i++) {
        snprintf(path, PATH_BYTES, "%s/%s%s%s", folder, inside[i / 2], name, ends[i % 2]);
        if (access(path, F_OK) == 0) return;
    }
    snprintf(path, PATH_BYTES, "%s/%s", folder, name);
}

static void crop_image(const uint8_t *from, uint32_t crop, uint8_t *to)
{
    uint32_t edge = (SIDE - crop) / 2;
    for (uint32_t c = 0; c < CHANNELS; c++)
        for (uint32_t y = 0; y < crop; y++)
            memcpy(to + (c * crop + y) * crop, from + (c * SIDE + y + edge) * SIDE + edge, crop);
}

/* Puts the records of one file into examples first, first + 1, ... */
static rk_status fill(rk_examples *x, int64_t first, uint32_t crop, const uint8_t *records,
                      const char *path, const char *remedy, rk_error *e)
{
    size_t pixels = (size_t)CHANNELS * crop * crop;
    for (int64_t i = 0; i < RECORDS; i++) {
        const uint8_t *record = records + i * RECORD;
        if (record[0] >= CLASSES)
            return rk_error_set(e, RK_E_INVALID,
                                "%s: the label of record %lld is %u, expected 0 to %u; %s", path,
                                (long long)i, (unsigned)record[0], (unsigned)CLASSES - 1, remedy);
        x->label[first + i] = record[0];
        crop_image(record + 1, crop, (uint8_t *)x->pixels + (size_t)(first + i) * pixels);
    }
    return RK_OK;
}

static rk_status read_batch(rk_examples *x, int64_t first, uint32_t crop, const char *folder,
                            const char *name, rk_error *e)
{
    const uint64_t expected = (uint64_t)RECORDS * RECORD;
    char path[PATH_BYTES], remedy[512];
    uint8_t *bytes;
    uint64_t n;
    rk_error cause = {.size = sizeof cause};
    snprintf(remedy, sizeof remedy, "scripts/fetch-data cifar10 %.400s gets the right files",
             folder);
    find(folder, name, path);
    rk_status status = rk_file_read(path, 2 * expected, &bytes, &n, &cause);
    if (status != RK_OK) return rk_error_set(e, status, "%s; %s", cause.text, remedy);
    if (n == expected)
        status = fill(x, first, crop, bytes, path, remedy, e);
    else
        status =
            rk_error_set(e, RK_E_INVALID,
                         "%s: has %llu bytes, expected %llu (%d records of %d): "
                         "it is %s; %s",
                         path, (unsigned long long)n, (unsigned long long)expected, (int)RECORDS,
                         (int)RECORD, n < expected ? "truncated" : "too long", remedy);
    free(bytes);
    return status;
}

static rk_status cifar10(rk_dataset *d, const rk_args *a, rk_error *e)
{
    const char *folder = rk_arg_text(a, "path");
    uint32_t crop = (uint32_t)rk_arg_int(a, "crop");
    d->classes = CLASSES;
    d->channels = CHANNELS;
    d->height = d->width = crop;
    d->standardize = RK_STANDARDIZE_IMAGE;
    rk_status status = rk_dataset_make(d, RK_U8, (int64_t)TRAINING_FILES * RECORDS, RECORDS, e);
    for (int i = 0; status == RK_OK && i < TRAINING_FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", i + 1);
        status = read_batch(&d->train.x, (int64_t)i * RECORDS, crop, folder, name, e);
    }
    if (status == RK_OK) status = read_batch(&d->test.x, 0, crop, folder, "test_batch.bin", e);
    return status;
}

RK_PLUGIN("cifar10", "1.0",
          RK_ITEM(RK_KIND_DATA, .name = "cifar10",
                  .doc = "CIFAR-10 in its binary layout, cropped to the centre 28 x 28",
                  .params = params, .data = cifar10));
