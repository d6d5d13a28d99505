/* Filters and their pooled responses, see features.h. */
#include "features.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 128, BLOCK = 64 };

static int64_t filter_size(const bank *b) { return b->channels * b->side * b->side; }

void bank_normalize(bank *b)
{
    int64_t size = filter_size(b);
    for (int64_t f = 0; f < b->filters; f++) {
        float *w = b->w + f * size;
        double mean = 0, square = 0;
        for (int64_t i = 0; i < size; i++) mean += (double)w[i] / (double)size;
        for (int64_t i = 0; i < size; i++) square += pow((double)w[i] - mean, 2);
        double scale = square > 1e-12 ? 1 / sqrt(square) : 0;
        for (int64_t i = 0; i < size; i++) w[i] = (float)(((double)w[i] - mean) * scale);
    }
}

rk_status bank_patches(const rk_lab *l, int64_t n, bank *b, rk_error *e)
{
    const rk_dataset *d = rk_lab_data(l);
    rk_random r = rk_lab_random(l, "filters");
    float *x = lab_array(rk_dataset_pixels(d), sizeof *x, "an example", e);
    rk_status status = x ? RK_OK : RK_E_NOMEM;
    for (int64_t f = 0; status == RK_OK && f < b->filters; f++) {
        uint64_t word = 3 * (uint64_t)f;
        uint32_t top = rk_random_below(r, word + 1, d->height - (uint32_t)b->side + 1);
        uint32_t left = rk_random_below(r, word + 2, d->width - (uint32_t)b->side + 1);
        status = rk_lab_example(l, false, rk_random_below(r, word, (uint32_t)n), x, e);
        float *w = b->w + f * filter_size(b);
        for (int64_t c = 0; c < b->channels; c++)
            for (int64_t i = 0; i < b->side; i++)
                memcpy(w + (c * b->side + i) * b->side,
                       x + (c * d->height + top + i) * d->width + left,
                       (size_t)b->side * sizeof *w);
    }
    free(x);
    bank_normalize(b);
    return status;
}

rk_status bank_gabor(bank *b, rk_error *e)
{
    if (b->filters > 64)
        return rk_error_set(e, RK_E_INVALID,
                            "kernel: there are 64 Gabor filters: filters=%lld are too many",
                            (long long)b->filters);
    double middle = (double)(b->side - 1) / 2;
    for (int64_t f = 0; f < b->filters; f++) {
        double angle = M_PI * (double)(f % 8) / 8, length = 3 * pow(2, (double)(f / 8 % 4) / 2);
        double phase = M_PI / 2 * (double)(f / 32 % 2);
        for (int64_t at = 0; at < filter_size(b); at++) {
            double y = (double)(at / b->side % b->side) - middle;
            double x = (double)(at % b->side) - middle;
            double along = x * cos(angle) + y * sin(angle), s = length / 2;
            double v = exp(-(x * x + y * y) / (2 * s * s)) * cos(2 * M_PI * along / length + phase);
            b->w[f * filter_size(b) + at] = (float)v;
        }
    }
    bank_normalize(b);
    return RK_OK;
}

int64_t features_size(const bank *b) { return b->filters * b->grid * b->grid; }

/* ---- on the device --------------------------------------------------------------------------- */

static rk_status add(const rk_lab *l, rk_job *job, const bank *b, bool test, uint32_t *program,
                     rk_error *e)
{
    rk_graph *g = rk_graph_new();
    if (!g) return rk_error_set(e, RK_E_NOMEM, "no memory for a graph");
    rk_value index = rk_input(g, RK_U32, RK_SHAPE(ROWS), "rows");
    rk_value w = rk_input(g, RK_F32, RK_SHAPE(BLOCK, b->channels, b->side, b->side), "filters");
    rk_value x = rk_lab_batch(l, g, test, index, NULL);
    rk_value y = rk_relu(g, rk_conv(g, x, w, rk_window_padded(g, x, b->side, 1, 0)));
    int64_t h = rk_dim(g, y, 2), wide = rk_dim(g, y, 3);
    rk_window cell = {.kh = (h + b->grid - 1) / b->grid,
                      .kw = (wide + b->grid - 1) / b->grid,
                      .out_h = b->grid,
                      .out_w = b->grid};
    cell.stride_h = cell.kh;
    cell.stride_w = cell.kw;
    rk_value mean = rk_mul(g, rk_wsum(g, y, cell), rk_const_f(g, 1 / (float)(cell.kh * cell.kw)));
    rk_value out = rk_state(g, RK_F32, RK_SHAPE(ROWS, BLOCK, b->grid, b->grid), "features");
    rk_assign(g, out, mean);
    return rk_job_add(job, g, "features", program, e);
}

/* The features of filters from `first` of examples from `row`, into their place of out. */
static rk_status run(rk_job *job, uint32_t program, const bank *b, int64_t row, int64_t n,
                     int64_t first, float *block, float *out, rk_error *e)
{
    uint32_t index[ROWS];
    int64_t cells = b->grid * b->grid, size = features_size(b);
    int64_t filters = b->filters - first < BLOCK ? b->filters - first : BLOCK;
    for (int64_t i = 0; i < ROWS; i++) index[i] = (uint32_t)(row + i);
    TRY(rk_job_write(job, "rows", index, sizeof index, e));
    TRY(rk_job_run(job, program, e));
    TRY(rk_job_read(job, "features", block, (uint64_t)(ROWS * BLOCK * cells) * sizeof *block, e));
    for (int64_t i = 0; i < ROWS && row + i < n; i++)
        memcpy(out + (row + i) * size + first * cells, block + i * BLOCK * cells,
               (size_t)(filters * cells) * sizeof *out);
    return RK_OK;
}

static rk_status run_all(rk_lab *l, rk_job *job, uint32_t program, const bank *b, int64_t n,
                         float *w, float *block, float *out, rk_error *e)
{
    int64_t size = filter_size(b);
    for (int64_t first = 0; first < b->filters; first += BLOCK) {
        int64_t filters = b->filters - first < BLOCK ? b->filters - first : BLOCK;
        memset(w, 0, (size_t)(BLOCK * size) * sizeof *w);
        memcpy(w, b->w + first * size, (size_t)(filters * size) * sizeof *w);
        TRY(rk_job_write(job, "filters", w, (uint64_t)(BLOCK * size) * sizeof *w, e));
        for (int64_t row = 0; row < n; row += ROWS)
            TRY(run(job, program, b, row, n, first, block, out, e));
        TRY(rk_lab_progress(l, 0.2 * (double)first / (double)b->filters, e));
    }
    return RK_OK;
}

rk_status features_make(rk_lab *l, const bank *b, bool test, int64_t n, float *out, rk_error *e)
{
    rk_job *job = NULL;
    uint32_t program = 0;
    float *w = lab_array(BLOCK * filter_size(b), sizeof *w, "filters", e);
    float *block = lab_array(ROWS * BLOCK * b->grid * b->grid, sizeof *block, "features", e);
    rk_status status = w && block ? rk_job_new(l, &job, e) : RK_E_NOMEM;
    if (status == RK_OK) status = add(l, job, b, test, &program, e);
    if (status == RK_OK) status = rk_job_commit(job, e);
    if (status == RK_OK) status = run_all(l, job, program, b, n, w, block, out, e);
    rk_job_free(job);
    free(w);
    free(block);
    return status;
}
