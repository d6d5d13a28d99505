#include "train/measures.h"
#include <math.h>
#include <stddef.h>

double rk_goal_accuracy(const rk_epoch_record *row, bool part)
{
    return part ? fmin(row->train_accuracy, row->online_accuracy) : row->train_accuracy;
}

double rk_goal_loss(const rk_epoch_record *row, bool part)
{
    return part ? fmax(row->train_loss, row->online_loss) : row->train_loss;
}

const rk_epoch_record *rk_first_accurate(const rk_epoch_record *rows, uint32_t n, double accuracy)
{
    for (uint32_t i = 0; i < n; i++)
        if (rows[i].train_accuracy >= accuracy) return &rows[i];
    return NULL;
}

const rk_epoch_record *rk_first_below(const rk_epoch_record *rows, uint32_t n, double loss)
{
    for (uint32_t i = 0; i < n; i++)
        if (rows[i].online_loss <= loss) return &rows[i];
    return NULL;
}

/* NaN is best only while there is nothing else. */
static const rk_epoch_record *best_of(const rk_epoch_record *rows, uint32_t n)
{
    const rk_epoch_record *best = NULL;
    for (uint32_t i = 0; i < n; i++)
        if (!best || isnan(best->test_accuracy) || rows[i].test_accuracy > best->test_accuracy)
            best = &rows[i];
    return best && !isnan(best->test_accuracy) ? best : NULL;
}

static const rk_epoch_record *fit_of(const rk_run_record *run, const rk_epoch_record *rows,
                                     uint32_t n)
{
    for (uint32_t i = 0; run->fit_epoch && i < n; i++)
        if (rows[i].epoch == run->fit_epoch) return &rows[i];
    return NULL;
}

static int64_t steps_of(const rk_epoch_record *row) { return row ? row->steps : 0; }

rk_run_measures rk_run_measure(const rk_run_record *run, const rk_epoch_record *rows, uint32_t n)
{
    const rk_epoch_record *fit = fit_of(run, rows, n), *best = best_of(rows, n);
    return (rk_run_measures){.fit_steps = steps_of(fit),
                             .fit_seconds = fit ? fit->seconds : NAN,
                             .fit_test = fit ? fit->test_accuracy : NAN,
                             .steps_acc99 = steps_of(rk_first_accurate(rows, n, 0.99)),
                             .steps_loss05 = steps_of(rk_first_below(rows, n, 0.5)),
                             .steps_loss01 = steps_of(rk_first_below(rows, n, 0.1)),
                             .best_test = best ? best->test_accuracy : NAN,
                             .best_test_epoch = best ? best->epoch : 0,
                             .best_noisy_true = best ? best->noisy_true : NAN};
}
