/* Running cases in child processes, and saying which of them a crash or a hang belongs to. */
#include "check/check.h"
#include "check/child.h"
#include "check/suite.h"
#include "base/os.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cases of one kind in one process. */
typedef struct batch {
    const rk_check_device *d;
    const rk_check_options *o;
    const uint32_t *list;
    uint32_t n;
} batch;

enum { BEGIN, DONE, CLOSED };
typedef struct message {
    uint32_t type;
    long left; /* CLOSED: host allocations */
    rk_case_result result;
} message;

/* ---- in the child ---- */

static rk_verdict verdict_of(const rk_outcome *o)
{
    if (o->failed) return RK_VERDICT_FAILED;
    return o->refused ? RK_VERDICT_UNSUPPORTED : RK_VERDICT_OK;
}

static void run_case(rk_bed *bed, const batch *b, uint32_t i, message *m)
{
    const rk_case_group *group;
    const rk_case *c = rk_suite_case(i, &group);
    rk_error e = rk_error_new();
    uint64_t start = rk_os_now_ns();
    rk_bed_begin(bed);
    if (!bed->device) {
        rk_status s = rk_bed_open(bed, b->d->path, b->d->index, b->o->option, &e);
        bed->quick = b->o->quick;
        if (s != RK_OK)
            rk_bed_fail(bed, "the device cannot be opened: %s",
                        e.text[0] ? e.text : "and the backend gave no reason");
    }
    if (rk_bed_going(bed)) c->run(bed);
    rk_outcome *o = &bed->outcome;
    if (!(c->flags & RK_CASE_SERVICE) && o->exact + o->fast + o->refused == 0)
        rk_bed_fail(bed, "a defect of this suite: the case runs nothing");
    m->result = (rk_case_result){verdict_of(o), (double)(rk_os_now_ns() - start) / 1e9, *o};
}

static void work(void *ctx, int fd)
{
    const batch *b = ctx;
    rk_bed *bed = calloc(1, sizeof *bed);
    message *m = calloc(1, sizeof *m);
    for (uint32_t k = 0; bed && m && k < b->n; k++) {
        m->type = BEGIN;
        rk_child_send(fd, m, sizeof *m);
        run_case(bed, b, b->list[k], m);
        m->type = DONE;
        if (!rk_child_send(fd, m, sizeof *m)) break;
        if (m->result.verdict == RK_VERDICT_FAILED) break; /* it may have left anything behind */
    }
    if (bed && m) {
        m->left = rk_bed_close(bed);
        m->type = CLOSED;
        rk_child_send(fd, m, sizeof *m);
    }
    free(bed);
    free(m);
}

/* ---- in the parent ---- */

__attribute__((format(printf, 2, 3))) static void failed(rk_case_result *r, const char *format, ...)
{
    va_list args;
    r->verdict = RK_VERDICT_FAILED;
    r->outcome.failed = true;
    va_start(args, format);
    vsnprintf(r->outcome.text, sizeof r->outcome.text, format, args);
    va_end(args);
}

static void tell(const batch *b, uint32_t i, const rk_case_result *r)
{
    if (b->o->watch) b->o->watch(b->o->ctx, i, r);
}

/* What is received was written by a process that may have lost its mind. */
static bool receive(rk_child *c, message *m, double seconds)
{
    if (!rk_child_read(c, m, sizeof *m, seconds)) return false;
    rk_outcome *o = &m->result.outcome;
    o->impl[sizeof o->impl - 1] = o->reason[sizeof o->reason - 1] = '\0';
    o->text[sizeof o->text - 1] = '\0';
    return m->type <= CLOSED && m->result.verdict <= RK_VERDICT_FAILED;
}

/* How a process ended. */
typedef struct ending {
    uint32_t done; /* cases that have a result */
    bool inside;   /* the last of them did not end: it is where the process did */
    bool late;
} ending;

