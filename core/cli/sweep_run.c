/* The loop of a sweep: starts children, hears them, sees them end. */
#include "base/os.h"
#include "base/text.h"
#include "cli/signals.h"
#include "cli/spawn.h"
#include "cli/sweep.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    POLL_MS = 100,
    GIVE_UP_AFTER = 3 /* so many runs in a row that could not read or write a file */
};

typedef struct pool {
    rk_sweep *s;
    const rk_sweep_common *c;
    rk_results *results;
    rk_sweep_view *view;
    rk_sweep_child *child; /* [at_once] */
    struct pollfd *poll;   /* [2 * at_once]: notes and text of each */
    uint32_t at_once, next, input_failures;
    bool told; /* to stop */
} pool;

/* Prints whole lines; the last one stays, as what was said last. */
static void hear_text(pool *p, rk_sweep_child *c, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != '\n') {
            if (c->n_words + 1 < sizeof c->words) c->words[c->n_words++] = bytes[i];
            c->words[c->n_words] = '\0';
            continue;
        }
        c->words[c->n_words] = '\0';
        if (c->n_words) rk_sweep_view_line(p->view, c->task, c->words);
        if (c->n_words) snprintf(c->said, sizeof c->said, "%s", c->words);
        c->n_words = 0;
    }
}

static void hear_note(rk_sweep_child *c, const rk_sweep_note *note)
{
    rk_sweep_note *last = &c->last;
    if (note->kind == RK_NOTE_END) {
        c->end = *note;
        c->ended = true;
        return;
    }
    c->task->run = note->run;
    last->epochs = note->epochs;
    if (note->kind == RK_NOTE_PROGRESS) {
        last->epoch = note->epoch;
        last->images = note->images;
        last->left = note->left;
    } else if (note->kind == RK_NOTE_EPOCH) {
        last->epoch = note->epoch;
        last->loss = note->loss;
        last->train = note->train;
        last->test = note->test;
    }
}

static void close_end(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* All that is there to read; at its end the descriptor is closed. */
static void hear_notes(rk_sweep_child *c)
{
    rk_sweep_note note;
    ssize_t n = 1;
    while (c->notes >= 0 && n > 0) {
        n = read(c->notes, &note, sizeof note);
        if (n == (ssize_t)sizeof note) hear_note(c, &note);
    }
    if (n == 0) close_end(&c->notes);
}

static void hear_prints(pool *p, rk_sweep_child *c)
{
    char bytes[4096];
    ssize_t n = 1;
    while (c->text >= 0 && n > 0) {
        n = read(c->text, bytes, sizeof bytes);
        if (n > 0) hear_text(p, c, bytes, (size_t)n);
    }
    if (n == 0) close_end(&c->text);
}

/* ---- how a child ended ----------------------------------------------------------------------- */

static void fail(rk_task *t, const char *format, const char *a, const char *b)
{
    rk_str text = {0};
    rk_str_add(&text, format, a, b[0] ? ": " : "", b);
    t->state = RK_TASK_FAILED;
    free(t->reason);
    t->reason = text.s;
}

/* The record of a run whose process is gone says so, too. */
static void record_crash(pool *p, const rk_task *t)
{
    rk_error ignored = rk_error_new();
    if (t->run) rk_results_finish(p->results, t->run, "failed", t->reason, &ignored);
}

/* A child that was not yet listening when everything was to stop has lost nothing. */
static bool asked_to_stop(int status)
{
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return rk_signals_stopping() && (number == SIGINT || number == SIGTERM || number == SIGHUP);
}

/* The run is on record; what happened then is its driver's or its plugin's. */
static void say_late(rk_sweep_view *v, const rk_task *t, const char *how)
{
    char line[128];
    snprintf(line, sizeof line, "rethink: the run is done, but then its process %s", how);
    rk_sweep_view_line(v, t, line);
}

static void judge(pool *p, rk_sweep_child *c, int status)
{
    char how[64];
    rk_task *t = c->task;
    rk_spawn_how(status, how, sizeof how);
    if (c->n_words) snprintf(c->said, sizeof c->said, "%s", c->words);
    p->input_failures = c->ended && c->end.code == RK_E_IO ? p->input_failures + 1 : 0;
    if (c->ended && c->end.code == RK_OK) {
        t->state = RK_TASK_DONE;
        if (status != 0) say_late(p->view, t, how);
    } else if (c->ended ? c->end.code == RK_E_STOPPED : asked_to_stop(status))
        t->state = RK_TASK_STOPPED;
    else if (c->ended)
        fail(t, "%s%s%s", c->end.text, "");
    else {
        fail(t, "its process %s%s%s", how, c->said);
        record_crash(p, t);
    }
}

static rk_status end_child(pool *p, rk_sweep_child *c, int status, rk_error *e)
{
    rk_task *t = c->task;
    hear_notes(c);
    hear_prints(p, c);
    close_end(&c->notes);
    close_end(&c->text);
    c->pid = 0;
    t->seconds = 1e-9 * ((double)rk_os_now_ns() - c->start_ns);
    judge(p, c, status);
    rk_task_kind *k = &p->s->kind[t->kind];
    if (t->state == RK_TASK_DONE && !t->resumed) {
        k->seconds += t->seconds;
        k->n++;
    }
    return rk_sweep_view_end(p->view, p->s, t, p->results, e);
}

/* A child that has closed its notes is about to be gone; one whose children hold them is looked
 * for. */
static rk_status reap(pool *p, rk_error *e)
{
    for (uint32_t i = 0; i < p->at_once; i++) {
        rk_sweep_child *c = &p->child[i];
        int status = 0;
        pid_t pid = 0;
        if (!c->pid) continue;
        do pid = waitpid(c->pid, &status, c->notes < 0 ? 0 : WNOHANG);
        while (pid < 0 && errno == EINTR);
        if (pid != 0) RK_TRY(end_child(p, c, status, e));
    }
    return RK_OK;
}

/* ---- starting -------------------------------------------------------------------------------- */

/* How many children use a device. */
static uint32_t users(const pool *p, const char *device)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->at_once; i++)
        n += p->child[i].pid && strcmp(p->child[i].task->device[0], device) == 0;
    return n;
}

