/* compare.h: two runs side by side. */
#ifndef RK_CLI_COMPARE_H
#define RK_CLI_COMPARE_H
#include "cli/runs.h"
#include "train/bisect.h"

typedef struct rk_comparison {
    rk_runs side[2]; /* a run each */
    const char *path[2];
    char head[2][80];                   /* "run 1", or "a.sqlite:1" if the files differ */
    json_t *configuration, *provenance; /* {"name": [first, second]}: what differs */
    int64_t epochs;                     /* that both have */
    int64_t bits;                       /* first of them whose digests differ, or 0 */
    int64_t numbers;                    /* first of them whose losses or accuracies differ, or 0 */
    bool weights;                       /* neither has epochs, and their weights differ */
    json_t *found;    /* {"hessian.trace": [first, second]}: what both found, and differs */
    uint32_t n_found; /* numbers and sets of curves that were compared */
} rk_comparison;

/* Fills found and n_found; reads the points of curves. */
rk_status rk_compare_found(rk_comparison *c, rk_error *e);

/* The numbers of an epoch that are compared: *n names, and where they are. */
const rk_field *rk_compare_numbers(size_t *n);
double rk_compare_number(const rk_field *field, const rk_epoch_record *row);
/* To the bit; every NaN counts as one number. */
bool rk_compare_same(double a, double b);
/* The row of an epoch (from 1), which is there. */
const rk_epoch_record *rk_compare_row(const rk_comparison *c, int side, int64_t epoch);

/* bisected may be NULL. */
rk_status rk_compare_print(const rk_comparison *c, const rk_bisected *bisected, FILE *f,
                           rk_error *e);
json_t *rk_compare_json(const rk_comparison *c, const rk_bisected *bisected);
/* "[3, 7]": the place of an element in a shape. */
void rk_compare_place(const rk_shape *shape, uint64_t element, char *out, size_t cap);
const char *rk_compare_dtype(uint32_t dtype);
#endif
