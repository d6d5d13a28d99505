/* theory_rig.h: a lab for tests of diagnostics, and linear algebra without a library. */
#ifndef RK_TEST_THEORY_RIG_H
#define RK_TEST_THEORY_RIG_H
#include "train/lab.h"
#include "world.h"

enum { CLASSES = 10, PIXELS = 256, MOST = 64 };

typedef struct rig {
    rk_config config;
    rk_trainer *trainer;
    rk_lab *lab;
    const world *world;
} rig;

/* A run of one epoch on synth16. */
rig *open_rig(const world *w, const char *model, const char *data, const char *randomize);
void close_rig(rig *r);
/* What a diagnostic reports, "kernel:gamma=2"; the test fails if it fails. */
rk_lab_report measure(const rig *r, const char *item);
/* It must fail with such a text. */
void refuses(const rig *r, const char *item, const char *text);
/* A number of a report, which has it; whether a note has such a text. */
double value(const rk_lab_report *r, const char *name);
bool has_note(const rk_lab_report *r, const char *text);
/* Fails unless |got - want| is at most relative |want|. */
void near(double got, double want, double relative);

void example(const rig *r, bool test, int64_t i, double x[PIXELS]);
double dot(const double *a, const double *b); /* [PIXELS] */
/* Gauss and Jordan with pivots: b becomes a^-1 b, of n rows. */
void eliminate(double a[MOST][MOST], double b[MOST][CLASSES], int n);
/* For qsort of doubles. */
int ascending(const void *a, const void *b);
#endif
