/* What the diagnostics share, see lab.h. */
#include "lab.h"
#include <stdlib.h>

void *lab_array(int64_t n, size_t size, const char *what, rk_error *e)
{
    void *p = calloc((size_t)(n ? n : 1), size);
    if (!p)
        rk_error_set(e, RK_E_NOMEM, "no memory for %s: %.3g GiB", what,
                     (double)n * (double)size / (double)(1 << 30));
    return p;
}

int64_t lab_count(const rk_lab *l, bool test, int64_t wanted)
{
    const rk_dataset *d = rk_lab_data(l);
    int64_t n = test ? d->test.x.n : d->train.x.n;
    return wanted && wanted < n ? wanted : n;
}

rk_status lab_examples(const rk_lab *l, bool test, int64_t n, double **out, rk_error *e)
{
    int64_t pixels = rk_dataset_pixels(rk_lab_data(l));
    double *x = lab_array(n * pixels, sizeof *x, "examples", e);
    float *row = lab_array(pixels, sizeof *row, "an example", e);
    rk_status status = x && row ? RK_OK : RK_E_NOMEM;
    for (int64_t i = 0; status == RK_OK && i < n; i++) {
        status = rk_lab_example(l, test, i, row, e);
        for (int64_t k = 0; k < pixels; k++) x[i * pixels + k] = (double)row[k];
    }
    free(row);
    if (status != RK_OK)
        free(x);
    else
        *out = x;
    return status;
}

void lab_targets(const rk_lab *l, int64_t n, double *y)
{
    const rk_dataset *d = rk_lab_data(l);
    for (int64_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < d->classes; k++)
            y[i * d->classes + k] = (d->train.x.label[i] == k) - 1.0 / d->classes;
}

uint32_t lab_class(const double *output, uint32_t classes)
{
    uint32_t best = 0;
    for (uint32_t k = 1; k < classes; k++)
        if (output[k] > output[best]) best = k;
    return best;
}
