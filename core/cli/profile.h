/* profile.h: a profile as a table, and as a trace that browsers draw. */
#ifndef RK_CLI_PROFILE_H
#define RK_CLI_PROFILE_H
#include "cli/cli.h"
#include "train/profile.h"

/* A line for each kernel, by time; then the step's time, how much of it is gaps, and the device's
 * two peaks. */
rk_status rk_profile_print(FILE *f, const rk_run_record *run, const rk_profile *p, rk_error *e);

/* A trace in the Trace Event Format, which chrome://tracing and Perfetto read: a process for each
 * profiled run, its launches one after the other.  Lack of memory is remembered. */
typedef struct rk_trace {
    json_t *events; /* NULL: nothing yet */
    json_int_t runs;
    bool failed;
} rk_trace;
void rk_trace_add(rk_trace *t, const rk_run_record *run, const rk_profile *p);
/* Writes the file and frees the events. */
rk_status rk_trace_write(rk_trace *t, const char *path, rk_error *e);
void rk_trace_free(rk_trace *t);
#endif
