/* tensors.h: double tensors in a safetensors file, for other programs. */
#ifndef THEORY_TENSORS_H
#define THEORY_TENSORS_H
#include "rethink/plugin.h"

typedef struct tensor {
    const char *name;
    rk_shape shape;
    const double *data;
} tensor;

/* Replaces the file at once; note is metadata, without quotes or backslashes. */
rk_status tensors_write(const char *path, const tensor *t, uint32_t n, const char *note,
                        rk_error *e);
#endif
