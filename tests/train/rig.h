/* rig.h: a run of some epochs on a device, and what a diagnostic finds in it. */
#ifndef RK_TEST_RIG_H
#define RK_TEST_RIG_H
#include "train/lab.h"
#include "world.h"

typedef struct rig {
    const world *w;
    rk_config c;
    rk_trainer *trainer;
    rk_lab *lab;
    rk_spec *item;
    rk_lab_report report;
} rig;

/* Batches of 20, rate 0.02; the rig may not move. */
void open_rig(rig *r, const world *w, const char *model, const char *data, int64_t epochs);
void close_rig(rig *r);
/* A diagnostic, "csr:radius=1"; the report before it is gone. */
void run(rig *r, const char *diagnostic);
/* A number, and a point, of the report; the test fails if there is none. */
double value(const rig *r, const char *name);
rk_lab_dot point(const rig *r, const char *series, double x, double y);
/* Fails unless got is want to within the relative bound. */
void near(double got, double want, double bound);
#endif
