#include "cli/report_sample.h"
#include "data/dataset.h"
#include "data/png.h"
#include "train/config.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 8, STRIPS_MAX = 8, GAP = 2 };
static const double VALUES_MAX = 2e8; /* of both sets; CIFAR-10 has 1.9e8 */

void rk_report_data_uri(FILE *f, const char *type, const void *data, size_t bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = data;
    fprintf(f, "data:%s;base64,", type);
    for (size_t i = 0; i < bytes; i += 3) {
        size_t left = bytes - i;
        uint32_t x = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                     (left > 2 ? p[i + 2] : 0);
        for (size_t k = 0; k < 4; k++) fputc(k <= left ? digits[x >> (18 - 6 * k) & 63] : '=', f);
    }
}

/* ---- one image ------------------------------------------------------------------------------- */

/* Image i of the training set, of its dtype; pixels that are in no array come from their source. */
static rk_status read_image(const rk_dataset *d, int64_t i, void *out, rk_error *e)
{
    const rk_examples *x = &d->train.x;
    size_t bytes = (size_t)rk_dataset_pixels(d) * (x->dtype == RK_U8 ? 1 : sizeof(float));
    if (!x->pixels) return d->source.read(d->source.state, false, x->index[i], out, e);
    memcpy(out, (const uint8_t *)x->pixels + (size_t)i * bytes, bytes);
    return RK_OK;
}

static double value_at(const rk_dataset *d, const void *image, int64_t i)
{
    return d->train.x.dtype == RK_U8 ? ((const uint8_t *)image)[i] : ((const float *)image)[i];
}

/* Of floats the range of the image is shown. */
static void range_of(const rk_dataset *d, const void *image, double *low, double *high)
{
    bool bytes = d->train.x.dtype == RK_U8;
    *low = bytes ? 0 : (double)INFINITY;
    *high = bytes ? 255 : (double)-INFINITY;
    for (int64_t i = 0; !bytes && i < rk_dataset_pixels(d); i++) {
        *low = fmin(*low, value_at(d, image, i));
        *high = fmax(*high, value_at(d, image, i));
    }
}

/* One image into a strip of images beside each other, white between. */
static void put_image(const rk_dataset *d, const void *image, uint32_t channels, uint8_t *strip,
                      size_t row, size_t column)
{
    const int64_t plane = (int64_t)d->height * d->width;
    double low, high;
    range_of(d, image, &low, &high);
    for (uint32_t y = 0; y < d->height; y++)
        for (uint32_t x = 0; x < d->width; x++)
            for (uint32_t c = 0; c < channels; c++) {
                double v = value_at(d, image, c * plane + y * d->width + x);
                v = high > low ? 255 * (v - low) / (high - low) : 0;
                strip[y * row + (column + x) * channels + c] = (uint8_t)(v + 0.5);
            }
}

/* ---- a strip of images ----------------------------------------------------------------------- */

/* The first training images of a run, as they were randomized. */
typedef struct sample {
    rk_dataset *d;
    rk_audit audit;
    uint8_t *png;
    size_t bytes;
    uint32_t width;
} sample;

static void free_sample(sample *s)
{
    rk_dataset_free(s->d);
    free(s->png);
    *s = (sample){0};
}

static rk_status draw(sample *s, rk_error *e)
{
    const rk_dataset *d = s->d;
    uint32_t n = d->train.x.n < IMAGES ? (uint32_t)d->train.x.n : IMAGES;
    uint32_t channels = d->channels == 3 ? 3 : 1;
    s->width = n * (d->width + GAP) - GAP;
    size_t row = (size_t)s->width * channels;
    uint8_t *strip = malloc(row * d->height);
    void *image = malloc((size_t)rk_dataset_pixels(d) * sizeof(float));
    rk_status status =
        strip && image ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for images of a report");
    if (status == RK_OK) memset(strip, 255, row * d->height);
    for (uint32_t i = 0; i < n && status == RK_OK; i++) {
        status = read_image(d, i, image, e);
        if (status == RK_OK)
            put_image(d, image, channels, strip, row, (size_t)i * (d->width + GAP));
    }
    if (status == RK_OK)
        status = rk_png_write(strip, s->width, d->height, channels, &s->png, &s->bytes, e);
    free(strip);
    free(image);
    return status;
}

