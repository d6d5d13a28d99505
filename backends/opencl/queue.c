/* Points on the device's timeline.  The queue is in order, so the end of a marker is the end of all
 * work before it. */
#include "opencl.h"
#include <stdlib.h>
#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

rk_status ocl_sync(rk_device *d, rk_error *e)
{
    OCL_TRY(ocl_alive(d, e));
    d->unflushed = 0;
    /* In rusticl of Mesa 22.3 clFinish waits for what was not flushed yet, and only for that; a
     * marker is, and it is the last. */
    OCL_TRY(ocl_async(d, clEnqueueMarkerWithWaitList(d->queue, 0, NULL, NULL), "marking", e));
    return ocl_async(d, clFinish(d->queue), "waiting for the device", e);
}

/* Of the C library, as the host and its memory may be gone before the driver's thread comes. */
static void let_go(ocl_moment *m)
{
    if (atomic_fetch_sub(&m->owners, 1) == 1) free(m);
}

static void CL_CALLBACK reached(cl_event event, cl_int status, void *user)
{
    ocl_moment *m = user;
    (void)event, (void)status;
    atomic_store(&m->host_ns, now_ns());
    let_go(m);
}

/* The driver calls reached() at about the time when waiting ends, perhaps a little later. */
static uint64_t stamp(const ocl_mark *m)
{
    const struct timespec pause = {0, 20000};
    for (int i = 0; i < 5000 && !atomic_load(&m->moment->host_ns); i++) nanosleep(&pause, NULL);
    return atomic_load(&m->moment->host_ns);
}

static void retire(ocl_mark *m)
{
    if (!m->event) return;
    clWaitForEvents(1, &m->event);
    clReleaseEvent(m->event);
    m->event = NULL;
}

/* The library of this function may be unloaded soon, so it gives the driver time to call it. */
void ocl_marks_end(rk_device *d)
{
    for (int i = 0; i < OCL_MARKS; i++) {
        ocl_mark *m = &d->marks[i];
        retire(m);
        if (!m->moment) continue;
        if (atomic_load(&m->moment->owners) > 1) stamp(m);
        let_go(m->moment);
        m->moment = NULL;
    }
}

/* One that the driver does not hold any more, or a new one. */
static rk_status clear(ocl_mark *m, rk_error *e)
{
    if (m->moment && atomic_load(&m->moment->owners) > 1) {
        let_go(m->moment);
        m->moment = NULL;
    }
    if (!m->moment) m->moment = malloc(sizeof *m->moment);
    if (!m->moment) return OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left for a mark");
    atomic_init(&m->moment->host_ns, 0);
    atomic_init(&m->moment->owners, 1);
    return RK_OK;
}

rk_status ocl_mark_now(rk_device *d, uint64_t *ticket, rk_error *e)
{
    OCL_TRY(ocl_alive(d, e));
    ocl_mark *m = &d->marks[(d->tickets + 1) % OCL_MARKS];
    retire(m);
    m->ticket = 0;
    OCL_TRY(clear(m, e));
    OCL_TRY(ocl_async(d, clEnqueueMarkerWithWaitList(d->queue, 0, NULL, &m->event), "marking", e));
    atomic_store(&m->moment->owners, 2);
    if (clSetEventCallback(m->event, CL_COMPLETE, reached, m->moment) != CL_SUCCESS)
        atomic_store(&m->moment->owners, 1);
    m->noted = ocl_noted(d);
    *ticket = m->ticket = ++d->tickets;
    d->unflushed = 0;
    return ocl_async(d, clFlush(d->queue), "flushing", e);
}

/* The mark of a ticket; NULL if it has left the ring: then it was reached. */
static ocl_mark *mark_of(rk_device *d, uint64_t ticket)
{
    ocl_mark *m = &d->marks[ticket % OCL_MARKS];
    return m->ticket == ticket ? m : NULL;
}

rk_status ocl_wait(rk_device *d, uint64_t ticket, rk_error *e)
{
    OCL_TRY(ocl_alive(d, e));
    if (!ticket || ticket > d->tickets)
        return OCL_FAIL(e, RK_E_INVALID, 0, "no such ticket: %llu", (unsigned long long)ticket);
    ocl_mark *m = mark_of(d, ticket);
    if (!m) return RK_OK;
    return ocl_async(d, clWaitForEvents(1, &m->event), "waiting for a ticket", e);
}

/* The work between the tickets where kernels are timed, else what passed on the host. */
rk_status ocl_elapsed(rk_device *d, uint64_t from, uint64_t to, uint64_t *ns, rk_error *e)
{
    OCL_TRY(ocl_wait(d, from, e));
    OCL_TRY(ocl_wait(d, to, e));
    ocl_mark *a = mark_of(d, from), *b = mark_of(d, to);
    if (!a || !b || from > to)
        return OCL_FAIL(e, RK_E_INVALID, 0, "the last %d tickets can be timed, in order",
                        OCL_MARKS);
    if (ocl_times(d, from)) return ocl_worked(d, a->noted, b->noted, ns, e);
    uint64_t begun = stamp(a), ended = stamp(b);
    if (!begun || !ended)
        return OCL_FAIL(e, RK_E_DEVICE, 0, "the driver of %.100s does not say when work has ended",
                        d->info.name);
    *ns = ended > begun ? ended - begun : 0;
    return RK_OK;
}
