/* Examples over several runs. */
#include "cli/scores.h"
#include "base/text.h"
#include "train/diagnose.h"
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct id_list {
    int64_t *id;
    uint32_t n;
} id_list;

static rk_status add_id(id_list *list, int64_t id, rk_error *e)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (list->id[i] == id)
            return RK_FAIL(e, RK_E_INVALID, "--over: run %lld is there twice", (long long)id);
    int64_t *longer = realloc(list->id, (list->n + 1) * sizeof *longer);
    if (!longer) return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of runs");
    list->id = longer;
    list->id[list->n++] = id;
    return RK_OK;
}

/* "7" or "3-9". */
static rk_status add_range(id_list *list, char *text, rk_error *e)
{
    enum { MOST = 100000 };
    int64_t first, last;
    char *dash = strchr(text, '-');
    if (dash) *dash = '\0';
    if (!rk_parse_i64(text, &first) || !rk_parse_i64(dash ? dash + 1 : text, &last) || first < 1 ||
        last < first || last - first > MOST) {
        if (dash) *dash = '-';
        return RK_FAIL(e, RK_E_INVALID, "--over: '%.64s' is no run: write as 3 or 3-9", text);
    }
    for (int64_t id = first; id <= last; id++) RK_TRY(add_id(list, id, e));
    return RK_OK;
}

static rk_status parse_ids(const char *text, id_list *list, rk_error *e)
{
    char *copy = strdup(text), *rest = copy;
    rk_status status = RK_OK;
    if (!copy) return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of runs");
    while (rest && status == RK_OK) {
        char *comma = strchr(rest, ',');
        if (comma) *comma = '\0';
        status = add_range(list, rest, e);
        rest = comma ? comma + 1 : NULL;
    }
    free(copy);
    return status;
}

enum { LABEL_BYTES = 256 };

static void take_label(const rk_run_record *r, char out[LABEL_BYTES])
{
    snprintf(out, LABEL_BYTES, "%s", r->variant);
    rk_label_without_seed(out);
}

static bool is_wanted(const rk_scores_arguments *a, const rk_run_record *r)
{
    char own[LABEL_BYTES];
    take_label(r, own);
    return strcmp(r->status, "done") == 0 && (!a->variant || fnmatch(a->variant, own, 0) == 0);
}

/* Whether a run that was started later has the same seed, as one on another device: both say one
 * thing, which chance would seem to say twice. */
static bool is_repeated(const rk_scores_arguments *a, const rk_runs *runs, uint32_t i)
{
    const rk_run_record *r = runs->run[i];
    char own[LABEL_BYTES], other[LABEL_BYTES];
    take_label(r, own);
    for (uint32_t k = 0; k < runs->n; k++) {
        const rk_run_record *later = runs->run[k];
        if (later->seed != r->seed || strcmp(later->preset, r->preset) != 0) continue;
        if (!rk_run_later(later, r)) continue;
        take_label(later, other);
        if (strcmp(other, own) == 0 && is_wanted(a, later)) return true;
    }
    return false;
}

/* The finished runs of a preset, or of one of its variants; of a seed the latest. */
static rk_status find_ids(const rk_scores_arguments *a, id_list *list, rk_error *e)
{
    rk_runs runs;
    RK_TRY(rk_runs_load(a->results, a->preset, false, &runs, e));
    rk_status status = RK_OK;
    for (uint32_t i = 0; i < runs.n && status == RK_OK; i++) {
        if (is_wanted(a, runs.run[i]) && !is_repeated(a, &runs, i))
            status = add_id(list, runs.run[i]->id, e);
    }
    rk_runs_free(&runs);
    if (status == RK_OK && list->n == 0)
        status = RK_FAIL(e, RK_E_INVALID, "%s has no finished run of %s%s%s: see 'rethink list'",
                         a->results, a->preset ? a->preset : "any preset",
                         a->variant ? ", variant " : "", a->variant ? a->variant : "");
    return status;
}

/* What was found. */
typedef struct finding {
    rk_easiness all;
    rk_example_score *row;
    uint32_t *right;
    bool test;
} finding;

static double share(const finding *f, uint32_t i) { return (double)f->right[i] / f->all.runs; }

