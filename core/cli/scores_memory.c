/* What runs that hold out examples say of memorization and influence. */
#include "cli/scores.h"
#include "train/memorize.h"
#include <math.h>
#include <stdlib.h>

enum { PAIRS = 10 };

static void cell(rk_table *t, double x)
{
    if (isnan(x))
        rk_table_cell(t, "-");
    else
        rk_table_cell(t, "%.4f", x);
}

static rk_status print_means(const rk_memorization *m, rk_error *e)
{
    static const char *const heads[] = {"mean over", "all", "changed labels", "others",
                                        "AUC for changed labels"};
    const double rows[2][4] = {{m->mean, m->of_changed, m->of_clean, m->auc},
                               {m->c_mean, m->c_of_changed, m->c_of_clean, m->c_auc}};
    rk_table *t = rk_table_new("lrrrr", heads);
    for (int i = 0; i < 2; i++) {
        rk_table_cell(t, "%s",
                      i ? "C-score: P(right | held out)"
                        : "memorization: P(right | trained on) - P(right | held out)");
        for (int k = 0; k < 4; k++) cell(t, rows[i][k]);
    }
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

static int by_memory(const void *a, const void *b)
{
    const rk_memory *x = a, *y = b;
    double u = isnan(x->mem) ? -2 : x->mem, v = isnan(y->mem) ? -2 : y->mem;
    if (u > v || u < v) return u > v ? -1 : 1;
    return (x->example > y->example) - (x->example < y->example);
}

static rk_status print_most(rk_memorization *m, int64_t top, rk_error *e)
{
    static const char *const heads[] = {"example", "label",      "true",    "memorization",
                                        "C-score", "trained on", "held out"};
    rk_table *t = rk_table_new("rrrrrrr", heads);
    qsort(m->memory, m->examples, sizeof *m->memory, by_memory);
    for (uint32_t i = 0; i < m->examples && i < top; i++) {
        const rk_memory *x = &m->memory[i];
        rk_table_cell(t, "%lld", (long long)x->example);
        rk_table_cell(t, "%lld", (long long)x->label);
        rk_table_cell(t, "%lld", (long long)x->true_label);
        cell(t, x->mem);
        cell(t, x->c_score);
        rk_table_cell(t, "%u", x->in);
        rk_table_cell(t, "%u", x->out);
    }
    puts("\nThe most memorized examples\n");
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

static rk_status print_pairs(const rk_memorization *m, rk_error *e)
{
    static const char *const heads[] = {"training example", "test example", "influence"};
    rk_table *t = rk_table_new("rrr", heads);
    for (uint32_t i = 0; i < m->n_pairs; i++) {
        rk_table_cell(t, "%lld", (long long)m->pair[i].train_example);
        rk_table_cell(t, "%lld", (long long)m->pair[i].test_example);
        cell(t, m->pair[i].value);
    }
    puts("\nThe largest influences: by how much a test example is right more often with the "
         "training example\n");
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

static rk_status print_text(rk_memorization *m, int64_t top, rk_error *e)
{
    double held = 0;
    for (uint32_t i = 0; i < m->examples; i++) held += m->memory[i].out;
    printf("%u training examples, %u with a changed label, over %u runs; each run held out %.1f "
           "%%\n\n",
           m->examples, m->changed, m->runs, 100 * held / ((double)m->examples * m->runs));
    RK_TRY(print_means(m, e));
    if (top) RK_TRY(print_most(m, top, e));
    return print_pairs(m, e);
}

static void csv_number(double x)
{
    if (!isnan(x)) printf("%.9g", x);
}

static void print_csv(const rk_memorization *m)
{
    fputs("example,label,true_label,trained_on,held_out,memorization,c_score\r\n", stdout);
    for (uint32_t i = 0; i < m->examples; i++) {
        const rk_memory *x = &m->memory[i];
        printf("%lld,%lld,%lld,%u,%u,", (long long)x->example, (long long)x->label,
               (long long)x->true_label, x->in, x->out);
        csv_number(x->mem);
        putchar(',');
        csv_number(x->c_score);
        fputs("\r\n", stdout);
    }
}

static json_t *number(double x) { return isnan(x) ? json_null() : json_real(x); }

static json_t *examples_json(const rk_memorization *m)
{
    json_t *list = json_array();
    for (uint32_t i = 0; list && i < m->examples; i++) {
        const rk_memory *x = &m->memory[i];
        json_t *one =
            json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "example", (json_int_t)x->example,
                      "label", (json_int_t)x->label, "true_label", (json_int_t)x->true_label,
                      "trained_on", (json_int_t)x->in, "held_out", (json_int_t)x->out,
                      "memorization", number(x->mem), "c_score", number(x->c_score));
        if (json_array_append_new(list, one) == 0) continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *pairs_json(const rk_memorization *m)
{
    json_t *list = json_array();
    for (uint32_t i = 0; list && i < m->n_pairs; i++) {
        const rk_influence *x = &m->pair[i];
        json_t *one = json_pack("{s:I, s:I, s:f}", "train", (json_int_t)x->train_example, "test",
                                (json_int_t)x->test_example, "influence", x->value);
        if (json_array_append_new(list, one) == 0) continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

static rk_status print_json(const rk_memorization *m, rk_error *e)
{
    json_t *means =
        json_pack("{s:o, s:o, s:o, s:o}", "mean", number(m->mean), "changed", number(m->of_changed),
                  "unchanged", number(m->of_clean), "auc", number(m->auc));
    json_t *scores = json_pack("{s:o, s:o, s:o, s:o}", "mean", number(m->c_mean), "changed",
                               number(m->c_of_changed), "unchanged", number(m->c_of_clean), "auc",
                               number(m->c_auc));
    return rk_cli_json(stdout,
                       json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "runs", (json_int_t)m->runs,
                                 "n", (json_int_t)m->examples, "changed", (json_int_t)m->changed,
                                 "memorization", means, "c_score", scores, "influences",
                                 pairs_json(m), "examples", examples_json(m)),
                       e);
}

rk_status rk_scores_memory(const rk_scores_arguments *a, rk_results *r, const int64_t *ids,
                           uint32_t n, rk_error *e)
{
    rk_memorization m;
    rk_status status = RK_OK;
    uint32_t pairs = a->csv ? 0 : a->top > 0 && a->top < 100000 ? (uint32_t)a->top : PAIRS;
    RK_TRY(rk_results_memorization(r, ids, n, pairs, &m, e));
    if (a->json)
        status = print_json(&m, e);
    else if (a->csv)
        print_csv(&m);
    else
        status = print_text(&m, a->top, e);
    rk_memorization_free(&m);
    return status;
}
