/* Operations: their times beside the processor's and a vendor library's; what is supported. */
#include "base/error.h"
#include "cli/report_bench.h"
#include <math.h>
#include <string.h>

static const char *const tiers[] = {"exact", "fast"};
enum { TIERS = 2 };

/* The first processor device of the same machine, in whose times others are told. */
static uint32_t processor_of(const rk_bench_report *b, uint32_t platform)
{
    for (uint32_t i = 0; i < b->p.n_platforms; i++)
        if (strncmp(b->p.platform[i].device->spec, "cpu", 3) == 0 &&
            strcmp(b->p.platform[i].bench->record.host,
                   b->p.platform[platform].bench->record.host) == 0)
            return i;
    return platform;
}

static void rate(rk_sheet *t, double amount, double seconds, const char *unit)
{
    double x = amount / seconds;
    if (isfinite(x) && x > 0)
        rk_sheet_cell(t, "%s", rk_bench_si(x, unit).s);
    else
        rk_sheet_soft(t, "-");
}

static void ratio(rk_sheet *t, const rk_merit *other, const rk_merit *m)
{
    double x = other->seconds / m->seconds;
    if (isfinite(x))
        rk_sheet_cell(t, "%s", rk_bench_number(x).s);
    else
        rk_sheet_soft(t, "-");
}

/* What it is: its kernel, or why there is no time, or that the time is not worth much. */
static void kernel_cell(rk_sheet *t, const rk_bench_report *b, uint32_t problem, rk_application a,
                        uint32_t platform)
{
    const rk_merit *m = rk_portability_merit(&b->p, problem, a, platform);
    double slow = rk_bench_slow(b, problem, a, platform);
    static const char *const states[] = {"not measured", "cannot", "wrong", ""};
    if (m->state != RK_RAN) {
        if (m->state == RK_NOT_TRIED)
            rk_sheet_soft(t, "%s", states[m->state]);
        else
            rk_sheet_bad(t, "%s", states[m->state]);
        rk_sheet_note(t, "%s", m->text);
    } else if (slow > 0) {
        rk_sheet_bad(t, "slow");
        rk_sheet_note(t, "%.1f times what is to be expected; %s", slow, m->text);
    } else {
        rk_sheet_cell(t, "%s", m->text);
    }
}

static void op_row(rk_sheet *t, const rk_bench_report *b, uint32_t k, uint32_t i, int tier)
{
    const rk_problem *q = &b->p.problem[k];
    const rk_application a = (rk_application)tier;
    const rk_merit *m = rk_portability_merit(&b->p, k, a, i);
    rk_aggregate s;
    bool asked = rk_bench_find(b, i, q->suite, q->subject, tiers[tier], "seconds", &s);
    if (!asked && (m->state == RK_NOT_TRIED || tier)) return;
    rk_sheet_row(t, "%s", q->subject);
    rk_sheet_cell(t, "%s", tiers[tier]);
    rk_sheet_cell(t, "%s", rk_bench_si(m->seconds, "s").s);
    if (s.n > 1) rk_sheet_note(t, "%s to %s", rk_bench_si(s.q1, "s").s, rk_bench_si(s.q3, "s").s);
    rate(t, m->flop, m->seconds, "FLOP/s");
    rate(t, m->bytes, m->seconds, "B/s");
    if (isfinite(m->roof))
        rk_sheet_cell(t, "%.0f %%", 100 * m->roof);
    else
        rk_sheet_soft(t, "-");
    ratio(t, rk_portability_merit(&b->p, k, RK_APP_EXACT, processor_of(b, i)), m);
    const rk_merit *vendor = rk_portability_merit(&b->p, k, RK_APP_VENDOR, i);
    ratio(t, vendor, m);
    if (isfinite(vendor->seconds)) rk_sheet_note(t, "%s", vendor->text);
    kernel_cell(t, b, k, a, i);
}

