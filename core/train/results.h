/* results.h: the results database, one SQLite file.
 *
 * Tables (append-only columns; user_version is the schema's number, now 6; an older file is brought
 * up when it is opened for writing, and else read as it is):
 *   runs    one row a run: id, started (UTC, ISO 8601, ms), status ('running', which that of a
 *           killed one stays, see rk_run_folder_left; 'done', 'stopped', 'failed'), error,
 *           preset, variant, model, data, randomize, augment, optimizer,
 *           schedule, regularize, device (spec), device_name, driver, backend, numerics ('exact',
 *           'fast'), seed, epochs (asked), batch, rate, parameters (count), plan_digest, kernels,
 *           steps_fallback, fallback_note, data_digest, label_digest, changed_labels, version,
 *           config (JSON: complete, enough to start it again), epochs_done, fit_epoch (first epoch
 *           with rk_goal_accuracy 1, 0 if none), train_accuracy, test_accuracy, train_loss,
 *           test_loss, digest (of the parameters after the last epoch), seconds; since schema 3
 *           classes, inputs (values of an example), train_examples, test_examples, 0 if unknown,
 *           and transform_digests (rk_audit); since schema 6 what rk_ready says of the start:
 *           ready_seconds, programs_compiled and programs_cached: cold, or warm
 *   epochs  one row an epoch (from 1): run, epoch, steps and seconds (of training and evaluation)
 *           since the run's start, rate, online_loss, online_accuracy (means over the epoch's
 *           examples while they were trained on), train_loss, train_accuracy, test_loss,
 *           test_accuracy (of the parameters after the epoch), digest; since schema 3 clean_fit,
 *           noisy_fit, noisy_true
 *   scores, test_scores  per example, of runs with --scores: see scores.h
 *   diagnostics, found_values, found_points, found_notes  what diagnostics found: see found.h
 *   benches, bench_devices, bench_values  what `rethink bench` measured: see results_bench.h
 * An epoch's row and its run's summary are one transaction.  WAL mode: readers never wait.
 *
 * Numbers that are not finite, as of a run that diverged, are NULL in the file and NaN here.  Seeds
 * are below 2^63, SQLite's largest whole number.  Threads: an rk_results is used by one at a
 * time. */
#ifndef RK_TRAIN_RESULTS_H
#define RK_TRAIN_RESULTS_H
#include <stdbool.h>
#include "rethink/backend.h"

typedef struct rk_results rk_results;

typedef struct rk_run_record {
    int64_t id;
    const char *started, *status, *error, *preset, *variant, *model, *data, *randomize, *augment,
        *optimizer, *schedule, *regularize, *device, *device_name, *driver, *backend, *numerics,
        *plan_digest, *kernels, *fallback_note, *data_digest, *label_digest, *version, *config,
        *digest, *transform_digests;
    uint64_t seed;
    int64_t epochs, batch, parameters, steps_fallback, epochs_done, fit_epoch, classes, inputs,
        train_examples, test_examples, programs_compiled, programs_cached;
    double ready_seconds; /* with these two no part of any digest or comparison */
    double rate, changed_labels, train_accuracy, test_accuracy, train_loss, test_loss, seconds;
} rk_run_record;

typedef struct rk_epoch_record {
    int64_t epoch, steps;
    double seconds, rate, online_loss, online_accuracy, train_loss, train_accuracy, test_loss,
        test_accuracy;
    /* Of the training set after the epoch: accuracy on examples that have their true label; on
     * those whose label was changed, against the changed and against the true label.  NaN where
     * there is no such example. */
    double clean_fit, noisy_fit, noisy_true;
    char digest[33];
} rk_epoch_record;

/* Opens or makes the file; read_only does not make it.  Errors name the path and the remedy. */
rk_status rk_results_open(const char *path, bool read_only, rk_results **out, rk_error *e);
/* One sweep or merge at a time works on a file: *fd, to be closed, holds a lock on its folder of
 * runs, which is made.  Waits some seconds, as long as processes of a killed sweep may take to
 * go. */
rk_status rk_results_lock(const char *path, int *fd, rk_error *e);
/* For the holder of the lock: the folder of runs is removed if nothing is in it. */
void rk_results_forget_folder(const char *path);
void rk_results_close(rk_results *r);
const char *rk_results_path(const rk_results *r);

/* Keeps n numbers, from *first on, for runs that rk_results_number_next will give them to: none of
 * another process gets one of them.  Numbers that were kept before and not used may be among
 * them. */
rk_status rk_results_keep(rk_results *r, int64_t n, int64_t *first, rk_error *e);
/* The number of the next run that is added through r; 0: whichever is free. */
void rk_results_number_next(rk_results *r, int64_t id);
/* Adds a run with status 'running'; sets run->id. */
rk_status rk_results_add(rk_results *r, rk_run_record *run, rk_error *e);
/* One transaction: the epoch's row (replacing one of the same number) and the run's summary
 * columns. */
rk_status rk_results_epoch(rk_results *r, const rk_run_record *run, const rk_epoch_record *row,
                           rk_error *e);
/* The run's summary columns alone, as of a run without epochs. */
rk_status rk_results_summary(rk_results *r, const rk_run_record *run, rk_error *e);
rk_status rk_results_finish(rk_results *r, int64_t id, const char *status, const char *error,
                            rk_error *e);

/* A run as it is stored; texts belong to the record: rk_run_record_free. */
rk_status rk_results_run(rk_results *r, int64_t id, rk_run_record **out, rk_error *e);
void rk_run_record_free(rk_run_record *run);
/* Ids of the runs that match, ascending; preset may be NULL.  *ids is freed by free(). */
rk_status rk_results_list(rk_results *r, const char *preset, int64_t **ids, uint32_t *n,
                          rk_error *e);
/* Rows of a run in order of epochs; *rows is freed by free(). */
rk_status rk_results_history(rk_results *r, int64_t id, rk_epoch_record **rows, uint32_t *n,
                             rk_error *e);
#endif
