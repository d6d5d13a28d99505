/* checkpoint.h: a run's folder beside the results file, RESULTS.runs/ID/:
 *   checkpoint.safetensors  every state of the session (parameters, optimizer, random step, logs,
 *                           position), with notes: run, epoch, step, seconds, config
 *   weights.safetensors     the parameters after the last epoch, with notes: run, digest, config
 * A process that trains the run holds a lock on the folder. */
#ifndef RK_TRAIN_CHECKPOINT_H
#define RK_TRAIN_CHECKPOINT_H
#include "train/results.h"
#include "train/trainer.h"

/* Where training stands. */
typedef struct rk_progress {
    int64_t epoch, step; /* from 0: the step to do next; step may be the number of steps */
    double seconds;      /* spent so far */
} rk_progress;

typedef struct rk_run_folder {
    char *path;
    int lock;
} rk_run_folder;

/* Makes the folder and locks it; RK_E_INVALID if another process trains the run. */
rk_status rk_run_folder_open(const rk_results *r, int64_t id, rk_run_folder *out, rk_error *e);
/* The same for a run that begins.  What a run of this number left that is in the results no more,
 * as where their file was removed without its folders, is removed. */
rk_status rk_run_folder_begin(const rk_results *r, int64_t id, rk_run_folder *out, rk_error *e);
/* True if a run has a folder that no process holds: of a running one, that its process is gone.
 * Without a folder, as beside a copy of the results file alone, nothing is known. */
bool rk_run_folder_left(const rk_results *r, int64_t id);
void rk_run_folder_close(rk_run_folder *f);

rk_status rk_checkpoint_save(const rk_run_folder *f, rk_trainer *t, int64_t id, const char *config,
                             const rk_progress *at, rk_error *e);
/* Brings the trainer back to where the checkpoint stands.  *found is false, and nothing changed, if
 * there is none.  One of another run or configuration, or after more than run->epochs_done epochs,
 * is refused: rows are written before it. */
rk_status rk_checkpoint_load(const rk_run_folder *f, rk_trainer *t, const rk_run_record *run,
                             rk_progress *at, bool *found, rk_error *e);
/* Where the checkpoint stands; nothing is loaded. */
rk_status rk_checkpoint_where(const rk_run_folder *f, const rk_trainer *t, const rk_run_record *run,
                              rk_progress *at, bool *found, rk_error *e);
/* The parameters and statistics of any safetensors file, a checkpoint's too, into the trainer.  One
 * of another model is refused, naming the first tensor that is missing, of another shape, or too
 * much. */
rk_status rk_weights_load(const char *path, rk_trainer *t, rk_error *e);
rk_status rk_weights_save(const rk_run_folder *f, rk_trainer *t, int64_t id, const char *config,
                          const char *digest, rk_error *e);
#endif
