/* What is made of scores. */
#include "train/scores.h"
#include "base/error.h"
#include <math.h>
#include <stdlib.h>

/* ---- kinds ----------------------------------------------------------------------------------- */

static double of_loss(const rk_example_score *s) { return s->loss; }
static double of_aum(const rk_example_score *s) { return s->aum; }
static double of_el2n(const rk_example_score *s) { return s->el2n; }
static double of_p_mean(const rk_example_score *s) { return s->p_mean; }
static double of_p_variance(const rk_example_score *s) { return s->p_variance; }
/* A run has no forgetting events of what it did not train on, nor without --scores. */
static double of_learned(const rk_example_score *s)
{
    if (isnan(s->loss)) return NAN;
    return s->learned ? (double)s->learned : INFINITY;
}
static double of_forgotten(const rk_example_score *s)
{
    if (isnan(s->loss)) return NAN;
    return s->learned ? (double)s->forgotten : INFINITY;
}

const rk_score_kind *rk_score_kinds(size_t *n)
{
    static const rk_score_kind kinds[] = {{"loss", false, of_loss},
                                          {"aum", true, of_aum},
                                          {"el2n", false, of_el2n},
                                          {"forgotten", false, of_forgotten},
                                          {"learned", false, of_learned},
                                          {"p_mean", true, of_p_mean},
                                          {"p_variance", false, of_p_variance}};
    *n = sizeof kinds / sizeof *kinds;
    return kinds;
}

/* ---- AUC ------------------------------------------------------------------------------------- */

typedef struct ranked {
    double score;
    bool positive;
} ranked;

static int by_score(const void *a, const void *b)
{
    double x = ((const ranked *)a)->score, y = ((const ranked *)b)->score;
    return (x > y) - (x < y);
}

rk_status rk_auc(const double *score, const bool *positive, uint32_t n, double *out, rk_error *e)
{
    ranked *r = malloc((n + 1) * sizeof *r);
    uint32_t m = 0;
    double wins = 0, positives = 0, negatives = 0;
    if (!r) return RK_FAIL(e, RK_E_NOMEM, "no memory to rank %u scores", n);
    for (uint32_t i = 0; i < n; i++)
        if (!isnan(score[i])) r[m++] = (ranked){score[i], positive[i]};
    qsort(r, m, sizeof *r, by_score);
    for (uint32_t i = 0, end; i < m; i = end) { /* a group of equal scores */
        double p = 0, q = 0;
        for (end = i; end < m && r[end].score == r[i].score; end++) r[end].positive ? p++ : q++;
        wins += p * (negatives + q / 2);
        positives += p;
        negatives += q;
    }
    free(r);
    *out = positives > 0 && negatives > 0 ? wins / (positives * negatives) : NAN;
    return RK_OK;
}

rk_status rk_scores_auc(const rk_example_score *scores, uint32_t n, const rk_score_kind *kind,
                        double *out, rk_error *e)
{
    double *value = malloc((n + 1) * sizeof *value);
    bool *changed = malloc((n + 1) * sizeof *changed);
    rk_status status = RK_OK;
    for (uint32_t i = 0; value && changed && i < n; i++) {
        value[i] = kind->low ? -kind->value(&scores[i]) : kind->value(&scores[i]);
        changed[i] = scores[i].label != scores[i].true_label;
    }
    if (value && changed)
        status = rk_auc(value, changed, n, out, e);
    else
        status = RK_FAIL(e, RK_E_NOMEM, "no memory to rank %u scores", n);
    free(value);
    free(changed);
    return status;
}

/* ---- easy examples --------------------------------------------------------------------------- */

rk_easiness rk_easiness_of(const uint32_t *right, uint32_t n, uint32_t runs)
{
    rk_easiness x = {.runs = runs, .examples = n, .ratio = NAN};
    double sum = 0, always = 0, never = 0, squares = 0;
    if (n == 0 || runs == 0) return x;
    for (uint32_t i = 0; i < n; i++) {
        sum += right[i];
        always += right[i] == runs;
        never += right[i] == 0;
    }
    x.accuracy = sum / ((double)n * runs);
    for (uint32_t i = 0; i < n; i++) {
        double d = (double)right[i] / runs - x.accuracy;
        squares += d * d;
    }
    x.variance = squares / n;
    x.always_right = always / n;
    x.always_wrong = never / n;
    double binomial = x.accuracy * (1 - x.accuracy) / runs;
    if (binomial > 0) x.ratio = x.variance / binomial;
    return x;
}
