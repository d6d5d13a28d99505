/* pixels: the three input randomizations of Zhang et al. 2016, section 2, on pixels before
 * standardization.  A permutation moves positions; the channels of a position move together.
 *
 *   mode=shuffle   "shuffled pixels": one permutation for every training and test image.
 *   mode=random    "random pixels": a permutation of its own for each image.  The paper does not
 *                  say what happens to test images; here they get permutations of their own too.
 *   mode=gaussian  "Gaussian": every training and test pixel is drawn from the normal distribution
 *                  with the mean and the variance of its channel over the training images.  The
 *                  paper does not say whether per channel; nothing is clipped to [0, 1].
 *
 * p below 1 leaves images as they are, each with probability 1 - p on its own: with mode=gaussian
 * the fraction of noise inputs of Arpit et al. 2017, whose validation images stay real: test=no.
 *
 * Example i, by its position in the original files, takes step 16 i of the stream (step 16 i + k
 * where word k of a draw was rejected; more than 15 rejections in a row have probability 2^-240):
 * the words of rk_random_order, or the normals 0, 1, ... in the order of pixels.  Test examples
 * take the stream with its lowest bit flipped; shuffle takes step 0.  Whether example i is changed
 * says word i of step 0 of the stream with its second bit flipped, so that with one seed the images
 * that p=0.2 changes are among those that p=0.4 changes, and become the same. */
#include "rethink/plugin.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 16 };

static const rk_param_spec params[] = {
    {"mode", "shuffle",
     "shuffle: one permutation for all images; random: one for each image; gaussian: noise with "
     "the "
     "mean and variance of each channel",
     RK_PARAM_CHOICE, 0, 0, "shuffle|random|gaussian"},
    {"p", "1", "probability of each image to be changed", RK_PARAM_REAL, 0, 1, NULL},
    {"test", "yes", "whether test images are changed too", RK_PARAM_CHOICE, 0, 0, "yes|no"},
    {0}};

static rk_random of_example(rk_random r, const rk_examples *x, int64_t i)
{
    r.step = STEPS * x->index[i];
    return r;
}

static rk_random of_test(rk_random r)
{
    r.stream ^= 1u;
    return r;
}

/* What is done to one of the sets. */
typedef struct change {
    rk_examples *x;
    rk_random random;
    double p;
} change;

/* The training set, and unless test=no the test set: returns their number. */
static int changes_of(rk_dataset *d, const rk_args *a, rk_random r, change out[2])
{
    double p = rk_arg_real(a, "p");
    out[0] = (change){&d->train.x, r, p};
    out[1] = (change){&d->test.x, of_test(r), p};
    return strcmp(rk_arg_text(a, "test"), "yes") == 0 ? 2 : 1;
}

static bool is_changed(const change *c, int64_t i)
{
    rk_random whether = c->random;
    whether.stream ^= 2u;
    return (double)rk_random_uniform(whether, c->x->index[i]) < c->p;
}

/* Work space for permuting one image. */
typedef struct mover {
    uint32_t channels, positions;
    size_t element; /* bytes */
    uint32_t *order;
    char *image;
} mover;

/* Position k of each channel gets what was at order[k]. */
static void move(const mover *m, char *image)
{
    size_t plane = m->positions * m->element, element = m->element;
    memcpy(m->image, image, m->channels * plane);
    for (size_t c = 0; c < m->channels; c++)
        for (size_t k = 0; k < m->positions; k++)
            memcpy(image + c * plane + k * element, m->image + c * plane + m->order[k] * element,
                   element);
}

/* By an order of its own for each image, or by m->order as it is. */
static void permute(const mover *m, const change *c, bool one_each)
{
    size_t bytes = (size_t)m->channels * m->positions * m->element;
    for (int64_t i = 0; i < c->x->n; i++) {
        if (!is_changed(c, i)) continue;
        if (one_each) rk_random_order(of_example(c->random, c->x, i), m->positions, m->order);
        move(m, (char *)c->x->pixels + (size_t)i * bytes);
    }
}

static rk_status permute_all(rk_dataset *d, const change *changes, int n, bool one_each,
                             rk_error *e)
{
    mover m = {.channels = d->channels, .positions = d->height * d->width};
    m.element = d->train.x.dtype == RK_U8 ? 1 : sizeof(float);
    m.order = malloc(m.positions * sizeof *m.order);
    m.image = malloc((size_t)rk_dataset_pixels(d) * m.element);
    rk_status status = RK_OK;
    if (m.order && m.image) {
        if (!one_each) rk_random_order(changes[0].random, m.positions, m.order);
        for (int i = 0; i < n; i++) permute(&m, &changes[i], one_each);
    } else {
        status =
            rk_error_set(e, RK_E_NOMEM, "no memory for a permutation of %u pixels", m.positions);
    }
    free(m.order);
    free(m.image);
    return status;
}

typedef struct normal {
    double mean, deviation;
} normal;

/* Of one channel over all images; sums of doubles in the order of the images. */
static normal of_channel(const rk_examples *x, int64_t pixels, int64_t first, int64_t positions)
{
    double sum = 0, squares = 0, n = (double)x->n * (double)positions;
    const float *plane = (const float *)x->pixels + first;
    for (int64_t i = 0; i < x->n; i++)
        for (int64_t k = 0; k < positions; k++) sum += (double)plane[i * pixels + k];
    double mean = sum / n;
    for (int64_t i = 0; i < x->n; i++)
        for (int64_t k = 0; k < positions; k++) {
            double difference = (double)plane[i * pixels + k] - mean;
            squares += difference * difference;
        }
    return (normal){mean, sqrt(squares / n)};
}

static void draw(const change *c, int64_t pixels, int64_t first, int64_t positions, normal p)
{
    float mean = (float)p.mean, deviation = (float)p.deviation;
    float *plane = (float *)c->x->pixels + first;
    for (int64_t i = 0; i < c->x->n; i++) {
        rk_random of_i = of_example(c->random, c->x, i);
        float *x = plane + i * pixels;
        if (!is_changed(c, i)) continue;
        rk_random_fill_normal(of_i, (uint64_t)first, positions, x);
        for (int64_t k = 0; k < positions; k++) x[k] = mean + deviation * x[k];
    }
}

static rk_status gaussian(rk_dataset *d, const change *changes, int n, rk_error *e)
{
    int64_t pixels = rk_dataset_pixels(d), positions = (int64_t)d->height * d->width;
    rk_status status = rk_examples_to_f32(&d->train.x, pixels, e);
    if (status == RK_OK) status = rk_examples_to_f32(&d->test.x, pixels, e);
    for (int64_t first = 0; status == RK_OK && first < pixels; first += positions) {
        normal p = of_channel(&d->train.x, pixels, first, positions);
        for (int i = 0; i < n; i++) draw(&changes[i], pixels, first, positions, p);
    }
    return status;
}

static rk_status pixels(rk_dataset *d, const rk_args *a, rk_random r, rk_error *e)
{
    const char *mode = rk_arg_text(a, "mode");
    change changes[2];
    int n = changes_of(d, a, r, changes);
    if (strcmp(mode, "gaussian") == 0) return gaussian(d, changes, n, e);
    return permute_all(d, changes, n, strcmp(mode, "random") == 0, e);
}

RK_PLUGIN("pixels", "1.0",
          RK_ITEM(RK_KIND_TRANSFORM, .name = "pixels",
                  .doc = "shuffled pixels, random pixels or Gaussian noise, in training and test "
                         "images unless test=no",
                  .params = params, .transform = pixels));
