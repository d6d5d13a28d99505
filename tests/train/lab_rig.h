/* lab_rig.h: a lab on a model that was trained a little, and what a diagnostic reports of it. */
#ifndef RK_TEST_LAB_RIG_H
#define RK_TEST_LAB_RIG_H
#include "train/lab.h"
#include "world.h"

enum { RIG_EXAMPLES = 25 };

typedef struct rig {
    rk_config config;
    rk_trainer *trainer;
    rk_lab *lab;
} rig;

/* A model after one epoch on 25 examples of synth16, in batches of 8, so that running averages are
 * there; on the device (NULL: the world's).  *r must stay where it is. */
void open_rig(const world *w, const char *model, const char *device, rig *r);
/* The same of r->config, which is set; watch may be NULL. */
void train_rig(const world *w, rig *r, const rk_lab_watch *watch);
void close_rig(rig *r);
/* Softmax regression on 83 examples of synth16 and 7 of its test set, in batches of 8. */
rk_config linear_config(void);
/* train_rig of a copy of c, in memory of its own: freed by free_rig. */
rig *new_rig(const world *w, const rk_config *c, const rk_lab_watch *watch);
void free_rig(rig *r);
/* Runs "hessian:norm=batch"; the test fails if that fails. */
rk_lab_report run_item(const world *w, const rig *r, const char *text);
/* A value by its name; the test fails if there is none. */
double value(const rk_lab_report *r, const char *name);
#endif
