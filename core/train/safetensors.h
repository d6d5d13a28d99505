/* safetensors.h: named tensors in one file, readable by any machine-learning tool.
 *
 * The format (Hugging Face, safetensors 0.x): the length of a header as 64-bit little-endian; the
 * header, a JSON object that gives each tensor's dtype, shape and byte range and, under
 * "__metadata__", texts by name; then the bytes of all tensors, without gaps, little-endian. */
#ifndef RK_TRAIN_SAFETENSORS_H
#define RK_TRAIN_SAFETENSORS_H
#include "rethink/graph.h"

typedef struct rk_stored {
    const char *name;
    uint32_t dtype; /* RK_F32, RK_U32, RK_U8 */
    rk_shape shape;
} rk_stored;

typedef struct rk_note {
    const char *key, *text;
} rk_note;

/* Bytes of a tensor's data. */
uint64_t rk_stored_bytes(const rk_stored *t);

/* Fills dst with the bytes of tensor i. */
typedef rk_status (*rk_stored_fill)(void *ctx, uint32_t i, void *dst, rk_error *e);

/* Writes n tensors and m notes.  Atomic: the file is complete, on the disk, or what it was before;
 * it is made beside path as path.tmp and renamed.  Holds one tensor in memory at a time. */
rk_status rk_safetensors_write(const char *path, const rk_stored *tensors, uint32_t n,
                               const rk_note *notes, uint32_t m, rk_stored_fill fill, void *ctx,
                               rk_error *e);

/* An open file.  Opening checks all of the header: a truncated file, an unknown dtype, ranges that
 * overlap, leave gaps or do not fit shapes or the file are refused, naming path and tensor. */
typedef struct rk_safetensors rk_safetensors;
rk_status rk_safetensors_open(const char *path, rk_safetensors **out, rk_error *e);
void rk_safetensors_close(rk_safetensors *f);
uint32_t rk_safetensors_list(const rk_safetensors *f, const rk_stored **out);
const char *rk_safetensors_note(const rk_safetensors *f, const char *key); /* NULL if absent */
/* The first most notes, in the order of the file, texts the file's; returns how many there are. */
uint32_t rk_safetensors_notes(const rk_safetensors *f, rk_note *out, uint32_t most);
/* Reads a tensor whole; one that is missing, or not of this dtype and shape, is an error. */
rk_status rk_safetensors_read(const rk_safetensors *f, const rk_stored *want, void *dst,
                              rk_error *e);
#endif
