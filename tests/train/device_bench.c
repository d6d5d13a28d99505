#include "device_bench.h"
#include <math.h>
#include <stdlib.h>

float *read_floats(rk_session *s, const char *name, int64_t *n)
{
    rk_error e = rk_error_new();
    const rk_buffer_info *b = rk_session_buffer(s, name);
    assert_non_null(b);
    float *data = malloc(b->bytes);
    assert_non_null(data);
    must(rk_session_read(s, name, data, b->bytes, &e), &e);
    *n = (int64_t)(b->bytes / sizeof *data);
    return data;
}

void copy_parameters(const rk_trainer *t, const bench *b)
{
    const rk_buffer_info *info;
    uint32_t n = rk_session_buffers(t->session, &info);
    for (uint32_t i = 0; i < n; i++) {
        int64_t size;
        if (!info[i].trained) continue;
        float *data = read_floats(t->session, info[i].name, &size);
        cell *to = bench_buffer(b, info[i].name);
        for (int64_t k = 0; k < size; k++) to[k].f = data[k];
        free(data);
    }
}

double epoch_difference(rk_trainer *t, bench *b, int64_t epoch)
{
    rk_error e = rk_error_new();
    double worst = 0;
    int64_t n;
    must(rk_trainer_begin(t, epoch, &e), &e);
    bench_begin(b, t->order, (float)rk_trainer_rate(t, epoch));
    for (int64_t step = 0; step < t->steps; step++) {
        must(rk_trainer_step(t, step, &e), &e);
        bench_step(b, step);
    }
    float *loss = read_floats(t->session, "train/loss", &n);
    const cell *want = bench_buffer(b, "train/loss");
    assert_int_equal(n, t->steps);
    for (int64_t step = 0; step < n; step++) {
        double d = fabs(loss[step] - want[step].f) / want[step].f;
        if (!(d <= worst)) worst = d;
    }
    free(loss);
    return worst;
}
