/* PNG by libpng, with its integer conversions only: no colour management, whose curves are floating
 * point.  Transparency is dropped, 16 bits become 8 by rounding, grey becomes RGB. */
#include "image.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <png.h>

typedef struct reading {
    const uint8_t *at, *end;
    char *why;
    image *out;
    png_bytep *row; /* where each one goes */
} reading;

static void take(png_structp png, png_bytep to, size_t n)
{
    reading *r = png_get_io_ptr(png);
    if (n > (size_t)(r->end - r->at)) png_error(png, "the file ends too early");
    memcpy(to, r->at, n);
    r->at += n;
}

static void fail(png_structp png, png_const_charp text)
{
    reading *r = png_get_error_ptr(png);
    snprintf(r->why, TEXT_BYTES, "%.*s", TEXT_BYTES - 1, text);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text) { (void)png, (void)text; }

static void to_rgb(png_structp png, png_infop info)
{
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != (size_t)png_get_image_width(png, info) * CHANNELS)
        png_error(png, "its pixels do not become RGB");
}

/* png_longjmp comes back here: what changes after setjmp is reached by pointers only. */
static rk_status decode(png_structp png, png_infop info, reading *r)
{
    if (setjmp(png_jmpbuf(png))) return RK_E_INVALID;
    png_set_read_fn(png, r, take);
    png_read_info(png, info);
    uint32_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    if (!image_fits(width, height, r->why)) return RK_E_INVALID;
    to_rgb(png, info);
    if (image_make(width, height, r->out, r->why) != RK_OK) return RK_E_NOMEM;
    r->row = malloc(height * sizeof *r->row);
    if (!r->row) png_error(png, "no memory for its rows");
    for (uint32_t y = 0; y < height; y++) r->row[y] = r->out->rgb + (size_t)y * width * CHANNELS;
    png_read_image(png, r->row);
    png_read_end(png, NULL);
    return RK_OK;
}

rk_status decode_png(const uint8_t *file, uint64_t bytes, image *out, char why[TEXT_BYTES])
{
    reading r = {file, file + bytes, why, out, NULL};
    rk_status status = RK_E_NOMEM;
    *out = (image){0, 0, NULL};
    snprintf(why, TEXT_BYTES, "no memory to decode it");
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, fail, ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (info) {
        png_set_user_limits(png, PIXELS_MAX, PIXELS_MAX); /* image_fits says it better */
        status = decode(png, info, &r);
    }
    png_destroy_read_struct(&png, &info, NULL);
    free(r.row);
    if (status == RK_OK) return RK_OK;
    free(out->rgb);
    out->rgb = NULL;
    return status;
}
