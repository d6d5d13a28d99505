/* run.h: one training run: configuration, loop, record. */
#ifndef RK_TRAIN_RUN_H
#define RK_TRAIN_RUN_H
#include "data/dataset.h"
#include "device/session.h"
#include "train/found.h"

/* Everything a run depends on.  Texts are what a user would write; the record keeps the canonical
 * ones. */
typedef struct rk_config {
    const char *model;      /* "mlp:layers=3" */
    const char *data;       /* "synth16" */
    const char *randomize;  /* "", or transforms joined by "+": "labels:p=1+pixels:mode=shuffle" */
    const char *augment;    /* "", or augmentations joined by "+": "crop:pad=4+flip" */
    const char *optimizer;  /* "sgd:momentum=0.9" */
    const char *schedule;   /* "exponential:decay=0.95" */
    const char *regularize; /* "", or regularizers joined by "+" */
    const char *diagnose;   /* "", or diagnostics joined by "+", run after the last epoch */
    const char *weights;    /* "", or a safetensors file to take them from; for no epochs only */
    const char *device;     /* a spec of session.h */
    const char *preset, *variant; /* "" unless of a preset: its name, and which row */
    const char *scale, *changed;  /* of a preset: "micro", "small", "full" or ""; what the user set
                                     otherwise than the preset, as "epochs=3", or "" */
    int64_t epochs, batch;        /* no epochs: the weights stay what they are initially */
    uint64_t seed;
    double rate;          /* learning rate of epoch 0 */
    int64_t eval_limit;   /* training examples that are evaluated after an epoch, the first ones; 0:
                             all.  With it a goal also has to be met by the epoch's online mean. */
    double stop_accuracy; /* stop after the epoch whose training accuracy reaches it; 0: never */
    double stop_loss;     /* stop when the mean training loss is at most this; 0: never */
    rk_session_options session; /* session.seed is seed */
    bool scores;                /* per example: scores.h */
    double hold_out;            /* fraction of the training examples that are not trained on */
    int64_t el2n_epoch;         /* the epoch of el2n, from 1 */
    int64_t randomize_seed;     /* of the transforms; -1: seed */
    double checkpoint_seconds;  /* at most this much work is lost; 0: a checkpoint each epoch */
    bool corrupt_test; /* eval-labels=corrupted: test labels are randomized as those of training */
    int64_t stop_patience; /* stop after so many epochs without a better test accuracy; 0: never */
} rk_config;
rk_config rk_config_default(void);
/* What the streams of the transforms are keyed with. */
uint64_t rk_config_randomize_seed(const rk_config *c);

/* What a run costs, before it begins. */
typedef struct rk_estimate {
    int64_t epochs, steps; /* steps: of an epoch */
    double flop;           /* of matrix products and convolutions in all epochs, evaluation too */
    double step_flop;      /* of a training step */
    double step_seconds;   /* measured, on the median of `timed` steps */
    double seconds;        /* of all epochs, at the rate of the step */
    int64_t timed;
} rk_estimate;

/* Where the time of a training step goes: profile.h. */
typedef struct rk_profile rk_profile;

/* Called by the loop; any may be NULL. */
typedef struct rk_watch {
    void *ctx;
    void (*start)(void *ctx, const rk_run_record *run, const rk_program_info *step);
    /* After start: what making the device and its programs ready took. */
    void (*ready)(void *ctx, const rk_ready *cost);
    /* Now and then inside an epoch, when no wait is needed for it. */
    void (*progress)(void *ctx, const rk_run_record *run, int64_t epoch, int64_t step,
                     int64_t steps);
    void (*epoch)(void *ctx, const rk_run_record *run, const rk_epoch_record *row);
    /* True once the user asked to stop: the loop saves everything and returns RK_E_STOPPED. */
    bool (*stopping)(void *ctx);
    /* Of the training data, before the first step: examples that were left out, and why. */
    void (*skipped)(void *ctx, int64_t examples, const char *why);
    /* After an epoch of data that are not in memory: seconds that its steps took, and those of them
     * in which the trainer waited for data, which is no less than the device did. */
    void (*fed)(void *ctx, int64_t epoch, double waited, double seconds);
    /* Before a run of more than about 10^13 FLOP, which then is timed on a few steps; with
     * only_estimate before any, and nothing is trained or recorded. */
    void (*estimate)(void *ctx, const rk_estimate *cost);
    bool only_estimate;
    /* After the last epoch: how far a diagnostic is, from 0 to 1; and once it has ended, what it
     * found, or in found->error why it failed; replaced: in place of an older result. */
    void (*diagnosing)(void *ctx, const rk_run_record *run, const char *spec, double fraction);
    void (*found)(void *ctx, const rk_run_record *run, const rk_found *found, bool replaced);
    /* Before the first step of a run that begins, which then is profiled. */
    rk_status (*profile)(void *ctx, const rk_run_record *run, const rk_profile *, rk_error *);
} rk_watch;

/* Trains from the start; a row per epoch, and checkpoints beside the results file.  *id is the
 * run's.  A diagnostic that fails is an error, RK_E_INVALID; the run is done all the same. */
rk_status rk_run_start(rk_hub *hub, const rk_registry *plugins, rk_results *results,
                       const rk_config *c, const rk_watch *watch, int64_t *id, rk_error *e);
/* Runs diagnostics ("a+b:p=1") of a run that is there, finished or not, on a device (NULL: its
 * own); also those that it has, whose results are replaced.  data: where its data are now, as
 * config.data (NULL: where they were); others than the run began with are refused.  Errors as those
 * of rk_run_start. */
rk_status rk_run_diagnose(rk_hub *hub, const rk_registry *plugins, rk_results *results, int64_t id,
                          const char *what, const char *device, const char *data,
                          const rk_watch *watch, rk_error *e);
/* Goes on with an unfinished run from its last checkpoint, to the bits an uninterrupted run would
 * have.  data as above; the record keeps what it says. */
rk_status rk_run_resume(rk_hub *hub, const rk_registry *plugins, rk_results *results, int64_t id,
                        const char *data, const rk_watch *watch, rk_error *e);
#endif
