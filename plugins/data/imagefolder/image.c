/* Shorter side and centre, with integers only: the same bits on every machine.
 *
 * Each axis is resized by a triangle as wide as the step between output pixels, at least one input
 * pixel to either side (bilinear where it enlarges, an antialiased average where it shrinks).  With
 * `in` pixels becoming `out`, input pixel i has for output pixel x the weight
 *
 *   max(0, 2 max(in, out) - |(2 i + 1) out - (2 x + 1) in|),
 *
 * an integer; divided by the sum of weights it is rounded to a multiple of 2^-22, and so is the sum
 * of products to a byte, both to nearest, halves up.  Columns come first, then rows. */
#include "image.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ONE = 1 << 22 };

bool image_fits(uint64_t width, uint64_t height, char why[TEXT_BYTES])
{
    if (width && height && width <= PIXELS_MAX && height <= PIXELS_MAX / width) return true;
    snprintf(why, TEXT_BYTES, "its header says %llu x %llu pixels; up to %u in all are read",
             (unsigned long long)width, (unsigned long long)height, PIXELS_MAX);
    return false;
}

rk_status image_make(uint32_t width, uint32_t height, image *out, char why[TEXT_BYTES])
{
    *out = (image){width, height, malloc((size_t)width * height * CHANNELS)};
    if (out->rgb) return RK_OK;
    snprintf(why, TEXT_BYTES, "no memory for %u x %u pixels", width, height);
    return RK_E_NOMEM;
}

/* The input pixels of one output pixel: n weights from `first` on. */
typedef struct taps {
    uint32_t first, n;
    const uint32_t *weight;
} taps;

/* Output pixels [from, from + count) of an axis. */
typedef struct axis {
    uint32_t in, out, from, count;
    taps *tap;
    uint32_t *weight;
} axis;

static int64_t weight_of(const axis *a, int64_t i, int64_t x)
{
    int64_t wide = 2 * (int64_t)(a->in > a->out ? a->in : a->out);
    int64_t away = (2 * i + 1) * a->out - (2 * x + 1) * a->in;
    int64_t w = wide - (away < 0 ? -away : away);
    return w > 0 ? w : 0;
}

/* Weights of one output pixel, at most `most` of them. */
static void find_taps(const axis *a, uint32_t x, uint32_t most, uint32_t *weight, taps *out)
{
    int64_t wide = a->in > a->out ? a->in : a->out, sum = 0;
    int64_t first = ((2 * (int64_t)x + 1) * a->in - 2 * wide) / (2 * (int64_t)a->out) - 1;
    if (first < 0) first = 0;
    while (weight_of(a, first, x) == 0) first++;
    uint32_t n = 0;
    while (first + n < a->in && n < most && weight_of(a, first + n, x)) {
        sum += weight_of(a, first + n, x);
        n++;
    }
    for (uint32_t k = 0; k < n; k++)
        weight[k] = (uint32_t)((2 * weight_of(a, first + k, x) * ONE + sum) / (2 * sum));
    *out = (taps){(uint32_t)first, n, weight};
}

static bool make_axis(axis *a)
{
    uint32_t most = 2 * (a->in / a->out + 1) + 2;
    a->tap = malloc(a->count * sizeof *a->tap);
    a->weight = malloc((size_t)a->count * most * sizeof *a->weight);
    if (!a->tap || !a->weight) return false;
    for (uint32_t x = 0; x < a->count; x++)
        find_taps(a, a->from + x, most, a->weight + (size_t)x * most, &a->tap[x]);
    return true;
}

static uint8_t to_byte(uint32_t sum)
{
    uint32_t value = (sum + ONE / 2) / ONE;
    return (uint8_t)(value > 255 ? 255 : value);
}

