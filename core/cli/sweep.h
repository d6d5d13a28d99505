/* sweep.h: a grid of runs, each in a process of its own.
 *
 * A task is a run on a device.  The tasks of a sweep are the runs that 'rethink run' would make of
 * the same arguments, times --seeds, times devices (or, with --spread, on whichever of the devices
 * is free), numbered from 1.  The numbers depend on the arguments and the preset only, never on the
 * machine, so that the tasks of a cluster's array job are the same.
 *
 * Each task is a child: this executable with --worker, which is told what to do by a text in JSON,
 * and answers with notes of a fixed size.  A crash ends that child only.  When the parent dies, the
 * kernel kills the children; the lock on the results file's folder of runs, which they inherit, is
 * free when the last of them is gone. */
#ifndef RK_CLI_SWEEP_H
#define RK_CLI_SWEEP_H
#include <sys/types.h>
#include "cli/devices_used.h"
#include "cli/live.h"
#include "cli/pace.h"
#include "cli/run.h"
#include "data/registry.h"

/* ---- what the user said ---- */

/* Whole numbers, as "1..5" or "1,2,7..9". */
typedef struct rk_numbers {
    int64_t *list;
    uint32_t n;
} rk_numbers;
/* Refuses what is no such list, a number outside of lo..hi, and one that is there twice; option is
 * named in errors. */
rk_status rk_numbers_parse(const char *option, const char *text, int64_t lo, int64_t hi,
                           rk_numbers *out, rk_error *e);
void rk_numbers_free(rk_numbers *n);

typedef struct rk_sweep_arguments {
    rk_run_arguments run;
    rk_numbers seeds, only; /* only: the numbers of the tasks to do; none: all */
    const char *plan;       /* the digest that the sweep must have, or NULL */
    uint32_t jobs;          /* 0: not said */
    bool spread, dry_run, worker, emit;
    const char *partition, *time, **sbatch; /* of the job script */
    uint32_t n_sbatch;
} rk_sweep_arguments;
/* Parses; as rk_cli_parse. */
bool rk_sweep_parse(int argc, char **argv, rk_sweep_arguments *out, int *status);
void rk_sweep_arguments_free(rk_sweep_arguments *a);

/* ---- the plan ---- */

typedef enum rk_task_state {
    RK_TASK_NEW,      /* to be started */
    RK_TASK_RESUME,   /* to be gone on with: run is its number */
    RK_TASK_BEFORE,   /* done before this sweep began: run is its number */
    RK_TASK_LEFT_OUT, /* its device, which may be missing, is */
    RK_TASK_RUNNING,
    RK_TASK_DONE,
    RK_TASK_STOPPED, /* by a signal, and saved */
    RK_TASK_FAILED   /* reason says why */
} rk_task_state;
const char *rk_task_state_name(rk_task_state s);

/* What is known of how long a kind of run takes: runs that differ in nothing but the seed. */
typedef struct rk_task_kind {
    char digest[33];
    const char *device; /* "" with --spread: any */
    int64_t epochs;
    double seconds; /* of all that were measured */
    uint32_t n;     /* how many were */
} rk_task_kind;

typedef struct rk_task {
    uint32_t number, job; /* tasks of one job differ in nothing but the device */
    rk_config config;     /* canonical; device is "" until it is chosen */
    const char *label, *threads, *isa;
    const char *
        *after; /* [n_after]: labels of tasks of the same preset and seed that come before */
    uint32_t n_after;
    const char **device; /* [n_devices]: as asked, then specs of those that may do it */
    uint32_t n_devices, kind;
    rk_task_state state;
    bool resumed;
    int64_t run;    /* its number in the results file, 0 if it has none yet */
    int64_t keep;   /* the number that a new run gets */
    double spent;   /* seconds of a run that is gone on with, before this sweep */
    double seconds; /* that it has taken here */
    char *reason;   /* of a failure; freed by free() */
} rk_task;

typedef struct rk_sweep {
    rk_pool pool;
    rk_preset preset;
    rk_jobs *jobs; /* [n_jobs]: for each seed, or one */
    uint32_t n_jobs;
    rk_devices_used devices;
    rk_task *task; /* [n] in order; with --task only those */
    uint32_t n, total;
    bool spread;
    rk_task_kind *kind;
    uint32_t n_kinds;
    char digest[33]; /* of all tasks, whatever the machine */
} rk_sweep;

/* Makes the tasks of the arguments; their devices are as asked, not yet looked for. */
rk_status rk_sweep_plan(const rk_sweep_arguments *a, const rk_registry *plugins, rk_sweep *out,
                        rk_error *e);
void rk_sweep_free(rk_sweep *s);
/* Opens each device once, so that a wrong name is found now. */
rk_status rk_sweep_find_devices(rk_hub *hub, rk_sweep *s, rk_error *e);
/* Which tasks are done or begun in a results file, NULL for none, and about how long runs take.  Of
 * several runs of one task the one that is furthest counts. */
