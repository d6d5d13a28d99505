/* measure.h: one number of a run, by name: what claims, papers' numbers and figures speak of.
 *
 * Measures are
 *   every column of a run that is a number, by its name in 'rethink export' (parameters, seconds);
 *   every column of its epochs, of the last epoch (train_loss, test_accuracy);
 *   train, test        short for train_accuracy, test_accuracy
 *   best_test          the highest test accuracy of any epoch: early stopping by an oracle
 *   best_epoch         the first epoch that has it
 *   epochs_fit, steps_fit, seconds_fit          until the training accuracy was 1
 *   epochs_acc99, ..., epochs_loss05, ..., epochs_loss01, ...
 *                      until it was at least 0.99; until the training loss was at most 0.5, 0.1
 * "Until" is the end of the first epoch of which it is true, and infinite if there is none. */
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
