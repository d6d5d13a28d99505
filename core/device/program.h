/* program.h: inside sessions and programs, for the files of this folder. */
#ifndef RK_DEVICE_PROGRAM_H
#define RK_DEVICE_PROGRAM_H
#include "device/device.h"
#include "plan/plan.h"

enum { RK_RUN_AHEAD = 3 }; /* executions that may be unfinished before a run waits */

/* Where a step runs.  One that the device refused runs on the reference device, on mirrors of its
 * buffers; SEND and FETCH are COPY steps from a buffer to its mirror and back, through the host. */
typedef enum rk_side { RK_ON_DEVICE, RK_ON_REFERENCE, RK_SEND, RK_FETCH } rk_side;

typedef struct rk_placed {
    rk_kernel *kernel; /* NULL of a SEND or FETCH */
    rk_side where;
    uint32_t origin; /* the number of the step, as the plan was made, that it is a part of */
    const rk_arg *args;
    uint32_t n_args;
    uint64_t sent; /* of a SEND of an input: which of its contents the mirror has */
} rk_placed;

struct rk_program {
    rk_session *session;
    rk_pool pool;
    rk_plan *plan;
    rk_placed *placed; /* [plan->n_step] */
    uint32_t n_placed;
    uint32_t *mirror; /* of each buffer of the plan as it was made, or 0; NULL: nothing fell back */
    uint64_t mirror_bytes;
    rk_area mirrors;          /* of the reference device */
    rk_trace_step *made;      /* the steps as they were made */
    const int64_t **made_box; /* p[] of those that are a COPY, else NULL */
    uint32_t n_made, n_made_once;
    rk_program_info info;
    rk_str text, kernels;
    char note[400];
    uint32_t compiled; /* by the backend, when the first step got its kernel */
    bool helped;       /* helpers were asked for */
    bool tuned;        /* a step's kernel is a choice of the tuner's database */
};

struct rk_session {
    rk_hub *hub;
    const rk_device_entry *entry;
    rk_session_options options;
    rk_selftest test;
    const rk_loaded *loaded; /* the device's backend */
    uint64_t begun;
    rk_ready ready;            /* until the commit the counts as they were at the opening */
    rk_open device, reference; /* the second is open once a step fell back */
    rk_pool pool;              /* names */
    rk_buffer_info *buffer;    /* sorted by name */
    uint64_t *offset;          /* of each, in states */
    uint64_t *written;         /* [n_buffer] from the commit on: how often the host wrote it */
    uint32_t n_buffer, cap_buffer;
    rk_program **program;
    uint32_t n_program;
    bool committed;
    rk_area states, arena;
    unsigned char *staging; /* host memory for SEND, FETCH and poison */
    uint64_t staging_bytes;
    uint64_t ticket[RK_RUN_AHEAD]; /* of the last executions, oldest at next */
    uint32_t n_ticket, next_ticket;
};

/* The place of a name among the session's buffers; true if it is there. */
bool rk_session_find(const rk_session *s, const char *name, uint32_t *at);
/* Adds what a plan names, or checks that it agrees with what is there. */
rk_status rk_session_join(rk_session *s, const rk_plan *plan, rk_error *e);
/* Fills s->ready, once, at the end of the commit. */
void rk_session_note_ready(rk_session *s);
/* Kernels for all steps, splitting and falling back where it must. */
rk_status rk_program_place(rk_program *p, rk_error *e);
/* Keeps what the plan's steps are, before they change; names their kernels once they have them. */
rk_status rk_program_trace_keep(rk_program *p, rk_error *e);
rk_status rk_program_trace_name(rk_program *p, rk_error *e);
/* Puts SEND and FETCH steps where a step needs what the other device has. */
rk_status rk_program_route(rk_program *p, rk_error *e);
/* The arguments of every launch, once memory is there. */
rk_status rk_program_bind(rk_program *p, rk_error *e);
void rk_program_free(rk_program *p);
/* Where a buffer of the program is, on the session's device or, a mirror, on the reference. */
rk_arg rk_program_place_of(const rk_program *p, uint32_t buffer);
/* Enqueues the steps that are run once. */
rk_status rk_program_run_once(rk_program *p, rk_error *e);
/* The most host memory that a step of the program needs on its way. */
uint64_t rk_program_staging(const rk_program *p);
/* Enqueues steps [from, to) of the plan. */
rk_status rk_program_run_steps(rk_program *p, uint32_t from, uint32_t to, rk_error *e);
#endif
