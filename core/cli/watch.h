/* watch.h: what a user sees while runs go on. */
#ifndef RK_CLI_WATCH_H
#define RK_CLI_WATCH_H
#include <stdio.h>
#include "cli/live.h"
#include "cli/pace.h"
#include "cli/profile.h"
#include "train/run.h"

typedef struct rk_view {
    FILE *out;       /* lines for people */
    bool quiet;      /* no lines during runs */
    rk_live live;    /* on a terminal: one line that changes instead of one an epoch */
    bool verbose;    /* print the plan */
    bool estimate;   /* say what runs will cost, and do not run them */
    bool profile;    /* of every run, before it */
    rk_trace *trace; /* NULL: none is wanted */
    bool (*stopping)(void);
    uint32_t number, total; /* this run's number among all */
    /* Of the run going on. */
    rk_pace pace;
    rk_epoch_record last;
    double making_ns; /* when its kernels were begun to be made */
} rk_view;

/* Callbacks that draw on the view; it must outlive the run. */
rk_watch rk_view_watch(rk_view *v);
/* Removes the live line, so that another line may be printed. */
void rk_view_clear(rk_view *v);
#endif
