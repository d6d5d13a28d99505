#include "results_sample.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/error.h"

rk_run_record sample(void)
{
    return (rk_run_record){.started = "2026-01-02T03:04:05Z",
                           .preset = "quickstart",
                           .variant = "random 'labels'",
                           .model = "mlp:hidden=4",
                           .data = "synth16",
                           .device = "cpu:0",
                           .numerics = "exact",
                           .config = "{\"a\":1}",
                           .plan_digest = "0123",
                           .seed = INT64_MAX,
                           .epochs = 30,
                           .batch = 50,
                           .rate = 0.1,
                           .parameters = 68362,
                           .changed_labels = 0.9,
                           .classes = 10,
                           .inputs = 256,
                           .train_examples = 1000,
                           .test_examples = 2000,
                           .ready_seconds = 1.5,
                           .programs_compiled = 77,
                           .programs_cached = 4,
                           .transform_digests = "labels"};
}

rk_epoch_record sample_row(int64_t epoch)
{
    rk_epoch_record row = {.epoch = epoch,
                           .steps = 20 * epoch,
                           .seconds = 0.5 * (double)epoch,
                           .rate = 1.0 / 3,
                           .online_loss = 2.25,
                           .online_accuracy = 0.5,
                           .train_loss = 1.125,
                           .train_accuracy = 0.75,
                           .test_loss = INFINITY,
                           .test_accuracy = 0.1,
                           .clean_fit = 0.875,
                           .noisy_fit = NAN,
                           .noisy_true = 0.0625};
    snprintf(row.digest, sizeof row.digest, "%032lld", (long long)epoch);
    return row;
}

rk_results *open_results(const char *path)
{
    rk_results *r;
    rk_error e = rk_error_new();
    if (rk_results_open(path, false, &r, &e) != RK_OK) fail_msg("%s", e.text);
    return r;
}
