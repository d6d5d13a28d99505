/* rethink bench: measures devices, or joins what was measured elsewhere. */
#include "cli/bench.h"
#include "base/os.h"
#include "cli/signals.h"
#include "train/merge.h"
#include "train/record.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file that cannot be written is known before anything is measured. */
static rk_status check_csv(const char *path, rk_error *e)
{
    char folder[RK_PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash) snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path);
    if (access(folder, W_OK | X_OK) == 0) return RK_OK;
    return RK_FAIL(e, RK_E_IO, "--csv: %s cannot be written: %s", path, strerror(errno));
}

static rk_status write_csv(const rk_bench_arguments *a, rk_error *e)
{
    rk_benches all;
    char *text = NULL;
    size_t n = 0;
    if (!a->csv) return RK_OK;
    RK_TRY(rk_benches_load(a->out, &all, e));
    FILE *f = open_memstream(&text, &n);
    rk_status status =
        f ? rk_benches_csv(&all, f, e) : RK_FAIL(e, RK_E_NOMEM, "no memory for %s", a->csv);
    if (f && fclose(f) != 0 && status == RK_OK)
        status = RK_FAIL(e, RK_E_NOMEM, "no memory for %s", a->csv);
    if (status == RK_OK) status = rk_os_write_atomic(a->csv, text, n, e);
    free(text);
    rk_benches_free(&all);
    return status;
}

/* ---- joining --------------------------------------------------------------------------------- */

