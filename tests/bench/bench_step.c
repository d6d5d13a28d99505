/* One training step of a model on devices, in turn with peers.
 *
 * usage: bench_step [--model mlp:layers=3,init=torch] [--batch 128] [--rounds 7] [--steps 40]
 *                   [--threads N] --device SPEC... [--fast SPEC]... [--peer COMMAND]...
 *
 * The step is rethink's own (core/train/step.c): gather, forward, loss, gradients, SGD with
 * momentum, on 2048 random u8 images of 28 x 28 x 3.  A peer is a command that prints a line with
 * "step_ms NUMBER", as tests/bench/bench_step.py.  A round runs each once; the table gives
 * medians over the rounds and their ratios to the first; the last line is the peak resident size of
 * this process, with all its devices.  --fast is a device in fast numerics.  With BENCH_CPU_TIME
 * set in the environment it is the processor's time that counts, for --threads 1 on a busy machine.
 * RETHINK_BACKEND_PATH and RETHINK_PLUGIN_PATH say where to look, as for rethink itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include "base/error.h"
#include "train/step.h"

enum { MOST = 8, ROUNDS_MOST = 31, EXAMPLES = 2048 };

typedef struct options {
    long batch, rounds, steps;
    const char *model, *threads, *device[MOST], *peer[MOST];
    rk_numerics numerics[MOST]; /* of the devices */
    int n_device, n_peer;
} options;

typedef struct contender {
    char name[144];
    rk_session *session; /* NULL: a peer */
    rk_program *step;
    const char *command;
    double ms[ROUNDS_MOST];
} contender;

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_step: %s: %s\n", what, why);
    exit(1);
}

static void must(rk_status s, const char *what, const rk_error *e)
{
    if (s != RK_OK) die(what, e->text);
}

static options parse(int argc, char **argv)
{
    options o = {.model = "mlp:layers=3,init=torch", .batch = 128, .rounds = 7, .steps = 40};
    const struct {
        const char *name;
        long *value;
    } numbers[] = {{"--batch", &o.batch}, {"--rounds", &o.rounds}, {"--steps", &o.steps}};
    for (int i = 1; i + 1 < argc; i += 2) {
        bool known = false;
        for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++) {
            if (strcmp(argv[i], numbers[j].name) != 0) continue;
            *numbers[j].value = strtol(argv[i + 1], NULL, 10);
            known = *numbers[j].value > 0;
        }
        if (strcmp(argv[i], "--model") == 0) {
            o.model = argv[i + 1];
            known = true;
        }
        if (strcmp(argv[i], "--threads") == 0) {
            o.threads = argv[i + 1];
            known = true;
        }
        bool fast = strcmp(argv[i], "--fast") == 0;
        if ((fast || strcmp(argv[i], "--device") == 0) && o.n_device < MOST) {
            o.numerics[o.n_device] = fast ? RK_NUMERICS_FAST : RK_NUMERICS_EXACT;
            o.device[o.n_device++] = argv[i + 1];
            known = true;
        }
        if (strcmp(argv[i], "--peer") == 0 && o.n_peer < MOST) {
            o.peer[o.n_peer++] = argv[i + 1];
            known = true;
        }
        if (!known) die(argv[i], "unknown, or its value is out of range");
    }
    if (argc % 2 == 0 || o.n_device + o.n_peer == 0) die("usage", "see the head of bench_step.c");
    if (o.rounds > ROUNDS_MOST || o.batch > EXAMPLES) die("--rounds or --batch", "too many");
    return o;
}

/* Random images, standardized by random numbers, with random labels. */
static rk_dataset *make_data(void)
{
    static rk_dataset d = {.classes = 10, .channels = 3, .height = 28, .width = 28};
    rk_error e = rk_error_new();
    rk_random r = rk_random_named(1, "bench");
    must(rk_dataset_make(&d, RK_U8, EXAMPLES, 1, &e), "data", &e);
    uint8_t *pixels = d.train.x.pixels;
    int64_t n = EXAMPLES * rk_dataset_pixels(&d);
    for (int64_t i = 0; i < n; i++) pixels[i] = (uint8_t)rk_random_word(r, (uint64_t)i);
    for (uint32_t i = 0; i < EXAMPLES; i++) {
        d.train.x.label[i] = rk_random_below(r, i, 10);
        d.train.x.shift[i] = 100 + 50 * rk_random_uniform(r, i);
        d.train.x.scale[i] = 0.01f + 0.01f * rk_random_uniform(r, i);
    }
    return &d;
}

