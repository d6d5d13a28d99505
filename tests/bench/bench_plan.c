/* How a training step is planned: time, launches, memory, and bytes that go through memory.
 *
 * usage: bench_plan [--model inception] [--batch 128] [--side 28] [--channels 3] [--print]
 *
 * Needs no device: the figures are of the plan as it is made, before any device refuses a step.
 * Memory is packed as for a device whose kernels may all write in place and need no workspace.
 * RETHINK_PLUGIN_PATH says where plugins are, as for rethink itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "plan/plan.h"
#include "graph/node.h"
#include "train/step.h"

enum { EXAMPLES = 2048, REPEATS = 5 };

typedef struct options {
    const char *model;
    long batch, side, channels;
    bool print;
} options;

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_plan: %s: %s\n", what, why);
    exit(1);
}

static void must(rk_status s, const char *what, const rk_error *e)
{
    if (s != RK_OK) die(what, e->text);
}

static options parse(int argc, char **argv)
{
    options o = {"inception", 128, 28, 3, false};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--print") == 0) {
            o.print = true;
            continue;
        }
        if (strcmp(argv[i], "--model") == 0)
            o.model = value;
        else if (strcmp(argv[i], "--batch") == 0)
            o.batch = strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--side") == 0)
            o.side = strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--channels") == 0)
            o.channels = strtol(value, NULL, 10);
        else
            die(argv[i], "unknown; see the head of tests/bench/bench_plan.c");
        i++;
    }
    if (o.batch < 1 || o.batch > EXAMPLES || o.side < 1 || o.channels < 1)
        die("--batch, --side, --channels", "whole numbers from 1, a batch at most 2048");
    return o;
}

/* Bytes that a step reads and writes: whole operands, but for a COPY its box, and parts. */
static uint64_t step_bytes(const rk_plan *plan, const rk_step *s)
{
    uint64_t bytes = 0, box = 2 * rk_dtype_bytes(s->op.out[0].dtype);
    if (s->op.kind == RK_COPY) {
        for (int64_t d = 0; d < s->op.p[0]; d++) box *= (uint64_t)s->op.p[1 + 3 * d];
        return box;
    }
    for (uint32_t j = 0; j < s->op.n_in + s->op.n_out; j++)
        if (j == rk_part_of(&s->op))
            bytes += (uint64_t)rk_part_bytes(&s->op);
        else
            bytes += plan->buffer[j < s->op.n_in ? s->in[j] : s->out[j - s->op.n_in]].bytes;
    return bytes;
}

/* Bytes that the steps of a kind read and write, and their number. */
typedef struct traffic {
    uint32_t steps, big; /* big: over a MiB */
    uint64_t bytes;
} traffic;

static traffic traffic_of(const rk_plan *plan, uint32_t kind)
{
    traffic t = {0};
    for (uint32_t i = plan->n_once; i < plan->n_step; i++) {
        if (plan->step[i].op.kind != kind) continue;
        uint64_t bytes = step_bytes(plan, &plan->step[i]);
        t.bytes += bytes;
        t.steps++;
        t.big += bytes > 1048576;
    }
    return t;
}

static void print_plan(rk_plan *plan, const options *o)
{
    static const char *const kinds[] = {NULL,   "ewise",  "copy", "reduce", "matmul",
                                        "conv", "window", "take", "put",    "rng"};
    rk_str text = {0};
    printf("%-8s %6s %14s %10s\n", "kind", "steps", "over a MiB", "MiB moved");
    for (uint32_t kind = RK_EWISE; kind <= RK_RNG; kind++) {
        traffic t = traffic_of(plan, kind);
        if (t.steps)
            printf("%-8s %6u %14u %10.1f\n", kinds[kind], t.steps, t.big,
                   (double)t.bytes / 1048576);
    }
    if (o->print) rk_plan_print(plan, true, &text);
    if (text.s) fputs(text.s, stdout);
    rk_str_free(&text);
}

/* Plans a graph and packs it. */
static rk_plan *make(const rk_graph *g, double *ms)
{
    rk_error e = rk_error_new();
    rk_plan_options none = {0};
    rk_pack_options pack = {.align = 64};
    rk_plan *plan;
    clock_t begin = clock(); /* of the processor: planning is one thread, and machines are busy */
    must(rk_plan_make(g, &none, &plan, &e), "plan", &e);
    for (uint32_t i = 0; i < plan->n_step; i++) plan->step[i].alias_ok = UINT32_MAX;
    must(rk_plan_lives(plan, true, &e), "lives", &e);
    must(rk_plan_pack(plan, &pack, &e), "pack", &e);
    *ms = (double)(clock() - begin) / CLOCKS_PER_SEC * 1e3;
    return plan;
}

int main(int argc, char **argv)
{
    options o = parse(argc, argv);
    rk_error e = rk_error_new();
    rk_config config = rk_config_default();
    rk_registry *plugins;
    rk_recipe recipe;
    rk_graph *g;
    rk_plan *plan = NULL;
    rk_dataset d = {.classes = 10,
                    .channels = (uint32_t)o.channels,
                    .height = (uint32_t)o.side,
                    .width = (uint32_t)o.side,
                    .train.x = {.n = EXAMPLES, .dtype = RK_U8}};
    rk_chunks chunks = {o.batch, (EXAMPLES + o.batch - 1) / o.batch};
    double least = 1e30;
    config.model = o.model;
    must(rk_registry_new(NULL, 0, &plugins, &e), "plugins", &e);
    must(rk_recipe_parse(plugins, &config, &recipe, &e), o.model, &e);
    must(rk_step_build(&recipe, &d, chunks, o.batch, &g, &e), "graph", &e);
    for (int i = 0; i < REPEATS; i++) {
        double ms;
        rk_plan_free(plan);
        plan = make(g, &ms);
        if (ms < least) least = ms;
    }
    print_plan(plan, &o);
    printf("%s: %u values, planned in %.1f ms (least of %d), %u steps, temporaries %.2f MiB, "
           "%.3f x the lower bound\n",
           recipe.model->text, rk_graph_count(g) - 1, least, REPEATS, plan->n_step - plan->n_once,
           (double)plan->arena_bytes / 1048576,
           (double)plan->arena_bytes / (double)plan->bound_bytes);
    rk_plan_free(plan);
    rk_graph_free(g);
    rk_recipe_clear(&recipe);
    rk_registry_free(plugins);
    return 0;
}
