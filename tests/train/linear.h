/* linear.h: softmax regression on synth16 by hand, in double precision. */
#ifndef RK_TEST_LINEAR_H
#define RK_TEST_LINEAR_H
#include "bench.h"

enum { PIXELS = 256, CLASSES = 10 };

/* Weights and biases, or something for each of them. */
typedef struct linear {
    double w[CLASSES][PIXELS], b[CLASSES];
} linear;

/* Cross-entropy of an example; p[] are the probabilities; *right whether the prediction is. */
double linear_judge(const linear *m, const rk_examples *x, uint32_t i, double *p, bool *right);
/* The gradient of the mean loss of the given examples, where every class has a share epsilon /
 * CLASSES of each label; sums of the cross-entropies with the labels, and right predictions. */
void linear_gradient(const linear *m, const rk_examples *x, const uint32_t *batch, int64_t rows,
                     double epsilon, linear *grad, double *loss, double *correct);
/* m + factor d */
void linear_add(linear *m, double factor, const linear *d);
/* Parameters in the order of their making: those of a lab. */
linear linear_of(const float *w);
/* The parameters of the bench's linear model, which are m's to within 1e-7. */
void linear_expect(const bench *b, const linear *m);
#endif
