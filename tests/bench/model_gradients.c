/* One step of a model without an optimizer, for comparison with other programs.
 *
 * usage: model_gradients OUT.safetensors [--model inception] [--device cpu] [--batch 16]
 *                        [--side 28] [--channels 3] [--seed 1]
 *
 * Writes the batch (x, standard normal numbers, and label), all parameters by their names, the mean
 * cross-entropy of the training step as "loss", its gradients as "gradient/NAME", the running
 * averages after the step, and which way the step went at every kink: "branch/N" is the mask of
 * relu N, or the index of max-pool N, counted together in the order of the graph.
 * tests/bench/bench_torch_grad.py computes the same with PyTorch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "device/session.h"
#include "graph/node.h"
#include "train/config.h"
#include "train/safetensors.h"

enum { MOST = 1024, CLASSES = 10 };

typedef struct options {
    const char *out, *model, *device;
    long batch, side, channels, seed;
} options;

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "model_gradients: %s: %s\n", what, why);
    exit(1);
}

static void must(rk_status s, const char *what, const rk_error *e)
{
    if (s != RK_OK) die(what, e->text);
}

static options parse(int argc, char **argv)
{
    options o = {argc > 1 ? argv[1] : "", "inception", "cpu", 16, 28, 3, 1};
    const struct {
        const char *name;
        long *number;
        const char **text;
    } known[] = {{"--model", NULL, &o.model}, {"--device", NULL, &o.device},
                 {"--batch", &o.batch, NULL}, {"--side", &o.side, NULL},
                 {"--seed", &o.seed, NULL},   {"--channels", &o.channels, NULL}};
    if (!o.out[0] || o.out[0] == '-') die("usage", "model_gradients OUT.safetensors [OPTION...]");
    for (int i = 2; i < argc; i += 2) {
        size_t k = 0, n = sizeof known / sizeof *known;
        while (k < n && strcmp(known[k].name, argv[i]) != 0) k++;
        if (k == n || i + 1 == argc) die(argv[i], "unknown, or without a value");
        if (known[k].text) *known[k].text = argv[i + 1];
        if (known[k].number) *known[k].number = strtol(argv[i + 1], NULL, 10);
    }
    if (o.batch < 1 || o.side < 1 || o.channels < 1) die("--batch, --side, --channels", "from 1");
    return o;
}

static void assign_new(rk_graph *g, const char *name, rk_value v)
{
    rk_assign(g, rk_state(g, rk_dtype_of(g, v), rk_shape_of(g, v), name), v);
}

/* Before there is a gradient: every maximum of 0 and something is a relu. */
static void assign_branches(rk_graph *g)
{
    uint32_t count = rk_graph_count(g), n = 0;
    for (rk_value v = 1; v < count; v++) {
        rk_node node = rk_graph_node(g, v);
        char name[32];
        if (node.op != RK_OP_MAX && node.op != RK_OP_WARGMAX) continue;
        snprintf(name, sizeof name, "branch/%u", n++);
        assign_new(g, name, node.op == RK_OP_MAX ? rk_lt(g, node.in[0], node.in[1]) : v);
    }
}

static rk_graph *build(const options *o, const rk_spec *model)
{
    static rk_value param[MOST], grad[MOST];
    rk_error e = rk_error_new();
    rk_graph *g = rk_graph_new();
    if (!g) die("graph", "no memory");
    rk_graph_set_training(g, true);
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(o->batch, o->channels, o->side, o->side), "x");
    rk_value label = rk_input(g, RK_U32, RK_SHAPE(o->batch), "label");
    rk_value logits = model->item->model(g, x, CLASSES, model->args);
    rk_value loss = rk_mean(g, rk_cross_entropy(g, logits, label), 0, 1);
    assign_branches(g);
    uint32_t n = rk_graph_params(g, param, MOST);
    if (n > MOST) die(o->model, "more than 1024 parameters");
    rk_grad(g, loss, param, n, grad);
    for (uint32_t i = 0; i < n; i++) {
        char name[512];
        snprintf(name, sizeof name, "gradient/%s", rk_name_of(g, param[i]));
        assign_new(g, name, grad[i]);
    }
    assign_new(g, "loss", loss);
    must(rk_graph_check(g, &e), o->model, &e);
    return g;
}

static void write_batch(rk_session *s, const options *o)
{
    rk_error e = rk_error_new();
    size_t n = (size_t)(o->batch * o->channels * o->side * o->side);
    float *x = calloc(n, sizeof *x);
    uint32_t *label = calloc((size_t)o->batch, sizeof *label);
    if (!x || !label) die("batch", "no memory");
    rk_random r = rk_random_named((uint64_t)o->seed, "bench/x");
    for (size_t i = 0; i < n; i++) x[i] = rk_random_normal(r, i);
    r = rk_random_named((uint64_t)o->seed, "bench/label");
    for (size_t i = 0; i < (size_t)o->batch; i++) label[i] = rk_random_below(r, i, CLASSES);
    must(rk_session_write(s, "x", x, n * sizeof *x, &e), "x", &e);
    must(rk_session_write(s, "label", label, (size_t)o->batch * sizeof *label, &e), "label", &e);
    free(x);
    free(label);
}

typedef struct source {
    rk_session *session;
    const rk_buffer_info *buffer;
} source;

static rk_status fill(void *ctx, uint32_t i, void *dst, rk_error *e)
{
    const source *s = ctx;
    return rk_session_read(s->session, s->buffer[i].name, dst, s->buffer[i].bytes, e);
}

static void write_all(rk_session *session, const options *o, const char *model)
{
    rk_error e = rk_error_new();
    source s = {.session = session};
    uint32_t n = rk_session_buffers(session, &s.buffer);
    rk_stored *all = calloc(n + (size_t)1, sizeof *all);
    const rk_note notes[] = {{"model", model}, {"device", rk_session_device(session)->spec}};
    if (!all) die(o->out, "no memory");
    for (uint32_t i = 0; i < n; i++)
        all[i] = (rk_stored){s.buffer[i].name, s.buffer[i].dtype, s.buffer[i].shape};
    must(rk_safetensors_write(o->out, all, n, notes, 2, fill, &s, &e), o->out, &e);
    free(all);
}

int main(int argc, char **argv)
{
    options o = parse(argc, argv);
    rk_session_options session_options = {.seed = (uint64_t)o.seed};
    rk_error e = rk_error_new();
    rk_hub *hub;
    rk_registry *plugins;
    rk_spec *model;
    rk_session *session;
    rk_program *program;
    must(rk_hub_new(NULL, 0, &hub, &e), "backends", &e);
    must(rk_registry_new(NULL, 0, &plugins, &e), "plugins", &e);
    must(rk_spec_parse(plugins, RK_KIND_MODEL, o.model, &model, &e), o.model, &e);
    rk_graph *g = build(&o, model);
    must(rk_session_open(hub, o.device, &session_options, &session, &e), o.device, &e);
    must(rk_session_add(session, g, "step", &program, &e), "plan", &e);
    rk_graph_free(g);
    must(rk_session_commit(session, &e), "memory", &e);
    must(rk_session_init(session, &e), "parameters", &e);
    write_batch(session, &o);
    must(rk_program_run(program, &e), "step", &e);
    must(rk_session_sync(session, &e), "step", &e);
    write_all(session, &o, model->text);
    rk_session_close(session);
    rk_spec_free(model);
    rk_registry_free(plugins);
    rk_hub_free(hub);
    return 0;
}
