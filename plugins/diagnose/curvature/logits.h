/* logits.h: what a model says of the test set, at any weights. */
#ifndef CURVATURE_LOGITS_H
#define CURVATURE_LOGITS_H
#include "rethink/diagnose.h"

typedef struct logits {
    rk_lab *lab;
    rk_job *job;
    uint32_t program;
    int64_t n, rows; /* examples; on the device at once */
    int64_t classes;
    float *at, *now; /* [n][classes]: at the first weights, and of the last evaluation */
    float *chunk;    /* [rows][classes] */
} logits;

/* Of the first `limit` test examples (0: all), at the run's weights.  close frees. */
rk_status logits_open(rk_lab *lab, int64_t limit, int64_t rows, logits *out, rk_error *e);
void logits_close(logits *l);
/* Fills now. */
rk_status logits_evaluate(logits *l, const float *weights, rk_error *e);
/* The largest |now - at|, and the fraction of right predictions of now. */
double logits_difference(const logits *l);
double logits_accuracy(const logits *l);

/* The same in double precision on the host, of a chain of dense layers with relu between: the
 * largest |difference| that weights `to` make in place of `from`, over the first examples.  False
 * if the model is no such chain: if its logits at `from`, computed so, are not the device's. */
bool logits_of_chain(const logits *l, const double *from, const double *to, int64_t examples,
                     double *difference);
#endif
