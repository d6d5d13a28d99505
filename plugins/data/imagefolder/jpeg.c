/* JPEG by libjpeg-turbo, whose integer transform (JDCT_ISLOW) and upsampling give the same bits
 * with and without vector instructions. */
#include "image.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>

typedef struct failure {
    struct jpeg_error_mgr manager; /* first: the library hands it back */
    jmp_buf back;
    char *why;
} failure;

static void fail(j_common_ptr c)
{
    failure *f = (failure *)(void *)c->err;
    char text[JMSG_LENGTH_MAX];
    f->manager.format_message(c, text);
    snprintf(f->why, TEXT_BYTES, "%.*s", TEXT_BYTES - 1, text);
    longjmp(f->back, 1);
}

/* A damaged file is decoded as far as it goes, with warnings: here they are errors. */
static void warn(j_common_ptr c, int level)
{
    if (level < 0) fail(c);
}

static bool is_rgb(const struct jpeg_decompress_struct *d, char *why)
{
    if (d->jpeg_color_space == JCS_GRAYSCALE || d->jpeg_color_space == JCS_RGB ||
        d->jpeg_color_space == JCS_YCbCr)
        return true;
    snprintf(why, TEXT_BYTES, "its colours are %s: convert it to RGB",
             d->jpeg_color_space == JCS_CMYK || d->jpeg_color_space == JCS_YCCK ? "CMYK"
                                                                                : "unknown");
    return false;
}

/* longjmp comes back here: what changes after setjmp is reached by pointers only. */
static rk_status decode(struct jpeg_decompress_struct *d, failure *f, const uint8_t *file,
                        uint64_t bytes, image *out)
{
    if (setjmp(f->back)) return RK_E_INVALID;
    jpeg_create_decompress(d);
    jpeg_mem_src(d, file, (unsigned long)bytes);
    jpeg_read_header(d, TRUE);
    if (!is_rgb(d, f->why) || !image_fits(d->image_width, d->image_height, f->why))
        return RK_E_INVALID;
    if (image_make(d->image_width, d->image_height, out, f->why) != RK_OK) return RK_E_NOMEM;
    d->out_color_space = JCS_RGB;
    d->dct_method = JDCT_ISLOW;
    d->do_fancy_upsampling = TRUE;
    jpeg_start_decompress(d);
    while (d->output_scanline < d->output_height) {
        JSAMPROW row = out->rgb + (size_t)d->output_scanline * out->width * CHANNELS;
        jpeg_read_scanlines(d, &row, 1);
    }
    jpeg_finish_decompress(d);
    return RK_OK;
}

rk_status decode_jpeg(const uint8_t *file, uint64_t bytes, image *out, char why[TEXT_BYTES])
{
    struct jpeg_decompress_struct d;
    failure f;
    memset(&d, 0, sizeof d);
    *out = (image){0, 0, NULL};
    d.err = jpeg_std_error(&f.manager);
    f.manager.error_exit = fail;
    f.manager.emit_message = warn;
    f.why = why;
    rk_status status = decode(&d, &f, file, bytes, out);
    jpeg_destroy_decompress(&d);
    if (status == RK_OK) return RK_OK;
    free(out->rgb);
    out->rgb = NULL;
    return status;
}
