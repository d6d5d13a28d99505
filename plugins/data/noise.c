/* noise: images of standard normal pixels with uniformly random labels, which exist as a seed.
 *
 * There is nothing to learn, at any size: Zhang et al. 2016 fit such a set completely.  Pixels are
 * made on the device, batch by batch, from the numbers of the batch's examples, and are nowhere
 * stored: memory does not grow with the set, but for 4 bytes or so of labels, positions and order
 * an example.  They have the same bits on every device.  They are standardized as they are.
 *
 * Streams, all of the parameter seed; i is the example:
 *
 *   noise/train, noise/test              pixel k (of channel, row, column) is normal k of step i
 *   noise/train/label, noise/test/label  rk_random_below of number i
 *
 * so that example i is the same whatever n is. */
#include "rethink/plugin.h"
#include <stdlib.h>

static const rk_param_spec params[] = {
    {"n", "1281167", "training examples", RK_PARAM_INT, 1, 2147483647.0, NULL},
    {"test", "50000", "test examples", RK_PARAM_INT, 1, 2147483647.0, NULL},
    {"classes", "1000", "classes", RK_PARAM_INT, 2, 1000000, NULL},
    {"size", "224", "height and width, pixels", RK_PARAM_INT, 1, 4096, NULL},
    {"channels", "3", "channels", RK_PARAM_INT, 1, 64, NULL},
    {"seed", "0", "of pixels and labels; not the run's seed", RK_PARAM_INT, 0, 4294967295.0, NULL},
    {0}};

typedef struct noise {
    rk_random pixels[2]; /* of the training and the test set */
    int64_t channels, size;
} noise;

static rk_status read_image(void *state, bool test, uint32_t index, void *pixels, rk_error *e)
{
    const noise *s = state;
    rk_random r = s->pixels[test];
    (void)e;
    r.step = index;
    rk_random_fill_normal(r, 0, s->channels * s->size * s->size, pixels);
    return RK_OK;
}

static rk_value generate(void *state, rk_graph *g, bool test, rk_value index)
{
    const noise *s = state;
    rk_value x = rk_random_normals(g, s->pixels[test], index, s->channels * s->size * s->size);
    return rk_reshape(g, x, RK_SHAPE(rk_dim(g, index, 0), s->channels, s->size, s->size));
}

static void draw_labels(rk_examples *x, uint32_t classes, rk_random r)
{
    for (int64_t i = 0; i < x->n; i++) x->label[i] = rk_random_below(r, (uint64_t)i, classes);
}

static void draw_all_labels(rk_dataset *d, const rk_args *a)
{
    uint64_t seed = (uint64_t)rk_arg_int(a, "seed");
    draw_labels(&d->train.x, d->classes, rk_random_named(seed, "noise/train/label"));
    draw_labels(&d->test.x, d->classes, rk_random_named(seed, "noise/test/label"));
}

static void describe(rk_dataset *d, const rk_args *a, noise *s)
{
    uint64_t seed = (uint64_t)rk_arg_int(a, "seed");
    *s = (noise){{rk_random_named(seed, "noise/train"), rk_random_named(seed, "noise/test")},
                 rk_arg_int(a, "channels"),
                 rk_arg_int(a, "size")};
    d->classes = (uint32_t)rk_arg_int(a, "classes");
    d->channels = (uint32_t)s->channels;
    d->height = d->width = (uint32_t)s->size;
    d->standardize = RK_STANDARDIZE_NONE;
}

static rk_status load(rk_dataset *d, const rk_args *a, rk_error *e)
{
    noise *s = malloc(sizeof *s);
    if (!s) return rk_error_set(e, RK_E_NOMEM, "no memory for a data set");
    describe(d, a, s);
    d->source = (rk_source){.state = s, .close = free, .read = read_image, .generate = generate};
    rk_status status =
        rk_dataset_make_sourced(d, RK_F32, rk_arg_int(a, "n"), rk_arg_int(a, "test"), e);
    if (status == RK_OK) draw_all_labels(d, a);
    return status;
}

/* ---- the same in memory ---------------------------------------------------------------------- */

static const rk_param_spec kept_params[] = {
    {"n", "1280", "training examples", RK_PARAM_INT, 1, 2147483647.0, NULL},
    {"test", "128", "test examples", RK_PARAM_INT, 1, 2147483647.0, NULL},
    {"classes", "10", "classes", RK_PARAM_INT, 2, 1000000, NULL},
    {"size", "28", "height and width, pixels", RK_PARAM_INT, 1, 4096, NULL},
    {"channels", "3", "channels", RK_PARAM_INT, 1, 64, NULL},
    {"seed", "0", "of pixels and labels; not the run's seed", RK_PARAM_INT, 0, 4294967295.0, NULL},
    {0}};

static rk_status draw_images(noise *s, bool test, rk_examples *x, rk_error *e)
{
    int64_t pixels = s->channels * s->size * s->size;
    for (int64_t i = 0; i < x->n; i++) {
        rk_status status = read_image(s, test, (uint32_t)i, (float *)x->pixels + i * pixels, e);
        if (status != RK_OK) return status;
    }
    return RK_OK;
}

static rk_status load_kept(rk_dataset *d, const rk_args *a, rk_error *e)
{
    noise s;
    describe(d, a, &s);
    rk_status status = rk_dataset_make(d, RK_F32, rk_arg_int(a, "n"), rk_arg_int(a, "test"), e);
    if (status == RK_OK) status = draw_images(&s, false, &d->train.x, e);
    if (status == RK_OK) status = draw_images(&s, true, &d->test.x, e);
    if (status == RK_OK) draw_all_labels(d, a);
    return status;
}

RK_PLUGIN("noise", "1.0",
          RK_ITEM(RK_KIND_DATA, .name = "noise",
                  .doc = "normal pixels and random labels of any number, made from a seed on the "
                         "device; needs no file",
                  .params = params, .data = load),
          RK_ITEM(RK_KIND_DATA, .name = "noise-kept",
                  .doc = "the examples of noise, made once and kept in memory: for timing steps",
                  .params = kept_params, .data = load_kept));
