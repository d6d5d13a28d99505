/* Two runs side by side: training steps until states differ, then kernels until results differ. */
#include "train/bisect.h"
#include "base/error.h"
#include "train/checkpoint.h"
#include "train/record.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct side {
    const rk_bisect_run *run;
    rk_config config;
    json_t *owner; /* of config's texts */
    rk_trainer *t;
    void *room; /* [the largest buffer] */
} side;

typedef struct search {
    rk_hub *hub;
    const rk_registry *plugins;
    side s[2];
    rk_progress at;
    int64_t last; /* epochs */
    bool measured;
    unsigned char *before; /* all states, equal in both, before the step at hand */
    rk_bisect_progress progress;
    void *ctx;
    rk_bisected *out;
} search;

static rk_status no_memory(rk_error *e)
{
    return RK_FAIL(e, RK_E_NOMEM, "no memory to compare two runs");
}

/* ---- opening ---- */

static rk_status open_side(search *x, int i, rk_error *e)
{
    side *s = &x->s[i];
    const rk_buffer_info *b;
    uint64_t most = 1;
    rk_config c = s->config;
    if (x->out->fusion != RK_FUSION_RECORDED) c.session.unfused = x->out->fusion == RK_FUSION_NONE;
    RK_TRY(rk_trainer_open(x->hub, x->plugins, &c, &s->t, e));
    RK_TRY(rk_record_check_data(s->run->record, s->t, e));
    uint32_t n = rk_session_buffers(s->t->session, &b);
    for (uint32_t k = 0; k < n; k++)
        if (b[k].bytes > most) most = b[k].bytes;
    s->room = malloc(most);
    snprintf(x->out->device[i], sizeof x->out->device[i], "%s",
             rk_session_device(s->t->session)->spec);
    return s->room ? RK_OK : no_memory(e);
}

static void close_sides(search *x)
{
    for (int i = 0; i < 2; i++) {
        rk_trainer_close(x->s[i].t);
        free(x->s[i].room);
        x->s[i].t = NULL;
        x->s[i].room = NULL;
    }
    free(x->before);
    x->before = NULL;
}

static bool same_program(const rk_program *a, const rk_program *b)
{
    if (!a || !b) return a == b;
    return strcmp(rk_program_describe(a)->digest, rk_program_describe(b)->digest) == 0;
}

static bool same_plans(const search *x)
{
    const rk_trainer *a = x->s[0].t, *b = x->s[1].t;
    return a->steps == b->steps && same_program(a->step, b->step) &&
           same_program(a->last_step, b->last_step) &&
           same_program(a->evaluation[0], b->evaluation[0]) &&
           same_program(a->evaluation[1], b->evaluation[1]);
}

/* Bytes of all states; equal plans have equal ones. */
static rk_status make_room(search *x, rk_error *e)
{
    const rk_buffer_info *b;
    uint64_t bytes = 1;
    uint32_t n = rk_session_buffers(x->s[0].t->session, &b);
    for (uint32_t i = 0; i < n; i++) bytes += b[i].input ? 0 : b[i].bytes;
    x->before = malloc(bytes);
    return x->before ? RK_OK : no_memory(e);
}

/* ---- states ---- */

/* Data are compared by their digests, logs of an evaluation are not part of training. */
static bool left_out(const rk_buffer_info *b)
{
    return strncmp(b->name, "data/", 5) == 0 || strncmp(b->name, "eval/", 5) == 0;
}

static rk_status read_both(search *x, const rk_buffer_info *b, rk_error *e)
{
    for (int i = 0; i < 2; i++)
        RK_TRY(rk_session_read(x->s[i].t->session, b->name, x->s[i].room, b->bytes, e));
    return RK_OK;
}

/* Compares all states and inputs.  *differ: the first that differs is in x->out.  Else x->before
 * has the states. */
static rk_status compare_states(search *x, bool *differ, rk_error *e)
{
    const rk_buffer_info *b;
    rk_bits_difference bits;
    uint32_t n = rk_session_buffers(x->s[0].t->session, &b);
    *differ = false;
    for (uint32_t i = 0; i < n && !*differ; i++) {
        if (left_out(&b[i])) continue;
        RK_TRY(read_both(x, &b[i], e));
        *differ = rk_bits_compare(b[i].dtype, x->s[0].room, x->s[1].room, b[i].bytes, &bits);
        if (!*differ) continue;
        snprintf(x->out->name, sizeof x->out->name, "%s", b[i].name);
        x->out->dtype = b[i].dtype;
        x->out->shape = b[i].shape;
        x->out->bits = bits;
    }
    if (*differ) return RK_OK;
    unsigned char *to = x->before;
    for (uint32_t i = 0; i < n; i++) {
        if (b[i].input) continue;
        RK_TRY(rk_session_read(x->s[0].t->session, b[i].name, to, b[i].bytes, e));
        to += b[i].bytes;
    }
    return RK_OK;
}

