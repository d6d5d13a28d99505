#include "pictures.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#include <png.h>

uint8_t picture_at(uint32_t seed, uint32_t x, uint32_t y, uint32_t c)
{
    uint32_t word = (x * 73856093u) ^ (y * 19349663u) ^ ((seed + c) * 83492791u);
    word = (word ^ (word >> 13)) * 0x9E3779B1u;
    return (uint8_t)((3 * x + 5 * y * (c + 1) + 40 * seed) % 224 + (word >> 27));
}

static int color_of(int kind)
{
    switch (kind) {
    case PICTURE_GREY: return PNG_COLOR_TYPE_GRAY;
    case PICTURE_RGBA: return PNG_COLOR_TYPE_RGB_ALPHA;
    case PICTURE_PALETTE: return PNG_COLOR_TYPE_PALETTE;
    default: return PNG_COLOR_TYPE_RGB;
    }
}

/* One row in the file's layout; 16 bits repeat the byte, which 8 bits undo. */
static void fill_row(uint8_t *row, uint32_t seed, uint32_t w, uint32_t y, int kind, int bits)
{
    uint32_t channels = kind == PICTURE_PALETTE ? 1 : (uint32_t)kind;
    for (uint32_t x = 0; x < w; x++)
        for (uint32_t c = 0; c < channels; c++) {
            uint8_t value = c == 3 ? (uint8_t)(x * y) : picture_at(seed, x, y, c);
            for (int b = 0; b < bits / 8; b++) *row++ = value;
        }
}

bool picture_png(const char *path, uint32_t seed, uint32_t w, uint32_t h, int kind, int bits,
                 bool interlaced)
{
    FILE *f = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    uint8_t *pixels = malloc((size_t)w * h * 8), **row = malloc(h * sizeof *row);
    png_color palette[256];
    if (!f || !pixels || !row) return false;
    for (int i = 0; i < 256; i++) palette[i] = (png_color){(png_byte)i, (png_byte)i, (png_byte)i};
    for (uint32_t y = 0; y < h; y++) {
        row[y] = pixels + (size_t)y * w * 8;
        fill_row(row[y], seed, w, y, kind, bits);
    }
    png_init_io(png, f);
    png_set_IHDR(png, info, w, h, bits, color_of(kind),
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (kind == PICTURE_PALETTE) png_set_PLTE(png, info, palette, 256);
    png_write_info(png, info);
    png_write_image(png, row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(pixels);
    free(row);
    return fclose(f) == 0;
}

bool picture_jpeg(const char *path, uint32_t seed, uint32_t w, uint32_t h, int components,
                  int quality, bool progressive)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr error;
    FILE *f = fopen(path, "wb");
    uint8_t *line = malloc((size_t)w * 4);
    if (!f || !line) return false;
    c.err = jpeg_std_error(&error);
    jpeg_create_compress(&c);
    jpeg_stdio_dest(&c, f);
    c.image_width = w;
    c.image_height = h;
    c.input_components = components;
    c.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, quality, TRUE);
    if (progressive) jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    for (uint32_t y = 0; y < h; y++) {
        fill_row(line, seed, w, y, components, 8);
        jpeg_write_scanlines(&c, &line, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    free(line);
    return fclose(f) == 0;
}
