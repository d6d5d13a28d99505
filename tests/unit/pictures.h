/* pictures.h: image files for tests of imagefolder. */
#ifndef RK_TEST_PICTURES_H
#define RK_TEST_PICTURES_H
#include <stdbool.h>
#include <stdint.h>

/* What is in every picture: channel c of 3 at a place, smooth but for some noise of `seed`. */
uint8_t picture_at(uint32_t seed, uint32_t x, uint32_t y, uint32_t c);

enum { PICTURE_GREY = 1, PICTURE_RGB = 3, PICTURE_RGBA = 4, PICTURE_PALETTE = 8 };
/* PNG of 8 or 16 bits; grey is channel 0, a palette picture has channel 0 in all three. */
bool picture_png(const char *path, uint32_t seed, uint32_t w, uint32_t h, int kind, int bits,
                 bool interlaced);
/* JPEG of 1, 3 or (CMYK) 4 components. */
bool picture_jpeg(const char *path, uint32_t seed, uint32_t w, uint32_t h, int components,
                  int quality, bool progressive);
#endif
