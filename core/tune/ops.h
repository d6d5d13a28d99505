/* ops.h: what there is to tune: the ops of plans, one of each class. */
#ifndef RK_TUNE_OPS_H
#define RK_TUNE_OPS_H
#include "base/pool.h"
#include "device/tuning.h"

typedef struct rk_session rk_session;

typedef struct rk_tune_op {
    rk_op op; /* of those of the class the one with most work */
    char class[RK_TUNING_CLASS];
    double work;  /* an estimate of a step's seconds in all ops of the class, on some device */
    double alone; /* of this op */
} rk_tune_op;

typedef struct rk_tune_ops {
    rk_pool pool; /* of what ops point to */
    rk_tune_op *op;
    uint32_t n;
    bool exact;
} rk_tune_ops;

/* Adds the ops of a session's programs that its device does itself; none of them needs the session
 * after. */
rk_status rk_tune_ops_add(rk_tune_ops *ops, const rk_session *s, rk_error *e);
/* Most work first. */
void rk_tune_ops_sort(rk_tune_ops *ops);
void rk_tune_ops_free(rk_tune_ops *ops);
#endif
