/* The scores of one run. */
#include "cli/scores.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A run's examples, and what was found of each kind of score. */
typedef struct sheet {
    rk_runs runs; /* the one */
    rk_example_score *row;
    uint32_t n, changed;
} sheet;

static void free_sheet(sheet *s)
{
    free(s->row);
    rk_runs_free(&s->runs);
}

static bool is_changed(const rk_example_score *r) { return r->label != r->true_label; }

static rk_status load(const rk_scores_arguments *a, sheet *s, rk_error *e)
{
    rk_results *results;
    *s = (sheet){0};
    RK_TRY(rk_runs_load_one(a->results, a->run, &s->runs, e));
    RK_TRY(rk_results_open(a->results, true, &results, e));
    rk_status status = rk_results_scores(results, s->runs.run[0]->id, false, &s->row, &s->n, e);
    rk_results_close(results);
    for (uint32_t i = 0; i < s->n; i++) s->changed += is_changed(&s->row[i]);
    return status;
}

/* ---- summary --------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of one kind among examples with a changed label, or with an unchanged one; NaN of
 * none.  work[n]. */
static double median(const sheet *s, const rk_score_kind *kind, bool changed, double *work)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++)
        if (is_changed(&s->row[i]) == changed && !isnan(kind->value(&s->row[i])))
            work[n++] = kind->value(&s->row[i]);
    if (n == 0) return NAN;
    qsort(work, n, sizeof *work, by_value);
    return work[(n - 1) / 2] == work[n / 2] ? work[n / 2] : (work[(n - 1) / 2] + work[n / 2]) / 2;
}

static void number_cell(rk_table *t, double x)
{
    if (isnan(x))
        rk_table_cell(t, "-");
    else if (isinf(x))
        rk_table_cell(t, "never");
    else
        rk_table_cell(t, "%.4g", x);
}

static rk_status add_kinds(rk_table *t, const sheet *s, double *work, rk_error *e)
{
    size_t n;
    const rk_score_kind *kinds = rk_score_kinds(&n);
    for (size_t k = 0; k < n; k++) {
        double auc;
        RK_TRY(rk_scores_auc(s->row, s->n, &kinds[k], &auc, e));
        rk_table_cell(t, "%s", kinds[k].name);
        if (isnan(auc))
            rk_table_cell(t, "-");
        else
            rk_table_cell(t, "%.4f", auc);
        number_cell(t, median(s, &kinds[k], false, work));
        number_cell(t, median(s, &kinds[k], true, work));
    }
    return RK_OK;
}

static rk_status print_summary(const sheet *s, rk_error *e)
{
    static const char *const heads[] = {"score", "AUC", "median unchanged", "median changed"};
    const rk_run_record *run = s->runs.run[0];
    double *work = malloc((s->n + 1) * sizeof *work);
    if (!work) return RK_FAIL(e, RK_E_NOMEM, "no memory for %u examples", s->n);
    printf("Run %lld: %s, %s%s%s\n%u training examples, %u with a changed label; %lld epochs\n\n",
           (long long)run->id, run->model, run->data, run->randomize[0] ? ", " : "", run->randomize,
           s->n, s->changed, (long long)run->epochs_done);
    rk_table *t = rk_table_new("lrrr", heads);
    rk_status status = add_kinds(t, s, work, e);
    if (status == RK_OK) status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    free(work);
    return status;
}

/* ---- examples -------------------------------------------------------------------------------- */

typedef struct place {
    double suspicion;
    uint32_t row;
} place;

/* The most suspicious first, then by number; NaN last. */
static int by_suspicion(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (isnan(x->suspicion) != isnan(y->suspicion)) return isnan(x->suspicion) ? 1 : -1;
    if (x->suspicion > y->suspicion) return -1;
    if (x->suspicion < y->suspicion) return 1;
    return (x->row > y->row) - (x->row < y->row);
}

static const rk_score_kind *kind_named(const char *name)
{
    size_t n;
    const rk_score_kind *kinds = rk_score_kinds(&n);
    for (size_t k = 0; k < n; k++)
        if (strcmp(kinds[k].name, name) == 0) return &kinds[k];
    return &kinds[0];
}

static void add_example(rk_table *t, const rk_example_score *r)
{
    rk_table_cell(t, "%lld", (long long)r->example);
    rk_table_cell(t, "%lld", (long long)r->label);
    rk_table_cell(t, is_changed(r) ? "%lld *" : "%lld  ", (long long)r->true_label);
    rk_table_cell(t, "%lld", (long long)r->prediction);
    number_cell(t, r->learned ? (double)r->learned : INFINITY);
    rk_table_cell(t, "%lld", (long long)r->forgotten);
    number_cell(t, r->aum);
    number_cell(t, r->el2n);
    number_cell(t, r->loss);
    number_cell(t, r->p_mean);
    number_cell(t, r->p_variance);
}

