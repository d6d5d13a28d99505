#include "tune/tune.h"
#include "base/os.h"
#include "tune/search.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double RAPID_SHARE = 0.95; /* of the work */

/* Of a tuner that did not come to its end: the choice that it was trying is bad. */
static rk_status blame(const rk_search *s, const rk_journal_left *left, const char *path,
                       rk_error *e)
{
    static const char *const why = "the process ended, or the machine hung, while it was tried";
    rk_tuning_key key = {left->backend, left->device, left->driver};
    if (!left->choice[0]) {
        rk_search_line(s, "the last tuner was killed; its journal does not say by what");
        return rk_journal_end(s->journal, e);
    }
    rk_search_line(s, "%s on %s: %s: %s; it will be skipped", left->class, left->device,
                   left->choice, why);
    if (!rk_tuning_set_bad(s->known, &key, left->class, left->choice, why))
        return RK_FAIL(e, RK_E_NOMEM, "no memory for tuning");
    RK_TRY(rk_tuning_write(s->known, path, e));
    return rk_journal_end(s->journal, e);
}

/* How many ops, of the sorted list, this mode looks at. */
static uint32_t scope(const rk_tune_ops *ops, bool full)
{
    double all = 0, seen = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < ops->n; i++) all += ops->op[i].work;
    while (n < ops->n && (full || seen < RAPID_SHARE * all)) seen += ops->op[n++].work;
    return n;
}

static bool is_known(const rk_search *s, const char *class)
{
    rk_tuned known;
    if (s->options->again || !rk_tuning_find(s->known, &s->key, class, &known)) return false;
    return !s->options->full || strcmp(known.mode, "full") == 0;
}

static rk_status tune_all(const rk_search *s, const rk_tune_ops *ops, const char *path,
                          rk_tune_summary *out, rk_error *e)
{
    const rk_tune_watch *w = s->watch;
    uint32_t n = scope(ops, s->options->full), i;
    double begun = 1e-9 * (double)rk_os_now_ns();
    for (i = 0; i < n; i++) {
        rk_tune_result r;
        rk_error why = rk_error_new();
        double passed = 1e-9 * (double)rk_os_now_ns() - begun;
        out->left = n - i;
        if (rk_search_stopping(s)) return RK_FAIL(e, RK_E_STOPPED, "stopped");
        if (s->options->seconds > 0 && passed >= s->options->seconds) return RK_OK;
        if (w->progress) w->progress(w->ctx, ops->op[i].class, i, n);
        if (is_known(s, ops->op[i].class)) {
            out->known++;
            continue;
        }
        rk_status status = rk_search_op(s, &ops->op[i], &r, &why);
        if (status == RK_E_UNSUPPORTED) {
            out->wrong += r.own_is_wrong;
            if (!out->nothing[0]) snprintf(out->nothing, sizeof out->nothing, "%.150s", why.text);
            continue;
        }
        rk_status saved = rk_tuning_write(s->known, path, e);
        if (status != RK_OK && e) *e = why;
        if (status != RK_OK) return status;
        RK_TRY(saved);
        out->ops++;
        out->better += r.choice[0] != '\0';
        if (w->result) w->result(w->ctx, &r);
    }
    out->left = 0;
    return RK_OK;
}

static rk_status on_devices(rk_search *s, rk_hub *hub, uint32_t device, const rk_tune_ops *ops,
                            const char *path, rk_tune_summary *out, rk_error *e)
{
    uint32_t cpu;
    rk_open own = {.device = NULL}, reference = {.device = NULL};
    if (rk_hub_find(hub, "cpu", &cpu, e) != RK_OK)
        return rk_error_prefix(e, "choices are checked against the CPU backend");
    rk_status status = rk_open_device(hub, device, &own, e);
    if (status == RK_OK) status = rk_open_device(hub, cpu, &reference, e);
    if (status == RK_OK) {
        s->device = &own;
        s->reference = &reference;
        s->key = rk_open_tuning_key(&own);
        if (own.table->choices && own.table->prepare_choice)
            status = tune_all(s, ops, path, out, e);
        else
            snprintf(out->nothing, sizeof out->nothing, "its backend offers no choices");
    }
    rk_open_close(&reference);
    rk_open_close(&own);
    return status;
}

rk_status rk_tune(rk_hub *hub, const char *spec, const rk_tune_ops *ops, const rk_tune_options *o,
                  const char *path, const rk_tune_watch *watch, rk_tune_summary *out, rk_error *e)
{
    uint32_t device;
    bool left = false;
    rk_journal journal;
    rk_journal_left what;
    rk_search s = {.options = o, .watch = watch, .journal = &journal, .exact = ops->exact};
    *out = (rk_tune_summary){.ops = 0};
    RK_TRY(rk_hub_find(hub, spec, &device, e));
    rk_status status = rk_journal_open(path, &journal, &left, &what, e);
    if (status == RK_OK) status = rk_tuning_read(path, &s.known, e);
    if (status == RK_OK && access(path, F_OK) != 0) /* there, even if nothing is found */
        status = rk_tuning_write(s.known, path, e);
    if (status == RK_OK && left) status = blame(&s, &what, path, e);
    if (status == RK_OK) status = on_devices(&s, hub, device, ops, path, out, e);
    rk_tuning_free(s.known);
    rk_journal_close(&journal);
    return status;
}
