#include "bench/oplist.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "data/registry.h"
#include "train/step.h"

static rk_status no_memory(rk_error *e)
{
    return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of operations");
}

void rk_oplist_free(rk_oplist *l)
{
    for (uint32_t i = 0; i < l->n; i++) free(l->op[i]);
    free(l->op);
    *l = (rk_oplist){0};
}

static double flop_of(const rk_sample *t)
{
    const rk_step step = {.op = rk_sample_op(t)};
    return rk_step_flop(&step);
}

static bool is_taken(const rk_oplist *l, const char *subject)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (strcmp(l->op[i]->subject, subject) == 0) return true;
    return false;
}

rk_status rk_oplist_add(rk_oplist *l, const rk_sample *t, double share, rk_error *e)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (memcmp(&l->op[i]->op, t, sizeof *t) == 0) {
            l->op[i]->share += share;
            return RK_OK;
        }
    if (l->n == l->cap) {
        uint32_t cap = 2 * l->cap + 64;
        rk_listed **wider = realloc(l->op, cap * sizeof *wider);
        if (!wider) return no_memory(e);
        l->op = wider;
        l->cap = cap;
    }
    rk_listed *x = calloc(1, sizeof *x);
    if (!x) return no_memory(e);
    x->op = *t;
    x->flop = flop_of(t);
    x->bytes = rk_op_bytes(t);
    x->share = share;
    x->group = t->op.kind << 4;
    if (t->op.kind == RK_CONV || t->op.kind == RK_WINDOW || t->op.kind == RK_REDUCE)
        x->group += (uint32_t)t->op.p[0];
    rk_op_subject(t, x->subject, sizeof x->subject);
    if (is_taken(l, x->subject)) rk_op_mark(t, x->subject, sizeof x->subject);
    l->op[l->n++] = x;
    return RK_OK;
}

/* ---- of plans ---- */

/* Operands of a kind to which programs may be added after its result; 0: its program is it. */
static uint32_t operands(const rk_op *op)
{
    if (op->kind == RK_MATMUL || op->kind == RK_CONV) return 2;
    return op->kind == RK_WINDOW && op->p[0] <= RK_WINDOW_SUM_T ? 1 : 0;
}

/* Samples are compared by their bytes: what a tensor has no dimension for is 0. */
static void take(rk_tensor *to, const rk_tensor *from, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        to[i] = (rk_tensor){.dtype = from[i].dtype, .rank = from[i].rank};
        memcpy(to[i].dim, from[i].dim, from[i].rank * sizeof *to[i].dim);
        memcpy(to[i].stride, from[i].stride, from[i].rank * sizeof *to[i].stride);
    }
}

/* False if it is too long for a sample. */
static bool sample_of(const rk_op *op, rk_sample *t)
{
    bool strip = op->n_code && operands(op);
    rk_sample_begin(t, op->kind);
    t->op.n_in = strip ? operands(op) : op->n_in;
    t->op.n_out = strip ? 1 : op->n_out;
    t->op.n_code = strip ? 0 : op->n_code;
    t->op.n_imm = strip ? 0 : op->n_imm;
    if (t->op.n_in > RK_SAMPLE_TENSORS || t->op.n_out > RK_SAMPLE_TENSORS ||
        t->op.n_code > RK_SAMPLE_CODE || t->op.n_imm > RK_SAMPLE_IMM)
        return false;
    memcpy(t->op.p, op->p, sizeof t->op.p);
    take(t->in, op->in, t->op.n_in);
    take(t->out, op->out, t->op.n_out);
    if (t->op.n_code) memcpy(t->code, op->code, t->op.n_code * sizeof *t->code);
    if (t->op.n_imm) memcpy(t->imm, op->imm, t->op.n_imm * sizeof *t->imm);
    if (strip) t->out[0].dtype = RK_F32;
    t->op.rev = op->rev;
    rk_part_whole(&t->op, t->in, t->out);   /* every backend can be asked for it */
    if (op->kind == RK_RNG) t->op.p[0] = 0; /* the stream: they are all alike */
    return true;
}

static double work(double flop, double bytes) { return flop / 16 > bytes ? flop / 16 : bytes; }