/* Brings both back to before the step. */
static rk_status restore(search *x, rk_error *e)
{
    const rk_buffer_info *b;
    const unsigned char *from = x->before;
    uint32_t n = rk_session_buffers(x->s[0].t->session, &b);
    for (uint32_t i = 0; i < n; i++) {
        if (b[i].input) continue;
        for (int k = 0; k < 2; k++)
            RK_TRY(rk_session_write(x->s[k].t->session, b[i].name, from, b[i].bytes, e));
        from += b[i].bytes;
    }
    return RK_OK;
}

/* ---- kernel by kernel ---- */

static void found(search *x, rk_program *const p[2], uint32_t step, const rk_trace_out *o,
                  const rk_bits_difference *bits)
{
    rk_bisected *out = x->out;
    out->verdict = RK_VERDICT_STEP;
    for (int i = 0; i < 2; i++) {
        const rk_trace_step *made;
        uint32_t once;
        out->steps = rk_program_trace(p[i], &made, &once);
        snprintf(out->impl[i], sizeof out->impl[i], "%s", made[step].impl);
        snprintf(out->text, sizeof out->text, "%s", made[step].text);
        snprintf(out->code, sizeof out->code, "%s", made[step].code);
    }
    snprintf(out->program, sizeof out->program, "%s", rk_program_describe(p[0])->name);
    snprintf(out->name, sizeof out->name, "%s", o->name);
    out->number = step;
    out->buffer = o->buffer;
    out->dtype = o->dtype;
    out->shape = o->shape;
    out->bits = *bits;
}

/* Compares the outputs of a step that both have run. */
static rk_status compare_outputs(search *x, rk_program *const p[2], uint32_t step,
                                 const rk_trace_step *made, bool *differ, rk_error *e)
{
    for (uint32_t j = 0; j < made->n_out && !*differ; j++) {
        const rk_trace_out *o = &made->out[j];
        rk_bits_difference bits;
        void *room[2] = {NULL, NULL};
        rk_status status = RK_OK;
        if (o->passing) continue;
        for (int i = 0; i < 2 && status == RK_OK; i++) {
            room[i] = malloc(o->bytes + 1);
            status = room[i] ? rk_program_trace_read(p[i], step, j, room[i], e) : no_memory(e);
        }
        if (status == RK_OK) *differ = rk_bits_compare(o->dtype, room[0], room[1], o->bytes, &bits);
        if (*differ) found(x, p, step, o, &bits);
        free(room[0]);
        free(room[1]);
        RK_TRY(status);
    }
    return RK_OK;
}

/* Runs a program once in both, a step at a time, until an output differs. */
static rk_status trace(search *x, rk_program *const p[2], bool *differ, rk_error *e)
{
    const rk_trace_step *made;
    uint32_t once, n = rk_program_trace(p[0], &made, &once);
    *differ = false;
    for (uint32_t step = 0; step < n && !*differ; step++) {
        for (int i = 0; i < 2 && step >= once; i++) RK_TRY(rk_program_trace_run(p[i], step, e));
        RK_TRY(compare_outputs(x, p, step, &made[step], differ, e));
    }
    return RK_OK;
}

/* ---- training ---- */

static rk_status trace_step(search *x, rk_error *e)
{
    rk_program *p[2];
    bool differ;
    RK_TRY(restore(x, e));
    for (int i = 0; i < 2; i++) p[i] = rk_trainer_program(x->s[i].t, x->at.step);
    for (int i = 0; i < 2; i++) RK_TRY(rk_trainer_feed(x->s[i].t, x->at.step, e));
    RK_TRY(trace(x, p, &differ, e));
    if (!differ) x->out->verdict = RK_VERDICT_GONE; /* name is that of the state */
    return RK_OK;
}

static void verdict(search *x, rk_verdict v)
{
    x->out->verdict = v;
    x->out->epoch = x->at.epoch + 1;
    x->out->step = x->at.step + 1;
}

static rk_status train_epoch(search *x, bool *differ, rk_error *e)
{
    int64_t steps = x->s[0].t->steps;
    for (int i = 0; i < 2; i++) RK_TRY(rk_trainer_begin(x->s[i].t, x->at.epoch, e));
    RK_TRY(compare_states(x, differ, e));
    if (*differ) {
        verdict(x, RK_VERDICT_START);
        return RK_OK;
    }
    for (; x->at.step < steps; x->at.step++) {
        if (x->progress) x->progress(x->ctx, x->at.epoch + 1, x->at.step + 1, steps);
        for (int i = 0; i < 2; i++) RK_TRY(rk_trainer_step(x->s[i].t, x->at.step, e));
        RK_TRY(compare_states(x, differ, e));
        if (!*differ) continue;
        verdict(x, RK_VERDICT_STEP);
        return trace_step(x, e);
    }
    return RK_OK;
}

/* Notes a run whose recorded digest of this epoch was not reached: no difference in what is done
 * again says anything then about what was recorded. */
