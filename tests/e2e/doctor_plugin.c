/* Data with faults that rethink doctor must find. */
#include "rethink/plugin.h"

enum { PAIRS = 6, SIDE = 2, PIXELS = SIDE * SIDE };

/* Example 2 k and 2 k + 1 have one image; in the first four pairs they have different labels.  The
 * image of the last pair is constant, and of four classes one never occurs. */
static rk_status pairs(rk_dataset *d, const rk_args *a, rk_error *e)
{
    (void)a;
    d->classes = 4;
    d->channels = 1;
    d->height = d->width = SIDE;
    rk_status status = rk_dataset_make(d, RK_U8, 2 * PAIRS, 1, e);
    for (uint32_t i = 0; status == RK_OK && i < 2 * PAIRS; i++) {
        uint32_t k = i / 2;
        uint8_t *pixel = (uint8_t *)d->train.x.pixels + i * PIXELS;
        for (uint32_t j = 0; j < PIXELS; j++) pixel[j] = (uint8_t)(k + 1 == PAIRS ? 9 : 10 * k + j);
        d->train.x.label[i] = (k + (k < 4 && i % 2 ? 1 : 0)) % 3;
    }
    for (uint32_t j = 0; status == RK_OK && j < PIXELS; j++)
        ((uint8_t *)d->test.x.pixels)[j] = (uint8_t)j;
    if (status == RK_OK) d->test.x.label[0] = 0;
    return status;
}

/* Other labels each time: what a transform must not do. */
static rk_status drift(rk_dataset *d, const rk_args *a, rk_random r, rk_error *e)
{
    static uint32_t times;
    (void)a;
    (void)r;
    (void)e;
    d->train.x.label[0] = times++ % d->classes;
    return RK_OK;
}

RK_PLUGIN("doctor_plugin", "1.0",
          RK_ITEM(RK_KIND_DATA, .name = "pairs", .doc = "images in pairs", .data = pairs),
          RK_ITEM(RK_KIND_TRANSFORM, .name = "drift", .doc = "other labels each time",
                  .transform = drift));