/* Row y of the image, its columns resized: channel c to out + c * plane. */
static void resize_row(const image *in, const axis *columns, uint32_t y, uint8_t *out, size_t plane)
{
    const uint8_t *row = in->rgb + (size_t)y * in->width * CHANNELS;
    for (uint32_t x = 0; x < columns->count; x++) {
        const taps *t = &columns->tap[x];
        const uint8_t *from = row + (size_t)t->first * CHANNELS;
        uint32_t r = 0, g = 0, b = 0;
        for (uint32_t k = 0; k < t->n; k++, from += CHANNELS) {
            r += t->weight[k] * from[0];
            g += t->weight[k] * from[1];
            b += t->weight[k] * from[2];
        }
        out[x] = to_byte(r);
        out[plane + x] = to_byte(g);
        out[2 * plane + x] = to_byte(b);
    }
}

/* Rows of one channel, from[in->height][count] of which only those needed are there. */
static void resize_rows(const uint8_t *from, const axis *rows, uint32_t count, uint32_t *sum,
                        uint8_t *out)
{
    for (uint32_t y = 0; y < rows->count; y++) {
        const taps *t = &rows->tap[y];
        memset(sum, 0, count * sizeof *sum);
        for (uint32_t k = 0; k < t->n; k++) {
            const uint8_t *row = from + (size_t)(t->first + k) * count;
            for (uint32_t x = 0; x < count; x++) sum[x] += t->weight[k] * row[x];
        }
        for (uint32_t x = 0; x < count; x++) out[(size_t)y * count + x] = to_byte(sum[x]);
    }
}

static bool resize(const image *in, axis *columns, axis *rows, uint8_t *out)
{
    uint32_t size = columns->count;
    size_t plane = (size_t)in->height * size;
    uint8_t *wide = malloc(CHANNELS * plane);
    uint32_t *sum = malloc(size * sizeof *sum);
    bool made = wide && sum && make_axis(columns) && make_axis(rows);
    if (made) {
        const taps *last = &rows->tap[size - 1];
        for (uint32_t y = rows->tap[0].first; y < last->first + last->n; y++)
            resize_row(in, columns, y, wide + (size_t)y * size, plane);
        for (uint32_t c = 0; c < CHANNELS; c++)
            resize_rows(wide + c * plane, rows, size, sum, out + (size_t)c * size * size);
    }
    free(wide);
    free(sum);
    free(columns->tap);
    free(columns->weight);
    free(rows->tap);
    free(rows->weight);
    return made;
}

/* A side after the shorter one became `to`: rounded, halves up. */
static uint32_t scaled(uint32_t side, uint32_t shorter, uint32_t to)
{
    return (uint32_t)((2 * (uint64_t)side * to + shorter) / (2 * (uint64_t)shorter));
}

/* Beyond this, weights would not fit. */
static bool scaled_too_far(const image *in, uint32_t shorter, uint32_t to)
{
    uint32_t longer = in->width > in->height ? in->width : in->height;
    return (uint64_t)longer / shorter * to > (uint64_t)1 << 20;
}

rk_status image_square(const image *in, uint32_t shorter, uint32_t size, uint8_t *out,
                       char why[TEXT_BYTES])
{
    uint32_t least = in->width < in->height ? in->width : in->height;
    uint32_t to = shorter ? shorter : least;
    if (scaled_too_far(in, least, to)) {
        snprintf(why, TEXT_BYTES, "%u x %u pixels are too narrow to be resized", in->width,
                 in->height);
        return RK_E_INVALID;
    }
    if (to < size) {
        snprintf(why, TEXT_BYTES, "it has %u x %u pixels, the square of %u is not inside: %s",
                 in->width, in->height, size, "give resize=");
        return RK_E_INVALID;
    }
    axis columns = {in->width, scaled(in->width, least, to), 0, size, NULL, NULL};
    axis rows = {in->height, scaled(in->height, least, to), 0, size, NULL, NULL};
    columns.from = (columns.out - size) / 2;
    rows.from = (rows.out - size) / 2;
    if (resize(in, &columns, &rows, out)) return RK_OK;
    snprintf(why, TEXT_BYTES, "no memory to resize %u x %u pixels", in->width, in->height);
    return RK_E_NOMEM;
}
