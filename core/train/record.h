/* record.h: what is written down of a run. */
#ifndef RK_TRAIN_RECORD_H
#define RK_TRAIN_RECORD_H
#include "train/trainer.h"

/* Texts of a record that are made for it. */
typedef struct rk_record_texts {
    char started[32];
    char *config, *kernels;
} rk_record_texts;

/* Everything that is known before the first step.  Texts belong to c, t and *texts. */
rk_status rk_record_fill(rk_run_record *run, rk_record_texts *texts, const rk_trainer *t,
                         const rk_config *c, rk_error *e);
void rk_record_texts_free(rk_record_texts *texts);

/* Brings the summary up to an epoch's row; run->digest becomes row's. */
void rk_record_epoch(rk_run_record *run, const rk_epoch_record *row, bool fit);

/* RK_E_INVALID if the trainer's data are not those of the run; or if its steps are others, as those
 * of a model of another plugin that has the name of the run's.  Steps of a run of another version
 * are not compared: plans may differ that do the same. */
rk_status rk_record_check_data(const rk_run_record *run, const rk_trainer *t, rk_error *e);
rk_status rk_record_check(const rk_run_record *run, const rk_trainer *t, rk_error *e);

/* Brings the number of epochs to what a run has in rows: from the first on without a gap. */
void rk_record_rows(rk_run_record *run, const rk_epoch_record *row, uint32_t n);

/* Now, in UTC and to the millisecond, so that two runs of one configuration can be told apart. */
void rk_record_time(char out[32]);

/* "a, b" and "b, c" give "a, b, c": the distinct entries of comma-separated lists in the order of
 * their first occurrence.  Freed by free(); NULL without memory. */
char *rk_record_union(const char *const *lists, uint32_t n);
#endif
