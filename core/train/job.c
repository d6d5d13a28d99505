/* Graphs of a diagnostic: a session of its own on the run's device. */
#include "base/error.h"
#include "graph/storage.h"
#include "train/lab_own.h"
#include <stdlib.h>
#include <string.h>

struct rk_job {
    rk_lab *lab;
    rk_session *session;
    rk_program **program;
    uint32_t n_programs;
    uint64_t bytes; /* of device memory */
};

/* ---- what a graph may use ------------------------------------------------------------------- */

rk_value rk_lab_logits(const rk_lab *lab, rk_graph *g, rk_value x)
{
    const rk_trainer *t = lab->trainer;
    const rk_dataset *d = t->data;
    rk_shape s = rk_shape_of(g, x);
    if (x && (s.rank != 4 || s.dim[1] != d->channels || s.dim[2] != d->height ||
              s.dim[3] != d->width || rk_dtype_of(g, x) != RK_F32))
        return rk_graph_fail(g, "lab_logits: expected images f32[N][%u][%u][%u]", d->channels,
                             d->height, d->width);
    bool training = rk_graph_training(g);
    rk_supply set = rk_supply_of(d, false, RK_FEED_TRAIN, 1);
    rk_graph_set_training(g, false);
    x = rk_supply_augment(g, &t->recipe, &set, 0, x);
    rk_graph_set_training(g, training);
    rk_value logits = rk_model_logits(g, &t->recipe, d, x);
    for (uint32_t i = 0; i < lab->n_tensors && logits; i++)
        if (!rk_graph_find(g, lab->tensor[i].name))
            return rk_graph_fail(g, "lab_logits: there is no parameter %s: call it in no scope",
                                 lab->tensor[i].name);
    return logits;
}

void rk_lab_params(const rk_lab *lab, const rk_graph *g, rk_value *out)
{
    for (uint32_t i = 0; i < lab->n_tensors; i++) out[i] = rk_graph_find(g, lab->tensor[i].name);
}

rk_value rk_lab_batch(const rk_lab *lab, rk_graph *g, bool test, rk_value index, rk_value *label)
{
    const rk_dataset *d = lab->trainer->data;
    rk_value unused;
    rk_supply set = rk_supply_of(d, test, RK_FEED_TRAIN, 1);
    if (!label) label = &unused;
    *label = 0;
    if (rk_dataset_streams(d))
        return rk_graph_fail(
            g,
            "the images of %s are read while they are needed, but diagnostics take "
            "them from memory: keep fewer by limit=, or all (imagefolder: "
            "resident=yes)",
            lab->trainer->recipe.data->item->name);
    rk_value x = rk_supply_batch(g, &set, index, label);
    if (!d->source.generate) return x;
    rk_value there = rk_lt(g, index, rk_const_u(g, (uint32_t)set.x->n));
    there = rk_reshape(g, there, RK_SHAPE(rk_dim(g, index, 0), 1, 1, 1));
    return rk_where(g, there, x, rk_const_f(g, 0));
}

/* ---- jobs ----------------------------------------------------------------------------------- */

rk_status rk_job_new(rk_lab *lab, rk_job **out, rk_error *e)
{
    rk_job *job = calloc(1, sizeof *job);
    *out = NULL;
    if (!job) return RK_FAIL(e, RK_E_NOMEM, "no memory for a job");
    rk_session_options options = lab->config->session;
    options.seed = lab->trainer->seed;
    job->lab = lab;
    rk_status status = rk_session_open(lab->hub, rk_session_device(lab->trainer->session)->spec,
                                       &options, &job->session, e);
    if (status == RK_OK)
        *out = job;
    else
        rk_job_free(job);
    return status;
}

void rk_job_free(rk_job *job)
{
    if (!job) return;
    rk_lab_count_bytes(job->lab, 0, job->bytes);
    rk_session_close(job->session);
    free(job->program);
    free(job);
}