static rk_status run_batch(const batch *b, rk_case_result *result, ending *end, rk_error *e)
{
    batch copy = *b;
    rk_child c;
    message m;
    long left = 0;
    char how[128];
    bool inside = false, closed = false;
    *end = (ending){0};
    RK_TRY(rk_child_start(&c, work, &copy, e));
    while (receive(&c, &m, b->o->seconds)) {
        if (m.type == CLOSED) closed = true, left = m.left;
        if (m.type == BEGIN && end->done > 0)
            tell(b, b->list[end->done - 1], &result[b->list[end->done - 1]]);
        if (m.type == BEGIN && end->done < b->n) tell(b, b->list[end->done], NULL);
        if (m.type == DONE && end->done < b->n) result[b->list[end->done++]] = m.result;
        inside = m.type == BEGIN;
    }
    rk_child_end(&c, b->o->seconds, how, sizeof how);
    end->late = c.late;
    end->inside = (inside || end->done == 0) && end->done < b->n;
    if (end->inside) end->done++;
    rk_case_result *last = &result[b->list[end->done - 1]];
    if (end->inside)
        failed(last, "%s", how[0] ? how : "the process ended in the middle of it");
    else if (how[0] && last->verdict != RK_VERDICT_FAILED)
        failed(last, "the device is closed and the process ends: %s", how);
    else if (!closed && last->verdict != RK_VERDICT_FAILED)
        failed(last, "the process ended while the device was closed");
    else if (left && last->verdict != RK_VERDICT_FAILED)
        failed(last, "%ld host allocations are left after close", left);
    return RK_OK;
}

/* A case that took its process down runs again alone: is it its own fault? */
static rk_status run_alone(const batch *b, uint32_t i, rk_case_result *result, rk_error *e)
{
    rk_case_result first = result[i];
    const rk_check_options quiet = {.option = b->o->option,
                                    .selected = b->o->selected,
                                    .quick = b->o->quick,
                                    .seconds = b->o->seconds};
    const batch alone = {b->d, &quiet, &i, 1};
    ending end;
    result[i] = (rk_case_result){0};
    RK_TRY(run_batch(&alone, result, &end, e));
    if (result[i].verdict != RK_VERDICT_FAILED)
        failed(&result[i], "%.100s after other cases of its kind; alone it passes",
               first.outcome.text);
    return RK_OK;
}

/* The selected cases of one kind; hung ones cost time, so there is an end to them. */
static rk_status run_kind(batch b, rk_case_result *result, rk_error *e)
{
    enum { MOST_HUNG = 2 };
    uint32_t hung = 0;
    while (b.n > 0 && hung < MOST_HUNG) {
        ending end;
        RK_TRY(run_batch(&b, result, &end, e));
        uint32_t last = b.list[end.done - 1];
        hung += end.late;
        if (end.inside && end.done > 1) RK_TRY(run_alone(&b, last, result, e));
        tell(&b, last, &result[last]);
        b.list += end.done;
        b.n -= end.done;
    }
    for (uint32_t k = 0; k < b.n; k++) {
        failed(&result[b.list[k]], "not run: %u cases of its kind hung", hung);
        tell(&b, b.list[k], &result[b.list[k]]);
    }
    return RK_OK;
}

rk_status rk_check_run(const rk_check_device *d, const rk_check_options *o, rk_case_result *result,
                       rk_error *e)
{
    uint32_t n = rk_check_cases(), i = 0;
    uint32_t *list = calloc(n, sizeof *list);
    rk_status s = list ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for a list of cases");
    memset(result, 0, n * sizeof *result);
    while (s == RK_OK && i < n) {
        const rk_case_group *group, *other;
        batch b = {d, o, list, 0};
        rk_suite_case(i, &group);
        for (other = group; i < n && other == group; i++) {
            if (o->selected[i]) list[b.n++] = i;
            if (i + 1 < n) rk_suite_case(i + 1, &other);
        }
        s = run_kind(b, result, e);
    }
    free(list);
    return s;
}