static rk_status add_plan(rk_oplist *l, const rk_plan *plan, rk_error *e)
{
    double all = 0;
    for (int count = 1; count >= 0; count--) /* all of it before the share of each */
        for (uint32_t i = plan->n_once; i < plan->n_step; i++) {
            rk_sample t;
            if (!sample_of(&plan->step[i].op, &t)) continue;
            double own = work(flop_of(&t), rk_op_bytes(&t));
            if (count)
                all += own;
            else
                RK_TRY(rk_oplist_add(l, &t, all > 0 ? own / all : 0, e));
        }
    return RK_OK;
}

static rk_status plan_of(const rk_registry *plugins, const char *model, int64_t batch,
                         rk_plan **plan, rk_error *e)
{
    const rk_dataset d = {.classes = 10,
                          .channels = 3,
                          .height = 28,
                          .width = 28,
                          .train.x = {.n = 2000, .dtype = RK_U8}};
    const rk_plan_options o = {.unfused = false};
    rk_config c = rk_config_default();
    rk_recipe recipe;
    rk_graph *g = NULL;
    c.model = model;
    RK_TRY(rk_recipe_parse(plugins, &c, &recipe, e));
    rk_status s = rk_step_build(&recipe, &d, rk_train_chunks(d.train.x.n, batch), batch, &g, e);
    if (s == RK_OK) s = rk_plan_make(g, &o, plan, e);
    rk_graph_free(g);
    rk_recipe_clear(&recipe);
    return s;
}

/* A model that does not take images of the paper's size is left out. */
static rk_status add_models(rk_oplist *l, int64_t batch, rk_error *e)
{
    rk_registry *plugins;
    const rk_item *const *items;
    RK_TRY(rk_registry_new(NULL, 0, &plugins, e));
    uint32_t n = rk_registry_items(plugins, &items);
    rk_status s = RK_OK;
    for (uint32_t i = 0; s == RK_OK && i < n; i++) {
        rk_error own = rk_error_new();
        rk_plan *plan = NULL;
        if (items[i]->kind != RK_KIND_MODEL) continue;
        if (plan_of(plugins, items[i]->name, batch, &plan, &own) != RK_OK) continue;
        s = add_plan(l, plan, e);
        rk_plan_free(plan);
    }
    rk_registry_free(plugins);
    return s;
}

static rk_status add_sweep(rk_oplist *l, rk_bench_size size, rk_error *e)
{
    static const int64_t sizes[] = {512, 128, 1024, 256, 64, 2048, 32, 1536, 96};
    uint32_t n = size == RK_BENCH_QUICK ? 2 : size == RK_BENCH_NORMAL ? 5 : 9;
    for (uint32_t i = 0; i < n; i++) {
        const int64_t k = sizes[i], dim[3] = {1, k, k};
        const int64_t p[8] = {1, k, k, k, 0, 0, k * k, k * k};
        rk_sample t;
        rk_sample_begin(&t, RK_MATMUL);
        rk_sample_in(&t, RK_F32, 3, dim, 0);
        rk_sample_in(&t, RK_F32, 3, dim, 0);
        rk_sample_out(&t, RK_F32, 3, dim);
        memcpy(t.op.p, p, sizeof p);
        RK_TRY(rk_oplist_add(l, &t, 0, e));
    }
    return RK_OK;
}

/* ---- order ---- */

static void count_ranks(rk_oplist *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        for (uint32_t j = 0; j < l->n; j++) {
            bool before =
                l->op[j]->share > l->op[i]->share || (l->op[j]->share == l->op[i]->share && j < i);
            l->op[i]->rank += j != i && l->op[j]->group == l->op[i]->group && before;
        }
}

static int tier(const rk_listed *x) { return x->rank == 0 ? 0 : x->share == 0 ? 1 : 2; }

static int by_weight(const void *a, const void *b)
{
    const rk_listed *x = *(rk_listed *const *)a, *y = *(rk_listed *const *)b;
    if (tier(x) != tier(y)) return tier(x) < tier(y) ? -1 : 1;
    if (x->share != y->share) return x->share > y->share ? -1 : 1;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    return strcmp(x->subject, y->subject);
}

rk_status rk_oplist_make(int64_t batch, rk_bench_size size, rk_oplist *out, rk_error *e)
{
    *out = (rk_oplist){0};
    rk_status s = add_models(out, batch, e);
    if (s == RK_OK) s = add_sweep(out, size, e);
    if (s != RK_OK) {
        rk_oplist_free(out);
        return s;
    }
    count_ranks(out);
    qsort(out->op, out->n, sizeof *out->op, by_weight);
    return RK_OK;
}
