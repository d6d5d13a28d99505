/* session.h: graphs run on one device.
 * A hub knows the backends that could be loaded.  A session is one open device with the states and
 * inputs of its programs, found by name: two graphs that name the same state share its memory.  A
 * program is one graph, lowered, placed, packed and ready: running it enqueues its steps.
 * Order of use: rk_hub_new, rk_session_open, rk_session_add for every graph, rk_session_commit
 * once (allocates all device memory), then write, run, read.  Threads: a session is used by one at
 * a time. */
#ifndef RK_DEVICE_SESSION_H
#define RK_DEVICE_SESSION_H
#include "rethink/graph.h"

typedef struct rk_hub rk_hub;
typedef struct rk_session rk_session;
typedef struct rk_program rk_program;

/* What was found at one place where a backend could be. */
typedef struct rk_candidate {
    const char *path;
    const char *backend; /* its name, "" if it was refused */
    const char *reason;  /* "loaded", or why not */
    uint32_t n_devices;
    const char *note; /* why there is no device, if there is none and the backend said */
} rk_candidate;

/* Looks for backends: extra (n paths from --backend, files), then RETHINK_BACKEND_PATH (colon-
 * separated files or folders), then the install folder.  A refused candidate is kept with its
 * reason, it is no error. */
rk_status rk_hub_new(const char *const *extra, uint32_t n, rk_hub **out, rk_error *e);
/* Backends of these files and of no other place; all texts are paths. */
rk_status rk_hub_new_of(const char *const *files, uint32_t n, rk_hub **out, rk_error *e);
void rk_hub_free(rk_hub *h);
uint32_t rk_hub_candidates(const rk_hub *h, const rk_candidate **out);
/* Sets an option that backends read through rk_host.option, e.g. "threads" to "2", before a
 * session opens. */
rk_status rk_hub_option(rk_hub *h, const char *key, const char *value, rk_error *e);
/* level <= verbosity of backend log lines go to stderr. */
void rk_hub_verbosity(rk_hub *h, int level);

/* Processes that make kernels while this one does: helpers.h. */
typedef struct rk_help {
    void *ctx;
    /* Starts a process that calls rk_help_work with this order: its number, and where its notes are
     * read without waiting.  False: it could not.  NULL: no helpers are wanted. */
    bool (*start)(void *ctx, const char *order, int64_t *pid, int *notes);
    void (*ended)(void *ctx, int64_t pid); /* it may have been killed; or NULL */
    /* Or NULL: so many of a plan's steps have their kernels, so many programs were compiled since
     * the session was opened. */
    void (*progress)(void *ctx, uint32_t step, uint32_t steps, uint32_t compiled);
} rk_help;
rk_status rk_hub_help(rk_hub *h, const rk_help *how, rk_error *e);

/* The digest of the tuner's database that kernels are chosen by; "" if nothing is tuned. */
void rk_hub_tuning(rk_hub *h, char digest[33]);

/* One device of one backend.  exact: 1 passed, 0 failed, -1 self-test not run. */
typedef struct rk_device_entry {
    char spec[128]; /* "cpu:0", "opencl:0.0": the name that users give and records hold */
    const char *backend, *backend_version;
    rk_devinfo info;
} rk_device_entry;
uint32_t rk_hub_devices(const rk_hub *h, const rk_device_entry **out);

typedef struct rk_selftest {
    bool exact;
    double milliseconds;
    double gflops;    /* of an exact MATMUL, a rough figure for --device auto */
    char reason[256]; /* why not exact */
} rk_selftest;
/* Opens a device, tests it, closes it. */
rk_status rk_hub_selftest(rk_hub *h, const char *spec, rk_selftest *out, rk_error *e);

typedef enum rk_numerics { RK_NUMERICS_EXACT = 0, RK_NUMERICS_FAST = 1 } rk_numerics;
typedef enum rk_fallback { RK_FALLBACK_FORBID = 0, RK_FALLBACK_REFERENCE = 1 } rk_fallback;

typedef struct rk_session_options {
    rk_numerics numerics;
    rk_fallback fallback;
    bool unfused; /* one instruction per EWISE, no programs elsewhere: slow, same bits */
    uint64_t seed;
    /* For tests of the planner: every temporary in memory of its own; memory filled with NaN when
     * the temporary in it ends. */
    bool separate, poison;
} rk_session_options;

/* spec: "cpu", "opencl" (its first device), "opencl:0.0", "opencl:PART OF NAME", or "auto": the
 * fastest device that passed the self-test (refused in fast numerics).  An unknown spec is an
 * error that lists the known ones.  In exact numerics a device that fails the self-test is refused
 * with the reason. */