static rk_status print_top(const sheet *s, const char *by, int64_t top, rk_error *e)
{
    static const char *const heads[] = {"example", "label",     "true  ",    "prediction",
                                        "learned", "forgotten", "aum",       "el2n",
                                        "loss",    "p_mean",    "p_variance"};
    const rk_score_kind *kind = kind_named(by);
    place *order = malloc((s->n + 1) * sizeof *order);
    if (!order) return RK_FAIL(e, RK_E_NOMEM, "no memory for %u examples", s->n);
    for (uint32_t i = 0; i < s->n; i++) {
        double value = kind->value(&s->row[i]);
        order[i] = (place){kind->low ? -value : value, i};
    }
    qsort(order, s->n, sizeof *order, by_suspicion);
    rk_table *t = rk_table_new("rrrrrrrrrrr", heads);
    for (uint32_t i = 0; i < s->n && i < top; i++) add_example(t, &s->row[order[i].row]);
    printf("\nBy %s, most suspicious first (*: the label was changed)\n\n", kind->name);
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    free(order);
    return status;
}

/* ---- for other programs ---------------------------------------------------------------------- */

static void csv_number(double x, const char *end)
{
    if (isfinite(x)) printf("%.9g", x);
    fputs(end, stdout);
}

static void print_csv(const sheet *s)
{
    fputs("run,example,label,true_label,changed,prediction,learned,forgotten,aum,el2n,loss,p_mean,"
          "p_variance,held\r\n",
          stdout);
    for (uint32_t i = 0; i < s->n; i++) {
        const rk_example_score *r = &s->row[i];
        printf("%lld,%lld,%lld,%lld,%d,%lld,%lld,%lld,", (long long)s->runs.run[0]->id,
               (long long)r->example, (long long)r->label, (long long)r->true_label, is_changed(r),
               (long long)r->prediction, (long long)r->learned, (long long)r->forgotten);
        csv_number(r->aum, ",");
        csv_number(r->el2n, ",");
        csv_number(r->loss, ",");
        csv_number(r->p_mean, ",");
        csv_number(r->p_variance, ",");
        printf("%lld\r\n", (long long)r->held);
    }
}

static json_t *real_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

/* NULL without memory, as all of jansson. */
static json_t *example_json(const rk_example_score *r)
{
    return json_pack("{s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:b}", "example",
                     (json_int_t)r->example, "label", (json_int_t)r->label, "true_label",
                     (json_int_t)r->true_label, "changed", (int)is_changed(r), "prediction",
                     (json_int_t)r->prediction, "learned", (json_int_t)r->learned, "forgotten",
                     (json_int_t)r->forgotten, "aum", real_or_null(r->aum), "el2n",
                     real_or_null(r->el2n), "loss", real_or_null(r->loss), "p_mean",
                     real_or_null(r->p_mean), "p_variance", real_or_null(r->p_variance), "held",
                     (int)(r->held != 0));
}

static rk_status print_json(const sheet *s, rk_error *e)
{
    size_t n;
    const rk_score_kind *kinds = rk_score_kinds(&n);
    json_t *auc = json_object(), *examples = json_array();
    rk_status status = RK_OK;
    bool good = auc && examples;
    for (size_t k = 0; good && status == RK_OK && k < n; k++) {
        double area = NAN;
        status = rk_scores_auc(s->row, s->n, &kinds[k], &area, e);
        good = json_object_set_new(auc, kinds[k].name, real_or_null(area)) == 0;
    }
    for (uint32_t i = 0; good && i < s->n; i++)
        good = json_array_append_new(examples, example_json(&s->row[i])) == 0;
    json_t *root = NULL;
    if (good && status == RK_OK)
        root = json_pack("{s:I, s:I, s:I, s:O, s:O}", "run", (json_int_t)s->runs.run[0]->id, "n",
                         (json_int_t)s->n, "changed", (json_int_t)s->changed, "auc", auc,
                         "examples", examples);
    json_decref(auc);
    json_decref(examples);
    return status == RK_OK ? rk_cli_json(stdout, root, e) : status;
}

static rk_status print_all(const rk_scores_arguments *a, const sheet *s, rk_error *e)
{
    if (a->json) return print_json(s, e);
    if (a->csv) {
        print_csv(s);
        return RK_OK;
    }
    RK_TRY(print_summary(s, e));
    return a->top || a->by ? print_top(s, a->by ? a->by : "aum", a->top ? a->top : 10, e) : RK_OK;
}

rk_status rk_scores_one(const rk_scores_arguments *a, rk_error *e)
{
    sheet s;
    rk_status status = load(a, &s, e);
    if (status == RK_OK) status = print_all(a, &s, e);
    free_sheet(&s);
    return status;
}
