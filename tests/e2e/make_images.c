/* usage: make_images DIR N VAL SIDE: folders train/ and val/ with N and VAL images in each of three
 * classes, JPEG and PNG of many kinds and of about SIDE pixels.  make_images FILE cmyk|bomb: one
 * file. */
#include "../unit/pictures.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool make(const char *folder, uint32_t i, uint32_t side)
{
    char path[4096];
    uint32_t w = side + i % 7, h = side + i % 5;
    snprintf(path, sizeof path, "%s/%04u.%s", folder, i, i % 4 < 2 ? "jpg" : "png");
    switch (i % 12) {
    case 0: return picture_jpeg(path, i, w, h, 1, 90, false);
    case 1: return picture_jpeg(path, i, w, h, 3, 90, true);
    case 2: return picture_png(path, i, w, h, PICTURE_GREY, 8, true);
    case 3: return picture_png(path, i, w, h, PICTURE_RGBA, 16, false);
    case 6: return picture_png(path, i, w, h, PICTURE_PALETTE, 8, false);
    case 7: return picture_png(path, i, w, h, PICTURE_RGB, 8, true);
    default: break;
    }
    if (i % 4 < 2) return picture_jpeg(path, i, w, h, 3, 75, false);
    return picture_png(path, i, w, h, PICTURE_RGB, 8, false);
}

static bool make_set(const char *parent, const char *set, uint32_t n, uint32_t side)
{
    static const char *const classes[] = {"ant", "bee", "cow"};
    char path[2048], folder[4000];
    snprintf(path, sizeof path, "%s/%s", parent, set);
    mkdir(parent, 0777);
    mkdir(path, 0777);
    for (uint32_t k = 0; k < 3; k++) {
        snprintf(folder, sizeof folder, "%s/%s", path, classes[k]);
        mkdir(folder, 0777);
        for (uint32_t i = 0; i < n; i++)
            if (!make(folder, 3 * i + k, side)) return false;
    }
    return true;
}

/* A PNG whose header says 60000 x 60000 pixels; its checksum is right. */
static bool make_bomb(const char *path)
{
    static const uint8_t head[] = {0x89, 'P',  'N', 'G', '\r', '\n', 0x1A, '\n', 0,    0,    0,
                                   13,   'I',  'H', 'D', 'R',  0,    0,    0xEA, 0x60, 0,    0,
                                   0xEA, 0x60, 8,   2,   0,    0,    0,    0xD8, 0x56, 0xD1, 0xA4};
    uint8_t file[sizeof head + 64] = {0};
    uint32_t crc = 0xFFFFFFFFu;
    memcpy(file, head, sizeof head);
    memcpy(file + sizeof head,
           "\0\0\0\x08"
           "IDAT",
           8);
    for (size_t i = 12; i < 29; i++) {
        crc ^= file[i];
        for (int b = 0; b < 8; b++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    for (int i = 0; i < 4; i++) file[29 + i] = (uint8_t)(~crc >> (24 - 8 * i));
    FILE *f = fopen(path, "wb");
    return f && fwrite(file, sizeof file, 1, f) == 1 && fclose(f) == 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[2], "cmyk") == 0)
        return !picture_jpeg(argv[1], 1, 40, 40, 4, 90, false);
    if (argc == 3 && strcmp(argv[2], "bomb") == 0) return !make_bomb(argv[1]);
    if (argc != 5) return 2;
    uint32_t side = (uint32_t)atoi(argv[4]);
    return !make_set(argv[1], "train", (uint32_t)atoi(argv[2]), side) ||
           !make_set(argv[1], "val", (uint32_t)atoi(argv[3]), side);
}
