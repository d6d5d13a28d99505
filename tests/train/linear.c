#include "linear.h"
#include <math.h>
#include <string.h>

static double pixel(const rk_examples *x, uint32_t i, int j)
{
    const float *p = x->pixels;
    return ((double)p[(size_t)i * PIXELS + (size_t)j] - (double)x->shift[i]) * (double)x->scale[i];
}

double linear_judge(const linear *m, const rk_examples *x, uint32_t i, double *p, bool *right)
{
    double z[CLASSES], sum = 0;
    int best = 0;
    for (int k = 0; k < CLASSES; k++) {
        z[k] = m->b[k];
        for (int j = 0; j < PIXELS; j++) z[k] += m->w[k][j] * pixel(x, i, j);
        if (z[k] > z[best]) best = k;
    }
    for (int k = 0; k < CLASSES; k++) sum += exp(z[k] - z[best]);
    for (int k = 0; k < CLASSES; k++) p[k] = exp(z[k] - z[best]) / sum;
    *right = (uint32_t)best == x->label[i];
    return -log(p[x->label[i]]);
}

void linear_gradient(const linear *m, const rk_examples *x, const uint32_t *batch, int64_t rows,
                     double epsilon, linear *grad, double *loss, double *correct)
{
    double p[CLASSES];
    memset(grad, 0, sizeof *grad);
    *loss = *correct = 0;
    for (int64_t r = 0; r < rows; r++) {
        bool right;
        *loss += linear_judge(m, x, batch[r], p, &right);
        *correct += right;
        for (int k = 0; k < CLASSES; k++) {
            double share = epsilon / CLASSES;
            if (x->label[batch[r]] == (uint32_t)k) share += 1 - epsilon;
            double g = (p[k] - share) / (double)rows;
            grad->b[k] += g;
            for (int j = 0; j < PIXELS; j++) grad->w[k][j] += g * pixel(x, batch[r], j);
        }
    }
}

void linear_add(linear *m, double factor, const linear *d)
{
    for (int k = 0; k < CLASSES; k++) {
        m->b[k] += factor * d->b[k];
        for (int j = 0; j < PIXELS; j++) m->w[k][j] += factor * d->w[k][j];
    }
}

void linear_expect(const bench *b, const linear *m)
{
    const cell *w = bench_buffer(b, "output/weight"), *bias = bench_buffer(b, "output/bias");
    for (int k = 0; k < CLASSES; k++) {
        assert_true(fabs(bias[k].f - m->b[k]) < 1e-7);
        for (int j = 0; j < PIXELS; j++) assert_true(fabs(w[k * PIXELS + j].f - m->w[k][j]) < 1e-7);
    }
}

linear linear_of(const float *w)
{
    linear m;
    for (int k = 0; k < CLASSES; k++) {
        for (int j = 0; j < PIXELS; j++) m.w[k][j] = (double)w[k * PIXELS + j];
        m.b[k] = (double)w[CLASSES * PIXELS + k];
    }
    return m;
}
