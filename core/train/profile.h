/* profile.h: where the time of a training step goes. */
#ifndef RK_TRAIN_PROFILE_H
#define RK_TRAIN_PROFILE_H
#include "device/profile.h"
#include "train/trainer.h"

struct rk_profile {
    rk_launch *launch; /* [n], of one step, in order: each the fastest of `runs` */
    uint32_t n, runs;
    double step; /* seconds of a step whose launches are not waited for: the fastest of several */
    double bytes_floor; /* rk_program_bytes_floor */
    rk_peaks peaks;
};

/* Of the first training step; leaves everything as it was at the start.  Freed by rk_profile_free,
 * before the trainer. */
rk_status rk_trainer_profile(rk_trainer *t, rk_profile *out, rk_error *e);
void rk_profile_free(rk_profile *p);
#endif
