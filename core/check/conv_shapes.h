/* conv_shapes.h: convolutions that go wrong easily; see case_conv.c.  Numbers are N, C, H, W, K, R,
 * S, strides, pads, OH, OW. */
#ifndef RETHINK_CHECK_CONV_SHAPES_H
#define RETHINK_CHECK_CONV_SHAPES_H
#include "check/conv.h"

static const rk_geometry conv_edges[] = {
    {2, 3, 5, 6, 4, 1, 1, 1, 1, 0, 0, 3, 4},     /* pixels that no window of one reads */
    {2, 1, 1, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1},     /* all but one tap in the padding */
    {2, 2, 3, 23, 3, 1, 3, 1, 1, 0, 1, 3, 23},   /* a period of 24 */
    {1, 2, 5, 7, 5, 3, 3, 1, 1, 2, 2, 7, 9},     /* more columns than the input has */
    {1, 3, 4, 9, 4, 2, 2, 1, 1, 0, 1, 3, 9},     /* padding on one side only is read */
    {1, 2, 9, 8, 3, 2, 2, 4, 5, 1, 1, 2, 2},     /* most phases have no tap */
    {1, 2, 3, 2, 3, 1, 1, 5, 5, 0, 0, 1, 1},     /* a stride beyond the input */
    {1, 1, 6, 6, 2, 5, 4, 2, 3, 2, 1, 3, 2},     /* other phases along h and w */
    {350, 1, 2, 2, 2, 2, 2, 1, 1, 0, 0, 1, 3},   /* 1024 is no multiple of a row's 3 */
    {3, 1, 20, 20, 2, 1, 1, 1, 1, 0, 0, 20, 20}, /* a block of parts of three images */
    {1, 1, 3, 3, 25, 2, 2, 1, 1, 0, 0, 2, 2},    /* one channel more than tiles have */
    {9, 3, 6, 11, 7, 3, 1, 1, 1, 1, 0, 6, 11},   /* windows that end at the input's edges */
    {33, 2, 5, 3, 9, 3, 5, 1, 1, 1, 2, 5, 3},    /* likewise, wider than the plane */
    {8, 2, 19, 20, 9, 3, 3, 1, 1, 1, 1, 19, 20}, /* more positions than are written together */
    {8, 2, 6, 7, 3, 3, 3, 1, 1, 1, 1, 7, 6},     /* windows that end elsewhere */
    {5, 2, 4, 8, 3, 1, 1, 1, 1, 0, 0, 4, 8},     /* planes of whole vectors */
    {5, 2, 4, 5, 3, 1, 1, 2, 2, 0, 0, 4, 5},     /* outputs beyond the input, by strides */
    {5, 3, 14, 14, 9, 1, 1, 1, 1, 0, 0, 14, 14}, /* planes of nearly whole vectors */
    {9, 3, 14, 14, 7, 3, 3, 2, 2, 0, 0, 7, 7},   /* half the extents, ends beyond the input */
    {5, 2, 10, 36, 9, 3, 5, 2, 2, 1, 2, 5, 18},  /* half of them */
    {6, 3, 8, 20, 4, 1, 1, 2, 2, 0, 0, 4, 10},   /* likewise, phases without taps */
    {5, 2, 6, 28, 3, 3, 3, 2, 2, 1, 1, 3, 14},   /* rows of one vector and a part, dealt out */
    {7, 2, 12, 6, 3, 4, 2, 3, 2, 2, 1, 4, 3},    /* a third and half of them */
    {5, 1, 8, 8, 6, 3, 3, 1, 1, 1, 1, 8, 8},     /* whole tiles, read where they lie */
    {5, 6, 8, 8, 1, 3, 3, 1, 1, 1, 1, 8, 8},     /* likewise of dx */
    {33, 1, 8, 8, 6, 15, 15, 1, 1, 7, 7, 8, 8}}; /* windows beyond the image beside */

static const rk_geometry conv_three[] = {
    {1, 1, 18, 17, 1, 3, 3, 1, 1, 1, 1, 18, 17},    /* a band, and a part of one */
    {2, 2, 9, 8, 3, 3, 3, 1, 1, 0, 2, 7, 10},       /* pads that differ */
    {2, 3, 6, 7, 2, 3, 3, 1, 1, 2, 0, 8, 5},        /* likewise */
    {1, 2, 5, 6, 2, 3, 3, 1, 1, 3, 4, 9, 12},       /* tiles in the padding alone */
    {2, 1, 4, 4, 2, 3, 3, 1, 1, 1, 1, 6, 7},        /* outputs beyond the input */
    {1, 2, 9, 9, 2, 3, 3, 1, 1, 1, 1, 5, 4},        /* inputs that no window reaches */
    {7, 2, 2, 2, 3, 3, 3, 1, 1, 1, 1, 2, 2},        /* a tile for each image */
    {3, 1, 3, 3, 1, 3, 3, 1, 1, 0, 0, 1, 1},        /* a part of one */
    {1, 1, 1, 23, 1, 3, 3, 1, 1, 1, 1, 1, 23},      /* one row */
    {2, 390, 4, 6, 5, 3, 3, 1, 1, 1, 1, 4, 6},      /* more channels than a panel has */
    {1, 5, 6, 4, 390, 3, 3, 1, 1, 1, 1, 6, 4},      /* likewise */
    {19, 17, 7, 7, 18, 3, 3, 1, 1, 1, 1, 7, 7},     /* groups of images */
    {3, 18, 22, 26, 17, 3, 3, 1, 1, 1, 0, 22, 24}}; /* bands of each image */
#endif
