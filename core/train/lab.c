/* What is examined. */
#include "base/error.h"
#include "graph/node.h"
#include "train/lab_own.h"
#include "train/safetensors.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a lab"); }

/* ---- the model ------------------------------------------------------------------------------ */

/* A graph in which the model was built once, for the order of its parameters. */
static rk_status model_graph(const rk_trainer *t, rk_graph **out, rk_error *e)
{
    const rk_dataset *d = t->data;
    rk_graph *g = rk_graph_new();
    *out = g;
    if (!g) return no_memory(e);
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(1, d->channels, d->height, d->width), "lab/x");
    rk_supply s = rk_supply_of(d, false, RK_FEED_TRAIN, 1);
    x = rk_supply_augment(g, &t->recipe, &s, 0, x);
    rk_model_logits(g, &t->recipe, d, x);
    return rk_graph_check(g, e);
}

static rk_status list_tensors(rk_lab *lab, const rk_graph *g, rk_error *e)
{
    uint32_t n = rk_graph_params(g, NULL, 0);
    rk_value *param = rk_pool_array(&lab->pool, n + (size_t)1, sizeof *param);
    lab->tensor = rk_pool_array(&lab->pool, n + (size_t)1, sizeof *lab->tensor);
    if (!param || !lab->tensor) return no_memory(e);
    rk_graph_params(g, param, n);
    for (uint32_t i = 0; i < n; i++) {
        rk_lab_tensor *t = &lab->tensor[i];
        t->name = rk_pool_string(&lab->pool, rk_name_of(g, param[i]));
        if (!t->name) return no_memory(e);
        t->shape = rk_shape_of(g, param[i]);
        t->first = lab->size;
        t->size = rk_shape_size(t->shape);
        lab->size += t->size;
    }
    lab->n_tensors = n;
    return RK_OK;
}

static rk_status read_weights(rk_lab *lab, rk_error *e)
{
    rk_session *s = lab->trainer->session;
    lab->weights = rk_pool_array(&lab->pool, (size_t)lab->size + 1, sizeof *lab->weights);
    lab->initial = rk_pool_array(&lab->pool, (size_t)lab->size + 1, sizeof *lab->initial);
    if (!lab->weights || !lab->initial) return no_memory(e);
    for (uint32_t i = 0; i < lab->n_tensors; i++) {
        const rk_lab_tensor *t = &lab->tensor[i];
        const rk_buffer_info *b = rk_session_buffer(s, t->name);
        uint64_t bytes = (uint64_t)t->size * sizeof(float);
        if (!b || !b->trained)
            return RK_FAIL(e, RK_E_INTERNAL, "the run has no parameter %s: mend the model's plugin",
                           t->name);
        rk_init_fill(&b->init, lab->trainer->seed, t->name, lab->initial + t->first,
                     (uint64_t)t->size);
        RK_TRY(rk_session_read(s, t->name, lab->weights + t->first, bytes, e));
    }
    return RK_OK;
}

static rk_status read_statistics(rk_lab *lab, rk_error *e)
{
    const rk_buffer_info *b;
    uint32_t n = rk_session_buffers(lab->trainer->session, &b);
    lab->statistic = rk_pool_array(&lab->pool, n + (size_t)1, sizeof *lab->statistic);
    if (!lab->statistic) return no_memory(e);
    for (uint32_t i = 0; i < n; i++) {
        if (!b[i].statistic) continue;
        rk_lab_statistic *s = &lab->statistic[lab->n_statistics];
        void *data = rk_pool_alloc(&lab->pool, b[i].bytes + 1);
        *s = (rk_lab_statistic){rk_pool_string(&lab->pool, b[i].name), b[i].bytes, data};
        if (!data || !s->name) return no_memory(e);
        RK_TRY(rk_session_read(lab->trainer->session, b[i].name, data, b[i].bytes, e));
        lab->n_statistics++;
    }
    return RK_OK;
}

static rk_status examine_model(rk_lab *lab, rk_error *e)
{
    rk_graph *g;
    rk_status status = model_graph(lab->trainer, &g, e);
    if (status == RK_OK) status = list_tensors(lab, g, e);
    rk_graph_free(g);
    RK_TRY(status);
    RK_TRY(read_weights(lab, e));
    return read_statistics(lab, e);
}

