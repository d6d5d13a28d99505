/* What was measured: machines, devices; and four lines of each to paste into an issue. */
#include "base/error.h"
#include "cli/report_bench.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void entry(FILE *f, const char *name, const char *text)
{
    fprintf(f, "<dt>%s<dd>", name);
    rk_html(f, text && text[0] ? text : "-");
    fputc('\n', f);
}

static void write_device(FILE *f, const rk_bench_report *b, uint32_t platform)
{
    const rk_platform *x = &b->p.platform[platform];
    const rk_bench_device *d = x->device;
    char text[160];
    const struct {
        const char *name, *text;
    } entries[] = {{"platform", d->platform}, {"vendor", d->vendor},
                   {"driver", d->driver},     {"backend", d->backend},
                   {"compiler", d->compiler}, {"self-test", d->selftest},
                   {"clocks", d->clocks},     {"energy", d->energy},
                   {"tuning", d->tuning},     {"environment", d->environment}};
    fputs("<div class=device><h3>", f);
    rk_html(f, x->label);
    fputs("</h3><dl>", f);
    snprintf(text, sizeof text, "%s, %s of memory", d->type, rk_bench_si((double)d->memory, "B").s);
    entry(f, "kind", text);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        entry(f, entries[i].name, entries[i].text);
    if (d->threads > 0) fprintf(f, "<dt>threads<dd>%lld\n", (long long)d->threads);
    snprintf(text, sizeof text, "%s, %s, %.19s, rethink %s", x->bench->record.size,
             x->bench->record.status, x->bench->record.started, x->bench->record.version);
    entry(f, "bench", text);
    entry(f, "machine", x->bench->record.host);
    entry(f, "processor", d->processor);
    entry(f, "system", d->system);
    fputs("</dl></div>\n", f);
}

rk_status rk_bench_part_identity(FILE *f, const rk_bench_report *b, rk_error *e)
{
    (void)e;
    fputs("<section>\n<h2>Devices</h2>\n<p>Short names in tables and figures are what "
          "<code>--device</code> takes.\n<div class=devices>\n",
          f);
    for (uint32_t i = 0; i < b->p.n_platforms; i++) write_device(f, b, i);
    fputs("</div>\n<h3>Four lines for an issue</h3>\n", f);
    for (uint32_t i = 0; i < b->p.n_platforms; i++) {
        char *text = NULL;
        size_t n = 0;
        FILE *m = open_memstream(&text, &n);
        if (!m) return RK_FAIL(e, RK_E_NOMEM, "no memory for the report");
        rk_bench_brief(m, b, i);
        fclose(m);
        fputs("<pre class=brief>", f);
        rk_html(f, text);
        fputs("</pre>\n", f);
        free(text);
    }
    fputs("</section>\n", f);
    return RK_OK;
}

/* ---- four lines ------------------------------------------------------------------------------ */

static double roof(const rk_bench_report *b, uint32_t platform, const char *name)
{
    rk_aggregate a;
    rk_bench_find(b, platform, "roofline", "", "", name, &a);
    return a.median;
}

static void print_overall(FILE *f, const rk_bench_report *b, uint32_t platform)
{
    bool any = false;
    for (rk_application a = 0; a < RK_APP_VENDOR; a++) {
        double x = rk_portability_overall(&b->p, "op", a, platform, RK_EFF_ARCHITECTURAL);
        if (!isfinite(x) || !rk_portability_has(&b->p, "op", a)) continue;
        fprintf(f, "%s%s %.0f %%", any ? ", " : " | of the roofline: ", a ? "fast" : "exact",
                100 * x);
        any = true;
    }
}

/* Of the first workload of a suite. */
static const char *first_of(const rk_bench_report *b, const char *suite)
{
    for (uint32_t i = 0; i < b->p.n_problems; i++)
        if (strcmp(b->p.problem[i].suite, suite) == 0) return b->p.problem[i].subject;
    return NULL;
}

static void print_work(FILE *f, const rk_bench_report *b, uint32_t platform)
{
    const char *step = first_of(b, "step"), *memorize = first_of(b, "memorize");
    static const char *const tiers[] = {"exact", "fast"};
    rk_aggregate s, images;
    if (!step && !memorize) fputs("training not measured", f);
    for (int t = 0; step && t < 2; t++) {
        rk_bench_find(b, platform, "step", step, tiers[t], "seconds", &s);
        rk_bench_find(b, platform, "step", step, tiers[t], "images", &images);
        if (t == 0) fprintf(f, "%s:", step);
        if (s.n > 0 && images.n > 0)
            fprintf(f, "%s %s images/s %s", t ? "," : "",
                    rk_bench_number(images.median / s.median).s, tiers[t]);
        else if (t == 0)
            fputs(" not measured", f);
    }
    bool any = false;
    for (int t = 0; memorize && t < 2; t++) {
        rk_bench_find(b, platform, "memorize", memorize, tiers[t], "seconds", &s);
        if (s.n < 1) continue;
        fprintf(f, "%s %s %s", any ? "," : " | memorizes in", rk_bench_si(s.mean, "s").s, tiers[t]);
        any = true;
    }
    fputc('\n', f);
}

static void print_bits(FILE *f, const rk_bench_report *b, uint32_t platform)
{
    rk_bits bits = rk_bench_bits(b, platform);
    rk_aggregate drift;
    if (!bits.compared)
        fputs("bits: not compared", f);
    else if (bits.different)
        fprintf(f, "bits: DIFFERENT in %u of %u exact operations", bits.different, bits.compared);
    else
        fprintf(f, "bits: equal in all %u exact operations", bits.compared);
    if (bits.wrong) fprintf(f, ", %u wrong", bits.wrong);
    fprintf(f, " | self-test: %s", b->p.platform[platform].device->selftest);
    rk_bench_find(b, platform, "machine", "", "", "drift", &drift);
    if (drift.n > 0) fprintf(f, " | drift %+.1f %%", 100 * (drift.median - 1));
    fputc('\n', f);
}

void rk_bench_brief(FILE *f, const rk_bench_report *b, uint32_t platform)
{
    const rk_platform *x = &b->p.platform[platform];
    const rk_bench_device *d = x->device;
    fprintf(f, "rethink %s bench %s | %s | driver %s | %s\n", x->bench->record.version,
            x->bench->record.size, x->label, d->driver, d->backend);
    fprintf(f, "fma %s, triad %s, launch and wait %s",
            rk_bench_si(roof(b, platform, "fma"), "FLOP/s").s,
            rk_bench_si(roof(b, platform, "triad"), "B/s").s,
            rk_bench_si(roof(b, platform, "launch and wait"), "s").s);
    print_overall(f, b, platform);
    fputc('\n', f);
    print_work(f, b, platform);
    print_bits(f, b, platform);
}
