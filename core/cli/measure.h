/* measure.h: one number of a run, by name: what claims, papers' numbers and figures speak of.
 *
 * Measures are
 *   train, test                short for train_accuracy, test_accuracy after the last epoch
 *   the numbers of a run by their names in 'rethink export': parameters, seconds, fit_epoch
 *   what is read off its epochs: fit_steps, steps_loss05, best_test, ... (measures.h)
 *   columns of its last epoch: train_loss, noisy_fit, ...
 *   what diagnostics found: DIAGNOSTIC.NAME, as hessian.lambda_max (train/found.h)
 * A criterion that a run has never met counts as infinitely far. */
#ifndef RK_CLI_MEASURE_H
#define RK_CLI_MEASURE_H
#include "cli/runs.h"

/* Names in a fixed order; NULL at the end. */
const char *rk_measure_name(size_t i);
/* Refuses a name that is none, with the nearest one. */
rk_status rk_measure_check(const char *name, rk_error *e);
/* The same for columns of epochs. */
rk_status rk_measure_epoch_check(const char *name, rk_error *e);
/* True for fractions that people read in percent. */
bool rk_measure_percent(const char *name);

/* NaN if the run has no such number.  The runs have their history. */
double rk_measure_value(const rk_runs *r, uint32_t run, const char *name);
/* A column of one epoch, counted from 1; NaN if there is none. */
double rk_measure_at(const rk_runs *r, uint32_t run, const char *column, int64_t epoch);
/* A parameter of the run by its name: p of "labels:p=0.3", or lr, batch, epochs, seed.  NaN if it
 * has none, or no number. */
double rk_measure_axis(const rk_runs *r, uint32_t run, const char *name);
/* A measure for people: "99.21 %", "1.25e+04", "never". */
void rk_measure_print(const char *name, double value, char *out, size_t cap);
#endif
