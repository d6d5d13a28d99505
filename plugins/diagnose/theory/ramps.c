/* Ramps through points, see ramps.h. */
#include "ramps.h"
#include <stdlib.h>

static double *sums(const ramps *r, int64_t layer, int64_t count)
{
    return r->sum + (r->first[layer] + layer + count) * 2 * r->outputs;
}

/* z sum w - sum w b over the first ramps of a layer. */
static double total(const ramps *r, const double *sum, int64_t output, double z)
{
    return z * sum[output] - sum[r->outputs + output];
}

/* Appends to the layer a ramp at b, by which every output becomes y at z (NULL: stays constant). */
static void add_ramp(ramps *r, int64_t layer, int64_t count, double b, double z, const double *y,
                     const double *before)
{
    int64_t k = r->outputs, at = r->first[layer] + count;
    const double *old = sums(r, layer, count);
    double *new = sums(r, layer, count + 1);
    r->b[at] = b;
    for (int64_t o = 0; o < k; o++) {
        double have = (before ? before[o] : 0) + total(r, old, o, z);
        double w = y ? (y[o] - have) / (z - b) : -old[o];
        r->w[at * k + o] = w;
        new[o] = old[o] + w;
        new[k + o] = old[k + o] + w *b;
    }
}

/* Points lo ... hi - 1. */
static void fit_block(ramps *r, int64_t layer, const double *z, const double *y, int64_t lo,
                      int64_t hi)
{
    int64_t k = r->outputs;
    const double *before = lo ? y + (lo - 1) * k : NULL;
    for (int64_t i = lo; i < hi; i++)
        add_ramp(r, layer, i - lo, i ? z[i - 1] : z[0] - 1, z[i], y + i * k, before);
    if (layer + 1 < r->layers) add_ramp(r, layer, hi - lo, z[hi - 1], z[hi - 1], NULL, before);
}

rk_status ramps_fit(const double *z, const double *y, int64_t n, int64_t outputs, int64_t layers,
                    ramps *out, rk_error *e)
{
    int64_t all = n + layers - 1;
    *out = (ramps){.n = all, .outputs = outputs, .layers = layers};
    out->first = calloc((size_t)layers + 1, sizeof *out->first);
    out->b = calloc((size_t)all, sizeof *out->b);
    out->w = calloc((size_t)(all * outputs), sizeof *out->w);
    out->sum = calloc((size_t)((all + layers) * 2 * outputs), sizeof *out->sum);
    if (!out->first || !out->b || !out->w || !out->sum) {
        ramps_free(out);
        return rk_error_set(e, RK_E_NOMEM, "no memory for a network of %lld ramps", (long long)all);
    }
    for (int64_t l = 0; l < layers; l++) {
        int64_t lo = n * l / layers, hi = n * (l + 1) / layers;
        out->first[l + 1] = out->first[l] + hi - lo + (l + 1 < layers);
        fit_block(out, l, z, y, lo, hi);
    }
    return RK_OK;
}

void ramps_free(ramps *r)
{
    free(r->first);
    free(r->b);
    free(r->w);
    free(r->sum);
    *r = (ramps){0};
}

/* How many ramps of a layer rise before z. */
static int64_t active(const ramps *r, int64_t layer, double z)
{
    int64_t lo = r->first[layer], hi = r->first[layer + 1], base = lo;
    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (r->b[mid] < z)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo - base;
}

void ramps_evaluate(const ramps *r, double z, double *out)
{
    for (int64_t o = 0; o < r->outputs; o++) out[o] = 0;
    for (int64_t l = 0; l < r->layers; l++) {
        const double *sum = sums(r, l, active(r, l, z));
        for (int64_t o = 0; o < r->outputs; o++) {
            out[o] += total(r, sum, o, z);
            if (l + 1 < r->layers && out[o] < 0) out[o] = 0; /* the ReLU that hands it on */
        }
    }
}
