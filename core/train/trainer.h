/* trainer.h: a configuration made ready on a device: data resident, programs compiled, parameters
 * started.  The loop drives it; tests drive it step by step.
 * Order of use within an epoch: begin, step 0 ... steps - 1, then online, evaluate, digest. */
#ifndef RK_TRAIN_TRAINER_H
#define RK_TRAIN_TRAINER_H
#include "train/feed.h"
#include "train/step.h"

typedef struct rk_trainer {
    rk_recipe recipe;
    rk_dataset *data;
    rk_audit audit;
    rk_session *session;
    rk_feed *feed;                                /* NULL if the data are on the device */
    rk_program *step, *last_step, *evaluation[2]; /* last_step: NULL if all batches are equal;
                                                     evaluation: of the training and test set */
    rk_chunks batches, eval[2];
    int64_t steps; /* of an epoch */
    uint64_t seed, randomize_seed;
    double rate;
    uint64_t plan_ns;         /* that the device, programs and memory took to be ready */
    uint32_t *order;          /* [n], also of an epoch's words */
    uint32_t *place;          /* [n], with scores: the inverse of order */
    uint32_t *trained, *kept; /* with hold_out: [n] 1 or 0; those that are trained on, ascending */
    int64_t n_trained;
    float *log;      /* [the longest log] */
    uint32_t *words; /* [the largest buffer of the model] */
} rk_trainer;

/* Fills the buffers data/... that the session's programs read, of both sets. */
rk_status rk_dataset_write(rk_session *s, const rk_dataset *d, rk_error *e);

typedef struct rk_score {
    double loss, accuracy; /* mean cross-entropy, fraction of right predictions */
} rk_score;

/* Fractions of training examples, NaN of none: with unchanged labels that were predicted; with
 * changed labels predicted as changed, and as they truly are. */
typedef struct rk_fits {
    double clean, noisy, noisy_true;
} rk_fits;

/* Draws which examples are held out, from the run's seed; nothing without hold_out. */
rk_status rk_trainer_hold(rk_trainer *t, rk_error *e);
/* The order of an epoch into t->order: of the examples that are trained on. */
void rk_trainer_draw_order(rk_trainer *t, int64_t epoch);

rk_status rk_trainer_open(rk_hub *hub, const rk_registry *plugins, const rk_config *c,
                          rk_trainer **out, rk_error *e);
void rk_trainer_close(rk_trainer *t);

/* Writes the order, the random words and the learning rate of an epoch (from 0). */
rk_status rk_trainer_begin(rk_trainer *t, int64_t epoch, rk_error *e);
double rk_trainer_rate(const rk_trainer *t, int64_t epoch);
/* Enqueues a step; does not wait. */
rk_status rk_trainer_step(rk_trainer *t, int64_t step, rk_error *e);
/* Writes what a step needs of data that are not on the device; a part of rk_trainer_step. */
rk_status rk_trainer_feed(rk_trainer *t, int64_t step, rk_error *e);
/* The program that a step runs. */
rk_program *rk_trainer_program(const rk_trainer *t, int64_t step);
/* Of the epoch's batches as they were trained on. */
rk_status rk_trainer_online(rk_trainer *t, rk_score *out, rk_error *e);
/* Of all training (test: all test) examples, or eval_limit of them, with the present parameters. */
rk_status rk_trainer_evaluate(rk_trainer *t, bool test, rk_score *out, rk_error *e);
/* Every state as it was before the first step. */
rk_status rk_trainer_restart(rk_trainer *t, rk_error *e);
/* As if it had been opened with this seed for everything, but nothing is compiled again.
 * RK_E_INVALID where examples are read on their way or held out; not with corrupt_test. */
rk_status rk_trainer_reseed(rk_trainer *t, uint64_t seed, rk_error *e);
/* Of the last evaluation of the training set, whose accuracy is given. */
rk_status rk_trainer_fits(rk_trainer *t, double accuracy, rk_fits *out, rk_error *e);
/* Hex of XXH3-128 over name, zero byte and data of every buffer of the model, trained or statistic,
 * in the order of names; every NaN counts as 0x7fc00000. */
rk_status rk_trainer_digest(rk_trainer *t, char out[33], rk_error *e);
/* Number of trained values. */
int64_t rk_trainer_parameters(const rk_trainer *t);
#endif
