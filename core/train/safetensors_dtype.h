/* safetensors_dtype.h: names of element types in files. */
#ifndef RK_TRAIN_SAFETENSORS_DTYPE_H
#define RK_TRAIN_SAFETENSORS_DTYPE_H
#include <stddef.h>
#include <stdint.h>

typedef struct rk_dtype_name {
    uint32_t number, bytes;
    const char *name;
} rk_dtype_name;

/* NULL if there is none. */
const rk_dtype_name *rk_dtype_by_number(uint32_t dtype);
const rk_dtype_name *rk_dtype_by_name(const char *name);
#endif