rk_status rk_session_open(rk_hub *h, const char *spec, const rk_session_options *o,
                          rk_session **out, rk_error *e);
void rk_session_close(rk_session *s);
const rk_device_entry *rk_session_device(const rk_session *s);
const rk_selftest *rk_session_selftest(const rk_session *s);

/* Lowers, places and packs the graph.  The graph is not needed afterwards. */
rk_status rk_session_add(rk_session *s, const rk_graph *g, const char *name, rk_program **out,
                         rk_error *e);
/* What a session took to be ready, from its opening to the end of its commit. */
typedef struct rk_ready {
    double seconds;
    /* Programs of the device: built from source, here or by a helper; found in the cache. */
    uint32_t compiled, cached;
} rk_ready;
/* Of a committed session. */
const rk_ready *rk_session_ready(const rk_session *s);

/* Allocates: every state and input once, one arena for the largest program.  States are zero. */
rk_status rk_session_commit(rk_session *s, rk_error *e);

typedef struct rk_buffer_info {
    const char *name;
    uint32_t dtype;
    rk_shape shape;
    uint64_t bytes;
    bool input, trained, statistic; /* as rk_param and rk_statistic made it */
    rk_init init;
} rk_buffer_info;
/* States and inputs in a fixed order (sorted by name). */
uint32_t rk_session_buffers(const rk_session *s, const rk_buffer_info **out);
const rk_buffer_info *rk_session_buffer(const rk_session *s,
                                        const char *name); /* NULL if unknown */
/* Whole buffers; bytes must be the buffer's.  read waits for all work before it. */
rk_status rk_session_write(rk_session *s, const char *name, const void *src, uint64_t bytes,
                           rk_error *e);
rk_status rk_session_read(rk_session *s, const char *name, void *dst, uint64_t bytes, rk_error *e);
/* Fills every trained buffer from its init and the session's seed. */
rk_status rk_session_init(rk_session *s, rk_error *e);
/* The seed from now on. */
void rk_session_reseed(rk_session *s, uint64_t seed);
/* The n values of a trained buffer that it starts from. */
void rk_init_fill(const rk_init *init, uint64_t seed, const char *name, float *x, uint64_t n);
/* Device memory of a committed session: states, inputs and the arena. */
uint64_t rk_session_bytes(const rk_session *s);

/* Enqueues one execution.  Returns early; run-ahead is bounded to a few executions. */
rk_status rk_program_run(rk_program *p, rk_error *e);
rk_status rk_session_sync(rk_session *s, rk_error *e);

/* What a result record says of a program. */
typedef struct rk_program_info {
    const char *name;
    uint32_t steps, fallback_steps; /* of one run, with copies between devices; in all */
    uint64_t arena_bytes,
        bound_bytes;     /* packed size of temporaries, and the most that are alive at once */
    char digest[33];     /* of the plan's text: hex */
    const char *text;    /* the plan, a line per step: kind, shapes, implementation, offsets */
    const char *kernels; /* distinct implementation names, comma-separated; and if some are a
                            tuner's choice, the digest of its database */
    double flop;         /* of the matrix products and convolutions of one run */
    const char *fallback_note; /* "", or "n of m steps fell back to DEVICE (why); k copies, ..." */
} rk_program_info;
const rk_program_info *rk_program_describe(const rk_program *p);

/* ---- one step at a time: how the results of two devices are compared ---- */

/* A step of the plan as it was made, before a device split it or it fell back: plans of equal
 * digests have the same ones. */
typedef struct rk_trace_out {
    uint32_t buffer, dtype; /* buffer: its number in the plan's text */
    const char *name;       /* of a state, else "" */
    rk_shape shape;
    uint64_t bytes;
    bool passing; /* of a step that runs once, and gone when the commit returns */
} rk_trace_out;
typedef struct rk_trace_step {
    const char *text; /* its line of the plan */
    const char *code; /* the instructions of its program, "FMUL FADD"; "" without one */
    const char *impl; /* the kernels that do it, comma-separated */
    uint32_t n_out;
    const rk_trace_out *out;
} rk_trace_step;
/* Their number; the first *once of them ran at the commit. */
uint32_t rk_program_trace(const rk_program *p, const rk_trace_step **out, uint32_t *once);
/* Runs one; a whole run is all of them in order, but the first *once. */
rk_status rk_program_trace_run(rk_program *p, uint32_t step, rk_error *e);
/* An output of the step that ran last (or once): out[output].bytes bytes.  Waits.  What a COPY
 * does not write of it is zero. */
rk_status rk_program_trace_read(rk_program *p, uint32_t step, uint32_t output, void *dst,
                                rk_error *e);
#endif
