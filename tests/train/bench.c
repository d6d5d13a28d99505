#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls visit for every buffer of a graph. */
static void each_buffer(const rk_graph *g, void (*visit)(void *, const rk_node *), void *ctx)
{
    for (rk_value v = 1; v < rk_graph_count(g); v++) {
        rk_node n = rk_graph_node(g, v);
        if (n.op == RK_OP_STATE || n.op == RK_OP_INPUT) visit(ctx, &n);
    }
}

typedef struct pair {
    machine *from, *to;
} pair;

static void carry_one(void *ctx, const rk_node *n)
{
    const pair *p = ctx;
    cell *to = oracle_buffer(p->to->oracle, n->name);
    if (n->op != RK_OP_STATE || !to) return;
    memcpy(to, oracle_buffer(p->from->oracle, n->name),
           (size_t)rk_shape_size(n->shape) * sizeof *to);
}

/* States of the same name are one buffer on a device. */
static void carry(machine *from, machine *to)
{
    if (from == to || !to->graph) return;
    each_buffer(from->graph, carry_one, &(pair){from, to});
}

static void fill_set(machine *m, const rk_examples *x, const char *prefix, int64_t pixels)
{
    static const char *const names[] = {"pixels", "label", "shift", "scale"};
    for (int k = 0; k < 4; k++) {
        char full[64];
        snprintf(full, sizeof full, "%s/%s", prefix, names[k]);
        cell *c = oracle_buffer(m->oracle, full);
        for (int64_t i = 0; c && i < x->n * (k ? 1 : pixels); i++) {
            if (k == 1)
                c[i].u = x->label[i];
            else if (k == 2)
                c[i].f = x->shift[i];
            else if (k == 3)
                c[i].f = x->scale[i];
            else if (x->dtype == RK_U8)
                c[i].u = ((const uint8_t *)x->pixels)[i];
            else
                c[i].f = ((const float *)x->pixels)[i];
        }
    }
}

static void fill_truth(machine *m, const rk_train_set *train)
{
    cell *c = oracle_buffer(m->oracle, "data/train/true_label");
    for (int64_t i = 0; c && i < train->x.n; i++) c[i].u = train->true_label[i];
}

static void start(bench *b, machine *m, rk_graph *g)
{
    m->graph = g;
    m->oracle = oracle_new(g);
    fill_set(m, &b->data->train.x, "data/train", rk_dataset_pixels(b->data));
    fill_set(m, &b->data->test.x, "data/test", rk_dataset_pixels(b->data));
    fill_truth(m, &b->data->train);
}

static void must(rk_status status, const rk_error *e)
{
    if (status != RK_OK) fail_msg("%s", e->text);
}

void bench_open(bench *b, const rk_registry *plugins, const rk_config *c)
{
    rk_error e = rk_error_new();
    rk_audit audit;
    rk_graph *g;
    memset(b, 0, sizeof *b);
    must(rk_recipe_parse(plugins, c, &b->recipe, &e), &e);
    must(rk_dataset_load(b->recipe.data, (const rk_spec *const *)b->recipe.transforms.spec,
                         b->recipe.transforms.n, c->seed, &b->data, &audit, &e),
         &e);
    int64_t n = b->data->train.x.n;
    b->chunks = rk_train_chunks(n, c->batch);
    must(rk_step_build(&b->recipe, b->data, b->chunks, b->chunks.rows, &g, &e), &e);
    start(b, &b->step, g);
    if (n % b->chunks.rows) {
        must(rk_step_build(&b->recipe, b->data, b->chunks, n % b->chunks.rows, &g, &e), &e);
        start(b, &b->last, g);
    }
    for (int test = 0; test < 2; test++) {
        must(rk_eval_build(&b->recipe, b->data, test, &g, &e), &e);
        start(b, &b->evaluation[test], g);
        b->eval[test] = rk_eval_chunks(test ? b->data->test.x.n : n);
    }
}

static void stop(machine *m)
{
    if (!m->graph) return;
    oracle_free(m->oracle);
    rk_graph_free(m->graph);
}

void bench_close(bench *b)
{
    stop(&b->step);
    stop(&b->last);
    stop(&b->evaluation[0]);
    stop(&b->evaluation[1]);
    rk_dataset_free(b->data);
    rk_recipe_clear(&b->recipe);
}

cell *bench_buffer(const bench *b, const char *name)
{
    cell *c = oracle_buffer(b->step.oracle, name);
    if (!c) fail_msg("the step has no buffer %s", name);
    return c;
}

typedef struct wanted {
    const char *name;
    int64_t size;
} wanted;

static void measure(void *ctx, const rk_node *n)
{
    wanted *w = ctx;
    if (strcmp(n->name, w->name) == 0) w->size = rk_shape_size(n->shape);
}

int64_t bench_size(const bench *b, const char *name)
{
    wanted w = {name, -1};
    each_buffer(b->step.graph, measure, &w);
    return w.size;
}

static void begin(bench *b, machine *m, const uint32_t *order, double rate)
{
    if (!m->graph) return;
    cell *c = oracle_buffer(m->oracle, "train/order");
    for (int64_t i = 0; i < b->data->train.x.n; i++) c[i].u = order[i];
    oracle_buffer(m->oracle, "train/rate")->f = rate;
}

void bench_begin(bench *b, const uint32_t *order, double rate)
{
    begin(b, &b->step, order, rate);
    begin(b, &b->last, order, rate);
}

void bench_step(bench *b, int64_t step)
{
    machine *m = step + 1 == b->chunks.count && b->last.graph ? &b->last : &b->step;
    carry(&b->step, m);
    oracle_run(m->oracle, NULL, 0);
    carry(m, &b->step);
}

double bench_sum(const bench *b, bool test, const char *name)
{
    char full[64];
    double sum = 0;
    snprintf(full, sizeof full, "%s/%s", test ? "eval/test" : "eval/train", name);
    const cell *log = oracle_buffer(b->evaluation[test].oracle, full);
    if (!log) fail_msg("the evaluation has no buffer %s", full);
    for (int64_t i = 0; i < b->eval[test].count; i++) sum += log[i].f;
    return sum;
}

void bench_evaluate(bench *b, bool test, double *loss, double *correct)
{
    machine *m = &b->evaluation[test];
    carry(&b->step, m);
    for (int64_t i = 0; i < b->eval[test].count; i++) oracle_run(m->oracle, NULL, 0);
    *loss = bench_sum(b, test, "loss");
    *correct = bench_sum(b, test, "correct");
}
