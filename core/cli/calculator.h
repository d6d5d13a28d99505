/* calculator.h: what the functions of expressions share. */
#ifndef RK_CLI_CALCULATOR_H
#define RK_CLI_CALCULATOR_H
#include <sqlite3.h>
#include "cli/study.h"
#include "train/memorize.h"

enum { RK_MEASURES_MAX = 128 };

/* One call of a function, and what it returned over the seeds. */
typedef struct rk_note {
    const char *measure, *label;
    double sum;
    uint32_t n, never;
} rk_note;

/* What the function of a measure is registered with. */
typedef struct rk_binding {
    rk_calculator *c;
    const char *measure;
} rk_binding;

struct rk_calculator {
    sqlite3 *db;
    const rk_study *study;
    uint64_t seed;
    uint32_t selects;
    rk_pool pool; /* of the notes, and of what was collected for them */
    rk_note *note;
    uint32_t n_notes;
    char missing[320]; /* "" or what the runs lack, the first of it; for the notes */
    rk_binding binding[RK_MEASURES_MAX];
    struct {
        const rk_study *study;
        char label[80];
        double value;
    } easiness; /* the last one: it is that of all seeds */
    struct {
        const rk_study *study;
        char label[80];
        rk_memorization value;
    } memory; /* likewise */
};

/* Without memory a note is lost, which is seen in the text. */
void rk_calculator_note(rk_calculator *c, const char *measure, const char *label, double value);
/* The run of a label at the seed; false if there is none, or if that is an error. */
bool rk_calculator_run(sqlite3_context *ctx, const rk_calculator *c, const char *label,
                       uint32_t *run);
const char *rk_calculator_text(sqlite3_value *v); /* "" of NULL */
/* The function's value; NaN is NULL. */
void rk_calculator_give(sqlite3_context *ctx, double value);
/* auc, easiness and memorization. */
int rk_calculator_add_scores(rk_calculator *c);
#endif
