/* png.h: small images as PNG (W3C, Portable Network Graphics, 2003). */
#ifndef RK_DATA_PNG_H
#define RK_DATA_PNG_H
#include "base/error.h"

/* pixels[height][width][channels], channels 1 (grey) or 3 (RGB).  *png is freed by free(). */
rk_status rk_png_write(const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels,
                       uint8_t **png, size_t *bytes, rk_error *e);
#endif
