#include "data/examples.h"
#include <math.h>

__extension__ typedef unsigned __int128 wide;

typedef struct moments {
    double mean, deviation; /* of the pixels as they are stored */
} moments;

static moments of_bytes(const uint8_t *x, int64_t n)
{
    uint64_t sum = 0, squares = 0, count = (uint64_t)n;
    for (int64_t i = 0; i < n; i++) {
        sum += x[i];
        squares += (uint64_t)x[i] * x[i];
    }
    /* count^2 * variance, an integer: no cancellation however little the pixels differ. */
    wide spread = (wide)count * squares - (wide)sum * sum;
    double size = (double)count;
    return (moments){(double)sum / size, sqrt((double)spread) / size};
}

static moments of_floats(const float *x, int64_t n)
{
    double sum = 0, squares = 0, size = (double)n;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i];
    double mean = sum / size;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)x[i] - mean;
        squares += d * d;
    }
    return (moments){mean, sqrt(squares / size)};
}

void rk_example_standardize(const rk_dataset *d, uint32_t dtype, const void *x, float *shift,
                            float *scale)
{
    int64_t pixels = rk_dataset_pixels(d);
    bool bytes = dtype == RK_U8, image = d->standardize == RK_STANDARDIZE_IMAGE;
    double unit = bytes ? 255.0 : 1.0, least = unit / sqrt((double)pixels);
    moments m = {0.0, unit};
    if (image) m = bytes ? of_bytes(x, pixels) : of_floats(x, pixels);
    *shift = (float)m.mean;
    *scale = (float)(1.0 / (m.deviation > least || !image ? m.deviation : least));
}

static void standardize(const rk_dataset *d, rk_examples *x)
{
    size_t bytes = (size_t)rk_dataset_pixels(d) * (x->dtype == RK_U8 ? 1 : sizeof(float));
    if (!x->pixels) return;
    for (int64_t i = 0; i < x->n; i++)
        rk_example_standardize(d, x->dtype, (const char *)x->pixels + (size_t)i * bytes,
                               &x->shift[i], &x->scale[i]);
}

void rk_dataset_standardize(rk_dataset *d)
{
    standardize(d, &d->train.x);
    standardize(d, &d->test.x);
}