static rk_status add(rk_job *job, rk_graph *g, const char *name, uint32_t *program, rk_error *e)
{
    rk_program **list = realloc(job->program, (job->n_programs + (size_t)1) * sizeof(void *));
    if (!list) return RK_FAIL(e, RK_E_NOMEM, "no memory for a program");
    job->program = list;
    rk_random_advance(g);
    if (rk_graph_check(g, e) != RK_OK) return rk_error_prefix(e, "%s", name);
    RK_TRY(rk_session_add(job->session, g, name, &list[job->n_programs], e));
    *program = job->n_programs++;
    return RK_OK;
}

rk_status rk_job_add(rk_job *job, rk_graph *g, const char *name, uint32_t *program, rk_error *e)
{
    rk_status status = add(job, g, name, program, e);
    rk_graph_free(g);
    return status;
}

bool rk_job_has(const rk_job *job, const char *buffer)
{
    return rk_session_buffer(job->session, buffer) != NULL;
}

rk_status rk_job_commit(rk_job *job, rk_error *e)
{
    const rk_lab *lab = job->lab;
    RK_TRY(rk_session_commit(job->session, e));
    job->bytes = rk_session_bytes(job->session);
    rk_lab_count_bytes(job->lab, job->bytes, 0);
    RK_TRY(rk_dataset_write(job->session, lab->trainer->data, e));
    for (uint32_t i = 0; i < lab->n_statistics; i++) {
        const rk_lab_statistic *s = &lab->statistic[i];
        if (rk_job_has(job, s->name))
            RK_TRY(rk_session_write(job->session, s->name, s->data, s->bytes, e));
    }
    return rk_job_write_params(job, lab->weights, e);
}

rk_status rk_job_write(rk_job *job, const char *buffer, const void *src, uint64_t bytes,
                       rk_error *e)
{
    return rk_session_write(job->session, buffer, src, bytes, e);
}

rk_status rk_job_read(rk_job *job, const char *buffer, void *dst, uint64_t bytes, rk_error *e)
{
    return rk_session_read(job->session, buffer, dst, bytes, e);
}

/* Parameters that no program uses have no buffer. */
rk_status rk_job_write_params(rk_job *job, const float *weights, rk_error *e)
{
    for (uint32_t i = 0; i < job->lab->n_tensors; i++) {
        const rk_lab_tensor *t = &job->lab->tensor[i];
        if (!rk_job_has(job, t->name)) continue;
        RK_TRY(rk_session_write(job->session, t->name, weights + t->first,
                                (uint64_t)t->size * sizeof *weights, e));
    }
    return RK_OK;
}

rk_status rk_job_read_params(rk_job *job, float *weights, rk_error *e)
{
    for (uint32_t i = 0; i < job->lab->n_tensors; i++) {
        const rk_lab_tensor *t = &job->lab->tensor[i];
        uint64_t bytes = (uint64_t)t->size * sizeof *weights;
        if (rk_job_has(job, t->name))
            RK_TRY(rk_session_read(job->session, t->name, weights + t->first, bytes, e));
        else
            memcpy(weights + t->first, job->lab->weights + t->first, bytes);
    }
    return RK_OK;
}

rk_status rk_job_restart(rk_job *job, rk_error *e)
{
    rk_lab *lab = job->lab;
    for (uint32_t i = 0; i < lab->n_statistics; i++) {
        const rk_lab_statistic *s = &lab->statistic[i];
        if (!rk_job_has(job, s->name)) continue;
        void *zero = calloc(1, s->bytes);
        if (!zero) return RK_FAIL(e, RK_E_NOMEM, "no memory for %s", s->name);
        rk_status status = rk_session_write(job->session, s->name, zero, s->bytes, e);
        free(zero);
        RK_TRY(status);
    }
    return rk_job_write_params(job, rk_lab_initial(lab), e);
}

rk_status rk_job_run(rk_job *job, uint32_t program, rk_error *e)
{
    if (program >= job->n_programs)
        return RK_FAIL(e, RK_E_INVALID, "the job has no program %u", program);
    return rk_program_run(job->program[program], e);
}

uint64_t rk_job_bytes(const rk_job *job) { return job->bytes; }
