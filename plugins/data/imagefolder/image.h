/* image.h: from a file to an image of the data set. */
#ifndef IMAGEFOLDER_IMAGE_H
#define IMAGEFOLDER_IMAGE_H
#include <stdbool.h>
#include "rethink/plugin.h"

enum { CHANNELS = 3, TEXT_BYTES = 200 };
#define PIXELS_MAX 100000000u /* of a file: beyond, its header is taken for a trap */

/* Red, green, blue of each pixel, rows from the top; freed by free(). */
typedef struct image {
    uint32_t width, height;
    uint8_t *rgb;
} image;

/* Decoders of files in memory.  RK_OK; or why[] says what is wrong with the file. */
rk_status decode_jpeg(const uint8_t *file, uint64_t bytes, image *out, char why[TEXT_BYTES]);
rk_status decode_png(const uint8_t *file, uint64_t bytes, image *out, char why[TEXT_BYTES]);
/* Width and height of a header: are there too many pixels? */
bool image_fits(uint64_t width, uint64_t height, char why[TEXT_BYTES]);
/* Makes room; RK_E_NOMEM. */
rk_status image_make(uint32_t width, uint32_t height, image *out, char why[TEXT_BYTES]);

/* The square of `size` pixels at the centre, after the shorter side became `shorter` (0: as it is);
 * out[CHANNELS][size][size]. */
rk_status image_square(const image *in, uint32_t shorter, uint32_t size, uint8_t *out,
                       char why[TEXT_BYTES]);
#endif