rk_status rk_lab_new(rk_hub *hub, rk_trainer *t, const rk_config *c, const rk_lab_watch *w,
                     rk_lab **out, rk_error *e)
{
    rk_lab *lab = calloc(1, sizeof *lab);
    *out = NULL;
    if (!lab) return no_memory(e);
    lab->hub = hub;
    lab->trainer = t;
    lab->config = c;
    if (w) lab->watch = *w;
    rk_status status = examine_model(lab, e);
    if (status == RK_OK)
        *out = lab;
    else
        rk_lab_free(lab);
    return status;
}

void rk_lab_free(rk_lab *lab)
{
    if (!lab) return;
    rk_pool_free(&lab->pool);
    free(lab);
}

/* ---- questions ------------------------------------------------------------------------------ */

const rk_dataset *rk_lab_data(const rk_lab *lab) { return lab->trainer->data; }

rk_status rk_lab_example(const rk_lab *lab, bool test, int64_t i, float *out, rk_error *e)
{
    const rk_dataset *d = lab->trainer->data;
    const rk_examples *x = test ? &d->test.x : &d->train.x;
    int64_t n = rk_dataset_pixels(d);
    if (!x->pixels)
        return RK_FAIL(e, RK_E_UNSUPPORTED,
                       "the pixels of %s are not in memory, which this diagnostic needs",
                       lab->trainer->recipe.data->item->name);
    if (i < 0 || i >= x->n)
        return RK_FAIL(e, RK_E_INVALID, "there is no example %lld: the %s set has %lld",
                       (long long)i, test ? "test" : "training", (long long)x->n);
    for (int64_t k = 0; k < n; k++) {
        size_t at = (size_t)(i * n + k);
        float pixel = x->dtype == RK_U8 ? (float)((const uint8_t *)x->pixels)[at]
                                        : ((const float *)x->pixels)[at];
        out[k] = (pixel - x->shift[i]) * x->scale[i];
    }
    return RK_OK;
}

uint32_t rk_lab_tensors(const rk_lab *lab, const rk_lab_tensor **out)
{
    *out = lab->tensor;
    return lab->n_tensors;
}

int64_t rk_lab_size(const rk_lab *lab) { return lab->size; }
const float *rk_lab_weights(const rk_lab *lab) { return lab->weights; }

const float *rk_lab_initial(rk_lab *lab)
{
    if (lab->config->weights[0])
        rk_lab_note(lab,
                    "initial weights are those of seed %llu: the file does not say from which its "
                    "weights were trained",
                    (unsigned long long)lab->trainer->seed);
    return lab->initial;
}

/* ---- other runs ----------------------------------------------------------------------------- */

static rk_status read_file(const rk_lab *lab, const char *path, float *weights, rk_error *e)
{
    rk_safetensors *f;
    RK_TRY(rk_safetensors_open(path, &f, e));
    rk_status status = RK_OK;
    for (uint32_t i = 0; i < lab->n_tensors && status == RK_OK; i++) {
        const rk_lab_tensor *t = &lab->tensor[i];
        const rk_stored want = {t->name, RK_F32, t->shape};
        status = rk_safetensors_read(f, &want, weights + t->first, e);
    }
    rk_safetensors_close(f);
    return status;
}

rk_status rk_lab_other(rk_lab *lab, const char *run, const float **weights, rk_error *e)
{
    char path[PATH_MAX];
    for (const rk_lab_others *o = lab->others; o; o = o->next)
        if (strcmp(o->run, run) == 0) {
            *weights = o->weights;
            return RK_OK;
        }
    *weights = NULL;
    if (!lab->watch.other)
        return RK_FAIL(e, RK_E_UNSUPPORTED, "there is no other run '%s' here", run);
    RK_TRY(lab->watch.other(lab->watch.ctx, run, path, sizeof path, e));
    rk_lab_others *o = rk_pool_alloc(&lab->pool, sizeof *o);
    float *read = rk_pool_array(&lab->pool, (size_t)lab->size + 1, sizeof *read);
    const char *name = rk_pool_string(&lab->pool, run);
    if (!o || !read || !name) return no_memory(e);
    if (read_file(lab, path, read, e) != RK_OK)
        return rk_error_prefix(e, "run %s is not of the same model", run);
    *o = (rk_lab_others){name, read, lab->others};
    lab->others = o;
    *weights = read;
    return RK_OK;
}
