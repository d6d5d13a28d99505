/* Where the numbers come from. */
#include "cli/report.h"
#include <string.h>

enum { OPEN_MAX = 20 }; /* longer tables are folded */

static bool same(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

static void cell(FILE *f, const char *text)
{
    fputs("<td>", f);
    rk_html(f, text && text[0] ? text : "-");
    fputs("</td>", f);
}

static void digest(FILE *f, const char *text)
{
    fputs("<td><code>", f);
    rk_html(f, text && text[0] ? text : "-");
    fputs("</code></td>", f);
}

static bool seen_device(const rk_runs *r, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++) {
        const rk_run_record *a = r->run[k], *b = r->run[i];
        if (same(a->device, b->device) && same(a->device_name, b->device_name) &&
            same(a->driver, b->driver) && same(a->numerics, b->numerics) &&
            same(a->kernels, b->kernels) && same(a->version, b->version))
            return true;
    }
    return false;
}

static void print_devices(FILE *f, const rk_runs *r)
{
    fputs("<h3>Devices</h3>\n<div class=wide><table class=small><thead><tr><th scope=col>device"
          "<th scope=col>name<th scope=col>driver<th scope=col>backend<th scope=col>numerics"
          "<th scope=col>kernels<th scope=col>fallback<th scope=col>rethink</tr></thead>\n",
          f);
    for (uint32_t i = 0; i < r->n; i++) {
        const rk_run_record *run = r->run[i];
        if (seen_device(r, i)) continue;
        fputs("<tr>", f);
        cell(f, run->device);
        cell(f, run->device_name);
        cell(f, run->driver);
        cell(f, run->backend);
        cell(f, run->numerics);
        cell(f, run->kernels);
        cell(f, run->steps_fallback ? run->fallback_note : "none");
        cell(f, run->version);
        fputs("</tr>\n", f);
    }
    fputs("</table></div>\n", f);
}

static void print_configuration(FILE *f, const rk_run_record *run)
{
    const struct {
        const char *name, *value;
    } texts[] = {{"model", run->model},       {"data", run->data},
                 {"augment", run->augment},   {"optimizer", run->optimizer},
                 {"schedule", run->schedule}, {"regularize", run->regularize}};
    fputs("<dl>", f);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fprintf(f, "<dt>%s<dd>", texts[i].name);
        rk_html(f, texts[i].value && texts[i].value[0] ? texts[i].value : "none");
    }
    fprintf(f,
            "<dt>learning rate<dd>%.15g<dt>batch<dd>%lld<dt>parameters<dd>%lld<dt>training"
            "<dd>",
            run->rate, (long long)run->batch, (long long)run->parameters);
    rk_report_settings(f, run);
    fputs("</dl>\n", f);
}

static void print_runs(FILE *f, const rk_runs *r, const rk_group *g)
{
    fprintf(f, "<details%s><summary>%u runs</summary>", g->runs.n > OPEN_MAX ? "" : " open",
            g->runs.n);
    fputs("<div class=wide><table class='small runs'><thead><tr><th scope=col class=n>run"
          "<th scope=col>status<th scope=col>started (UTC)<th scope=col>randomize"
          "<th scope=col>device<th scope=col class=n>seed<th scope=col class=n>epochs"
          "<th scope=col class=n>labels changed<th scope=col>data<th scope=col>labels"
          "<th scope=col>plan<th scope=col>weights</tr></thead>\n",
          f);
    for (uint32_t i = 0; i < g->runs.n; i++) {
        const rk_run_record *run = r->run[g->runs.index[i]];
        fprintf(f, "<tr><td class=n>%lld</td>", (long long)run->id);
        cell(f, run->error && run->error[0] ? run->error : run->status);
        cell(f, run->started);
        cell(f, run->randomize);
        cell(f, run->device);
        fprintf(f, "<td class=n>%llu</td><td class=n>%lld of %lld</td><td class=n>%.1f %%</td>",
                (unsigned long long)run->seed, (long long)run->epochs_done, (long long)run->epochs,
                100 * run->changed_labels);
        digest(f, run->data_digest);
        digest(f, run->label_digest);
        digest(f, run->plan_digest);
        digest(f, run->digest);
        fputs("</tr>\n", f);
    }
    fputs("</table></div></details>\n", f);
    if (g->others) fprintf(f, "<p>%u more runs are left out.\n", g->others);
}

void rk_report_provenance(FILE *f, const rk_runs *r, const rk_groups *all)
{
    fputs("<section>\n<h2>Provenance</h2>\n<p>Digests are XXH3-128: of pixels, labels and their "
          "standardization (data), of the training labels (labels), of the plan that the device "
          "ran (plan), and of all trained weights and running averages after the last epoch "
          "(weights). In exact numerics equal configurations give equal weights on every device.\n",
          f);
    print_devices(f, r);
    for (uint32_t i = 0; i < all->n; i++) {
        const rk_group *g = &all->group[i];
        char model[200];
        rk_runs_brief(r, g->runs.index[0], offsetof(rk_run_record, model), model, sizeof model);
        fputs("<h3>Runs of ", f);
        rk_html(f, model);
        fputs("</h3>\n", f);
        print_configuration(f, r->run[g->runs.index[0]]);
        print_runs(f, r, g);
    }
    fputs("</section>\n", f);
}