static rk_status merge(const rk_bench_arguments *a, rk_error *e)
{
    rk_merged m;
    RK_TRY(rk_results_merge_benches(a->out, a->merge, a->n_merge, &m, e));
    RK_TRY(write_csv(a, e));
    if (a->json)
        return rk_cli_json(stdout,
                           json_pack("{s:s, s:i, s:i, s:i}", "out", a->out, "added",
                                     (int)m.benches_added, "updated", (int)m.benches_updated,
                                     "known", (int)m.benches_known),
                           e);
    if (a->quiet) return RK_OK;
    printf("%s: %u bench%s added", a->out, m.benches_added, m.benches_added == 1 ? "" : "es");
    if (m.benches_updated) printf(", %u brought up", m.benches_updated);
    if (m.benches_known) printf(", %u were there already", m.benches_known);
    printf("\n");
    return rk_cli_flush(stdout, "standard output", e);
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* What is known of devices before a process has said more. */
static rk_status add_devices(const rk_bench_plan *p, rk_results *r, int64_t id, rk_error *e)
{
    static const char *const types[] = {"other", "cpu", "gpu"}, unknown[] = "unknown";
    for (uint32_t i = 0; i < p->n; i++) {
        const rk_bench_target *t = &p->target[i];
        rk_bench_device d = {
            .bench = id,
            .device = i + 1,
            .spec = t->spec,
            .name = t->name,
            .driver = t->driver,
            .type = types[t->type == RK_DEV_CPU || t->type == RK_DEV_GPU ? t->type : 0],
            .vendor = unknown,
            .platform = unknown,
            .backend = unknown,
            .compiler = unknown,
            .processor = unknown,
            .clocks = unknown,
            .environment = unknown,
            .system = unknown,
            .tuning = unknown,
            .selftest = unknown,
            .energy = unknown};
        RK_TRY(rk_results_bench_device(r, &d, e));
    }
    return RK_OK;
}

static rk_status add_bench(const rk_bench_plan *p, rk_results *r, int64_t *id, rk_error *e)
{
    char started[32], host[HOST_NAME_MAX + 1] = "unknown";
    char *config = rk_bench_plan_config(p);
    if (!config) return RK_FAIL(e, RK_E_NOMEM, "no memory for a bench");
    rk_record_time(started);
    gethostname(host, sizeof host - 1);
    rk_bench_record b = {.started = started,
                         .size = rk_bench_size_name(p->a->size),
                         .version = RETHINK_VERSION,
                         .host = host,
                         .config = config};
    rk_status status = rk_results_bench_add(r, &b, e);
    free(config);
    *id = b.id;
    return status == RK_OK ? add_devices(p, r, b.id, e) : status;
}

static void announce(const rk_bench_plan *p, const rk_bench_view *v)
{
    if (v->quiet) return;
    for (uint32_t i = 0; i < p->n; i++) {
        const rk_bench_target *t = &p->target[i];
        fprintf(v->out, "%s %s (%s%s%s)", i ? "," : "Devices:", t->spec, t->name,
                t->driver[0] ? ", " : "", t->driver);
    }
    fprintf(v->out, "\n");
    fflush(v->out);
}

static rk_status show(const rk_bench_plan *p, rk_results *r, int64_t id, const rk_bench_view *v,
                      rk_error *e)
{
    rk_bench *b;
    RK_TRY(rk_results_bench(r, id, &b, e));
    rk_status status = RK_OK;
    if (!v->quiet) status = rk_bench_print(b, v->out, e);
    if (status == RK_OK && !v->quiet)
        fprintf(v->out, "\nbench %lld is in %s; 'rethink report --out %s' draws it\n",
                (long long)id, p->a->out, p->a->out);
    if (status == RK_OK && p->a->json) status = rk_cli_json(stdout, rk_bench_json(b), e);
    rk_bench_free(b);
    return status;
}

/* What a first run pays for compiling is seen with caches that are empty; it is too long for a
 * quick bench, which takes them as they are. */
static rk_status run(const rk_bench_plan *p, rk_results *r, int64_t id, rk_bench_view *v,
                     bool *failed, rk_error *e)
{
    char folder[RK_PATH_MAX];
    bool cold = p->a->size != RK_BENCH_QUICK;
    rk_bench_pin(p->a->threads);
    if (cold) RK_TRY(rk_bench_cold_begin(folder, e));
    rk_status status = rk_bench_run(p, r, id, v, failed, e);
    if (cold) rk_bench_cold_end(folder);
    return status;
}

static rk_status measure(const rk_bench_plan *p, rk_results *r, bool *failed, rk_error *e)
{
    int64_t id = 0;
    rk_bench_view v = {.out = p->a->json ? stderr : stdout,
                       .quiet = p->a->quiet,
                       .verbose = p->a->verbose,
                       .live = rk_live_new()};
    if (v.quiet) v.live.on = false;
    RK_TRY(add_bench(p, r, &id, e));
    announce(p, &v);
    rk_status status = run(p, r, id, &v, failed, e);
    bool stopped = rk_signals_stopping();
    const char *how = status != RK_OK ? "failed" : stopped ? "stopped" : "done";
    rk_status ended = rk_results_bench_finish(r, id, how, status == RK_OK ? e : NULL);
    if (status != RK_OK || ended != RK_OK) return status != RK_OK ? status : ended;
    if (stopped)
        fprintf(stderr, "rethink: stopped; what was measured is bench %lld of %s\n", (long long)id,
                p->a->out);
    RK_TRY(show(p, r, id, &v, e));
    return write_csv(p->a, e);
}

static rk_status bench(const rk_bench_arguments *a, bool *failed, rk_error *e)
{
    rk_bench_plan plan;
    rk_results *r = NULL;
    if (a->csv) RK_TRY(check_csv(a->csv, e));
    if (a->n_merge && a->compare)
        return RK_FAIL(e, RK_E_INVALID, "--compare and --merge are two commands: give one of them");
    if (a->n_merge) return merge(a, e);
    if (a->compare) return rk_bench_compare(a, e);
    RK_TRY(rk_bench_plan_make(a, &plan, e));
    rk_status status = rk_results_open(a->out, false, &r, e);
    if (status == RK_OK) status = measure(&plan, r, failed, e);
    rk_results_close(r);
    rk_bench_plan_free(&plan);
    return status == RK_OK ? rk_cli_flush(stdout, "standard output", e) : status;
}

int rk_cli_bench(int argc, char **argv)
{
    rk_bench_arguments a;
    rk_error e = rk_error_new();
    bool failed = false;
    int code;
    if (rk_bench_parse(argc, argv, &a, &code)) {
        if (a.worker)
            code = rk_bench_work();
        else {
            rk_signals_catch();
            code = bench(&a, &failed, &e) == RK_OK ? rk_signals_status(failed) : rk_cli_fail(&e);
        }
    }
    rk_bench_arguments_free(&a);
    return code;
}
