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

static void standardize(rk_examples *x, int64_t pixels, bool image)
{
    bool bytes = x->dtype == RK_U8;
    if (!x->shift) return;
    double unit = bytes ? 255.0 : 1.0, least = unit / sqrt((double)pixels);
    for (int64_t i = 0; i < x->n; i++) {
        moments m = {0.0, unit};
        if (image && bytes) m = of_bytes((const uint8_t *)x->pixels + i * pixels, pixels);
        if (image && !bytes) m = of_floats((const float *)x->pixels + i * pixels, pixels);
        x->shift[i] = (float)m.mean;
        x->scale[i] = (float)(1.0 / (m.deviation > least || !image ? m.deviation : least));
    }
}

void rk_dataset_standardize(rk_dataset *d)
{
    bool image = d->standardize == RK_STANDARDIZE_IMAGE;
    standardize(&d->train.x, rk_dataset_pixels(d), image);
    standardize(&d->test.x, rk_dataset_pixels(d), image);
}
