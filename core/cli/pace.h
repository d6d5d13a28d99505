/* pace.h: how fast a run goes, from the calls of rk_watch.progress. */
#ifndef RK_CLI_PACE_H
#define RK_CLI_PACE_H
#include <stdint.h>

typedef struct rk_pace {
    double start_ns, start_at; /* the first call: when, and which epoch with its fraction */
    double epoch_ns;           /* the first call of the epoch going on */
    int64_t epoch, first_step;
} rk_pace;
/* {0} before the first call. */

typedef struct rk_pace_now {
    double images; /* a second, while training */
    double left;   /* seconds until the last epoch's end, evaluations counted as they were so far */
} rk_pace_now;

/* Notes that step of steps of an epoch, from 1, is done. */
void rk_pace_note(rk_pace *p, int64_t epoch, int64_t step, int64_t steps);
/* NaN where nothing can be said yet. */
rk_pace_now rk_pace_get(const rk_pace *p, int64_t epochs, int64_t step, int64_t steps,
                        int64_t batch);
#endif
