/* imagefolder: JPEG and PNG files in a folder per class, under train/ and val/.
 *
 * Classes are the folders of train/ in the order of their bytes, 0, 1, ...; val/ has the same ones.
 * Examples are the files, class by class, in the order of their bytes.  Of each, the shorter side
 * becomes `resize` pixels by a filter of integers (image.c), then the centre of `size` x `size` is
 * cut out; grey becomes RGB.  Images are standardized one by one.  Pixels are decoded by threads
 * while the device computes, unless the set is small enough to stay in memory: resident=auto is
 * yes up to a gigabyte.  The bits are the same either way. */
#include "image.h"
#include "list.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096 };
#define FILE_BYTES_MAX ((uint64_t)256 << 20)
#define RESIDENT_BYTES ((int64_t)1 << 30)

static const rk_param_spec params[] = {
    {"path", NULL, "folder with train/CLASS/IMAGE and val/CLASS/IMAGE", RK_PARAM_PATH, 0, 0, NULL},
    {"size", "224", "height and width of the centre that is kept, pixels", RK_PARAM_INT, 1, 4096,
     NULL},
    {"resize", "256", "what the shorter side becomes before, pixels; 0: as it is", RK_PARAM_INT, 0,
     4096, NULL},
    {"on-error", "stop", "what a damaged image does: stop, or skip it", RK_PARAM_CHOICE, 0, 0,
     "stop|skip"},
    {"resident", "auto", "whether decoded images stay in memory", RK_PARAM_CHOICE, 0, 0,
     "auto|yes|no"},
    {"check", "yes", "whether every image is decoded once before training", RK_PARAM_CHOICE, 0, 0,
     "yes|no"},
    {0}};

typedef struct folder {
    listing set[2]; /* train, val */
    uint32_t size, resize;
    bool skip;
} folder;

static void close_folder(void *state)
{
    folder *f = state;
    list_free(&f->set[0]);
    list_free(&f->set[1]);
    free(f);
}

/* By what the file says it is, whatever its name. */
static rk_status decode(const uint8_t *file, uint64_t n, image *out, char *why)
{
    static const uint8_t jpeg[] = {0xFF, 0xD8, 0xFF}, png[] = {0x89, 'P', 'N', 'G'};
    if (n >= sizeof jpeg && memcmp(file, jpeg, sizeof jpeg) == 0)
        return decode_jpeg(file, n, out, why);
    if (n >= sizeof png && memcmp(file, png, sizeof png) == 0) return decode_png(file, n, out, why);
    snprintf(why, TEXT_BYTES, n ? "neither JPEG nor PNG" : "an empty file");
    return RK_E_INVALID;
}

static rk_status read_image(void *state, bool test, uint32_t index, void *pixels, rk_error *e)
{
    const folder *f = state;
    const listing *l = &f->set[test];
    char path[PATH_BYTES], why[TEXT_BYTES];
    uint8_t *file;
    uint64_t n;
    image full = {0, 0, NULL};
    snprintf(path, sizeof path, "%s/%s/%s", l->folder, l->class[l->label[index]], l -> file[index]);
    rk_status status = rk_file_read(path, FILE_BYTES_MAX, &file, &n, e);
    if (status != RK_OK) return status;
    status = decode(file, n, &full, why);
    if (status == RK_OK) status = image_square(&full, f->resize, f->size, pixels, why);
    free(full.rgb);
    free(file);
    if (status == RK_OK) return RK_OK;
    return rk_error_set(e, status, "%s: %s%s", path, why,
                        f->skip ? "" : "; mend or remove it, or give on-error=skip");
}

static rk_status same_classes(const folder *f, rk_error *e)
{
    const listing *train = &f->set[0], *val = &f->set[1];
    for (uint32_t k = 0; k < train->classes || k < val->classes; k++) {
        const char *a = k < train->classes ? train->class[k] : NULL;
        const char *b = k < val->classes ? val->class[k] : NULL;
        if (a && b && strcmp(a, b) == 0) continue;
        bool in_train = a && (!b || strcmp(a, b) < 0);
        return rk_error_set(e, RK_E_INVALID,
                            "%s/%s is there, but %s has no such class: both need "
                            "the same ones",
                            in_train ? train->folder : val->folder, in_train ? a : b,
                            in_train ? val->folder : train->folder);
    }
    return RK_OK;
}

static rk_status list(folder *f, const char *path, rk_error *e)
{
    rk_status status = list_folder(path, "train", &f->set[0], e);
    if (status == RK_OK) status = list_folder(path, "val", &f->set[1], e);
    if (status == RK_OK) status = same_classes(f, e);
    return status;
}

static uint32_t flags_of(const rk_args *a, int64_t bytes)
{
    const char *resident = rk_arg_text(a, "resident");
    bool stays =
        strcmp(resident, "yes") == 0 || (strcmp(resident, "auto") == 0 && bytes <= RESIDENT_BYTES);
    bool skip = strcmp(rk_arg_text(a, "on-error"), "skip") == 0;
    bool unchecked = strcmp(rk_arg_text(a, "check"), "no") == 0;
    return (stays ? RK_SOURCE_RESIDENT : 0u) | (skip ? RK_SOURCE_SKIP : 0u) |
           (unchecked ? RK_SOURCE_UNCHECKED : 0u);
}

static rk_status load(rk_dataset *d, const rk_args *a, rk_error *e)
{
    folder *f = calloc(1, sizeof *f);
    if (!f) return rk_error_set(e, RK_E_NOMEM, "no memory for a data set");
    d->source = (rk_source){.state = f, .close = close_folder, .read = read_image};
    f->size = (uint32_t)rk_arg_int(a, "size");
    f->resize = (uint32_t)rk_arg_int(a, "resize");
    f->skip = strcmp(rk_arg_text(a, "on-error"), "skip") == 0;
    if (f->resize && f->resize < f->size)
        return rk_error_set(e, RK_E_INVALID,
                            "resize=%u is less than size=%u: the centre would not "
                            "be inside",
                            f->resize, f->size);
    rk_status status = list(f, rk_arg_text(a, "path"), e);
    if (status != RK_OK) return status;
    d->classes = f->set[0].classes;
    d->channels = CHANNELS;
    d->height = d->width = f->size;
    d->standardize = RK_STANDARDIZE_IMAGE;
    int64_t images = f->set[0].n + f->set[1].n;
    d->source.flags = flags_of(a, images * rk_dataset_pixels(d));
    status = rk_dataset_make_sourced(d, RK_U8, f->set[0].n, f->set[1].n, e);
    if (status != RK_OK) return status;
    memcpy(d->train.x.label, f->set[0].label, (size_t)f->set[0].n * sizeof(uint32_t));
    memcpy(d->test.x.label, f->set[1].label, (size_t)f->set[1].n * sizeof(uint32_t));
    return RK_OK;
}

RK_PLUGIN("imagefolder", "1.0",
          RK_ITEM(RK_KIND_DATA, .name = "imagefolder",
                  .doc = "JPEG and PNG files in a folder per class under train/ and val/; need not "
                         "fit into memory",
                  .params = params, .data = load));
