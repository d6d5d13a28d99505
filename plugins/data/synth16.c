/* synth16: a small procedural data set that needs no file.
 *
 * 16 x 16 x 1 images of `classes` classes with `modes` templates each.  A template is the sum of
 * `bumps` Gaussian bumps on the torus, each with its centre uniform in [0, 16)^2, sigma uniform in
 * [1.5, 3) and an amplitude of random sign and size uniform in [0.5, 1.5).  An example has its
 * class and mode uniform; it is the template, moved around the torus by up to `shift` pixels along
 * each axis, times a contrast uniform in [1 - contrast, 1 + contrast), plus normal noise of
 * standard deviation `noise`.  Images are standardized one by one.
 *
 * Every number is an fp32 function of Philox words by the functions of numerics.h: the set has the
 * same bits on every machine.  Streams, all of the parameter seed:
 *
 *   synth16/templates    bump j = (class * modes + mode) * bumps + k takes words 5 j ... 5 j + 4:
 *                        centre x, centre y, sigma, size of the amplitude, its sign
 *   synth16/train, /test example i takes words 5 i ... 5 i + 4: class, mode, dx, dy, contrast; what
 *                        rk_random_below rejects is drawn again from the next steps
 *   synth16/train/noise, synth16/test/noise
 *                        example i takes the normals 0 ... 255 of step i, in the order of pixels
 *
 * so that example i is the same whatever n is. */
#include "rethink/numerics.h"
#include "rethink/plugin.h"
#include <stdlib.h>

enum { SIDE = 16, PIXELS = SIDE * SIDE };

static const rk_param_spec params[] = {
    {"n", "1000", "training examples", RK_PARAM_INT, 1, 10000000, NULL},
    {"test", "2000", "test examples", RK_PARAM_INT, 1, 10000000, NULL},
    {"seed", "0", "of templates and examples; not the run's seed", RK_PARAM_INT, 0, 4294967295.0,
     NULL},
    {"classes", "10", "classes", RK_PARAM_INT, 2, 1000, NULL},
    {"modes", "2", "templates of a class", RK_PARAM_INT, 1, 100, NULL},
    {"bumps", "6", "Gaussian bumps of a template", RK_PARAM_INT, 1, 100, NULL},
    {"shift", "2", "most pixels that an example is moved along an axis", RK_PARAM_INT, 0, 8, NULL},
    {"contrast", "0.4", "half the range of the contrast around 1", RK_PARAM_REAL, 0, 1, NULL},
    {"noise", "0.5", "standard deviation of the noise, before standardization", RK_PARAM_REAL, 0,
     100, NULL},
    {0}};

static float between(rk_random r, uint64_t i, float low, float high)
{
    return low + (high - low) * rk_random_uniform(r, i);
}

/* The shorter way around the torus, squared. */
static float torus_square(float a, float b)
{
    float d = a > b ? a - b : b - a;
    if (d > (float)SIDE / 2) d = (float)SIDE - d;
    return d * d;
}

static void add_bump(float *image, rk_random r, uint64_t bump)
{
    float cx = between(r, 5 * bump, 0, SIDE), cy = between(r, 5 * bump + 1, 0, SIDE);
    float sigma = between(r, 5 * bump + 2, 1.5f, 3), height = between(r, 5 * bump + 3, 0.5f, 1.5f);
    float falloff = rk_divf(-0.5f, sigma * sigma);
    if (rk_random_word(r, 5 * bump + 4) >> 31) height = -height;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float d = torus_square((float)x, cx) + torus_square((float)y, cy);
            image[y * SIDE + x] += height * rk_expf(falloff * d);
        }
}

static float *make_templates(uint64_t n, uint64_t bumps, uint64_t seed)
{
    rk_random r = rk_random_named(seed, "synth16/templates");
    float *t = calloc(n * PIXELS, sizeof *t);
    for (uint64_t i = 0; t && i < n; i++)
        for (uint64_t b = 0; b < bumps; b++) add_bump(t + i * PIXELS, r, i * bumps + b);
    return t;
}

/* What all examples of a set are made from. */
typedef struct recipe {
    const float *templates;
    uint32_t classes, modes, shift;
    float contrast, deviation;
    rk_random choice, noise;
} recipe;

static void make_example(const recipe *c, uint32_t i, float *image, uint32_t *label)
{
    uint64_t word = 5 * (uint64_t)i;
    rk_random noise = c->noise;
    noise.step = i;
    *label = rk_random_below(c->choice, word, c->classes);
    uint32_t mode = rk_random_below(c->choice, word + 1, c->modes), range = 2 * c->shift + 1;
    /* Adding SIDE - shift ... SIDE + shift pixels modulo SIDE keeps the numbers unsigned. */
    uint32_t dx = SIDE - c->shift + rk_random_below(c->choice, word + 2, range);
    uint32_t dy = SIDE - c->shift + rk_random_below(c->choice, word + 3, range);
    float contrast = between(c->choice, word + 4, 1 - c->contrast, 1 + c->contrast);
    const float *t = c->templates + ((size_t)*label * c->modes + mode) * PIXELS;
    for (uint32_t y = 0; y < SIDE; y++)
        for (uint32_t x = 0; x < SIDE; x++) {
            float clean = contrast * t[(y + dy) % SIDE * SIDE + (x + dx) % SIDE];
            float z = rk_random_normal(noise, y * SIDE + x);
            image[y * SIDE + x] = clean + c->deviation * z;
        }
}

static void make_examples(const recipe *c, rk_examples *x)
{
    float *pixels = x->pixels;
    for (int64_t i = 0; i < x->n; i++)
        make_example(c, (uint32_t)i, pixels + i * PIXELS, &x->label[i]);
}

static rk_status synth16(rk_dataset *d, const rk_args *a, rk_error *e)
{
    uint64_t seed = (uint64_t)rk_arg_int(a, "seed");
    recipe c = {.classes = (uint32_t)rk_arg_int(a, "classes"),
                .modes = (uint32_t)rk_arg_int(a, "modes"),
                .shift = (uint32_t)rk_arg_int(a, "shift"),
                .contrast = (float)rk_arg_real(a, "contrast"),
                .deviation = (float)rk_arg_real(a, "noise")};
    d->classes = c.classes;
    d->channels = 1;
    d->height = d->width = SIDE;
    d->standardize = RK_STANDARDIZE_IMAGE;
    rk_status status = rk_dataset_make(d, RK_F32, rk_arg_int(a, "n"), rk_arg_int(a, "test"), e);
    if (status != RK_OK) return status;
    uint64_t n = (uint64_t)c.classes * c.modes;
    float *templates = make_templates(n, (uint64_t)rk_arg_int(a, "bumps"), seed);
    if (!templates) return rk_error_set(e, RK_E_NOMEM, "no memory for %u templates", (unsigned)n);
    c.templates = templates;
    c.choice = rk_random_named(seed, "synth16/train");
    c.noise = rk_random_named(seed, "synth16/train/noise");
    make_examples(&c, &d->train.x);
    c.choice = rk_random_named(seed, "synth16/test");
    c.noise = rk_random_named(seed, "synth16/test/noise");
    make_examples(&c, &d->test.x);
    free(templates);
    return RK_OK;
}

RK_PLUGIN("synth16", "1.0",
          RK_ITEM(RK_KIND_DATA, .name = "synth16",
                  .doc = "procedural 16 x 16 images of moved bumps in noise; needs no file",
                  .params = params, .data = synth16));
