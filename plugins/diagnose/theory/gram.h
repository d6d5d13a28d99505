/* gram.h: inner products of examples, computed on the device tile by tile. */
#ifndef THEORY_GRAM_H
#define THEORY_GRAM_H
#include "lab.h"

/* Vectors in place of pixels: row[test] is [n[test]][width]. */
typedef struct gram_rows {
    float *row[2];
    int64_t n[2], width;
} gram_rows;

typedef struct gram {
    rk_job *job;
    int64_t tile;
    uint32_t program[2]; /* rows of training examples, of test examples */
    float *block;        /* [tile][tile]: the last tile */
    const gram_rows *rows;
    float *room; /* [tile][rows->width] */
} gram;

/* Tiles fit n examples; test: rows of test examples are wanted too.  rows: NULL, for pixels. */
rk_status gram_open(rk_lab *l, int64_t n, bool test, const gram_rows *rows, gram *out, rk_error *e);
void gram_close(gram *g);
/* block[r][c] = <x_(row + r), x_(column + c)>, rows of either set, columns of training examples. */
rk_status gram_tile(gram *g, bool test, int64_t row, int64_t column, rk_error *e);
/* Of the first n training examples, into a packed matrix (solve.h); progress goes up to `share`. */
rk_status gram_fill(rk_lab *l, gram *g, int64_t n, double *k, double share, rk_error *e);
#endif
