/* diagnose.h: diagnostics of the weights in a trainer, one after the other, into the results. */
#ifndef RK_TRAIN_DIAGNOSE_H
#define RK_TRAIN_DIAGNOSE_H
#include "train/config.h"
#include "train/found.h"
#include "train/trainer.h"

/* What is diagnosed.  The config is the run's but for its device. */
typedef struct rk_diagnosis {
    rk_hub *hub;
    rk_results *results;
    rk_trainer *trainer;
    const rk_config *config;
    const rk_run_record *run;
    const rk_watch *watch;    /* may be NULL */
    const rk_spec_list *list; /* what to do */
    const char *digest;       /* of the weights */
    int64_t epoch;            /* after which they are */
    bool again;               /* also what has succeeded on these weights before */
} rk_diagnosis;

/* Each that ends is stored at once, as one transaction.  One that fails is stored so, and the
 * others are done: then *failed is true, *e says why the first did, and RK_OK is returned.  An
 * error is one of the device or of the results, or RK_E_STOPPED: what was under way is not
 * stored. */
rk_status rk_diagnose(const rk_diagnosis *d, bool *failed, rk_error *e);

/* The weights file of another run, for rk_lab_other: of a number, or of the label of a variant of
 * the run's preset, with its scale, changes and seed; of several the latest, on the same device if
 * there is one.  Into path. */
rk_status rk_other_run(rk_results *r, const rk_run_record *run, const char *other, char *path,
                       size_t cap, rk_error *e);
/* "random labels, seed=2, lr=0.1" without its seed, in place. */
void rk_label_without_seed(char *label);
#endif
