#include "cli/report_sample.h"
#include "data/dataset.h"
#include "data/png.h"
#include "train/config.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 8, STRIPS_MAX = 8, EXAMPLES_MAX = 200000, GAP = 2 };

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

/* The value of a pixel from 0 to 255: of floats the range of the image is. */
static double value_at(const rk_examples *x, int64_t i)
{
    if (x->dtype == RK_U8) return ((const uint8_t *)x->pixels)[i];
    return ((const float *)x->pixels)[i];
}

static void range_of(const rk_examples *x, int64_t from, int64_t n, double *low, double *high)
{
    *low = x->dtype == RK_U8 ? 0 : (double)INFINITY;
    *high = x->dtype == RK_U8 ? 255 : (double)-INFINITY;
    for (int64_t i = from; x->dtype != RK_U8 && i < from + n; i++) {
        *low = fmin(*low, value_at(x, i));
        *high = fmax(*high, value_at(x, i));
    }
}

/* One image into a strip of images beside each other, white between. */
static void put_image(const rk_dataset *d, int64_t image, uint32_t channels, uint8_t *strip,
                      size_t row, size_t column)
{
    const int64_t plane = (int64_t)d->height * d->width;
    int64_t from = image * rk_dataset_pixels(d);
    double low, high;
    range_of(&d->train.x, from, rk_dataset_pixels(d), &low, &high);
    for (uint32_t y = 0; y < d->height; y++)
        for (uint32_t x = 0; x < d->width; x++)
            for (uint32_t c = 0; c < channels; c++) {
                double v = value_at(&d->train.x, from + c * plane + y * d->width + x);
                v = high > low ? 255 * (v - low) / (high - low) : 0;
                strip[y * row + (column + x) * channels + c] = (uint8_t)(v + 0.5);
            }
}

static rk_status write_strip(FILE *f, const rk_dataset *d, rk_error *e)
{
    uint32_t n = d->train.x.n < IMAGES ? (uint32_t)d->train.x.n : IMAGES;
    uint32_t channels = d->channels == 3 ? 3 : 1, width = n * (d->width + GAP) - GAP;
    size_t row = (size_t)width * channels, bytes;
    uint8_t *strip = malloc(row * d->height), *png;
    if (!strip) return RK_FAIL(e, RK_E_NOMEM, "no memory for images");
    memset(strip, 255, row * d->height);
    for (uint32_t i = 0; i < n; i++)
        put_image(d, i, channels, strip, row, (size_t)i * (d->width + GAP));
    rk_status status = rk_png_write(strip, width, d->height, channels, &png, &bytes, e);
    free(strip);
    RK_TRY(status);
    fprintf(f, "<img width=%u height=%u alt='training images' src='", width, d->height);
    rk_report_data_uri(f, "image/png", png, bytes);
    fputs("'>", f);
    free(png);
    return RK_OK;
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

static rk_status write_sample(FILE *f, const rk_run_record *run, const char *label,
                              const rk_dataset *d, const rk_audit *audit, rk_error *e)
{
    bool same = strcmp(audit->digest, run->data_digest) == 0;
    fputs("<figure class=sample><figcaption>", f);
    rk_html(f, label);
    fputs(same ? "" : " <b class=bad>not the data of the run</b>", f);
    fputs("</figcaption>", f);
    RK_TRY(write_strip(f, d, e));
    write_labels(f, d);
    fputs("</figure>\n", f);
    return RK_OK;
}

/* True for what loads in a moment: without files, or of usual size. */
static rk_status load(const rk_registry *plugins, const rk_run_record *run, rk_dataset **d,
                      rk_audit *audit, rk_error *e)
{
    rk_config c;
    json_t *owner = NULL;
    rk_recipe recipe;
    RK_TRY(rk_config_read(run->config, &c, &owner, e));
    rk_status status = rk_recipe_parse(plugins, &c, &recipe, e);
    if (status == RK_OK) {
        status = rk_dataset_load(recipe.data, (const rk_spec *const *)recipe.transforms.spec,
                                 recipe.transforms.n, c.seed, d, audit, e);
        rk_recipe_clear(&recipe);
    }
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

static rk_status write_all(FILE *f, const rk_study *s, const rk_registry *plugins, rk_error *e)
{
    uint32_t shown = 0, run;
    for (uint32_t i = 0; i < s->n_labels && shown < STRIPS_MAX; i++) {
        rk_dataset *d = NULL;
        rk_audit audit;
        if (!is_shown(s, i, &run)) continue;
        if (load(plugins, s->runs->run[run], &d, &audit, NULL) != RK_OK) continue;
        fputs(shown++ ? "" : "<h3>What the network was shown</h3>\n<div class=samples>\n", f);
        rk_status status = write_sample(f, s->runs->run[run], s->label[i], d, &audit, e);
        rk_dataset_free(d);
        RK_TRY(status);
    }
    if (shown)
        fprintf(f,
                "</div>\n<p class=note>The first training images of seed %llu, made again from its "
                "record; their digests are those that the runs recorded. A label that was changed "
                "is struck out.\n",
                (unsigned long long)s->seed[0]);
    return RK_OK;
}

rk_status rk_report_samples(FILE *f, const rk_study *s, rk_error *e)
{
    rk_registry *plugins;
    if (!s->n_seeds || rk_registry_new(NULL, 0, &plugins, NULL) != RK_OK) return RK_OK;
    rk_status status = write_all(f, s, plugins, e);
    rk_registry_free(plugins);
    return status;
}
