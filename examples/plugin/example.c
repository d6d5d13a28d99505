/* example.c: a network that looks at every pixel twice, and labels that are sometimes mirrored. */
#include <rethink/plugin.h>

static const rk_param_spec twice_params[] = {
    {"hidden", "64", "units of the hidden layer", RK_PARAM_INT, 1, 65536, NULL}, {0}};

/* Logits of a batch x[N][channels][height][width]: of the pixels and of their squares. */
static rk_value twice(rk_graph *g, rk_value x, uint32_t classes, const rk_args *a)
{
    rk_init zero = {RK_INIT_ZERO, 0};
    int64_t hidden = rk_arg_int(a, "hidden");
    rk_value flat = rk_flatten(g, x), square = rk_mul(g, flat, flat);
    rk_value both = rk_concat(g, (rk_value[]){flat, square}, 2, 1);
    rk_value h = rk_dense(g, both, hidden, rk_init_he(rk_dim(g, both, -1)), zero, "hidden");
    return rk_dense(g, rk_relu(g, h), classes, rk_init_he(hidden), zero, "output");
}

static const rk_param_spec mirror_params[] = {
    {"p", "0.5", "probability of each label to be mirrored", RK_PARAM_REAL, 0, 1, NULL}, {0}};

/* Class k becomes classes - 1 - k.  Number i of a random stream belongs to example i. */
static rk_status mirror(rk_dataset *d, const rk_args *a, rk_random r, rk_error *e)
{
    (void)e;
    for (int64_t i = 0; i < d->train.x.n; i++)
        if (rk_random_uniform(r, d->train.x.index[i]) < rk_arg_real(a, "p"))
            d->train.x.label[i] = d->classes - 1 - d->train.x.label[i];
    return RK_OK;
}

RK_PLUGIN("example", "1.0",
          RK_ITEM(RK_KIND_MODEL, .name = "twice",
                  .doc = "pixels and their squares, one hidden layer", .params = twice_params,
                  .model = twice),
          RK_ITEM(RK_KIND_TRANSFORM, .name = "mirror", .doc = "labels k become classes - 1 - k",
                  .params = mirror_params, .transform = mirror));
