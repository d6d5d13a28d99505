/* conv_feed.h: columns of a product that are read from planes, and packed on the way.
 *
 * The first panel of rows that meets some columns packs them while it multiplies, so that the copy
 * hides behind the arithmetic; later panels read the packed columns.  Row l of the columns is tap
 * (first + l) % taps of channel (first + l) / taps: from + channel * its number + offset[tap].
 * With masks, lanes outside the plane are +0: those of tap t begin at mask[t * count]. */
#ifndef RETHINK_CPU_CONV_FEED_H
#define RETHINK_CPU_CONV_FEED_H
#include "conv.h"
#include "gemm.h"

#ifdef CPU_VEC
/* A vector's worth of columns, or less: lanes that follow one another in the planes. */
typedef struct cpu_lanes {
    vec_mask part;
    int n;
    int64_t to, from;
} cpu_lanes;

/* Splits positions [j, j + n) of images of so many rows and columns; returns how many there are. */
int CPU_NAME(cpu_lanes_find)(const cpu_planes *, int64_t rows, int64_t columns, int64_t j,
                             int64_t n, cpu_lanes *to);
/* The mask of lanes for a tap that is so many rows and columns from their position; their images
 * begin at row a of the plane, and have its width. */
void CPU_NAME(cpu_lanes_mask)(const cpu_planes *, const cpu_lanes *, int64_t a, int64_t down,
                              int64_t right, vec_mask *to);

typedef struct cpu_feed {
    const float *from;
    const int64_t *offset;
    int64_t taps, channel, first;
    int64_t n, width;       /* rows to pack, and floats of each */
    const cpu_lanes *lanes; /* CPU_NR at most, ascending */
    const vec_mask *mask;   /* or NULL */
    int count;
    int whole;         /* CPU_NR columns that follow one another in the planes, */
    int alone;         /* which are not packed then, as no other panel reads them: */
    const float *next; /* but for each channel it is asked for so many lines from here on, the */
    int64_t asked;     /* next channel's one channel further */
    float *to;         /* may be written CPU_VEC floats beyond its end */
} cpu_feed;

void CPU_NAME(cpu_feed_pack)(const cpu_feed *);
/* cpu_tile_run of CPU_NV vectors, which packs t->b: f->to is t->b, f->n t->k, f->width t->ldb. */
void CPU_NAME(cpu_feed_tile)(const cpu_feed *f, const cpu_tile *t, int64_t rows);
#endif
#endif
