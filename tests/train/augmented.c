#include "augmented.h"
#include <stdlib.h>
#include <string.h>
#include "data/augment.h"
#include "rethink/numerics.h"

/* Examples of the set whose rows are in an order of their own, as after a transform. */
static uint32_t position_of(uint32_t row) { return (row * 7 + 3) % SET; }

/* What the batch takes: the last row twice. */
const uint32_t batch_rows[ROWS] = {4, 0, 19, 7, 7, 12, 3, 18, 4};

uint32_t word_of(uint64_t seed, const char *name, uint32_t epoch, uint32_t row)
{
    rk_random r = rk_random_named(seed, name);
    uint32_t i = position_of(row), c[4] = {i / 4, 0, epoch, r.stream};
    rk_philox(c, (uint32_t)seed, (uint32_t)(seed >> 32));
    return c[i % 4];
}

batch_test batch_of(const char *spec, const char *scope, bool training, bool unfused, rk_shape in)
{
    return (batch_test){.spec = spec,
                        .scope = scope,
                        .training = training,
                        .unfused = unfused,
                        .seed = 0x1122334455667788u,
                        .epoch = 5,
                        .in = in};
}

static rk_graph *build(const world *w, batch_test *b)
{
    rk_error e = rk_error_new();
    rk_graph *g = rk_graph_new();
    rk_spec *s;
    must(rk_spec_parse(w->plugins, RK_KIND_AUGMENT, b->spec, &s, &e), &e);
    rk_graph_set_training(g, b->training);
    rk_value index = rk_input(g, RK_U32, RK_SHAPE(ROWS), "index");
    rk_batch batch = {.index = index, .n = SET, .scope = b->scope};
    rk_value y = s->item->augment(g, rk_input(g, RK_F32, b->in, "x"), &batch, s->args);
    assert_null(rk_args_misused(s->args));
    b->out = rk_shape_of(g, y);
    rk_assign(g, rk_state(g, RK_F32, b->out, "y"), rk_mul(g, y, rk_const_f(g, 1)));
    must(rk_graph_check(g, &e), &e);
    rk_spec_free(s);
    return g;
}

static void fill_inputs(rk_session *s, const batch_test *b)
{
    rk_error e = rk_error_new();
    const rk_buffer_info *info;
    uint32_t position[SET], words[SET], n = rk_session_buffers(s, &info);
    for (uint32_t i = 0; i < SET; i++) position[i] = position_of(i);
    const rk_examples set = {.n = SET, .index = position};
    must(rk_session_write(s, "x", b->x, (uint64_t)rk_shape_size(b->in) * sizeof *b->x, &e), &e);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t key[3] = {(uint32_t)b->seed, (uint32_t)(b->seed >> 32), b->epoch};
        if (strcmp(info[i].name, "rng/key") == 0)
            must(rk_session_write(s, "rng/key", key, sizeof key, &e), &e);
        if (strcmp(info[i].name, "index") == 0)
            must(rk_session_write(s, "index", batch_rows, sizeof batch_rows, &e), &e);
        if (strncmp(info[i].name, RK_RANDOM_PREFIX, strlen(RK_RANDOM_PREFIX)) != 0) continue;
        rk_batch_words(b->seed, info[i].name + strlen(RK_RANDOM_PREFIX), b->epoch, &set, words);
        must(rk_session_write(s, info[i].name, words, sizeof words, &e), &e);
    }
}

void run_batch(const world *w, batch_test *b)
{
    const rk_session_options o = {.unfused = b->unfused};
    rk_error e = rk_error_new();
    rk_session *s;
    rk_program *p;
    int64_t n = rk_shape_size(b->in);
    b->x = calloc((size_t)n, sizeof *b->x);
    for (int64_t i = 0; i < n; i++) b->x[i] = (float)(i + 1) / 4;
    rk_graph *g = build(w, b);
    b->y = calloc((size_t)rk_shape_size(b->out), sizeof *b->y);
    must(rk_session_open(w->hub, w->device, &o, &s, &e), &e);
    must(rk_session_add(s, g, "augment", &p, &e), &e);
    must(rk_session_commit(s, &e), &e);
    fill_inputs(s, b);
    must(rk_program_run(p, &e), &e);
    must(rk_session_read(s, "y", b->y, (uint64_t)rk_shape_size(b->out) * sizeof *b->y, &e), &e);
    rk_session_close(s);
    rk_graph_free(g);
}
