#include "data/png.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { HEAD = 8 + 12 + 13, CHUNK = 12 };

static void put32(uint8_t *at, uint32_t x)
{
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(x >> (24 - 8 * i));
}

/* Length, name and check sum around n bytes that are there already; returns what is behind. */
static uint8_t *chunk(uint8_t *at, const char *name, uint32_t n)
{
    put32(at, n);
    memcpy(at + 4, name, 4);
    put32(at + 8 + n, (uint32_t)crc32(0, at + 4, n + 4));
    return at + CHUNK + n;
}

/* Rows, each after a byte that says it is not filtered. */
static uint8_t *rows_of(const uint8_t *pixels, size_t row, uint32_t height)
{
    uint8_t *rows = malloc((row + 1) * height);
    for (uint32_t y = 0; rows && y < height; y++) {
        rows[y * (row + 1)] = 0;
        memcpy(rows + y * (row + 1) + 1, pixels + y * row, row);
    }
    return rows;
}

rk_status rk_png_write(const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels,
                       uint8_t **png, size_t *bytes, rk_error *e)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    if (!width || !height || (channels != 1 && channels != 3))
        return RK_FAIL(e, RK_E_INVALID, "no PNG of %u x %u x %u values", width, height, channels);
    size_t row = (size_t)width * channels, all = (row + 1) * height;
    uLongf packed = compressBound(all);
    uint8_t *rows = rows_of(pixels, row, height), *out = malloc(HEAD + 2 * CHUNK + packed);
    bool fine = rows && out && compress2(out + HEAD + 8, &packed, rows, all, 9) == Z_OK;
    free(rows);
    if (!fine) {
        free(out);
        return RK_FAIL(e, RK_E_NOMEM, "no memory for an image of %u x %u", width, height);
    }
    memcpy(out, signature, 8);
    memset(out + 16, 0, 13);
    put32(out + 16, width);
    put32(out + 20, height);
    out[24] = 8; /* bits */
    out[25] = channels == 3 ? 2 : 0;
    uint8_t *at = chunk(chunk(out + 8, "IHDR", 13), "IDAT", (uint32_t)packed);
    at = chunk(at, "IEND", 0);
    *png = out;
    *bytes = (size_t)(at - out);
    return RK_OK;
}
