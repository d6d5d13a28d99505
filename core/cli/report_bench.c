/* The sections of a bench, in the order of what a reader asks. */
#include "cli/report_bench.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

enum { OUT_MAX = 12 }; /* of what stands out, as much is listed */

static void list_bits(FILE *f, const rk_bench_report *b)
{
    uint32_t compared = 0, different = 0;
    for (uint32_t i = 0; i < b->p.n_platforms; i++) {
        rk_bits bits = rk_bench_bits(b, i);
        compared += bits.compared;
        different += bits.different;
    }
    if (compared && !different)
        fprintf(f,
                "<li><b class=good>Same bits.</b> In all %u comparisons exact operations gave the "
                "reference's bits.\n",
                compared);
    if (different)
        fprintf(f,
                "<li><b class=bad>Different bits.</b> In %u of %u comparisons an exact operation "
                "gave other bits than the reference.\n",
                different, compared);
    if (!compared) fputs("<li>Bits were not compared.\n", f);
}

static void list_portability(FILE *f, const rk_bench_report *b)
{
    static const char *const suites[] = {"step", "op"};
    static const char *const names[] = {"training steps", "operations"};
    double x[64];
    uint32_t n = b->p.n_platforms;
    if (n < 2 || n > 64) return;
    for (int s = 0; s < 2; s++)
        for (rk_application a = 0; a < RK_APP_VENDOR; a++) {
            for (uint32_t i = 0; i < n; i++)
                x[i] = rk_portability_overall(&b->p, suites[s], a, i, RK_EFF_ARCHITECTURAL);
            rk_metric m = rk_metric_of(x, n);
            if (!isfinite(m.full) || !rk_portability_has(&b->p, suites[s], a)) continue;
            fprintf(f, "<li>Portability of %s, %s: <b>%.0f %%</b> of the rooflines of %u devices",
                    names[s], rk_application_name(a), 100 * m.full, n);
            if (m.platforms < n && m.platforms)
                fprintf(f, "; %.0f %% of those of the %u that do all of it", 100 * m.supported,
                        m.platforms);
            fputs(".\n", f);
        }
}

static void list_memorize(FILE *f, const rk_bench_report *b)
{
    for (uint32_t i = 0; i < b->p.n_problems; i++) {
        const rk_problem *q = &b->p.problem[i];
        uint32_t best = 0;
        double least = INFINITY;
        rk_application how = RK_APP_EXACT;
        if (strcmp(q->suite, "memorize") != 0) continue;
        for (uint32_t k = 0; k < b->p.n_platforms; k++)
            for (rk_application a = 0; a < RK_APP_VENDOR; a++) {
                const rk_merit *m = rk_portability_merit(&b->p, i, a, k);
                if (m->state != RK_RAN || !(m->seconds < least)) continue;
                least = m->seconds, best = k, how = a;
            }
        if (!isfinite(least)) continue;
        fputs("<li>Fastest to memorize ", f);
        rk_html(f, q->subject);
        fprintf(f, ": <b>%s</b>, by ", rk_bench_si(least, "s").s);
        rk_html(f, b->p.platform[best].label);
        fprintf(f, ", %s.\n", how == RK_APP_FAST ? "fast" : "exact");
    }
}

static void item(FILE *f, const rk_bench_report *b, uint32_t problem, rk_application a,
                 uint32_t platform)
{
    const rk_merit *m = rk_portability_merit(&b->p, problem, a, platform);
    const bool wrong = m->state == RK_WRONG;
    fprintf(f, "<li><b class=bad>%s</b> ", wrong ? "Wrong:" : "Slow:");
    rk_html(f, b->p.problem[problem].subject);
    fprintf(f, ", %s, on ", rk_application_name(a));
    rk_html(f, b->tag[platform]);
    if (wrong) {
        fputs(": ", f);
        rk_html(f, m->text);
    } else {
        fprintf(f, ": %.1f times what is to be expected (%s",
                rk_bench_slow(b, problem, a, platform), rk_bench_si(m->seconds, "s").s);
        if (m->text[0]) {
            fputs(", ", f);
            rk_html(f, m->text);
        }
        fputs(")", f);
    }
    fputc('\n', f);
}

/* What a reader must not overlook: what is wrong, then what is slow. */
static void list_what_stands_out(FILE *f, const rk_bench_report *b)
{
    uint32_t found = 0;
    for (int slow = 0; slow < 2; slow++)
        for (uint32_t i = 0; i < b->p.n_problems; i++)
            for (rk_application a = 0; a < RK_APP_VENDOR; a++)
                for (uint32_t k = 0; k < b->p.n_platforms; k++) {
                    const rk_merit *m = rk_portability_merit(&b->p, i, a, k);
                    bool is = slow ? rk_bench_slow(b, i, a, k) > 0 : m->state == RK_WRONG;
                    if (is && found < OUT_MAX) item(f, b, i, a, k);
                    found += is;
                }
    if (found > OUT_MAX)
        fprintf(f, "<li><b class=bad>%u more</b> are wrong or slow: see the tables.\n",
                found - OUT_MAX);
}

static void list_unfinished(FILE *f, const rk_bench_report *b)
{
    uint32_t unfinished = 0;
    for (uint32_t i = 0; i < b->file.n; i++)
        unfinished += strcmp(b->file.bench[i]->record.status, "done") != 0;
    if (unfinished)
        fprintf(f,
                "<li><b class=bad>Not all done:</b> %u of %u benches have stopped early, failed or "
                "are running.\n",
                unfinished, b->file.n);
    if (b->file.n > 1)
        fprintf(f,
                "<li>The file has %u benches. A device that is in several is shown as one of "
                "them measured it: one that is done, with most suites, the last of those.\n",
                b->file.n);
}

rk_status rk_report_benches(FILE *f, const rk_bench_report *b, uint32_t *number, rk_error *e)
{
    if (b->p.n_platforms == 0) return RK_OK;
    fputs("<section>\n<h2>Benchmark</h2>\n<ul class=summary>\n", f);
    list_bits(f, b);
    list_memorize(f, b);
    list_portability(f, b);
    list_what_stands_out(f, b);
    list_unfinished(f, b);
    fputs("</ul>\n</section>\n", f);
    RK_TRY(rk_bench_part_identity(f, b, e));
    RK_TRY(rk_bench_part_training(f, b, number, e));
    RK_TRY(rk_bench_part_roofline(f, b, number, e));
    RK_TRY(rk_bench_part_efficiency(f, b, number, e));
    RK_TRY(rk_bench_part_numerics(f, b, number, e));
    RK_TRY(rk_bench_part_operations(f, b, e));
    return rk_bench_part_variance(f, b, e);
}
