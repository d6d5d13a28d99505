/* bench.h: a training run on the double-precision interpreter instead of a device. */
#ifndef RK_TEST_BENCH_H
#define RK_TEST_BENCH_H
#include "../grad/oracle.h"
#include "../unit/data_harness.h"
#include "train/step.h"

/* A graph and its buffers. */
typedef struct machine {
    rk_graph *graph;
    oracle *oracle;
} machine;

/* The programs of a run, with their data filled in; states are carried from one to the next. */
typedef struct bench {
    rk_recipe recipe;
    rk_dataset *data;
    rk_chunks chunks, eval[2];
    machine step, last, evaluation[2]; /* last.graph: NULL if all batches are equal */
} bench;

/* The data must outlive the bench; parameters start as zeros. */
void bench_open(bench *b, const rk_registry *plugins, const rk_config *c);
void bench_close(bench *b);
/* A buffer of the training step, and how many cells it has. */
cell *bench_buffer(const bench *b, const char *name);
int64_t bench_size(const bench *b, const char *name);
/* The order of the epoch, for both step graphs; and the learning rate. */
void bench_begin(bench *b, const uint32_t *order, double rate);
void bench_step(bench *b, int64_t step);
/* Runs all chunks of an evaluation with the parameters as they are; the sums of its logs. */
void bench_evaluate(bench *b, bool test, double *loss, double *correct);
/* Of the last evaluation: the sum of one of its logs. */
double bench_sum(const bench *b, bool test, const char *name);
#endif
