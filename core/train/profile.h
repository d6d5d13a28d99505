/* profile.h: where the time of a training step goes. */
#ifndef RK_TRAIN_PROFILE_H
#define RK_TRAIN_PROFILE_H
#include "device/profile.h"
#include "train/trainer.h"

struct rk_profile {
    rk_launch *launch; /* [n], of one step, in order: of that of `runs` steps whose launches took
                          least in all */
    uint32_t n, runs;
    bool kernels; /* all launches are timed as rk_launch.kernels says */
    double step;  /* seconds of a step as in training, nothing in it timed: the fastest of `runs` */
    double bytes_floor; /* rk_program_bytes_floor */
    rk_peaks peaks;
};

/* Of the first training step; leaves everything as it was at the start.  Freed by rk_profile_free,
 * before the trainer. */
rk_status rk_trainer_profile(rk_trainer *t, rk_profile *out, rk_error *e);
void rk_profile_free(rk_profile *p);
#endif
