/* How good the static rules for matrix products are: each shape is tuned as rethink tune does it,
 * which times the backend's own kernel beside the fastest choice, interleaved:
 *     bench_choice CPU_BACKEND BACKEND DEVICE CHOICES DATABASE [m n k ta tb]...
 * A ratio above 1 says how many times as long the static rule's kernel takes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/error.h"
#include "tune/tune.h"

typedef struct shape {
    int64_t m, n, k, ta, tb;
} shape;

/* Squares; few rows or columns; the MLP of 3 x 512 at batch 8, 32 and 128, forward, to the inputs
 * and to the weights. */
static const shape usual[] = {
    {32, 32, 32, 0, 0},    {64, 64, 64, 0, 0},    {128, 128, 128, 0, 0}, {256, 256, 256, 0, 0},
    {512, 512, 512, 0, 0}, {512, 512, 512, 1, 0}, {512, 512, 512, 0, 1}, {1024, 1024, 1024, 0, 0},
    {64, 256, 64, 1, 0},   {48, 256, 40, 1, 0},   {512, 8, 512, 0, 0},   {64, 8, 256, 0, 0},
    {8, 512, 784, 0, 1},   {8, 512, 512, 0, 0},   {512, 784, 8, 1, 0},   {8, 10, 512, 0, 1},
    {10, 512, 8, 1, 0},    {32, 512, 784, 0, 1},  {32, 512, 512, 0, 0},  {512, 512, 32, 1, 0},
    {32, 10, 512, 0, 1},   {10, 512, 32, 1, 0},   {128, 512, 512, 0, 1}, {512, 512, 128, 1, 0}};

typedef struct sum {
    const shape *now;
    double logs, most;
    int n;
} sum;

static void result(void *ctx, const rk_tune_result *r)
{
    sum *s = ctx;
    double ratio = r->usual / r->seconds;
    const shape *x = s->now;
    printf("%5lld x %4lld x %4lld %c%c %9.1f us  %5.2f  %s\n", (long long)x->m, (long long)x->n,
           (long long)x->k, x->ta ? 't' : 'n', x->tb ? 't' : 'n', 1e6 * r->usual, ratio,
           r->choice[0] ? r->choice : "static rule");
    fflush(stdout);
    s->logs += log(ratio);
    if (ratio > s->most) s->most = ratio;
    s->n++;
}

static void line(void *ctx, const char *text)
{
    (void)ctx;
    fprintf(stderr, "%s\n", text);
}

static rk_status tune(rk_hub *hub, char **argv, sum *s, rk_error *e)
{
    const shape *x = s->now;
    const rk_tensor in[] = {{.dtype = RK_F32, .rank = 2, .dim = {x->m, x->k}, .stride = {x->k, 1}},
                            {.dtype = RK_F32, .rank = 2, .dim = {x->k, x->n}, .stride = {x->n, 1}}};
    const rk_tensor out = {
        .dtype = RK_F32, .rank = 3, .dim = {1, x->m, x->n}, .stride = {x->m * x->n, x->n, 1}};
    rk_tune_op op = {.op = {.size = sizeof op.op,
                            .kind = RK_MATMUL,
                            .n_in = 2,
                            .n_out = 1,
                            .in = in,
                            .out = &out,
                            .p = {1, x->m, x->n, x->k, x->ta, x->tb}},
                     .work = 1,
                     .alone = 1};
    const rk_tune_ops ops = {.op = &op, .n = 1, .exact = true};
    const rk_tune_options o = {
        .again = true, .choices = (uint32_t)atoi(argv[4]), .samples = 25, .seed = 1};
    const rk_tune_watch watch = {.ctx = s, .result = result, .line = line};
    rk_tune_summary summary;
    rk_tuning_class(&op.op, op.class);
    return rk_tune(hub, argv[3], &ops, &o, argv[5], &watch, &summary, e);
}

int main(int argc, char **argv)
{
    rk_hub *hub = NULL;
    rk_error e = rk_error_new();
    sum s = {.n = 0};
    if (argc < 6 || (argc - 6) % 5) {
        fprintf(stderr, "usage: %s CPU_BACKEND BACKEND DEVICE CHOICES DATABASE [m n k ta tb]...\n",
                argv[0]);
        return 2;
    }
    int own = (argc - 6) / 5, all = own ? own : (int)(sizeof usual / sizeof *usual);
    rk_status status = rk_hub_new_of((const char *const *)argv + 1, 2, &hub, &e);
    for (int i = 0; status == RK_OK && i < all; i++) {
        char **at = argv + 6 + 5 * i;
        const shape x =
            own ? (shape){atoll(at[0]), atoll(at[1]), atoll(at[2]), atoll(at[3]), atoll(at[4])}
                : usual[i];
        s.now = &x;
        status = tune(hub, argv, &s, &e);
    }
    if (status != RK_OK) fprintf(stderr, "%s\n", e.text);
    if (s.n) printf("%d shapes: geometric mean %.3f, most %.2f\n", s.n, exp(s.logs / s.n), s.most);
    rk_hub_free(hub);
    return status == RK_OK ? 0 : 1;
}
