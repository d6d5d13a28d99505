/* Norms of layers, see spectral.h. */
#include "spectral.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int64_t layer_inputs(const layer *l) { return l->win.kh ? l->c * l->h * l->wide : l->d; }
int64_t layer_outputs(const layer *l)
{
    return l->win.kh ? l->k * l->win.out_h * l->win.out_w : l->k;
}

/* The outputs whose window has place `at` inside of an extent: from lo to hi - 1. */
static void inside(int64_t at, int64_t extent, int64_t stride, int64_t pad, int64_t out,
                   int64_t *lo, int64_t *hi)
{
    int64_t shift = at - pad; /* the place of output o is o stride + shift */
    *lo = shift < 0 ? (-shift + stride - 1) / stride : 0;
    *hi = extent - 1 - shift < 0 ? 0 : (extent - 1 - shift) / stride + 1;
    if (*hi > out) *hi = out;
}

/* One weight of a convolution: y += v x over all places, or x += v y. */
static void add_plane(const layer *l, double v, int64_t r, int64_t s, double *x, double *y,
                      bool adjoint)
{
    const rk_window *w = &l->win;
    int64_t top, bottom, left, right;
    inside(r, l->h, w->stride_h, w->pad_h, w->out_h, &top, &bottom);
    inside(s, l->wide, w->stride_w, w->pad_w, w->out_w, &left, &right);
    for (int64_t i = top; i < bottom; i++) {
        double *from = x + (i * w->stride_h + r - w->pad_h) * l->wide + s - w->pad_w;
        double *to = y + i * w->out_w;
        if (adjoint)
            for (int64_t j = left; j < right; j++) from[j * w->stride_w] += v * to[j];
        else
            for (int64_t j = left; j < right; j++) to[j] += v * from[j * w->stride_w];
    }
}

static void convolve(const layer *l, double *x, double *y, bool adjoint)
{
    int64_t in = l->h * l->wide, out = l->win.out_h * l->win.out_w, taps = l->win.kh * l->win.kw;
    memset(adjoint ? x : y, 0, (size_t)(adjoint ? layer_inputs(l) : layer_outputs(l)) * sizeof *x);
    for (int64_t k = 0; k < l->k; k++)
        for (int64_t c = 0; c < l->c; c++)
            for (int64_t t = 0; t < taps; t++)
                add_plane(l, l->w[(k * l->c + c) * taps + t], t / l->win.kw, t % l->win.kw,
                          x + c * in, y + k * out, adjoint);
}

void layer_apply(const layer *l, const double *x, double *y)
{
    if (l->win.kh) {
        convolve(l, (double *)x, y, false);
        return;
    }
    for (int64_t k = 0; k < l->k; k++) {
        y[k] = 0;
        for (int64_t j = 0; j < l->d; j++) y[k] += l->w[k * l->d + j] * x[j];
    }
}

void layer_adjoint(const layer *l, const double *y, double *x)
{
    if (l->win.kh) {
        convolve(l, x, (double *)y, true);
        return;
    }
    memset(x, 0, (size_t)l->d * sizeof *x);
    for (int64_t k = 0; k < l->k; k++)
        for (int64_t j = 0; j < l->d; j++) x[j] += l->w[k * l->d + j] * y[k];
}

static double norm(const double *v, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += v[i] * v[i];
    return sqrt(sum);
}

rk_status spectral_norm(const layer *l, rk_random r, double tolerance, int64_t most, double *out,
                        rk_error *e)
{
    int64_t in = layer_inputs(l), n = layer_outputs(l);
    double *x = calloc((size_t)(in + n), sizeof *x), *y = x + in;
    if (!x) return rk_error_set(e, RK_E_NOMEM, "no memory for a spectral norm");
    for (int64_t i = 0; i < in; i++) x[i] = (double)rk_random_normal(r, (uint64_t)i);
    *out = 0;
    for (int64_t i = 0; i < most; i++) {
        double length = norm(x, in), before = *out;
        if (!(length > 0)) break;
        for (int64_t j = 0; j < in; j++) x[j] /= length;
        layer_apply(l, x, y);
        *out = norm(y, n);
        if (*out - before < tolerance * *out) break;
        layer_adjoint(l, y, x);
    }
    free(x);
    return RK_OK;
}

/* square[kh][kw] of a filter, over its channels. */
static void filter_squares(const layer *l, int64_t k, double *square)
{
    int64_t taps = l->win.kh * l->win.kw;
    memset(square, 0, (size_t)taps * sizeof *square);
    for (int64_t c = 0; c < l->c; c++)
        for (int64_t t = 0; t < taps; t++) {
            double v = l->w[(k * l->c + c) * taps + t];
            square[t] += v * v;
        }
}

/* Rows of a filter: of each place, the part of the filter that lies inside of the input. */
static double filter_rows(const layer *l, const double *square)
{
    const rk_window *w = &l->win;
    double sum = 0;
    for (int64_t i = 0; i < w->out_h; i++)
        for (int64_t j = 0; j < w->out_w; j++) {
            double row = 0;
            for (int64_t t = 0; t < w->kh * w->kw; t++) {
                int64_t y = i * w->stride_h - w->pad_h + t / w->kw;
                int64_t x = j * w->stride_w - w->pad_w + t % w->kw;
                if (y >= 0 && y < l->h && x >= 0 && x < l->wide) row += square[t];
            }
            sum += sqrt(row);
        }
    return sum;
}

rk_status row_norms(const layer *l, double *out, rk_error *e)
{
    double *square = calloc((size_t)(l->win.kh * l->win.kw + 1), sizeof *square);
    if (!square) return rk_error_set(e, RK_E_NOMEM, "no memory for the norms of filters");
    *out = 0;
    for (int64_t k = 0; k < l->k; k++)
        if (l->win.kh) {
            filter_squares(l, k, square);
            *out += filter_rows(l, square);
        } else
            *out += norm(l->w + k * l->d, l->d);
    free(square);
    return RK_OK;
}

double spectral_complexity(const bound *b, int64_t n)
{
    double product = 1, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        product *= b[i].spectral;
        sum += pow(b[i].moved / b[i].spectral, 2.0 / 3);
    }
    return product * pow(sum, 1.5);
}
