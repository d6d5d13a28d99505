/* tile.h: how the gpu variant cuts a product into the tiles of groups; see kernels/tile.cl. */
#ifndef RETHINK_OPENCL_TILE_H
#define RETHINK_OPENCL_TILE_H
#include "choice.h"

/* What is tiled: `times` results of rows x columns, each element the sum of `chain` products.
 * beside: floats of local memory beside the slices, for each column of a tile.  dw: 1 for CONV's
 * DW, whose elements take longer to fetch.  tf32: 1 if products are those of tensor cores. */
typedef struct ocl_tiled {
    uint64_t rows, columns, times, chain;
    uint32_t beside, dw, tf32;
} ocl_tiled;

/* Rows and columns of a group's tile, the depth of a slice, and as `part` the group's work-items.
 * What was chosen stays if it is possible, the rest is the rule's. */
ocl_choice ocl_tile(const rk_device *, const ocl_tiled *, const ocl_choice *chosen);
/* tail: chains end within a slice. */
void ocl_tile_source(const rk_device *, const ocl_choice *tile, int tail, ocl_text *);
/* Other tiles, depths and groups: adds them. */
void ocl_tile_choices(const rk_device *, const ocl_tiled *, ocl_choices *out);

#endif
