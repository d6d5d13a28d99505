/* bench.h: measuring devices, each in several processes of its own.
 *
 * A task is one start of a process on one device.  Tasks are done one at a time, devices in turn
 * and in another order each round, so that what changes with time, as the temperature of the
 * machine, meets all of them.  A task is a child, this executable with --worker: it is told what to
 * do by a text in JSON, and says what it measured in lines of JSON.  One that crashes or hangs
 * loses the part that it was in; another child goes on with the parts after that. */
#ifndef RK_CLI_BENCH_H
#define RK_CLI_BENCH_H
#include "base/pool.h"
#include "base/text.h"
#include "bench/bench.h"
#include "bench/versus.h"
#include "cli/cli.h"
#include "cli/live.h"
#include "cli/spawn.h"

/* ---- what there is to measure ---- */

enum { RK_BENCH_PARTS_MAX = 8 };
/* A part is what one function measures: values of one suite or of two. */
typedef struct rk_bench_part {
    const char *suite[2]; /* the second may be NULL */
    bool once[2];         /* a suite of the first process only */
    rk_status (*run)(const rk_bench_case *c, rk_error *e);
    double seconds; /* that it should take in a quick bench */
} rk_bench_part;
const rk_bench_part *rk_bench_parts(uint32_t *n);
/* The suites of a list, "op,step", NULL for all, as names that a part gives; refuses others. */
typedef struct rk_bench_suites {
    bool keep[RK_BENCH_PARTS_MAX][2]; /* which suites of each part are wanted */
} rk_bench_suites;
rk_status rk_bench_suites_parse(const char *list, rk_bench_suites *out, rk_error *e);
/* True if values of a suite are wanted; those of 'machine' always are. */
bool rk_bench_suites_keep(const rk_bench_suites *s, const char *suite);
const char *rk_bench_size_name(rk_bench_size s);

/* ---- what the user said ---- */

typedef struct rk_bench_arguments {
    rk_bench_size size;
    uint32_t processes, repeats;
    double seconds; /* of each device, 0: as the size says */
    double timeout; /* seconds without a word after which a process hangs */
    const char *suites, *threads, *out, *csv;
    int64_t first, second; /* to compare; 0: the last two */
    const char **devices, **backends, **plugins, **merge;
    uint32_t n_devices, n_backends, n_plugins, n_merge;
    bool json, quiet, verbose, worker, compare;
    rk_error e;
} rk_bench_arguments;
/* Parses; as rk_cli_parse. */
bool rk_bench_parse(int argc, char **argv, rk_bench_arguments *out, int *status);
void rk_bench_arguments_free(rk_bench_arguments *a);

/* ---- devices and tasks ---- */

typedef struct rk_bench_target {
    char spec[128];
    const char *name, *driver, *path; /* path: the file of its backend */
    uint32_t type;
} rk_bench_target;

typedef struct rk_bench_plan {
    const rk_bench_arguments *a;
    rk_bench_suites suites;
    rk_pool pool;
    rk_bench_target *target; /* [n] */
    uint32_t n;
    double times;                           /* as long as a quick bench */
    const char *reference, *reference_path; /* NULL: there is no cpu backend */
} rk_bench_plan;
/* Finds the devices: those that were asked for, or all. */
rk_status rk_bench_plan_make(const rk_bench_arguments *a, rk_bench_plan *out, rk_error *e);
void rk_bench_plan_free(rk_bench_plan *p);
/* Which device the task is on: tasks are numbered from 0 through all rounds. */
uint32_t rk_bench_plan_device(const rk_bench_plan *p, uint32_t task);
/* Whether a part is of a process, from 1; about how many seconds it takes. */
bool rk_bench_plan_has(const rk_bench_plan *p, uint32_t part, uint32_t process);
double rk_bench_plan_seconds(const rk_bench_plan *p, uint32_t part);
/* All options, as JSON; freed by free(). */
char *rk_bench_plan_config(const rk_bench_plan *p);

/* ---- children ---- */