static void fill(rk_session *s, const rk_dataset *d, rk_error *e)
{
    static uint32_t order[EXAMPLES];
    float rate = 0.01f;
    const rk_examples *x = &d->train.x;
    const struct {
        const char *name;
        const void *data;
    } field[] = {{"data/train/pixels", x->pixels}, {"data/train/label", x->label},
                 {"data/train/shift", x->shift},   {"data/train/scale", x->scale},
                 {"train/order", order},           {"train/rate", &rate}};
    rk_random_order(rk_random_named(1, "order"), EXAMPLES, order);
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        must(rk_session_write(s, field[i].name, field[i].data,
                              rk_session_buffer(s, field[i].name)->bytes, e),
             field[i].name, e);
    must(rk_session_init(s, e), "init", e);
}

static void open_device(contender *c, rk_hub *hub, int device, const rk_recipe *recipe,
                        const rk_dataset *d, const options *o)
{
    const char *spec = o->device[device];
    rk_session_options session = {.seed = 1, .numerics = o->numerics[device]};
    rk_error e = rk_error_new();
    rk_graph *g;
    rk_chunks chunks = {o->batch, EXAMPLES / o->batch};
    must(rk_session_open(hub, spec, &session, &c->session, &e), spec, &e);
    must(rk_step_build(recipe, d, chunks, o->batch, &g, &e), "graph", &e);
    must(rk_session_add(c->session, g, "step", &c->step, &e), "plan", &e);
    rk_graph_free(g);
    must(rk_session_commit(c->session, &e), "memory", &e);
    fill(c->session, d, &e);
    const rk_program_info *info = rk_program_describe(c->step);
    snprintf(c->name, sizeof c->name, "rethink %s%s", rk_session_device(c->session)->spec,
             o->numerics[device] == RK_NUMERICS_FAST ? ", fast" : "");
    printf("%s: %u launches a step, temporaries %.2f MiB, %.3f x the lower bound\n", c->name,
           info->steps, (double)info->arena_bytes / 1048576,
           (double)info->arena_bytes / (double)info->bound_bytes);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(getenv("BENCH_CPU_TIME") ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static double time_device(contender *c, const options *o)
{
    rk_error e = rk_error_new();
    for (long i = 0; i < 5 && i < o->steps; i++) must(rk_program_run(c->step, &e), "step", &e);
    must(rk_session_sync(c->session, &e), "sync", &e);
    double begin = now_ms();
    for (long i = 0; i < o->steps; i++) must(rk_program_run(c->step, &e), "step", &e);
    must(rk_session_sync(c->session, &e), "sync", &e);
    return (now_ms() - begin) / (double)o->steps;
}

static double time_peer(contender *c)
{
    char line[512];
    double ms = -1;
    FILE *f = popen(c->command, "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *at = strstr(line, "step_ms ");
        if (!at) continue;
        ms = strtod(at + 8, NULL);
        snprintf(c->name, sizeof c->name, "%.*s", (int)(at - line < 90 ? at - line : 90), line);
    }
    if (!f || pclose(f) != 0 || ms <= 0) die(c->command, "no line with 'step_ms NUMBER'");
    return ms;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_table(contender *c, int n, const options *o)
{
    double first = 0;
    printf("%-36s %10s %10s %10s %8s   (n = %ld)\n", "", "median ms", "least", "most", "ratio",
           o->rounds);
    for (int i = 0; i < n; i++) {
        qsort(c[i].ms, (size_t)o->rounds, sizeof(double), by_value);
        double median = c[i].ms[o->rounds / 2];
        if (i == 0) first = median;
        printf("%-36s %10.3f %10.3f %10.3f %8.2f\n", c[i].name, median, c[i].ms[0],
               c[i].ms[o->rounds - 1], median / first);
    }
}

static void print_peak(void)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) == 0) printf("peak_mib %ld\n", used.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    static contender c[2 * MOST];
    options o = parse(argc, argv);
    rk_error e = rk_error_new();
    rk_config config = rk_config_default();
    rk_hub *hub;
    rk_registry *plugins;
    rk_recipe recipe;
    int n = 0;
    config.model = o.model;
    must(rk_hub_new(NULL, 0, &hub, &e), "backends", &e);
    if (o.threads) must(rk_hub_option(hub, "threads", o.threads, &e), "--threads", &e);
    must(rk_registry_new(NULL, 0, &plugins, &e), "plugins", &e);
    must(rk_recipe_parse(plugins, &config, &recipe, &e), o.model, &e);
    rk_dataset *data = make_data();
    for (int i = 0; i < o.n_device; i++) open_device(&c[n++], hub, i, &recipe, data, &o);
    for (int i = 0; i < o.n_peer; i++) c[n++].command = o.peer[i];
    for (long round = 0; round < o.rounds; round++)
        for (int i = 0; i < n; i++)
            c[i].ms[round] = c[i].session ? time_device(&c[i], &o) : time_peer(&c[i]);
    print_table(c, n, &o);
    print_peak();
    for (int i = 0; i < n; i++)
        if (c[i].session) rk_session_close(c[i].session);
    rk_recipe_clear(&recipe);
    rk_registry_free(plugins);
    rk_hub_free(hub);
    return 0;
}
