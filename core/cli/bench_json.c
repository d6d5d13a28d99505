/* Benches of a results file, for other programs. */
#include "bench/portability.h"
#include "cli/bench.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

rk_status rk_benches_load(const char *path, rk_benches *out, rk_error *e)
{
    rk_results *r;
    int64_t *ids = NULL;
    uint32_t n = 0;
    *out = (rk_benches){0};
    RK_TRY(rk_results_open(path, true, &r, e));
    rk_status status = rk_results_benches(r, &ids, &n, e);
    if (status == RK_OK) out->bench = calloc(n + (size_t)1, sizeof *out->bench);
    if (status == RK_OK && !out->bench)
        status = RK_FAIL(e, RK_E_NOMEM, "no memory for %u benches", n);
    for (uint32_t i = 0; i < n && status == RK_OK; i++) {
        status = rk_results_bench(r, ids[i], &out->bench[i], e);
        out->n += status == RK_OK;
    }
    rk_results_close(r);
    free(ids);
    if (status != RK_OK) rk_benches_free(out);
    return status;
}

void rk_benches_free(rk_benches *b)
{
    for (uint32_t i = 0; i < b->n; i++) rk_bench_free(b->bench[i]);
    free(b->bench);
    *b = (rk_benches){0};
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *device_json(const rk_bench_device *d)
{
    size_t n;
    const rk_bench_field *text = rk_bench_device_texts(&n);
    json_t *root = json_object();
    json_object_set_new(root, "device", json_integer(d->device));
    for (size_t i = 0; i < n; i++) {
        const void *field = (const char *)d + text[i].offset;
        json_object_set_new(root, text[i].name, rk_bench_text(*(const char *const *)field));
    }
    json_object_set_new(root, "memory_bytes", json_integer(d->memory));
    json_object_set_new(root, "threads", json_integer(d->threads));
    return root;
}

static json_t *value_json(const rk_bench_value *v)
{
    const rk_spread *s = &v->spread;
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, "
                     "s:o, s:o}",
                     "device", (json_int_t)v->device, "process", (json_int_t)v->process, "suite",
                     rk_bench_text(v->suite), "subject", rk_bench_text(v->subject), "tier",
                     rk_bench_text(v->tier), "name", rk_bench_text(v->name), "x",
                     rk_bench_real(v->x), "unit", rk_bench_text(v->unit), "n", (json_int_t)s->n,
                     "median", rk_bench_real(s->median), "q1", rk_bench_real(s->q1), "q3",
                     rk_bench_real(s->q3), "least", rk_bench_real(s->least), "most",
                     rk_bench_real(s->most), "mean", rk_bench_real(s->mean), "sd",
                     rk_bench_real(s->sd), "text", rk_bench_text(v->text));
}

json_t *rk_bench_json(const rk_bench *b)
{
    const rk_bench_record *r = &b->record;
    json_t *devices = json_array(), *values = json_array();
    json_t *config = json_loads(r->config, 0, NULL);
    for (uint32_t i = 0; i < b->n_device; i++)
        json_array_append_new(devices, device_json(&b->device[i]));
    for (uint32_t i = 0; i < b->n_value; i++)
        json_array_append_new(values, value_json(&b->value[i]));
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "bench", (json_int_t)r->id,
                     "started", r->started, "status", r->status, "size", r->size, "version",
                     r->version, "host", rk_bench_text(r->host), "config",
                     config ? config : rk_bench_text(r->config), "devices", devices, "values",
                     values);
}

json_t *rk_benches_json(const rk_benches *b)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < b->n; i++) {
        json_t *one = rk_bench_json(b->bench[i]);
        if (one && json_array_append_new(list, one) == 0) continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static void number(FILE *f, double x, const char *end)
{
    if (isfinite(x)) fprintf(f, "%.15g", x);
    fputs(end, f);
}

/* An empty fom is what did not run; p3-analysis reads its efficiency of 0 as "not supported".  An
 * empty efficiency is not known. */
static void row(FILE *f, const rk_portability *p, uint32_t problem, rk_application a, uint32_t k)
{
    static const char *const states[] = {"not tried", "unsupported", "wrong", "ran"};
    const rk_merit *m = rk_portability_merit(p, problem, a, k);
    char name[512];
    snprintf(name, sizeof name, "%s: %s", p->problem[problem].suite, p->problem[problem].subject);
    rk_cli_csv_cell(f, name, ",");
    rk_cli_csv_cell(f, rk_application_name(a), ",");
    rk_cli_csv_cell(f, p->platform[k].name, ",");
    number(f, m->state == RK_RAN ? m->seconds : (double)NAN, ",");
    number(f, m->efficiency[RK_EFF_APPLICATION], ",");
    number(f, m->efficiency[RK_EFF_ARCHITECTURAL], ",");
    rk_cli_csv_cell(f, p->platform[k].bench->record.started, ",");
    rk_cli_csv_cell(f, states[m->state], ",");
    rk_cli_csv_cell(f, m->text ? m->text : "", "\r\n");
}

rk_status rk_benches_csv(const rk_benches *b, FILE *f, rk_error *e)
{
    rk_portability p;
    RK_TRY(rk_portability_make((const rk_bench *const *)b->bench, b->n, &p, e));
    fputs("problem,application,platform,fom,app eff,arch eff,date,state,text\r\n", f);
    for (uint32_t i = 0; i < p.n_problems; i++)
        for (int a = 0; a < RK_APPS; a++)
            for (uint32_t k = 0; k < p.n_platforms; k++)
                if (rk_portability_has(&p, p.problem[i].suite, (rk_application)a))
                    row(f, &p, i, (rk_application)a, k);
    rk_portability_free(&p);
    return RK_OK;
}
