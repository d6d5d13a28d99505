/* study.h: what runs of a preset say about its claims.
 *
 * Runs of one preset at one scale, with the same settings changed by the user, are judged together:
 * a study.  Of each label ("random labels", without the seed) and seed the finished run that
 * was started last counts (of those started at once the one of the highest id), in whatever order
 * files were merged; in exact numerics its device makes no difference.
 *
 * An expression of a claim is SQL without tables: numbers, 'texts', + - * / < <= = <> >= > and or
 * not between, and these functions:
 *   MEASURE('label')                 any name of measure.h, of the label's run with the same seed
 *   at('column', 'label', epoch)     a column of epochs, as train_accuracy, after an epoch
 *   axis('name', 'label')            a parameter, as p of labels:p=0.3
 *   found('DIAGNOSTIC.NAME', 'label')   what a diagnostic found, as hessian.lambda_max; where a
 *                                   run has several of it, 'hessian:norm=batch.lambda_max'
 *   spearman('measure', 'axis' [, 'pattern'])    the rank correlation of a measure with a parameter
 *   lowest('measure', 'pattern'), highest(...)   over labels that match: * any text, ? a letter;
 *                                   a measure may be a DIAGNOSTIC.NAME
 *   auc('score', 'label')           how well a score of 'rethink scores' finds changed labels
 *   easiness('label')               over all seeds: the variance of the examples' accuracies over
 *                                   that of chance (scores.h); NULL with fewer than 20 seeds
 *   memorization('what', 'label')   over all seeds, 20 at least, that hold out examples: 'changed'
 *                                   and 'unchanged', the means of such labels, 'mean', 'auc' for
 *                                   changed labels, 'c_mean', 'c_auc' of the C-score (memorize.h)
 *   abs exp ln max min pow round sqrt
 * It is evaluated for every seed.  NULL, as of a run that is not there, means "not measured".
 *
 * A claim is met if each of its 'holds' is true of all seeds but at most one in ten, and its 'mean'
 * over seeds is from 'from' to 'to'.  A paper's number is met if the mean over seeds is within its
 * tolerance. */
#ifndef RK_CLI_STUDY_H
#define RK_CLI_STUDY_H
#include "cli/preset.h"
#include "cli/runs.h"

typedef struct rk_study {
    rk_pool pool;
    const rk_preset *preset;
    const rk_runs *runs; /* with history; NULL: only labels are known */
    int scale;
    const char *changed;                       /* what the user set otherwise, "epochs=3"; or "" */
    const char **label;                        /* of the preset at this scale */
    uint32_t *run;                             /* indices of finished runs, ascending */
    const char **run_label;                    /* [n_runs] */
    uint64_t *seed;                            /* distinct, ascending */
    uint32_t n_labels, n_runs, n_seeds, n_all; /* n_all: with unfinished ones */
    const char **diagnose; /* [n_diagnose]: of the preset's variants, distinct */
    uint32_t n_diagnose;
} rk_study;

/* runs may be NULL. */
rk_status rk_study_make(const rk_preset *p, int scale, const char *changed, const rk_runs *runs,
                        rk_study *out, rk_error *e);
void rk_study_free(rk_study *s);
/* The run of a label and a seed that counts; false if there is none. */
bool rk_study_find(const rk_study *s, const char *label, uint64_t seed, uint32_t *run);
/* True for a finished run of one of the preset's labels, by its index. */
bool rk_study_shows(const rk_study *s, uint32_t run);
/* Refuses a label that the preset does not have, with the nearest one. */
rk_status rk_study_label(const rk_study *s, const char *label, rk_error *e);
/* Refuses what is no DIAGNOSTIC.NAME, and a diagnostic that no variant of the preset asks for; if
 * runs have it, also a NAME that none of them found, with the nearest one: that is
 * RK_E_UNSUPPORTED, as they may be older than the preset. */
rk_status rk_study_found_check(const rk_study *s, const char *name, rk_error *e);
/* Every expression and label of a preset, at each of its scales. */
rk_status rk_study_check(const rk_preset *p, rk_error *e);

/* Which study a run belongs to: its scale (-1: none) and what was changed, a text of at most cap
 * bytes. */
void rk_study_of(const rk_run_record *run, int *scale, char *changed, size_t cap);

/* ---- expressions ----------------------------------------------------------------------------- */

typedef struct rk_calculator rk_calculator;
rk_status rk_calculator_new(rk_calculator **out, rk_error *e);
void rk_calculator_free(rk_calculator *c);
/* The value for one seed; NaN if it is NULL.  Without runs names are checked and everything is
 * NULL.  Each call of a function that names a label is noted. */
rk_status rk_calculate(rk_calculator *c, const rk_study *s, uint64_t seed, const char *text,
                       double *out, rk_error *e);
/* What was noted since the last such call, as means over seeds: "fit_steps: random labels 184, true
 * labels 92".  In the pool; NULL without memory. */
char *rk_calculator_notes(rk_calculator *c, rk_pool *pool);

/* ---- verdicts -------------------------------------------------------------------------------- */

typedef enum rk_outcome { RK_MET, RK_NOT_MET, RK_NOT_MEASURED } rk_outcome;
const char *rk_outcome_name(rk_outcome v); /* "met", "not met", "not measured" */

/* One inequality or band of a claim, or one number of a paper: the other is NULL. */
typedef struct rk_finding {
    const rk_claim *claim;
    const rk_formula *formula;
    const rk_paper *paper;
    const char *measured; /* of a claim: what its functions returned */
    double mean, spread;  /* over seeds, of a number; NaN if there is none */
    uint32_t seeds, holds;
    rk_outcome verdict;
} rk_finding;

/* Findings of claims, then of papers, that are of the study's scale.  They live in its pool. */
rk_status rk_study_judge(rk_study *s, rk_finding **out, uint32_t *n, rk_error *e);
/* The worst verdict: not met before not measured before met. */
rk_outcome rk_findings_outcome(const rk_finding *f, uint32_t n);

/* The tables of a study with a head; nothing if the preset claims nothing. */
rk_status rk_findings_print(const rk_study *s, const rk_finding *f, uint32_t n, FILE *out,
                            rk_error *e);
/* An object; NULL without memory. */
json_t *rk_findings_json(const rk_study *s, const rk_finding *f, uint32_t n);

/* Judges the studies of a preset (or of those that it names) at a scale (-1: any) among the runs of
 * a file and prints them; wanted_changes NULL: any.  *worst is RK_MET if nothing is claimed. */
rk_status rk_verdicts_print(const char *results, const rk_preset *p, int scale,
                            const char *wanted_changes, FILE *out, rk_outcome *worst, rk_error *e);
#endif
