/* idx, mnist: images and labels in IDX files, plain or gzip.
 *
 * The format (Y. LeCun, "The MNIST database", with MNIST and kept by Fashion-MNIST, KMNIST,
 * EMNIST): big-endian words 0x00000803, number of images, rows, columns, then one byte a pixel;
 * 0x00000801, number of labels, then one byte a label.  mnist looks for the four files by their
 * usual names and holds them to 28 x 28 pixels and 10 classes; idx takes any extents and any
 * names.  Images are standardized one by one, as Zhang et al. 2016 do with CIFAR-10. */
#include "rethink/plugin.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, SIDE_MAX = 4096, CLASSES_MAX = 256 };
#define BYTES_MAX ((uint64_t)1 << 34)

static const rk_param_spec idx_params[] = {
    {"path", "", "folder of the files that are not named one by one", RK_PARAM_PATH, 0, 0, NULL},
    {"train-images", "", "file; else train-images-idx3-ubyte in path", RK_PARAM_PATH, 0, 0, NULL},
    {"train-labels", "", "file; else train-labels-idx1-ubyte in path", RK_PARAM_PATH, 0, 0, NULL},
    {"test-images", "", "file; else t10k-images-idx3-ubyte in path", RK_PARAM_PATH, 0, 0, NULL},
    {"test-labels", "", "file; else t10k-labels-idx1-ubyte in path", RK_PARAM_PATH, 0, 0, NULL},
    {"classes", "10", "classes: labels are 0 to classes - 1", RK_PARAM_INT, 2, CLASSES_MAX, NULL},
    {0}};

static const rk_param_spec mnist_params[] = {
    {"path", NULL, "folder of the four files, as scripts/fetch-data mnist DIR makes it",
     RK_PARAM_PATH, 0, 0, NULL},
    {0}};

/* One file in memory, n records after its header. */
typedef struct idx {
    char path[PATH_BYTES];
    uint8_t *bytes;
    const uint8_t *records;
    uint32_t n, height, width; /* 1 x 1 for labels */
} idx;

typedef struct files {
    idx train_images, train_labels, test_images, test_labels;
    const char *remedy; /* ends the text of an error */
} files;

static uint32_t word_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* DIR/name, or DIR/name.gz if only that is there. */
static void find(idx *f, const char *explicit_path, const char *folder, const char *name)
{
    if (explicit_path[0]) {
        snprintf(f->path, sizeof f->path, "%s", explicit_path);
        return;
    }
    snprintf(f->path, sizeof f->path, "%s/%s", folder, name);
    if (access(f->path, F_OK) == 0) return;
    snprintf(f->path, sizeof f->path, "%s/%s.gz", folder, name);
    if (access(f->path, F_OK) != 0) snprintf(f->path, sizeof f->path, "%s/%s", folder, name);
}

static rk_status read_idx(idx *f, bool images, const char *remedy, rk_error *e)
{
    const uint32_t magic = images ? 0x00000803 : 0x00000801, header = images ? 16 : 8;
    uint64_t bytes;
    rk_error cause = {.size = sizeof cause};
    rk_status status = rk_file_read(f->path, BYTES_MAX, &f->bytes, &bytes, &cause);
    if (status != RK_OK) return rk_error_set(e, status, "%s; %s", cause.text, remedy);
    if (bytes < header)
        return rk_error_set(e, RK_E_INVALID, "%s: %llu bytes are no IDX file; %s", f->path,
                            (unsigned long long)bytes, remedy);
    if (word_at(f->bytes) != magic)
        return rk_error_set(e, RK_E_INVALID,
                            "%s: starts with 0x%08X, IDX files of %s start with 0x%08X; %s",
                            f->path, (unsigned)word_at(f->bytes), images ? "images" : "labels",
                            (unsigned)magic, remedy);
    f->n = word_at(f->bytes + 4);
    f->height = images ? word_at(f->bytes + 8) : 1;
    f->width = images ? word_at(f->bytes + 12) : 1;
    f->records = f->bytes + header;
    if (!f->height || !f->width || f->height > SIDE_MAX || f->width > SIDE_MAX)
        return rk_error_set(e, RK_E_INVALID, "%s: says its images have %u x %u pixels; %s", f->path,
                            f->height, f->width, remedy);
    uint64_t expected = header + (uint64_t)f->n * f->height * f->width;
    if (bytes != expected)
        return rk_error_set(e, RK_E_INVALID,
                            "%s: has %llu bytes, its header says %llu (%u records): it is %s; %s",
                            f->path, (unsigned long long)bytes, (unsigned long long)expected, f->n,
                            bytes < expected ? "truncated" : "too long", remedy);
    return RK_OK;
}

static rk_status read_pair(idx *images, idx *labels, const char *remedy, rk_error *e)
{
    rk_status status = read_idx(images, true, remedy, e);
    if (status == RK_OK) status = read_idx(labels, false, remedy, e);
    if (status == RK_OK && images->n != labels->n)
        status = rk_error_set(e, RK_E_INVALID, "%s has %u images but %s has %u labels; %s",
                              images->path, images->n, labels->path, labels->n, remedy);
    return status;
}

