/* Arrays of examples: making, freeing, conversion. */
#include "base/error.h"
#include "data/dataset.h"
#include "data/examples.h"
#include <stdio.h>
#include <stdlib.h>

rk_status rk_error_set(rk_error *e, rk_status code, const char *format, ...)
{
    if (!e) return code;
    va_list args;
    va_start(args, format);
    e->code = code;
    e->native = 0;
    e->line = 0;
    snprintf(e->where, sizeof e->where, "plugin");
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    return code;
}

int64_t rk_dataset_pixels(const rk_dataset *d)
{
    return (int64_t)d->channels * d->height * d->width;
}

/* One element more than asked for, so that an empty set still has arrays. */
static void *array(int64_t n, uint64_t element) { return calloc((size_t)n + 1, element); }

static bool examples_make(rk_examples *x, uint32_t dtype, int64_t n)
{
    x->n = n;
    x->dtype = dtype;
    x->label = array(n, sizeof *x->label);
    x->index = array(n, sizeof *x->index);
    return x->label && x->index;
}

static bool pixels_make(rk_examples *x, int64_t pixels)
{
    x->pixels = array(x->n, (uint64_t)pixels * (x->dtype == RK_U8 ? 1 : sizeof(float)));
    return x->pixels;
}

/* What the standardization of each example needs, where pixels are in memory. */
static bool moments_make(rk_examples *x)
{
    x->shift = array(x->n, sizeof *x->shift);
    x->scale = array(x->n, sizeof *x->scale);
    return x->shift && x->scale;
}

void rk_dataset_clear(rk_dataset *d)
{
    rk_examples *sets[] = {&d->train.x, &d->test.x};
    for (int s = 0; s < 2; s++) {
        free(sets[s]->pixels);
        free(sets[s]->label);
        free(sets[s]->index);
        free(sets[s]->shift);
        free(sets[s]->scale);
        *sets[s] = (rk_examples){0};
    }
    free(d->train.true_label);
    d->train.true_label = NULL;
}

static rk_status check_extents(const rk_dataset *d, uint32_t dtype, int64_t n_train, int64_t n_test,
                               rk_error *e)
{
    enum { EXTENT_MAX = 65536 };
    int64_t most = (int64_t)UINT32_MAX, pixels = 0;
    bool extents = d->channels && d->height && d->width && d->channels <= EXTENT_MAX &&
                   d->height <= EXTENT_MAX && d->width <= EXTENT_MAX;
    if (extents) pixels = rk_dataset_pixels(d);
    if (!extents || pixels > most || d->classes < 2)
        return RK_FAIL(e, RK_E_INVALID, "no data set has %u classes of %u x %u x %u values",
                       d->classes, d->channels, d->height, d->width);
    if (dtype != RK_U8 && dtype != RK_F32)
        return RK_FAIL(e, RK_E_INVALID, "pixels are RK_U8 or RK_F32, not of type %u", dtype);
    if (n_train < 0 || n_train > most || n_test < 0 || n_test > most)
        return RK_FAIL(e, RK_E_INVALID, "no data set has %lld training and %lld test examples",
                       (long long)n_train, (long long)n_test);
    return RK_OK;
}

/* The arrays, pixels among them or not. */
static rk_status make(rk_dataset *d, uint32_t dtype, int64_t n_train, int64_t n_test, bool sourced,
                      rk_error *e)
{
    rk_examples *train = &d->train.x, *test = &d->test.x;
    RK_TRY(check_extents(d, dtype, n_train, n_test, e));
    int64_t pixels = rk_dataset_pixels(d);
    rk_dataset_clear(d);
    d->train.true_label = array(n_train, sizeof *d->train.true_label);
    bool made = d->train.true_label && examples_make(train, dtype, n_train) &&
                examples_make(test, dtype, n_test);
    if (!sourced) made = made && pixels_make(train, pixels) && pixels_make(test, pixels);
    bool arrays = !sourced || (d->source.flags & RK_SOURCE_RESIDENT);
    if (arrays) made = made && moments_make(train) && moments_make(test);
    if (made) return RK_OK;
    rk_dataset_clear(d);
    return RK_FAIL(e, RK_E_NOMEM, "no memory for %lld examples of %lld values",
                   (long long)(n_train + n_test), (long long)pixels);
}

rk_status rk_dataset_make(rk_dataset *d, uint32_t dtype, int64_t n_train, int64_t n_test,
                          rk_error *e)
{
    return make(d, dtype, n_train, n_test, false, e);
}

rk_status rk_dataset_make_sourced(rk_dataset *d, uint32_t dtype, int64_t n_train, int64_t n_test,
                                  rk_error *e)
{
    if (!d->source.read ||
        (d->source.generate && (dtype != RK_F32 || d->standardize != RK_STANDARDIZE_NONE)))
        return RK_FAIL(e, RK_E_INVALID,
                       "a set without pixels has a source that reads; if it generates too, pixels "
                       "are RK_F32 and not standardized");
    return make(d, dtype, n_train, n_test, true, e);
}

rk_status rk_examples_to_f32(rk_examples *x, int64_t pixels_per_example, rk_error *e)
{
    if (x->dtype == RK_F32) return RK_OK;
    int64_t n = x->n * pixels_per_example;
    const uint8_t *from = x->pixels;
    float *to = array(n, sizeof *to);
    if (!to) return RK_FAIL(e, RK_E_NOMEM, "no memory for %lld pixels as numbers", (long long)n);
    for (int64_t i = 0; i < n; i++) to[i] = (float)from[i] / 255.0f;
    free(x->pixels);
    x->pixels = to;
    x->dtype = RK_F32;
    return RK_OK;
}