/* Labels under the images: what they are, and what they were if that is something else. */
static void write_labels(FILE *f, const rk_dataset *d)
{
    int64_t n = d->train.x.n < IMAGES ? d->train.x.n : IMAGES;
    fputs("<span class=labels>labels", f);
    for (int64_t i = 0; i < n; i++) {
        uint32_t label = d->train.x.label[i], truth = d->train.true_label[i];
        fprintf(f, label == truth ? " %u" : " <s>%u</s>\xe2\x86\x92<b>%u</b>", truth, label);
    }
    fputs("</span>", f);
}

/* Whether they are the run's, by their digest. */
static bool write_sample(FILE *f, const rk_run_record *run, const char *label, const sample *s)
{
    bool same = strcmp(s->audit.digest, run->data_digest) == 0;
    fputs("<figure class=sample><figcaption>", f);
    rk_html(f, label);
    fputs(same ? "" : " <b class=bad>not the data of the run</b>", f);
    fprintf(f, "</figcaption><img width=%u height=%u alt='training images' src='", s->width,
            s->d->height);
    rk_report_data_uri(f, "image/png", s->png, s->bytes);
    fputs("'>", f);
    write_labels(f, s->d);
    fputs("</figure>\n", f);
    return same;
}

/* ---- the data of a run ----------------------------------------------------------------------- */

/* As the run did. */
static rk_status load_data(const rk_recipe *r, const rk_config *c, sample *s, rk_error *e)
{
    const rk_spec *const *transforms = (const rk_spec *const *)r->transforms.spec;
    uint64_t seed = rk_config_randomize_seed(c);
    RK_TRY(rk_dataset_load(r->data, transforms, r->transforms.n, seed, &s->d, &s->audit, e));
    if (!c->corrupt_test) return RK_OK;
    return rk_dataset_corrupt_test(s->d, transforms, r->transforms.n, seed, &s->audit, e);
}

/* True for what loads in a moment: of usual size, whether it comes from files or not. */
static bool is_small(const rk_run_record *run)
{
    double examples = (double)run->train_examples + (double)run->test_examples;
    return examples * (double)run->inputs <= VALUES_MAX;
}

/* On failure *out is empty. */
static rk_status make_sample(const rk_registry *plugins, const rk_run_record *run, sample *out,
                             rk_error *e)
{
    rk_config c;
    json_t *owner = NULL;
    rk_recipe recipe;
    *out = (sample){0};
    RK_TRY(rk_config_read(run->config, &c, &owner, e));
    rk_status status = rk_recipe_parse(plugins, &c, &recipe, e);
    if (status == RK_OK) {
        status = load_data(&recipe, &c, out, e);
        if (status == RK_OK) status = draw(out, e);
        rk_recipe_clear(&recipe);
    }
    if (status != RK_OK) free_sample(out);
    json_decref(owner);
    return status;
}

/* The first run of a label that differs in its data from those of earlier labels. */
static bool is_shown(const rk_study *s, uint32_t i, uint32_t *run)
{
    if (!rk_study_find(s, s->label[i], s->seed[0], run)) return false;
    for (uint32_t k = 0; k < i; k++) {
        uint32_t other;
        if (rk_study_find(s, s->label[k], s->seed[0], &other) &&
            strcmp(s->runs->run[other]->randomize, s->runs->run[*run]->randomize) == 0)
            return false;
    }
    return true;
}

static void write_all(FILE *f, const rk_study *s, const rk_registry *plugins)
{
    uint32_t shown = 0, index;
    bool same = true;
    for (uint32_t i = 0; i < s->n_labels && shown < STRIPS_MAX; i++) {
        sample one;
        if (!is_shown(s, i, &index)) continue;
        const rk_run_record *run = s->runs->run[index];
        if (!is_small(run) || make_sample(plugins, run, &one, NULL) != RK_OK) continue;
        fputs(shown++ ? "" : "<h3>What the network was shown</h3>\n<div class=samples>\n", f);
        same = write_sample(f, run, s->label[i], &one) && same;
        free_sample(&one);
    }
    if (shown)
        fprintf(f,
                "</div>\n<p class=note>The first training images of seed %llu, made again from its "
                "record%s. A label that was changed is struck out.\n",
                (unsigned long long)s->seed[0],
                same ? "; their digests are those that the runs recorded" : "");
}

void rk_report_samples(FILE *f, const rk_study *s)
{
    rk_registry *plugins;
    if (!s->n_seeds || rk_registry_new(NULL, 0, &plugins, NULL) != RK_OK) return;
    write_all(f, s, plugins);
    rk_registry_free(plugins);
}