rk_status rk_sweep_match(rk_sweep *s, rk_results *r, rk_error *e);
/* A digest of everything that decides a run's bits, but the device; with seed and names unless it
 * is for a kind.  False without memory. */
bool rk_sweep_key(const rk_config *c, bool kind, char out[33]);
/* About how many seconds a task takes that is not begun, from runs of its kind, or else of others;
 * NaN if there are none. */
double rk_sweep_estimate(const rk_sweep *s, const rk_task *t);
/* Whether all that the task comes after are done.  One of them that is not, and will not be, makes
 * it a failure. */
bool rk_sweep_ready(const rk_sweep *s, rk_task *t);
/* Refuses tasks that come after others. */
rk_status rk_sweep_check_alone(const rk_sweep *s, rk_error *e);
uint32_t rk_sweep_count(const rk_sweep *s, rk_task_state state);

/* ---- children ---- */

typedef enum rk_note_kind {
    RK_NOTE_START = 1, /* run, epochs */
    RK_NOTE_PROGRESS,  /* epoch, step, steps, images, left */
    RK_NOTE_EPOCH,     /* epoch, loss, train, test */
    RK_NOTE_END        /* code, text: how it ended */
} rk_note_kind;

/* What a child says; shorter than PIPE_BUF, so that it is written whole. */
typedef struct rk_sweep_note {
    rk_note_kind kind;
    rk_status code;
    int64_t run, epoch, epochs, step, steps;
    double images, left, loss, train, test;
    char text[512];
} rk_sweep_note;

enum { RK_LAST_WORDS = 4096 };
typedef struct rk_sweep_child {
    rk_task *task;
    pid_t pid;       /* 0: none */
    int notes, text; /* what it says, and what it prints; -1 once it is at its end */
    double start_ns;
    rk_sweep_note last, end; /* where it is; how it ended, once it has said so */
    bool ended;
    char words[RK_LAST_WORDS], said[RK_LAST_WORDS]; /* a line that it prints, and the one before */
    size_t n_words;
} rk_sweep_child;

/* What all children of a sweep share. */
typedef struct rk_sweep_common {
    const rk_sweep_arguments *a;
    const char *results;         /* path */
    char threads[16];            /* of the cpu backend, "" for its own choice */
    const char *const *backends; /* [n_backends]: files of those that the devices are of, and of
                                    the reference: no child loads drivers that it does not use */
    uint32_t n_backends;
    int lock;
} rk_sweep_common;

/* Starts a task on the first of its devices. */
rk_status rk_sweep_spawn(const rk_sweep_common *c, rk_task *t, rk_sweep_child *out, rk_error *e);
/* The child's side: does what the text on standard input says; returns the exit status. */
int rk_sweep_work(void);

/* ---- what is shown ---- */

typedef struct rk_sweep_view {
    FILE *out; /* for people */
    bool quiet, verbose;
    rk_live live;
    double start_ns;
    int title_width, device_width, number_width;
} rk_sweep_view;

/* "random labels": what a table calls the run; into out, cut to cap bytes. */
void rk_task_title(const rk_task *t, char *out, size_t cap);
rk_sweep_view rk_sweep_view_new(const rk_sweep *s, const rk_sweep_arguments *a);
/* A line for a run that has ended; r says how far it came. */
rk_status rk_sweep_view_end(rk_sweep_view *v, const rk_sweep *s, const rk_task *t, rk_results *r,
                            rk_error *e);
/* A line that a child has printed; what is no message to the user only if they want details. */
void rk_sweep_view_line(rk_sweep_view *v, const rk_task *t, const char *line);
/* The line at the bottom of a terminal. */
void rk_sweep_view_draw(rk_sweep_view *v, const rk_sweep *s, const rk_sweep_child *child,
                        uint32_t n);
/* Seconds until everything is done; NaN if there is nothing to guess from.  child may be NULL. */
double rk_sweep_left(const rk_sweep *s, const rk_sweep_child *child, uint32_t n_children,
                     uint32_t at_once);

/* What is to be done, and what is done, as a table: for --dry-run. */
rk_status rk_sweep_print_plan(const rk_sweep *s, uint32_t at_once, FILE *f, rk_error *e);
/* The end: means over seeds, whether devices agree, what failed.  *differ: some devices do not
 * agree although they should. */
rk_status rk_sweep_print_end(const rk_sweep *s, rk_results *r, const rk_sweep_view *v, bool *differ,
                             rk_error *e);
/* All of it for other programs; r may be NULL. */
rk_status rk_sweep_print_json(const rk_sweep *s, rk_results *r, double left, rk_error *e);
/* A job script: an array whose elements do one task each, or several if there are too many. */
rk_status rk_sweep_print_slurm(const rk_sweep *s, const rk_sweep_arguments *a, FILE *f,
                               rk_error *e);

/* ---- running ---- */

/* Runs every task that is to be run, at most so many at once.  Failures of tasks are noted in them;
 * an error is one of the sweep itself. */
rk_status rk_sweep_run(rk_sweep *s, const rk_sweep_common *c, rk_results *r, uint32_t at_once,
                       rk_sweep_view *v, rk_error *e);
#endif
