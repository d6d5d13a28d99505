#include "direction.h"
#include "rethink/numerics.h"
#include <math.h>

static void scale_filter(const float *w, double *d, int64_t n)
{
    double want = 0, have = 0;
    for (int64_t i = 0; i < n; i++) {
        want += (double)w[i] * (double)w[i];
        have += d[i] * d[i];
    }
    double factor = have > 0 ? sqrt(want / have) : 0;
    for (int64_t i = 0; i < n; i++) d[i] *= factor;
}

void direction_fill(const rk_lab_tensor *t, const float *w, rk_random r, double *d)
{
    bool moves = t->shape.rank > 1;
    for (int64_t i = t->first; i < t->first + t->size; i++)
        d[i] = moves ? (double)rk_random_normal(r, (uint64_t)i) : 0;
    int64_t filters = moves ? t->shape.dim[0] : 0;
    for (int64_t k = 0; k < filters; k++) {
        int64_t n = t->size / filters, first = t->first + k * n;
        scale_filter(w + first, d + first, n);
    }
}

static void mix(const float *a, const float *b, double of_a, double of_b, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i++) out[i] = (float)(of_a * (double)a[i] + of_b * (double)b[i]);
}

void path_linear(const float *a, const float *b, double alpha, int64_t n, float *out)
{
    mix(a, b, 1 - alpha, alpha, n, out);
}

/* The sine of numerics.h has the same bits on every machine. */
void path_curved(const float *a, const float *b, double alpha, int64_t n, float *out)
{
    float angle = (float)(alpha * 1.5707963267948966);
    mix(a, b, (double)rk_cosf(angle), (double)rk_sinf(angle), n, out);
}