/* What a child is told; texts are the caller's. */
typedef struct rk_bench_order {
    const char *spec, *reference;
    const char *suites, *threads; /* as the user gave them, or NULL */
    const char *const *backends;  /* files: no child loads drivers that it does not use */
    const char *const *plugins;
    uint32_t n_backends, n_plugins, parts; /* parts: a bit each */
    rk_bench_options options;              /* seconds are those of each part */
    double times;                          /* as long as in a quick bench */
    bool identify, verbose;
} rk_bench_order;
rk_status rk_bench_start(const rk_bench_order *o, rk_spawned *out, rk_error *e);
/* The child's side; returns the exit status. */
int rk_bench_work(void);

/* What was heard of one task. */
typedef struct rk_bench_heard {
    rk_pool pool;
    rk_bench_value *value; /* [n] */
    uint32_t n;
    rk_bench_device device;
    bool identified, failed, ended;
    int part;        /* that it is in; -1: none yet */
    double fraction; /* of that part */
    char what[128];  /* it does there */
} rk_bench_heard;
/* What a child says, as a line; each sends one. */
bool rk_bench_say_part(int part);
bool rk_bench_say_progress(const char *what, double fraction);
bool rk_bench_say_device(const rk_bench_device *d);
bool rk_bench_say_value(const rk_bench_value *v);
bool rk_bench_say_failed(const char *why);
bool rk_bench_say_end(void);
/* The parent's side: false if the line is not understood or there is no memory. */
bool rk_bench_hear(rk_bench_heard *h, const char *line);
/* The part came to no end: a value of the suite 'machine' says so. */
bool rk_bench_heard_fail(rk_bench_heard *h, const char *why);

/* ---- running and showing ---- */

typedef struct rk_bench_view {
    FILE *out; /* for people */
    bool quiet, verbose;
    rk_live live;
    double start_ns, done, total; /* seconds that parts should take */
} rk_bench_view;
/* Does all tasks and writes what they measured; *failed if some failed.  Stops when a signal
 * comes. */
rk_status rk_bench_run(const rk_bench_plan *p, rk_results *r, int64_t bench, rk_bench_view *v,
                       bool *failed, rk_error *e);
/* The tables at the end. */
rk_status rk_bench_print(const rk_bench *b, FILE *f, rk_error *e);
/* "1.25 ms", "340 us". */
void rk_bench_time(double seconds, char *out, size_t cap);

/* ---- comparing ---- */

/* rethink bench --compare: two benches of the results file. */
rk_status rk_bench_compare(const rk_bench_arguments *a, rk_error *e);
json_t *rk_versus_json(const rk_versus *v);
/* What a number is: "matmul 128x512x784, exact". */
void rk_versus_name(const rk_bench_value *key, char *out, size_t cap);
/* Calls told for each text of the identity of a device, of its bench and host that differs. */
void rk_versus_identity(const rk_versus *v, const rk_versus_device *d,
                        void (*told)(void *ctx, const char *name, const char *a, const char *b),
                        void *ctx);

/* ---- benches of a file ---- */

typedef struct rk_benches {
    rk_bench **bench;
    uint32_t n;
} rk_benches;
/* On failure *out is empty. */
rk_status rk_benches_load(const char *path, rk_benches *out, rk_error *e);
void rk_benches_free(rk_benches *b);
/* A bench with its devices and values; all of them, with the portability of their platforms.  NULL
 * without memory. */
json_t *rk_bench_json(const rk_bench *b);
json_t *rk_benches_json(const rk_benches *b);
/* A row for each problem, application and platform, with the columns of p3-analysis. */
rk_status rk_benches_csv(const rk_benches *b, FILE *f, rk_error *e);
/* The texts of a device: how JSON calls them, and where they are. */
typedef struct rk_bench_field {
    const char *name;
    size_t offset;
} rk_bench_field;
const rk_bench_field *rk_bench_device_texts(size_t *n);
/* A text that may have any bytes, as JSON can hold it. */
json_t *rk_bench_text(const char *text);
/* null for a number that is not finite. */
json_t *rk_bench_real(double x);
#endif
