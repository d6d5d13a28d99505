/* lab.h: the core's side of diagnose.h: a lab on an open trainer, and what a diagnostic reports. */
#ifndef RK_TRAIN_LAB_H
#define RK_TRAIN_LAB_H
#include "base/pool.h"
#include "rethink/diagnose.h"
#include "train/trainer.h"

typedef struct rk_lab_number {
    const char *name;
    double value;
} rk_lab_number;

/* The next point of a curve (dims 2) or of a surface (3). */
typedef struct rk_lab_dot {
    const char *series;
    double x, y, z;
    uint32_t dims;
} rk_lab_dot;

/* In the order in which they were reported; all is the pool's. */
typedef struct rk_lab_report {
    rk_pool pool;
    rk_lab_number *value;
    rk_lab_dot *point;
    const char **note;
    uint32_t n_values, n_points, n_notes;
    uint64_t bytes; /* of device memory that its jobs took, the most at once */
} rk_lab_report;
void rk_lab_report_free(rk_lab_report *r);

/* Called by the lab; any may be NULL. */
typedef struct rk_lab_watch {
    void *ctx;
    void (*progress)(void *ctx, const char *diagnostic, double fraction);
    bool (*stopping)(void *ctx);
    /* The weights file of another run, for rk_lab_other. */
    rk_status (*other)(void *ctx, const char *run, char *path, size_t cap, rk_error *e);
} rk_lab_watch;

/* Of the weights that are in the trainer's session now.  hub, t, c and w must outlive the lab. */
rk_status rk_lab_new(rk_hub *hub, rk_trainer *t, const rk_config *c, const rk_lab_watch *w,
                     rk_lab **out, rk_error *e);
void rk_lab_free(rk_lab *lab);
/* Runs one diagnostic; *out is empty on failure. */
rk_status rk_lab_run(rk_lab *lab, const rk_spec *diagnostic, rk_lab_report *out, rk_error *e);
#endif
