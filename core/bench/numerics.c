/* How right kernels are: their errors on fewer elements, where a computation in double precision
 * and one by the text of the contract do not take long; all of their bits, by the reference
 * device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "bench/ops.h"
#include "rethink/numerics.h"

enum { TERMS = 300000 }; /* that are added up for the errors, about: a hundredth of a second */

static bool is_cpu(const rk_open *d) { return strcmp(d->table->name, "cpu") == 0; }

rk_status rk_ops_open(const rk_bench_case *c, rk_ops *out, rk_error *e)
{
    uint32_t device, reference;
    char why[160];
    *out = (rk_ops){.c = c};
    RK_TRY(rk_hub_find(c->hub, c->spec, &device, e));
    RK_TRY(rk_open_device(c->hub, device, &out->d, e));
    if (is_cpu(&out->d)) out->vendor = rk_vendor_open(c->hub, why, sizeof why);
    rk_error own = rk_error_new();
    snprintf(out->unreferred, sizeof out->unreferred, "no reference was named");
    if (!c->reference) return RK_OK;
    rk_status s = rk_hub_find(c->hub, c->reference, &reference, &own);
    if (s == RK_OK) s = rk_open_device(c->hub, reference, &out->reference, &own);
    out->referred = s == RK_OK;
    snprintf(out->unreferred, sizeof out->unreferred, "no reference: %.140s", own.text);
    return RK_OK;
}

void rk_ops_close(rk_ops *o)
{
    rk_open_close(&o->reference);
    rk_open_close(&o->d);
    rk_vendor_close(o->vendor);
}

/* ---- errors ---- */

static rk_status find_errors(rk_ops *o, const rk_listed *x, bool exact, rk_result *out, rk_error *e)
{
    rk_sample t;
    char subject[128];
    rk_error own = rk_error_new();
    out->errors.right = true;
    if (!rk_op_shrink(&x->op, TERMS, &t)) return RK_OK;
    rk_status s = rk_errors_of(&o->d, &t, exact, o->c->options->seed, &out->errors, &own);
    if (s == RK_E_DEVICE || s == RK_E_NOMEM) return RK_FAIL(e, s, "%s", own.text);
    if (s == RK_E_UNSUPPORTED) return RK_OK; /* it takes the op, but not so few elements */
    if (s != RK_OK) {                        /* also what it did to memory around */
        out->errors.right = false;
        out->errors.counted = 0;
        snprintf(out->errors.where, sizeof out->errors.where, "%s", own.text);
    }
    rk_op_subject(&t, subject, sizeof subject);
    snprintf(out->text, sizeof out->text, "of %s", subject);
    return RK_OK;
}

/* ---- bits ---- */

/* The results of one launch, one behind the other; freed by free(). */
static rk_status results_of(rk_trial *t, const rk_sample *s, unsigned char **out, size_t *bytes,
                            rk_error *e)
{
    size_t at = 0;
    *out = NULL;
    *bytes = 0;
    RK_TRY(rk_trial_run(t, 1, e));
    for (uint32_t j = 0; j < s->op.n_out; j++)
        *bytes += (size_t)rk_tensor_count(&s->out[j]) * rk_dtype_bytes(s->out[j].dtype);
    *out = malloc(*bytes + 1);
    if (!*out) return RK_FAIL(e, RK_E_NOMEM, "no memory for %zu bytes of results", *bytes);
    for (uint32_t j = 0; j < s->op.n_out; j++) {
        const rk_arg *from = &t->arg[s->op.n_in + j];
        size_t n = (size_t)rk_tensor_count(&s->out[j]) * rk_dtype_bytes(s->out[j].dtype);
        RK_TRY(rk_open_read(t->d, from->mem, from->offset, *out + at, n, e));
        at += n;
    }
    return RK_OK;
}