/* The device that the fewest use becomes the task's first. */
static void choose_device(const pool *p, rk_task *t)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < t->n_devices; i++)
        if (users(p, t->device[i]) < users(p, t->device[best])) best = i;
    const char *chosen = t->device[best];
    t->device[best] = t->device[0];
    t->device[0] = chosen;
}

static bool to_do(const rk_task *t)
{
    return t->state == RK_TASK_NEW || t->state == RK_TASK_RESUME;
}

/* The first that waits for no other; NULL if there is none now. */
static rk_status next_task(pool *p, rk_task **out, rk_error *e)
{
    *out = NULL;
    while (p->next < p->s->n && !to_do(&p->s->task[p->next])) p->next++;
    for (uint32_t i = p->next; i < p->s->n; i++) {
        rk_task *t = &p->s->task[i];
        if (!to_do(t)) continue;
        if (rk_sweep_ready(p->s, t)) {
            *out = t;
            return RK_OK;
        }
        if (t->state == RK_TASK_FAILED) RK_TRY(rk_sweep_view_end(p->view, p->s, t, p->results, e));
    }
    return RK_OK;
}

static rk_status start_some(pool *p, rk_error *e)
{
    for (uint32_t i = 0; i < p->at_once; i++) {
        if (p->child[i].pid) continue;
        rk_task *t;
        RK_TRY(next_task(p, &t, e));
        if (!t) return RK_OK;
        choose_device(p, t);
        RK_TRY(rk_sweep_spawn(p->c, t, &p->child[i], e));
    }
    return RK_OK;
}

static uint32_t running(const pool *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->at_once; i++) n += p->child[i].pid != 0;
    return n;
}

static void signal_all(const pool *p, int number)
{
    for (uint32_t i = 0; i < p->at_once; i++)
        if (p->child[i].pid) kill(p->child[i].pid, number);
}

static void listen(pool *p)
{
    for (uint32_t i = 0; i < p->at_once; i++) {
        const rk_sweep_child *c = &p->child[i];
        p->poll[2 * i] = (struct pollfd){.fd = c->pid ? c->notes : -1, .events = POLLIN};
        p->poll[2 * i + 1] = (struct pollfd){.fd = c->pid ? c->text : -1, .events = POLLIN};
    }
    if (poll(p->poll, 2 * p->at_once, POLL_MS) <= 0) return;
    for (uint32_t i = 0; i < p->at_once; i++) {
        if (!p->child[i].pid) continue;
        hear_notes(&p->child[i]);
        hear_prints(p, &p->child[i]);
    }
}

static rk_status loop(pool *p, rk_error *e)
{
    rk_status status = RK_OK;
    for (;;) {
        bool stop = status != RK_OK || rk_signals_stopping();
        bool give_up = p->input_failures >= GIVE_UP_AFTER;
        if (!stop && !give_up) status = start_some(p, e);
        if (running(p) == 0) return status;
        if ((stop || status != RK_OK) && !p->told) {
            signal_all(p, SIGTERM);
            p->told = true;
        }
        listen(p);
        rk_status ended = reap(p, status == RK_OK ? e : NULL);
        if (status == RK_OK) status = ended;
        rk_sweep_view_draw(p->view, p->s, p->child, p->at_once);
    }
}

/* Numbers in the order of the sweep, whichever child is first to write. */
static rk_status keep_numbers(rk_sweep *s, rk_results *r, rk_error *e)
{
    int64_t n = rk_sweep_count(s, RK_TASK_NEW), next = 0;
    if (n == 0) return RK_OK;
    RK_TRY(rk_results_keep(r, n, &next, e));
    for (uint32_t i = 0; i < s->n; i++)
        if (s->task[i].state == RK_TASK_NEW) s->task[i].keep = next++;
    return RK_OK;
}

rk_status rk_sweep_run(rk_sweep *s, const rk_sweep_common *c, rk_results *r, uint32_t at_once,
                       rk_sweep_view *v, rk_error *e)
{
    pool p = {.s = s, .c = c, .results = r, .view = v, .at_once = at_once};
    RK_TRY(keep_numbers(s, r, e));
    p.child = calloc(at_once, sizeof *p.child);
    p.poll = calloc(2 * (size_t)at_once, sizeof *p.poll);
    rk_status status = p.child && p.poll ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for a sweep");
    if (status == RK_OK) status = loop(&p, e);
    rk_live_clear(&v->live);
    free(p.child);
    free(p.poll);
    return status;
}
