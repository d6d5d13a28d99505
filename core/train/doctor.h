/* doctor.h: why does it not fit?  Facts of a configuration, its data and, if it was run, its
 * record; and what each of them says about reaching a training accuracy of 1. */
#ifndef RK_TRAIN_DOCTOR_H
#define RK_TRAIN_DOCTOR_H
#include "train/config.h"
#include "train/results.h"

enum { RK_DOCTOR_PAIRS = 3, RK_DOCTOR_CHECKS = 12 };

/* Two training examples, by their positions in the original files. */
typedef struct rk_doctor_pair {
    uint32_t a, b;
} rk_doctor_pair;

typedef struct rk_doctor_facts {
    const rk_config *config; /* texts as given */
    const char *model;       /* canonical */
    /* Of the data, loaded twice; without data the rest of this group is 0. */
    bool have_data, have_images; /* images: not if they are made on the device */
    char data_note[320];         /* why there are none */
    rk_audit load[2];
    int64_t n, inputs, classes, classes_used;
    int64_t duplicates, conflicting;      /* images like an earlier one; those that no function that
                                        gives equal inputs one label can get right */
    rk_doctor_pair pair[RK_DOCTOR_PAIRS]; /* with different labels, the first ones */
    uint32_t n_pairs;
    int64_t constant;   /* images of one value */
    int64_t parameters; /* 0: the model could not be built */
    /* Of the schedule over the epochs that are asked for (of a run: that it did). */
    double rate_first, rate_last, rate_sum;
    double rate_rest; /* the sum over as many epochs again */
    /* Of a run; NULL without. */
    const rk_run_record *run;
    const rk_epoch_record *rows;
    uint32_t n_rows;
} rk_doctor_facts;

/* Everything but the run, for which run, rows and n_rows are set before (or NULL). */
rk_status rk_doctor_collect(const rk_registry *plugins, rk_doctor_facts *f, rk_error *e);

typedef enum rk_doctor_verdict { RK_DOCTOR_OK, RK_DOCTOR_NOTE, RK_DOCTOR_CAUSE } rk_doctor_verdict;

typedef struct rk_doctor_finding {
    const char *check;
    rk_doctor_verdict verdict;
    char evidence[400];
    const char *remedy; /* "" if all is well */
} rk_doctor_finding;

/* Returns their number.  Of a run that did fit, causes are only notes. */
uint32_t rk_doctor_check(const rk_doctor_facts *f, rk_doctor_finding out[RK_DOCTOR_CHECKS]);
/* The epoch from which on a run fits, 0 if there is none. */
int64_t rk_doctor_fits(const rk_doctor_facts *f);
#endif
