/* conv_feed.h: columns of a product that are read from planes, and packed on the way.
 *
 * The first panel of rows that meets some columns packs them while it multiplies, so that the copy
 * hides behind the arithmetic; later panels read the packed columns.  Row l of the columns is tap
 * (first + l) % taps of channel (first + l) / taps: from + channel * its number + offset[tap]. */
#ifndef RETHINK_CPU_CONV_FEED_H
#define RETHINK_CPU_CONV_FEED_H
#include "gemm.h"

#ifdef CPU_VEC
/* A vector's worth of columns, or less: lanes that follow one another in the planes. */
typedef struct cpu_lanes {
    vec_mask part;
    int64_t to, from;
} cpu_lanes;

typedef struct cpu_feed {
    const float *from;
    const int64_t *offset;
    int64_t taps, channel, first;
    int64_t n, width;       /* rows to pack, and floats of each */
    const cpu_lanes *lanes; /* CPU_NR at most, ascending */
    int count;
    int whole; /* CPU_NR columns that follow one another in the planes */
    float *to; /* may be written CPU_VEC floats beyond its end */
} cpu_feed;

void CPU_NAME(cpu_feed_pack)(const cpu_feed *);
/* cpu_tile_run of CPU_NV vectors, which packs t->b: f->to is t->b, f->n t->k, f->width t->ldb. */
void CPU_NAME(cpu_feed_tile)(const cpu_feed *f, const cpu_tile *t, int64_t rows);
#endif
#endif
