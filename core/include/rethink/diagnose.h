/* rethink/diagnose.h: measuring a model after its training, or data before any.
 *
 * A diagnostic is an item of a plugin (RK_KIND_DIAGNOSTIC) whose function gets a lab: the data of a
 * run as its transforms left them, the model with its weights, and the run's device.  It reports
 * numbers and curves by name; the core stores them beside the run, where claims, `rethink show` and
 * the report find them as DIAGNOSTIC.NAME.  It runs at the end of a run (`diagnose=`), or of any
 * run or file of weights (`rethink diagnose`).  A choice that a paper leaves open is a parameter of
 * the item, or is stated by rk_lab_note.
 *
 * What is computed on the device in exact numerics has the same bits on every device.  On the host,
 * add in double precision and in a fixed order, and the report has them too.
 *
 * Errors: functions with an rk_error fill it and return its code, which the diagnostic hands on.
 * Ownership: the lab owns what it returns; rk_job and rk_objective are freed by their maker.
 * Threads: a lab and what is made from it are used by one thread at a time. */
#ifndef RETHINK_DIAGNOSE_H
#define RETHINK_DIAGNOSE_H
#include "rethink/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what is examined ------------------------------------------------------------------------ */

/* After transforms; example i is (pixel - shift[i]) * scale[i], see rk_examples.  pixels are NULL
 * of a set that is not in memory. */
RK_API const rk_dataset *rk_lab_data(const rk_lab *);
/* Example i of the training (test: test) set as the model sees it, F32 [channels][height][width].
 * An error if the pixels are not in memory. */
RK_API rk_status rk_lab_example(const rk_lab *, bool test, int64_t i, float *out, rk_error *);
/* A random stream of the run's seed, named after the diagnostic and `name`. */
RK_API rk_random rk_lab_random(const rk_lab *, const char *name);

/* One trained parameter of the model.  All of them in the order of their making are the vector of
 * rk_lab_size values that the functions below speak of: this one is [first, first + size). */
typedef struct rk_lab_tensor {
    const char *name; /* "hidden1/weight" */
    rk_shape shape;
    int64_t first, size;
} rk_lab_tensor;
RK_API uint32_t rk_lab_tensors(const rk_lab *, const rk_lab_tensor **out);
RK_API int64_t rk_lab_size(const rk_lab *);
/* [rk_lab_size]: as training left them (equal to the initial ones before any), and as it began.
 * A file of weights does not say how those began: then the initial ones are what the seed draws, as
 * a note with the result says. */
RK_API const float *rk_lab_weights(const rk_lab *);
RK_API const float *rk_lab_initial(rk_lab *);
/* Weights of another run of the same model: its number, or of a preset's run the label of another
 * variant (that of the same seed and scale).  Valid as long as the lab. */
RK_API rk_status rk_lab_other(rk_lab *, const char *run, const float **weights, rk_error *);

/* ---- what is found --------------------------------------------------------------------------- */

/* A number.  Names are [a-z0-9_]+, each at most once; NaN is "not measured", and so is infinity,
 * with a note.  A point that is not finite is left out, with a note.  At most 1000 numbers, 100000
 * points and 100 notes are kept: a diagnostic with more fails. */
