/* intake.h: reading a whole set through its source before it is used. */
#ifndef RK_DATA_INTAKE_H
#define RK_DATA_INTAKE_H
#include "data/dataset.h"

/* What was found. */
typedef struct rk_intake {
    bool read;          /* false: the set has arrays, or generates, or is not checked */
    char pixels[2][33]; /* of the training and the test set, as they were read */
    int64_t skipped;    /* examples that were left out */
    char why[448];      /* the first of them, and why */
} rk_intake;

/* Reads every example of both sets if the source says so: keeps pixels if they are to be resident,
 * and leaves out what cannot be read, or fails; the first in the order of rows says why. */
rk_status rk_dataset_intake(rk_dataset *d, rk_intake *out, rk_error *e);
#endif
