/* lab.h: what the diagnostics of this plugin share. */
#ifndef THEORY_LAB_H
#define THEORY_LAB_H
#include "rethink/diagnose.h"

/* Hands an error on. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        rk_status try_status = (call);                                                             \
        if (try_status != RK_OK) return try_status;                                                \
    } while (0)

/* calloc, or the error that says what the memory was for; an array of 0 has one element. */
void *lab_array(int64_t n, size_t size, const char *what, rk_error *e);
/* How many examples of a set a parameter means: 0 all, and no more than there are. */
int64_t lab_count(const rk_lab *l, bool test, int64_t wanted);
/* The first n examples as the model sees them, as doubles [n][pixels]; freed by free. */
rk_status lab_examples(const rk_lab *l, bool test, int64_t n, double **out, rk_error *e);
/* y[n][classes] becomes 1 - 1 / classes at the label, -1 / classes elsewhere. */
void lab_targets(const rk_lab *l, int64_t n, double *y);
/* The class of the largest of classes outputs, the first where several are. */
uint32_t lab_class(const double *output, uint32_t classes);

/* The items. */
rk_status theorem1(rk_lab *l, const rk_args *a, rk_error *e);
rk_status kernel(rk_lab *l, const rk_args *a, rk_error *e);
rk_status min_norm(rk_lab *l, const rk_args *a, rk_error *e);
rk_status rademacher(rk_lab *l, const rk_args *a, rk_error *e);
rk_status cover(rk_lab *l, const rk_args *a, rk_error *e);
rk_status margins(rk_lab *l, const rk_args *a, rk_error *e);
rk_status ntk(rk_lab *l, const rk_args *a, rk_error *e);
rk_status double_descent(rk_lab *l, const rk_args *a, rk_error *e);
#endif