RK_API void rk_lab_value(rk_lab *, const char *name, double value);
/* The next point of a curve, and of a surface. */
RK_API void rk_lab_point(rk_lab *, const char *curve, double x, double y);
RK_API void rk_lab_point3(rk_lab *, const char *surface, double x, double y, double z);
/* A choice that was made, or what limits a number: one line, printf format. */
RK_API void rk_lab_note(rk_lab *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says how far the diagnostic is, from 0 to 1.  RK_E_STOPPED once the user asked to stop;
 * an error once a report was wrong, so that no work follows that is in vain. */
RK_API rk_status rk_lab_progress(rk_lab *, double fraction, rk_error *);

/* ---- graphs on the run's device -------------------------------------------------------------- */

/* The model's logits [N][classes] of x [N][channels][height][width], with its parameters as
 * rk_param: rk_grad by them, or rk_substitute other values for them.  Dropout and batch norm follow
 * rk_graph_training; augmentations of the run do what they do in evaluation, as a crop that takes
 * the centre.  Not between rk_scope_push and pop. */
RK_API rk_value rk_lab_logits(const rk_lab *, rk_graph *, rk_value x);
/* The parameters of a graph in which rk_lab_logits was called, in the order of rk_lab_tensors:
 * out has room for all. */
RK_API void rk_lab_params(const rk_lab *, const rk_graph *, rk_value *out);
/* Examples index U32 [N] of a set, standardized: F32 [N][channels][height][width], and their labels
 * U32 [N] (not wanted if label is NULL).  An index beyond the set gives zeros. */
RK_API rk_value rk_lab_batch(const rk_lab *, rk_graph *, bool test, rk_value index,
                             rk_value *label);

/* Graphs that share inputs and states by name. */
typedef struct rk_job rk_job;
RK_API rk_status rk_job_new(rk_lab *, rk_job **out, rk_error *);
RK_API void rk_job_free(rk_job *);
/* Compiles; the graph is freed, whatever happens.  *program numbers from 0.  Random words (rk_rng)
 * are of the run's seed, and others in each run of a program that has some. */
RK_API rk_status rk_job_add(rk_job *, rk_graph *, const char *name, uint32_t *program, rk_error *);
/* Once, after the last rk_job_add.  States are zero then, but parameters and statistics of the
 * model, which are the run's; what rk_lab_batch reads is there. */
RK_API rk_status rk_job_commit(rk_job *, rk_error *);
/* Whole buffers: inputs and states.  read waits for what was enqueued. */
RK_API rk_status rk_job_write(rk_job *, const char *buffer, const void *src, uint64_t bytes,
                              rk_error *);
RK_API rk_status rk_job_read(rk_job *, const char *buffer, void *dst, uint64_t bytes, rk_error *);
/* All parameters at once: a vector of rk_lab_size values. */
RK_API rk_status rk_job_write_params(rk_job *, const float *weights, rk_error *);
RK_API rk_status rk_job_read_params(rk_job *, float *weights, rk_error *);
/* The model as the run began: its initial parameters, and running averages that have seen nothing.
 * Other states stay. */
RK_API rk_status rk_job_restart(rk_job *, rk_error *);
RK_API rk_status rk_job_run(rk_job *, uint32_t program, rk_error *);
/* Bytes of device memory that the job takes. */
RK_API uint64_t rk_job_bytes(const rk_job *);

/* ---- the loss as a function of the parameters ------------------------------------------------ */

/* Which mean and variance batch norm takes: the run's averages, or the chunk's own, through which
 * derivatives go then. */
enum { RK_NORM_RUNNING = 0, RK_NORM_BATCH = 1 };

typedef struct rk_objective_options {
    bool test;     /* examples of the test set */
    int64_t limit; /* the first so many examples; 0: all */
    int64_t rows;  /* of a chunk, on the device at once, at most; 0: 256.  All chunks are of equal
                      size, but the last may be smaller. */
    uint32_t norm; /* RK_NORM_*: without batch norm both are the same */
    bool products; /* rk_objective_product is wanted */
} rk_objective_options;

/* f(w), the mean cross-entropy over the examples, dropout off.  Beside the set itself device memory
 * does not grow with their number; in exact numerics every value below has the same bits on every
 * device. */
typedef struct rk_objective rk_objective;
RK_API rk_status rk_objective_new(rk_lab *, const rk_objective_options *, rk_objective **out,
                                  rk_error *);
RK_API void rk_objective_free(rk_objective *);
/* Moves to w [rk_lab_size]; at first it is at rk_lab_weights. */
RK_API rk_status rk_objective_move(rk_objective *, const float *w, rk_error *);
/* accuracy may be NULL. */
RK_API rk_status rk_objective_loss(rk_objective *, double *loss, double *accuracy, rk_error *);
/* gradient [rk_lab_size]; loss may be NULL. */
RK_API rk_status rk_objective_gradient(rk_objective *, float *gradient, double *loss, rk_error *);
/* out = H v with the exact Hessian H of f at w (Pearlmutter 1994): v, out [rk_lab_size]. */
RK_API rk_status rk_objective_product(rk_objective *, const float *v, float *out, rk_error *);
RK_API uint64_t rk_objective_bytes(const rk_objective *); /* of device memory */

#ifdef __cplusplus
}
#endif
#endif