static rk_status check_record(search *x, rk_error *e)
{
    for (int i = 0; i < 2; i++) {
        const rk_bisect_run *run = x->s[i].run;
        char digest[33];
        bool unfused = x->out->fusion == RK_FUSION_NONE;
        if (x->out->fusion != RK_FUSION_RECORDED && x->s[i].config.session.unfused != unfused)
            continue; /* these are not the kernels that were recorded */
        RK_TRY(rk_trainer_digest(x->s[i].t, digest, e));
        for (uint32_t k = 0; k < run->epochs && !x->out->other[i]; k++)
            if (run->history[k].epoch == x->at.epoch + 1 &&
                strcmp(run->history[k].digest, digest) != 0)
                x->out->other[i] = x->at.epoch + 1;
    }
    return RK_OK;
}

static rk_status evaluate(search *x, bool *differ, rk_error *e)
{
    for (int test = 0; test < 2 && !*differ; test++)
        for (int64_t k = 0; k < x->s[0].t->eval[test].count && !*differ; k++) {
            rk_program *p[2] = {x->s[0].t->evaluation[test], x->s[1].t->evaluation[test]};
            RK_TRY(trace(x, p, differ, e));
            if (*differ) x->out->step = k + 1;
        }
    if (*differ) x->out->epoch = x->at.epoch + 1;
    return RK_OK;
}

static rk_status train(search *x, rk_error *e)
{
    bool differ = false;
    x->out->from = x->at.epoch + 1;
    while (x->at.epoch < x->last) {
        RK_TRY(train_epoch(x, &differ, e));
        if (differ) return RK_OK;
        RK_TRY(check_record(x, e));
        if (x->measured && x->at.epoch + 1 == x->last) RK_TRY(evaluate(x, &differ, e));
        if (differ) return RK_OK;
        x->at.epoch++;
        x->at.step = 0;
    }
    x->out->verdict = RK_VERDICT_SAME;
    return RK_OK;
}

/* ---- where to begin ---- */

/* Both runs' checkpoints, if they stand at the same step, before the end of the last epoch. */
static rk_status skip_ahead(search *x, bool *skipped, rk_error *e)
{
    rk_progress at[2];
    rk_error ignored = rk_error_new();
    *skipped = true;
    for (int i = 0; i < 2 && *skipped; i++) {
        const rk_bisect_run *run = x->s[i].run;
        rk_run_folder folder = {run->folder, -1};
        if (rk_checkpoint_where(&folder, x->s[i].t, run->record, &at[i], skipped, &ignored) !=
            RK_OK)
            *skipped = false; /* it only saves time */
    }
    *skipped =
        *skipped && at[0].epoch == at[1].epoch && at[0].step == at[1].step && at[0].epoch < x->last;
    for (int i = 0; i < 2 && *skipped; i++) {
        const rk_bisect_run *run = x->s[i].run;
        rk_run_folder folder = {run->folder, -1};
        RK_TRY(rk_checkpoint_load(&folder, x->s[i].t, run->record, &x->at, skipped, e));
    }
    return RK_OK;
}

static rk_status begin(search *x, rk_fusion fusion, rk_error *e)
{
    close_sides(x);
    x->at = (rk_progress){0, 0, 0};
    x->out->fusion = fusion;
    for (int i = 0; i < 2; i++) RK_TRY(open_side(x, i, e));
    return RK_OK;
}

static rk_status look(search *x, rk_error *e)
{
    bool skipped;
    RK_TRY(make_room(x, e));
    RK_TRY(skip_ahead(x, &skipped, e));
    RK_TRY(train(x, e));
    if (!skipped || x->out->verdict != RK_VERDICT_START) return RK_OK;
    /* Digests do not cover all states: the difference is older than the checkpoints. */
    RK_TRY(begin(x, x->out->fusion, e));
    RK_TRY(make_room(x, e));
    return train(x, e);
}

static rk_status differ_unfused(rk_error *e)
{
    return RK_FAIL(e, RK_E_INVALID,
                   "the runs do not compute the same: their plans differ, fused or not; see how "
                   "their configurations differ");
}

static rk_status bisect(search *x, rk_error *e)
{
    for (int i = 0; i < 2; i++)
        RK_TRY(rk_config_read(x->s[i].run->record->config, &x->s[i].config, &x->s[i].owner, e));
    RK_TRY(begin(x, RK_FUSION_RECORDED, e));
    if (same_plans(x)) return look(x, e);
    RK_TRY(begin(x, RK_FUSION_NONE, e));
    if (!same_plans(x)) return differ_unfused(e);
    RK_TRY(look(x, e));
    if (x->out->verdict != RK_VERDICT_SAME) return RK_OK;
    RK_TRY(begin(x, RK_FUSION_BOTH, e));
    return look(x, e);
}

rk_status rk_bisect(rk_hub *hub, const rk_registry *plugins, const rk_bisect_run run[2],
                    int64_t last, bool measured, rk_bisect_progress progress, void *ctx,
                    rk_bisected *out, rk_error *e)
{
    search x = {.hub = hub,
                .plugins = plugins,
                .s = {{.run = &run[0]}, {.run = &run[1]}},
                .last = last,
                .measured = measured,
                .progress = progress,
                .ctx = ctx,
                .out = out};
    *out = (rk_bisected){.verdict = RK_VERDICT_SAME};
    rk_status status = bisect(&x, e);
    close_sides(&x);
    for (int i = 0; i < 2; i++) json_decref(x.s[i].owner);
    return status;
}