/* Every NaN is one value. */
static void digest_of(const rk_sample *s, unsigned char *data, size_t bytes, char out[33])
{
    unsigned char *at = data;
    for (uint32_t j = 0; j < s->op.n_out; j++) {
        int64_t n = rk_tensor_count(&s->out[j]);
        for (int64_t i = 0; s->out[j].dtype == RK_F32 && i < n; i++)
            if ((rk_word_at(at, RK_F32, i) & 0x7FFFFFFFu) > RK_INF_BITS)
                rk_word_put(at, RK_F32, i, RK_NAN_BITS);
        at += (size_t)n * rk_dtype_bytes(s->out[j].dtype);
    }
    rk_digest_hex(data, bytes, out);
}

static void compare(const rk_sample *s, const unsigned char *got, const unsigned char *want,
                    rk_result *out)
{
    size_t at = 0;
    out->known = out->equal = true;
    for (uint32_t j = 0; j < s->op.n_out; j++) {
        if (out->equal &&
            !rk_same_words(&s->out[j], got + at, want + at, out->where, sizeof out->where))
            out->equal = false;
        at += (size_t)rk_tensor_count(&s->out[j]) * rk_dtype_bytes(s->out[j].dtype);
    }
}

/* What a COPY leaves as it was must be the same in both. */
static rk_status clear_results(rk_trial *t, const rk_sample *s, rk_error *e)
{
    size_t bytes = (size_t)rk_tensor_count(&s->out[0]) * rk_dtype_bytes(s->out[0].dtype);
    if (s->op.kind != RK_COPY) return RK_OK;
    void *zeros = calloc(1, bytes + 1);
    if (!zeros) return RK_FAIL(e, RK_E_NOMEM, "no memory for %zu bytes of zeros", bytes);
    const rk_arg *to = &t->arg[s->op.n_in];
    rk_status status = rk_open_write(t->d, to->mem, to->offset, zeros, bytes, e);
    free(zeros);
    return status;
}

static rk_status refer_to(rk_ops *o, const rk_listed *x, unsigned char **want, size_t *bytes,
                          rk_error *e)
{
    rk_trial t;
    RK_TRY(rk_trial_op(&o->reference, &x->op, true, NULL, &t, e));
    rk_status s = rk_fill(&t, &x->op, o->c->options->seed, e);
    if (s == RK_OK) s = clear_results(&t, &x->op, e);
    if (s == RK_OK) s = results_of(&t, &x->op, want, bytes, e);
    rk_trial_free(&t);
    return s;
}

rk_status rk_result_find(rk_ops *o, const rk_listed *x, rk_trial *t, bool exact, rk_result *out,
                         rk_error *e)
{
    unsigned char *got = NULL, *want = NULL;
    size_t bytes, same;
    rk_error own = rk_error_new();
    *out = (rk_result){.known = false};
    RK_TRY(find_errors(o, x, exact, out, e));
    rk_status s = clear_results(t, &x->op, e);
    if (s == RK_OK) s = results_of(t, &x->op, &got, &bytes, e);
    if (s != RK_OK) {
        free(got);
        return s;
    }
    snprintf(out->where, sizeof out->where, "%s", o->unreferred);
    if (o->referred) {
        s = refer_to(o, x, &want, &same, &own);
        if (s == RK_OK)
            compare(&x->op, got, want, out);
        else
            snprintf(out->where, sizeof out->where, "no reference: %.290s", own.text);
    }
    if (exact && !out->errors.right) {
        out->known = true;
        out->equal = false;
        snprintf(out->where, sizeof out->where, "%s: %.150s", out->text, out->errors.where);
    }
    if (!out->errors.right)
        snprintf(out->wrong, sizeof out->wrong, "%s: %s", out->text, out->errors.where);
    else if (exact && out->known && !out->equal)
        snprintf(out->wrong, sizeof out->wrong, "%s", out->where);
    digest_of(&x->op, got, bytes, out->digest);
    free(got);
    free(want);
    return RK_OK;
}
