#include "cli/profile.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The launches of one kernel. */
typedef struct group {
    const rk_launch *first;
    uint32_t launches;
    double seconds, flop, bytes, least; /* least: seconds, by the device's peaks */
} group;

static double larger(double a, double b) { return a > b ? a : b; }

static uint32_t group_launches(const rk_profile *p, group *out)
{
    uint32_t n = 0, at;
    for (uint32_t i = 0; i < p->n; i++) {
        const rk_launch *l = &p->launch[i];
        for (at = 0; at < n; at++)
            if (strcmp(out[at].first->kind, l->kind) == 0 &&
                strcmp(out[at].first->impl, l->impl) == 0)
                break;
        if (at == n) out[n++] = (group){.first = l};
        group *g = &out[at];
        g->launches++;
        g->seconds += l->seconds;
        g->flop += l->flop;
        g->bytes += l->bytes;
        g->least += larger(l->flop / p->peaks.flops, l->bytes / p->peaks.bytes);
    }
    return n;
}

static int longest_first(const void *a, const void *b)
{
    const group *x = a, *y = b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
    return x->first < y->first ? -1 : x->first > y->first;
}

static void add_row(rk_table *t, const group *g, double all)
{
    rk_table_cell(t, "%s", g->first->kind);
    rk_table_cell(t, "%u", g->launches);
    rk_table_cell(t, "%.3f", 1e3 * g->seconds);
    rk_table_cell(t, "%.1f %%", 100 * g->seconds / all);
    if (g->flop > 0)
        rk_table_cell(t, "%.1f", 1e-9 * g->flop / g->seconds);
    else
        rk_table_cell(t, "-");
    rk_table_cell(t, "%.1f", 1e-9 * g->bytes / g->seconds);
    rk_table_cell(t, "%.0f %%", 100 * g->least / g->seconds);
    rk_table_cell(t, "%s", g->first->impl);
}

static rk_status print_groups(FILE *f, group *g, uint32_t n, double all, rk_error *e)
{
    static const char *const heads[] = {"kind",    "launches", "ms",          "share",
                                        "GFLOP/s", "GB/s",     "of the roof", "kernel"};
    rk_table *t = rk_table_new("lrrrrrrl", heads);
    qsort(g, n, sizeof *g, longest_first);
    for (uint32_t i = 0; i < n; i++) add_row(t, &g[i], all);
    rk_status status = rk_table_print(t, f, e);
    rk_table_free(t);
    return status;
}

static void print_sums(FILE *f, const rk_profile *p, const group *g, uint32_t n, double all)
{
    double least = 0, bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        least += g[i].least;
        bytes += g[i].bytes;
    }
    fprintf(f, "A step takes %.3f ms, its %u launches %.3f ms", 1e3 * p->step, p->n, 1e3 * all);
    if (p->kernels && all <= p->step)
        fprintf(f, ": %.1f %% of it are gaps between kernels", 100 * (1 - all / p->step));
    fprintf(f,
            "; they move %.1f MB at least, %.2f times what it is to write and read each array "
            "once.\n"
            "The roof: %.1f GFLOP/s of %s, %.1f GB/s of a sum of arrays in memory (caches may give "
            "more), measured now; a step at the roof would take %.3f ms.\n",
            1e-6 * bytes, bytes / p->bytes_floor, 1e-9 * p->peaks.flops, p->peaks.text,
            1e-9 * p->peaks.bytes, 1e3 * least);
}

rk_status rk_profile_print(FILE *f, const rk_run_record *run, const rk_profile *p, rk_error *e)
{
    double all = 0;
    group *g = calloc((size_t)p->n + 1, sizeof *g);
    if (!g) return RK_FAIL(e, RK_E_NOMEM, "no memory for a profile");
    uint32_t n = group_launches(p, g);
    for (uint32_t i = 0; i < n; i++) all += g[i].seconds;
    fprintf(f, "Profile of a training step of %s on %s, %s, the fastest of %u:\n", run->model,
            run->device,
            p->kernels ? "kernels by the device's clock" : "each launch alone and waited for",
            p->runs);
    rk_status status = print_groups(f, g, n, all, e);
    print_sums(f, p, g, n, all);
    free(g);
    return status;
}

/* ---- the trace ------------------------------------------------------------------------------- */

static void append(rk_trace *t, json_t *event)
{
    if (json_array_append_new(t->events, event) != 0) t->failed = true;
}

void rk_trace_add(rk_trace *t, const rk_run_record *run, const rk_profile *p)
{
    json_int_t process = ++t->runs;
    double begin = 0; /* one after the other: each was alone */
    if (!t->events) t->events = json_array();
    append(t, json_pack("{s:s, s:s, s:I, s:{s:s++}}", "name", "process_name", "ph", "M", "pid",
                        process, "args", "name", run->model, " on ", run->device));
    for (uint32_t i = 0; i < p->n; i++) {
        const rk_launch *l = &p->launch[i];
        json_t *args = json_pack("{s:s, s:s, s:f, s:f}", "kernel", l->impl, "step", l->text, "flop",
                                 l->flop, "bytes", l->bytes);
        append(t, json_pack("{s:s, s:s, s:s, s:I, s:i, s:f, s:f, s:o}", "name", l->kind, "cat",
                            l->kind, "ph", "X", "pid", process, "tid", 1, "ts", 1e6 * begin, "dur",
                            1e6 * l->seconds, "args", args));
        begin += l->seconds;
    }
}

rk_status rk_trace_write(rk_trace *t, const char *path, rk_error *e)
{
    json_t *root = json_pack("{s:o, s:s}", "traceEvents", t->events ? t->events : json_array(),
                             "displayTimeUnit", "ms");
    t->events = NULL;
    bool failed = t->failed || !root;
    errno = 0;
    if (!failed && json_dump_file(root, path, JSON_COMPACT) != 0) {
        json_decref(root);
        return RK_FAIL(e, RK_E_IO, "cannot write the trace %s: %s", path,
                       errno ? strerror(errno) : "an invalid text");
    }
    json_decref(root);
    return failed ? RK_FAIL(e, RK_E_NOMEM, "no memory for a trace") : RK_OK;
}

void rk_trace_free(rk_trace *t) { json_decref(t->events); }