static rk_status print_hardest(const finding *f, int64_t top, rk_error *e)
{
    static const char *const heads[] = {"example", "label", "true", "right in"};
    rk_table *t = rk_table_new("rrrr", heads);
    int64_t lines = 0;
    for (uint32_t right = 0; right <= f->all.runs; right++)
        for (uint32_t i = 0; i < f->all.examples && lines < top; i++) {
            const rk_example_score *r = &f->row[i];
            if (f->right[i] != right) continue;
            lines++;
            rk_table_cell(t, "%lld", (long long)r->example);
            rk_table_cell(t, "%lld", (long long)r->label);
            rk_table_cell(t, "%lld", (long long)(f->test ? r->label : r->true_label));
            rk_table_cell(t, "%u of %u", right, f->all.runs);
        }
    puts("\nThe hardest examples\n");
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

static rk_status print_text(const finding *f, int64_t top, rk_error *e)
{
    const rk_easiness *x = &f->all;
    printf("%u %s examples over %u runs\n\n", x->examples, f->test ? "test" : "training", x->runs);
    printf("  mean accuracy     %.2f %%\n  variance ratio    ", 100 * x->accuracy);
    if (isfinite(x->ratio))
        printf("%.4g   (of the examples' accuracies, over that of chance)\n", x->ratio);
    else
        puts("-");
    printf("  always right      %.2f %%\n  always wrong      %.2f %%\n", 100 * x->always_right,
           100 * x->always_wrong);
    return top ? print_hardest(f, top, e) : RK_OK;
}

static void print_csv(const finding *f)
{
    fputs("example,label,true_label,right,runs,accuracy\r\n", stdout);
    for (uint32_t i = 0; i < f->all.examples; i++)
        printf("%lld,%lld,%lld,%u,%u,%.9g\r\n", (long long)f->row[i].example,
               (long long)f->row[i].label,
               (long long)(f->test ? f->row[i].label : f->row[i].true_label), f->right[i],
               f->all.runs, share(f, i));
}

static rk_status print_json(const finding *f, rk_error *e)
{
    const rk_easiness *x = &f->all;
    json_t *examples = json_array(), *root = NULL;
    bool good = examples;
    for (uint32_t i = 0; good && i < x->examples; i++)
        good = json_array_append_new(examples, json_pack("{s:I, s:I, s:I, s:f}", "example",
                                                         (json_int_t)f->row[i].example, "label",
                                                         (json_int_t)f->row[i].label, "right",
                                                         (json_int_t)f->right[i], "accuracy",
                                                         share(f, i))) == 0;
    if (good)
        root = json_pack("{s:I, s:I, s:f, s:o, s:f, s:f, s:O}", "runs", (json_int_t)x->runs, "n",
                         (json_int_t)x->examples, "accuracy", x->accuracy, "variance_ratio",
                         isfinite(x->ratio) ? json_real(x->ratio) : json_null(), "always_right",
                         x->always_right, "always_wrong", x->always_wrong, "examples", examples);
    json_decref(examples);
    return rk_cli_json(stdout, root, e);
}

static rk_status print_all(const rk_scores_arguments *a, const finding *f, rk_error *e)
{
    if (a->json) return print_json(f, e);
    if (!a->csv) return print_text(f, a->top, e);
    print_csv(f);
    return RK_OK;
}

/* Whether the first run held out examples. */
static rk_status holds_out(rk_results *r, const id_list *list, bool *out, rk_error *e)
{
    rk_example_score *row;
    uint32_t n;
    *out = false;
    if (list->n < 2) return RK_OK; /* which is refused */
    RK_TRY(rk_results_scores(r, list->id[0], false, &row, &n, e));
    for (uint32_t i = 0; i < n && !*out; i++) *out = row[i].held != 0;
    free(row);
    return RK_OK;
}

static rk_status print_easiness(const rk_scores_arguments *a, rk_results *r, const id_list *list,
                                rk_error *e)
{
    finding f = {.test = a->test};
    rk_status status =
        rk_results_easiness(r, list->id, list->n, a->test, &f.all, &f.row, &f.right, e);
    if (status == RK_OK) status = print_all(a, &f, e);
    free(f.row);
    free(f.right);
    return status;
}

rk_status rk_scores_over(const rk_scores_arguments *a, rk_error *e)
{
    id_list list = {0};
    rk_results *results = NULL;
    bool held = false;
    rk_status status = a->over ? parse_ids(a->over, &list, e) : find_ids(a, &list, e);
    if (status == RK_OK) status = rk_results_open(a->results, true, &results, e);
    if (status == RK_OK && !a->test) status = holds_out(results, &list, &held, e);
    if (status == RK_OK && held) status = rk_scores_memory(a, results, list.id, list.n, e);
    if (status == RK_OK && !held) status = print_easiness(a, results, &list, e);
    free(list.id);
    rk_results_close(results);
    return status;
}