static rk_status check_extents(const idx *a, uint32_t height, uint32_t width, const char *remedy,
                               rk_error *e)
{
    if (a->height == height && a->width == width) return RK_OK;
    return rk_error_set(e, RK_E_INVALID, "%s: images of %u x %u pixels, expected %u x %u; %s",
                        a->path, a->height, a->width, height, width, remedy);
}

static rk_status fill(rk_examples *x, const idx *images, const idx *labels, uint32_t classes,
                      const char *remedy, rk_error *e)
{
    memcpy(x->pixels, images->records, (size_t)images->n * images->height * images->width);
    for (uint32_t i = 0; i < labels->n; i++) {
        x->label[i] = labels->records[i];
        if (x->label[i] >= classes)
            return rk_error_set(e, RK_E_INVALID, "%s: label %u is %u, expected 0 to %u; %s",
                                labels->path, i, x->label[i], classes - 1, remedy);
    }
    return RK_OK;
}

/* From the four paths to a data set; side 0 allows any extents. */
static rk_status read_files(rk_dataset *d, files *f, uint32_t classes, uint32_t side, rk_error *e)
{
    rk_status status = read_pair(&f->train_images, &f->train_labels, f->remedy, e);
    if (status == RK_OK) status = read_pair(&f->test_images, &f->test_labels, f->remedy, e);
    uint32_t height = side ? side : f->train_images.height,
             width = side ? side : f->train_images.width;
    if (status == RK_OK) status = check_extents(&f->train_images, height, width, f->remedy, e);
    if (status == RK_OK) status = check_extents(&f->test_images, height, width, f->remedy, e);
    if (status != RK_OK) return status;
    d->classes = classes;
    d->channels = 1;
    d->height = height;
    d->width = width;
    d->standardize = RK_STANDARDIZE_IMAGE;
    status = rk_dataset_make(d, RK_U8, f->train_images.n, f->test_images.n, e);
    if (status == RK_OK)
        status = fill(&d->train.x, &f->train_images, &f->train_labels, classes, f->remedy, e);
    if (status == RK_OK)
        status = fill(&d->test.x, &f->test_images, &f->test_labels, classes, f->remedy, e);
    return status;
}

static rk_status load(rk_dataset *d, files *f, uint32_t classes, uint32_t side, rk_error *e)
{
    rk_status status = read_files(d, f, classes, side, e);
    free(f->train_images.bytes);
    free(f->train_labels.bytes);
    free(f->test_images.bytes);
    free(f->test_labels.bytes);
    return status;
}

static void find_all(files *f, const char *folder, const char *const explicit_path[4])
{
    find(&f->train_images, explicit_path[0], folder, "train-images-idx3-ubyte");
    find(&f->train_labels, explicit_path[1], folder, "train-labels-idx1-ubyte");
    find(&f->test_images, explicit_path[2], folder, "t10k-images-idx3-ubyte");
    find(&f->test_labels, explicit_path[3], folder, "t10k-labels-idx1-ubyte");
}

static rk_status load_idx(rk_dataset *d, const rk_args *a, rk_error *e)
{
    files f = {.remedy = "check path=, the four file parameters and classes="};
    const char *const explicit_path[] = {
        rk_arg_text(a, "train-images"), rk_arg_text(a, "train-labels"),
        rk_arg_text(a, "test-images"), rk_arg_text(a, "test-labels")};
    const char *folder = rk_arg_text(a, "path");
    for (int i = 0; i < 4; i++)
        if (!folder[0] && !explicit_path[i][0])
            return rk_error_set(e, RK_E_INVALID,
                                "no files: give path=FOLDER or all four of "
                                "train-images=, train-labels=, test-images=, "
                                "test-labels=");
    find_all(&f, folder, explicit_path);
    return load(d, &f, (uint32_t)rk_arg_int(a, "classes"), 0, e);
}

static rk_status load_mnist(rk_dataset *d, const rk_args *a, rk_error *e)
{
    enum { CLASSES = 10, SIDE = 28 };
    static const char *const usual[] = {"", "", "", ""};
    const char *folder = rk_arg_text(a, "path");
    char remedy[512];
    files f = {.remedy = remedy};
    snprintf(remedy, sizeof remedy, "scripts/fetch-data mnist %.400s gets the right files", folder);
    find_all(&f, folder, usual);
    return load(d, &f, CLASSES, SIDE, e);
}

RK_PLUGIN("idx", "1.0",
          RK_ITEM(RK_KIND_DATA, .name = "idx",
                  .doc = "images and labels in IDX files, plain or gzip", .params = idx_params,
                  .data = load_idx),
          RK_ITEM(RK_KIND_DATA, .name = "mnist",
                  .doc = "MNIST or a set of its shape: 28 x 28, 10 classes, in IDX files",
                  .params = mnist_params, .data = load_mnist));