static rk_status write_device(FILE *f, const rk_bench_report *b, uint32_t i, rk_error *e)
{
    static const char *const heads[] = {
        "time", "rate", "traffic", "of the roofline", "faster than cpu", "than the vendor"};
    rk_sheet *t = rk_sheet_new();
    rk_sheet_column(t, 'l', "operation");
    rk_sheet_column(t, 'l', "tier");
    for (size_t k = 0; k < sizeof heads / sizeof *heads; k++)
        rk_sheet_column(t, 'r', "%s", heads[k]);
    rk_sheet_column(t, 'l', "kernel");
    for (uint32_t k = 0; k < b->p.n_problems; k++)
        for (int tier = 0; tier < TIERS; tier++)
            if (strcmp(b->p.problem[k].suite, "op") == 0) op_row(t, b, k, i, tier);
    rk_status status = RK_OK;
    if (rk_sheet_rows(t)) {
        fputs("<details open><summary>", f);
        rk_html(f, b->p.platform[i].label);
        fputs("</summary>", f);
        status = rk_sheet_write(t, "", f, e);
        fputs("</details>\n", f);
    }
    rk_sheet_free(t);
    return status;
}

/* ---- support --------------------------------------------------------------------------------- */

/* Of a device: the worst of its tiers; which: the tier that it is. */
static rk_aggregate find_support(const rk_bench_report *b, uint32_t platform, const char *subject,
                                 const char **which)
{
    static const char *const tiers[] = {"", "exact", "fast"};
    rk_aggregate worst, a;
    *which = "";
    rk_bench_find(b, platform, "support", subject, "", "support", &worst);
    for (int i = 1; i < 3; i++) {
        bool there = rk_bench_find(b, platform, "support", subject, tiers[i], "support", &a);
        if (!there || (worst.n > 0 && !(a.most > worst.most))) continue;
        worst = a;
        *which = tiers[i];
    }
    return worst;
}

static void support_cell(rk_sheet *t, const rk_aggregate *a, const char *tier)
{
    static const char *const words[] = {"ok", "fallback", "unsupported", "wrong"};
    int x = a->n > 0 && a->most >= 0 && a->most <= 3 ? (int)a->most : -1;
    if (x < 0) {
        rk_bench_cell(t, a, "");
        return;
    }
    if (x == 0) rk_sheet_good(t, "%s", words[x]);
    if (x == 1) rk_sheet_soft(t, "%s", words[x]);
    if (x > 1) rk_sheet_bad(t, "%s", words[x]);
    if (x > 0 && a->text[0]) rk_sheet_note(t, "%s%s%s", tier, tier[0] ? ": " : "", a->text);
}

static bool listed(const char *const *list, uint32_t n, const char *text)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(list[i], text) == 0) return true;
    return false;
}

/* Of all devices, in the order of the first that has them. */
static rk_status write_support(FILE *f, const rk_bench_report *b, rk_error *e)
{
    enum { MOST = 256 };
    const char *subject[MOST];
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->p.n_platforms; i++) {
        uint32_t values;
        const rk_platform *x = &b->p.platform[i];
        const rk_bench_value *v =
            rk_aggregate_suite(x->bench, x->device->device, "support", &values);
        for (uint32_t k = 0; k < values; k++)
            if (n < MOST && !listed(subject, n, v[k].subject)) subject[n++] = v[k].subject;
    }
    if (n == 0) return RK_OK;
    rk_sheet *t = rk_sheet_new();
    rk_sheet_column(t, 'l', "operation");
    for (uint32_t i = 0; i < b->p.n_platforms; i++) rk_sheet_column(t, 'l', "%s", b->tag[i]);
    for (uint32_t k = 0; k < n; k++) {
        rk_sheet_row(t, "%s", subject[k]);
        for (uint32_t i = 0; i < b->p.n_platforms; i++) {
            const char *tier;
            rk_aggregate a = find_support(b, i, subject[k], &tier);
            support_cell(t, &a, tier);
        }
    }
    fputs("<h3>What is supported</h3>\n", f);
    rk_status status = rk_sheet_write(t, "", f, e);
    rk_sheet_free(t);
    return status;
}

rk_status rk_bench_part_operations(FILE *f, const rk_bench_report *b, rk_error *e)
{
    fputs("<section>\n<h2>Operations</h2>\n", f);
    RK_TRY(write_support(f, b, e));
    fputs("<h3>Times</h3>\n<p class=note>Medians over processes of their medians, and of their "
          "quartiles. Faster than cpu: the time of cpu:0 in exact numerics on the "
          "same machine over this one.\n",
          f);
    for (uint32_t i = 0; i < b->p.n_platforms; i++) RK_TRY(write_device(f, b, i, e));
    fputs("</section>\n", f);
    return RK_OK;
}
