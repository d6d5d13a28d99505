/* The whole small Inception, planned and placed on a device, but not run. */
#include "device/program.h"
#include "world.h"

typedef struct placed {
    rk_graph *g;
    rk_session *session;
    rk_program *program;
} placed;

static placed place(const world *w)
{
    rk_config c = rk_config_default();
    rk_session_options options = {0};
    rk_dataset d = {.classes = 10,
                    .channels = 3,
                    .height = 28,
                    .width = 28,
                    .train.x = {.n = 1280, .dtype = RK_U8}};
    rk_chunks chunks = {128, 10};
    rk_error e = rk_error_new();
    rk_recipe recipe;
    placed p;
    c.model = "inception";
    must(rk_recipe_parse(w->plugins, &c, &recipe, &e), &e);
    must(rk_step_build(&recipe, &d, chunks, 128, &p.g, &e), &e);
    must(rk_session_open(w->hub, w->device, &options, &p.session, &e), &e);
    must(rk_session_add(p.session, p.g, "step", &p.program, &e), &e);
    rk_recipe_clear(&recipe);
    return p;
}

/* Memory is near its lower bound. */
static void expect_small(const rk_program_info *info)
{
    print_message("%u steps, %.1f MiB, %.3f x the lower bound\n", info->steps,
                  (double)info->arena_bytes / 1048576,
                  (double)info->arena_bytes / (double)info->bound_bytes);
    assert_true((double)info->arena_bytes <= 1.1 * (double)info->bound_bytes);
}

/* Branches of two convolutions are written where they are joined, and their gradients read where
 * they lie: eight modules, two branches, y, dx and dw.  What is copied is the two other modules',
 * where a maximum and what follows a convolution are joined, forward and backward. */
static void expect_joined_in_place(const rk_plan *plan)
{
    uint32_t parts = 0, copies = 0;
    for (uint32_t i = 0; i < plan->n_step; i++) {
        const rk_op *op = &plan->step[i].op;
        int64_t moved = 1;
        for (int64_t d = 0; op->kind == RK_COPY && d < op->p[0]; d++) moved *= op->p[1 + 3 * d];
        parts += rk_part_of(op) != UINT32_MAX;
        copies += moved > 65536;
    }
    assert_int_equal(parts, 8 * 2 * 3);
    assert_int_equal(copies, 2 * 2 * 2);
}

/* What follows a sum updates states in place: the mean, the variance, and the shift with its
 * velocity of each of the eleven layers, the output's bias, and what is counted. */
static void expect_updates_in_place(const rk_plan *plan)
{
    uint32_t reductions = 0;
    for (uint32_t i = 0; i < plan->n_step; i++) {
        const rk_step *s = &plan->step[i];
        uint32_t states = 0;
        for (uint32_t j = 0; j < s->op.n_out && s->op.kind == RK_REDUCE; j++)
            states += plan->buffer[s->out[j]].kind == RK_BUFFER_STATE;
        reductions += states > 0;
    }
    assert_int_equal(reductions, 3 * 11 + 2);
}

static void test_plan(void **state)
{
    placed p = place(*state);
    expect_small(rk_program_describe(p.program));
    expect_joined_in_place(p.program->plan);
    expect_updates_in_place(p.program->plan);
    rk_session_close(p.session);
    rk_graph_free(p.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plan)};
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
