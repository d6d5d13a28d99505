/* What diagnostics found: the numbers, what they cost, and what was chosen. */
#include "base/error.h"
#include "base/moments.h"
#include "cli/found.h"
#include "cli/report.h"
#include <math.h>
#include <string.h>

enum { COLUMNS_MAX = 6 }; /* of a table; more columns are another table */

/* ---- numbers --------------------------------------------------------------------------------- */

static void number_cell(FILE *f, const rk_runs *r, const rk_found_row *row, const char *name)
{
    rk_moments m = {0};
    for (uint32_t i = 0; i < row->n; i++) {
        double x = rk_found_of_run(r, row->run[i], name);
        if (isfinite(x)) rk_moments_add(&m, x);
    }
    double spread = rk_moments_spread(&m);
    if (m.n == 0)
        fputs("<td class=n>-", f);
    else
        fprintf(f, "<td class=n>%.5g", rk_moments_mean(&m));
    if (isfinite(spread) && spread > 0) fprintf(f, " <small>\xc2\xb1 %.2g</small>", spread);
}

static bool has_number(const rk_runs *r, const rk_found_row *row, const char *name)
{
    for (uint32_t i = 0; i < row->n; i++)
        if (isfinite(rk_found_of_run(r, row->run[i], name))) return true;
    return false;
}

static void write_numbers(FILE *f, const rk_runs *r, const rk_found_row *row, uint32_t n,
                          const char *const *name, uint32_t n_names)
{
    fputs("<div class=wide><table><thead><tr><th scope=col>found", f);
    for (uint32_t i = 0; i < n; i++) {
        fputs("<th scope=col class=n>", f);
        rk_html(f, row[i].title);
    }
    fputs("</tr></thead>\n", f);
    for (uint32_t k = 0; k < n_names; k++) {
        bool any = false;
        for (uint32_t i = 0; i < n; i++) any = any || has_number(r, &row[i], name[k]);
        if (!any) continue;
        fputs("<tr><th scope=row>", f);
        rk_html(f, name[k]);
        fputs("</th>", f);
        for (uint32_t i = 0; i < n; i++) number_cell(f, r, &row[i], name[k]);
        fputs("</tr>\n", f);
    }
    fputs("</table></div>\n", f);
}

/* ---- costs ----------------------------------------------------------------------------------- */

static const rk_found *same_spec(const rk_found_list *l, const char *spec)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (strcmp(l->found[i].spec, spec) == 0) return &l->found[i];
    return NULL;
}

/* Of one diagnostic over the runs of a row. */
static void cost_row(FILE *f, const rk_runs *r, const rk_found_row *row, const rk_found *first)
{
    const rk_run_record *run = r->run[row->run[0]];
    rk_moments seconds = {0};
    int64_t bytes = 0;
    char text[64];
    for (uint32_t i = 0; i < row->n; i++) {
        const rk_found *x = same_spec(&r->found[row->run[i]], first->spec);
        if (!x || x->error[0]) continue;
        rk_moments_add(&seconds, x->seconds);
        bytes = x->bytes > bytes ? x->bytes : bytes;
    }
    if (seconds.n == 0) return;
    rk_found_bytes(bytes, text, sizeof text);
    fputs("<tr><th scope=row>", f);
    rk_html(f, row->title);
    fputs("</th><td>", f);
    rk_html(f, first->spec);
    fputs("<td>", f);
    rk_html(f, first->device);
    fprintf(f, "<td class=n>%lld<td class=n>%lld<td class=n>%.3g s<td class=n>%s</tr>\n",
            (long long)run->parameters, (long long)run->train_examples, rk_moments_mean(&seconds),
            text);
}

static void write_costs(FILE *f, const rk_runs *r, const rk_found_row *row, uint32_t n)
{
    fputs(
        "<details><summary>What diagnostics cost</summary><div class=wide><table><thead><tr><th "
        "scope=col>variant<th scope=col>diagnostic<th scope=col>device<th scope=col class=n>"
        "parameters<th scope=col class=n>examples<th scope=col class=n>seconds, mean<th scope=col "
        "class=n>device memory</tr></thead>\n",
        f);
    for (uint32_t i = 0; i < n; i++) {
        const rk_found_list *l = &r->found[row[i].run[0]];
        for (uint32_t k = 0; k < l->n; k++) cost_row(f, r, &row[i], &l->found[k]);
    }
    fputs("</table></div></details>\n", f);
}

/* ---- notes ----------------------------------------------------------------------------------- */

static rk_status collect_notes(const rk_runs *r, const rk_found_row *row, uint32_t n, rk_pool *pool,
                               const char ***note, uint32_t *n_notes, rk_error *e)
{
    char text[700], title[160];
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < row[i].n; k++) {
            const rk_found_list *l = &r->found[row[i].run[k]];
            for (uint32_t d = 0; d < l->n; d++) {
                const rk_found *x = &l->found[d];
                rk_found_title(l, x, title, sizeof title);
                if (x->error[0]) {
                    snprintf(text, sizeof text, "%s FAILED in %s: %.400s", title, row[i].title,
                             x->error);
                    RK_TRY(rk_found_add_name(pool, text, note, n_notes, e));
                }
                for (uint32_t t = 0; t < x->n_notes; t++) {
                    snprintf(text, sizeof text, "%s: %.500s", title, x->note[t]);
                    RK_TRY(rk_found_add_name(pool, text, note, n_notes, e));
                }
            }
        }
    return RK_OK;
}

static void write_notes(FILE *f, const char *const *note, uint32_t n)
{
    if (n == 0) return;
    fputs("<ul class=note>\n", f);
    for (uint32_t i = 0; i < n; i++) {
        fputs("<li>", f);
        rk_html(f, note[i]);
        fputc('\n', f);
    }
    fputs("</ul>\n", f);
}

static rk_status write_all(FILE *f, const rk_runs *r, const rk_found_row *row, uint32_t n,
                           rk_pool *pool, rk_error *e)
{
    const char **name, **note = NULL;
    uint32_t n_names, n_notes = 0;
    RK_TRY(rk_found_names(r, pool, &name, &n_names, e));
    fputs("<h3>What diagnostics found</h3>\n", f);
    for (uint32_t i = 0; i < n; i += COLUMNS_MAX)
        write_numbers(f, r, row + i, n - i < COLUMNS_MAX ? n - i : COLUMNS_MAX, name, n_names);
    RK_TRY(collect_notes(r, row, n, pool, &note, &n_notes, e));
    write_notes(f, note, n_notes);
    write_costs(f, r, row, n);
    return RK_OK;
}

rk_status rk_report_found(FILE *f, const rk_runs *r, const rk_found_row *row, uint32_t n,
                          rk_error *e)
{
    rk_pool pool = {0};
    bool any = false;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < row[i].n; k++) any = any || r->found[row[i].run[k]].n;
    rk_status status = any ? write_all(f, r, row, n, &pool, e) : RK_OK;
    rk_pool_free(&pool);
    return status;
}
