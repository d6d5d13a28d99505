/* tile.h: how the gpu variant cuts a product into the tiles of groups; see kernels/tile.cl. */
#ifndef RETHINK_OPENCL_TILE_H
#define RETHINK_OPENCL_TILE_H
#include "choice.h"

/* What is tiled: `times` results of rows x columns.  fetch: instructions that it takes a work-item
 * to fetch an element of either operand; moved: words that pass between memory, local memory and
 * registers.  beside: floats of local memory beside the slices. packed: elements of the first operand are fetched four at a time. */
typedef struct ocl_tiled {
    uint64_t rows, columns, times;
    double fetch[2], moved[2];
    uint32_t beside, packed;
} ocl_tiled;

/* Rows and columns of a group's tile, the depth of a slice, and as `part` the group's work-items.
 * What was chosen stays, the rest is what takes least by estimate. */
ocl_choice ocl_tile(const rk_device *, const ocl_tiled *, const ocl_choice *chosen);
void ocl_tile_source(const rk_device *, const ocl_choice *tile, ocl_text *);
/* Other tiles and depths. */
void ocl_tile_choices(const rk_device *, const ocl_tiled *, ocl_choices *out);

#endif
