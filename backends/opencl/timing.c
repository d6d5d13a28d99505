/* How long the device works on launches.  Its queue is exchanged for one that records times, and
 * every command of a launch leaves an event behind: what lies between the events is no work. */
#include "opencl.h"

enum { WORKS = 4096 }; /* that are kept: the last ones */

/* A command; with `before`, the commands after that marker, of which `last` is the last one. */
typedef struct work {
    cl_event before, last;
} work;

struct ocl_timing {
    cl_command_queue usual; /* the device's, when nothing is timed */
    uint64_t since;         /* the last ticket before */
    uint64_t n;             /* works so far */
    work work[WORKS];
};

static void drop(work *w)
{
    if (w->before) clReleaseEvent(w->before);
    if (w->last) clReleaseEvent(w->last);
    *w = (work){NULL, NULL};
}

cl_event *ocl_note(rk_device *d)
{
    if (!d->timing) return NULL;
    work *w = &d->timing->work[d->timing->n++ % WORKS];
    drop(w);
    return &w->last;
}

cl_event *ocl_note_library(rk_device *d)
{
    if (!ocl_note(d)) return NULL;
    work *w = &d->timing->work[(d->timing->n - 1) % WORKS];
    clEnqueueMarkerWithWaitList(d->queue, 0, NULL, &w->before);
    return &w->last;
}

uint64_t ocl_noted(const rk_device *d) { return d->timing ? d->timing->n : 0; }

int ocl_times(const rk_device *d, uint64_t ticket)
{
    return d->timing && ticket > d->timing->since;
}

static rk_status took(rk_device *d, const work *w, uint64_t *ns, rk_error *e)
{
    const cl_profiling_info begins =
        w->before ? CL_PROFILING_COMMAND_END : CL_PROFILING_COMMAND_START;
    cl_ulong begin = 0, end = 0;
    *ns = 0;
    if (!w->last) return RK_OK; /* it was refused */
    cl_int code = clWaitForEvents(1, &w->last);
    if (!code)
        code = clGetEventProfilingInfo(w->before ? w->before : w->last, begins, sizeof begin,
                                       &begin, NULL);
    if (!code)
        code = clGetEventProfilingInfo(w->last, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
    *ns = end > begin ? end - begin : 0;
    return ocl_status(d, code, "asking how long a kernel took", e);
}

rk_status ocl_worked(rk_device *d, uint64_t from, uint64_t to, uint64_t *ns, rk_error *e)
{
    const ocl_timing *t = d->timing;
    if (t->n - from > WORKS)
        return OCL_FAIL(e, RK_E_INVALID, 0, "%llu commands since the first mark; %d can be timed",
                        (unsigned long long)(t->n - from), WORKS);
    *ns = 0;
    for (uint64_t i = from; i < to; i++) {
        uint64_t one;
        OCL_TRY(took(d, &t->work[i % WORKS], &one, e));
        *ns += one;
    }
    return RK_OK;
}

void ocl_timing_end(rk_device *d)
{
    ocl_timing *t = d->timing;
    if (!t) return;
    d->timing = NULL;
    for (int i = 0; i < WORKS; i++) drop(&t->work[i]);
    clReleaseCommandQueue(d->queue);
    d->queue = t->usual;
    ocl_free(d->host, t);
}

static rk_status begin(rk_device *d, rk_error *e)
{
    cl_int code = CL_SUCCESS;
    size_t step = 0;
    clGetDeviceInfo(d->id, CL_DEVICE_PROFILING_TIMER_RESOLUTION, sizeof step, &step, NULL);
    if (!step)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "%.100s has no clock for kernels", d->info.name);
    ocl_timing *t = ocl_alloc(d->host, sizeof *t);
    if (!t) return OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left");
    cl_command_queue queue =
        clCreateCommandQueue(d->context, d->id, CL_QUEUE_PROFILING_ENABLE, &code);
    if (code != CL_SUCCESS) {
        ocl_free(d->host, t);
        return ocl_status(d, code, "creating a queue that records times", e);
    }
    t->usual = d->queue;
    t->since = d->tickets;
    d->queue = queue;
    d->timing = t;
    return RK_OK;
}

rk_status ocl_time_kernels(rk_device *d, uint32_t on, rk_error *e)
{
    if (!on == !d->timing) return RK_OK;
    OCL_TRY(ocl_sync(d, e)); /* queues do not wait for one another */
    if (on) return begin(d, e);
    ocl_timing_end(d);
    return RK_OK;
}
