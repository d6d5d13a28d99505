/* What the functions of an expression returned, in words. */
#include "base/text.h"
#include "cli/calculator.h"
#include "cli/measure.h"
#include <math.h>
#include <string.h>

void rk_calculator_note(rk_calculator *c, const char *measure, const char *label, double value)
{
    uint32_t i = 0;
    if (isnan(value)) return;
    while (i < c->n_notes &&
           (strcmp(c->note[i].measure, measure) != 0 || strcmp(c->note[i].label, label) != 0))
        i++;
    if (i == c->n_notes) {
        rk_note *list = rk_pool_array(&c->pool, i + 1, sizeof *list);
        if (!list) return;
        if (i) memcpy(list, c->note, i * sizeof *list);
        list[i].measure = rk_pool_string(&c->pool, measure);
        list[i].label = rk_pool_string(&c->pool, label);
        if (!list[i].measure || !list[i].label) return;
        c->note = list;
        c->n_notes++;
    }
    c->note[i].n++;
    if (isinf(value))
        c->note[i].never++;
    else
        c->note[i].sum += value;
}

static void add_note(rk_str *text, const rk_note *n)
{
    char number[64];
    uint32_t finite = n->n - n->never;
    rk_measure_print(n->measure, finite ? n->sum / finite : (double)INFINITY, number,
                     sizeof number);
    rk_str_add(text, "%s%s%s", n->label, n->label[0] ? " " : "", number);
    if (n->never && finite) rk_str_add(text, " (%u of %u never)", n->never, n->n);
}

char *rk_calculator_notes(rk_calculator *c, rk_pool *pool)
{
    rk_str text = {0};
    for (uint32_t i = 0; i < c->n_notes; i++) {
        bool begin = true; /* of a measure that no earlier note has */
        for (uint32_t k = 0; k < i; k++)
            begin = begin && strcmp(c->note[k].measure, c->note[i].measure) != 0;
        if (!begin) continue;
        rk_str_add(&text, "%s%s: ", text.n ? "; " : "", c->note[i].measure);
        for (uint32_t k = i; k < c->n_notes; k++) {
            if (strcmp(c->note[k].measure, c->note[i].measure) != 0) continue;
            if (k > i) rk_str_add(&text, ", ");
            add_note(&text, &c->note[k]);
        }
    }
    if (c->missing[0]) rk_str_add(&text, "%s%s", text.n ? "; " : "", c->missing);
    c->missing[0] = '\0';
    char *out = text.failed ? NULL : rk_pool_string(pool, text.s ? text.s : "");
    rk_str_free(&text);
    rk_pool_free(&c->pool);
    c->note = NULL;
    c->n_notes = 0;
    return out;
}
