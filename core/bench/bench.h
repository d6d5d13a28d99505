/* bench.h: measuring one device in one process.
 *
 * A bench (rethink bench) starts several processes for each device, in turn; each runs the suites
 * below and gives what it measured to a sink.  Repetitions of contenders are interleaved within a
 * process.  The names, units and subjects of values are those of train/results_bench.h.
 * Threads: one at a time. */
#ifndef RK_BENCH_BENCH_H
#define RK_BENCH_BENCH_H
#include "data/registry.h"
#include "device/session.h"
#include "train/results_bench.h"

typedef enum rk_bench_size { RK_BENCH_QUICK, RK_BENCH_NORMAL, RK_BENCH_FULL } rk_bench_size;

typedef struct rk_bench_options {
    rk_bench_size size;
    uint32_t repeats; /* at least, of each measurement */
    double seconds; /* that a suite should take; it does less of what matters least, and says so */
    uint64_t seed;
    uint32_t process; /* which start of a process this is, from 1; the first one is cold */
    bool fast;        /* the fast tier too, where the device has one */
} rk_bench_options;

/* value: of device and process 0, which the caller fills in; texts live until it returns.
 * progress may be NULL, as may stopping: true asks to end with RK_E_STOPPED. */
typedef struct rk_bench_sink {
    void *ctx;
    rk_status (*value)(void *ctx, const rk_bench_value *v, rk_error *e);
    void (*progress)(void *ctx, const char *what, double fraction);
    bool (*stopping)(void *ctx);
} rk_bench_sink;

/* A first start of one of suite step's workloads, in exact numerics, with empty caches. */
typedef struct rk_bench_cold {
    const char *model;  /* NULL: not measured */
    double plan, first; /* seconds: until all is compiled; of the first step */
} rk_bench_cold;

/* What the suites have in common. */
typedef struct rk_bench_case {
    rk_hub *hub;
    const char *spec;      /* of the device */
    const char *reference; /* the spec of the CPU backend, for digests and ratios */
    const rk_bench_options *options;
    const rk_bench_sink *sink;
    const rk_registry *plugins; /* of the suites that train */
    rk_bench_cold cold;         /* by rk_bench_cold_measure */
} rk_bench_case;

/* Kernels are compiled once and kept, by rethink and by drivers.  What a first run pays is seen
 * where the folders of all these caches are new and empty: begin makes one, folder[RK_PATH_MAX],
 * and names it in the environment; end removes it.  To be called before a hub is made, best in the
 * parent of all processes of a bench, so that process 1 of a device finds no more in the caches
 * than it compiled itself, and the others find that.  'plan cold' is of one workload, by measure,
 * which must come before all that uses the device: only what listing devices compiles is there
 * then.  It does nothing in other processes, or without begin; a workload that cannot be opened is
 * left out. */
rk_status rk_bench_cold_begin(char *folder, rk_error *e);
rk_status rk_bench_cold_measure(rk_bench_case *c, rk_error *e);
void rk_bench_cold_end(const char *folder);

/* Lets PoCL's workers of processes that are started from now on stay on one processor each, by
 * POCL_AFFINITY in the environment, which a device's identity tells.  False, and nothing is done,
 * where the user has said something about it, does not want all threads (threads: as --threads,
 * may be NULL), or does not let this process use all processors. */
bool rk_bench_pin(const char *threads);

rk_status rk_bench_roofline(const rk_bench_case *c, rk_error *e);
/* Suites 'op', and in the first process 'numerics' and what 'support' says of each op. */
rk_status rk_bench_ops(const rk_bench_case *c, rk_error *e);
/* 'support' of each kind, in the first process.  A kernel that crashes ends the process. */
rk_status rk_bench_support(const rk_bench_case *c, rk_error *e);
rk_status rk_bench_steps(const rk_bench_case *c, rk_error *e);
rk_status rk_bench_memorize(const rk_bench_case *c, rk_error *e);
rk_status rk_bench_distance(const rk_bench_case *c, rk_error *e);
/* Suite 'machine': begin gives its context, end frees it and gives the values. */
rk_status rk_bench_machine_begin(const rk_bench_case *c, void **out, rk_error *e);
rk_status rk_bench_machine_end(const rk_bench_case *c, void *machine, rk_error *e);
/* Everything but bench, device and spec; texts are freed by rk_bench_identity_free. */
rk_status rk_bench_identity(const rk_bench_case *c, rk_bench_device *out, rk_error *e);
void rk_bench_identity_free(rk_bench_device *d);
#endif
