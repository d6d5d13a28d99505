/* From the texts of a configuration to items with checked parameters. */
#include "base/error.h"
#include "train/config.h"
#include <stdlib.h>
#include <string.h>

/* A '+' before a digit is an exponent's, as in 1e+3. */
static bool is_joint(const char *p) { return *p == '+' && (p[1] < '0' || p[1] > '9'); }

/* The '+' that ends the first item, which is not escaped. */
static char *end_of_first(char *text)
{
    for (char *p = text; *p; p++) {
        if (*p == '\\' && p[1])
            p++;
        else if (is_joint(p))
            return p;
    }
    return NULL;
}

/* Appends an item's text; a '+' in it is no joint. */
static char *append(char *to, const char *item)
{
    for (; *item; item++) {
        if (is_joint(item)) *to++ = '\\';
        *to++ = *item;
        if (*item == '\\' && item[1]) *to++ = *++item;
    }
    return to;
}

static rk_status canonical(rk_spec_list *list, rk_error *e)
{
    size_t bytes = 1;
    for (uint32_t i = 0; i < list->n; i++) bytes += 2 * strlen(list->spec[i]->text) + 1;
    list->text = calloc(1, bytes);
    if (!list->text) return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of items");
    char *to = list->text;
    for (uint32_t i = 0; i < list->n; i++) {
        if (i) *to++ = '+';
        to = append(to, list->spec[i]->text);
    }
    return RK_OK;
}

static rk_status parse_items(const rk_registry *plugins, uint32_t kind, char *text,
                             rk_spec_list *list, rk_error *e)
{
    while (text && *text) {
        char *plus = end_of_first(text);
        if (plus) *plus = '\0';
        if (list->n == RK_JOINED_MAX)
            return RK_FAIL(e, RK_E_INVALID, "more than %d items are joined by +",
                           (int)RK_JOINED_MAX);
        RK_TRY(rk_spec_parse(plugins, kind, text, &list->spec[list->n], e));
        list->n++;
        text = plus ? plus + 1 : NULL;
    }
    return canonical(list, e);
}

/* Results are kept by their spec. */
static rk_status check_twice(const rk_spec_list *list, rk_error *e)
{
    for (uint32_t i = 0; i < list->n; i++)
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(list->spec[i]->text, list->spec[k]->text) == 0)
                return RK_FAIL(e, RK_E_INVALID, "the diagnostic %s is there twice: leave one out",
                               list->spec[i]->text);
    return RK_OK;
}

rk_status rk_spec_list_parse(const rk_registry *plugins, uint32_t kind, const char *text,
                             rk_spec_list *out, rk_error *e)
{
    char *copy = strdup(text);
    *out = (rk_spec_list){0};
    if (!copy) return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of items");
    rk_status status = parse_items(plugins, kind, copy, out, e);
    free(copy);
    if (status == RK_OK && kind == RK_KIND_DIAGNOSTIC) status = check_twice(out, e);
    if (status != RK_OK) rk_spec_list_clear(out);
    return status;
}

void rk_spec_list_clear(rk_spec_list *list)
{
    for (uint32_t i = 0; i < list->n; i++) rk_spec_free(list->spec[i]);
    free(list->text);
    *list = (rk_spec_list){0};
}

static bool has_objective(const rk_item *item) { return item->objective; }
static bool has_perturb(const rk_item *item) { return item->perturb; }

/* At most one of the regularizers may do what only one can do. */
static rk_status check_alone(const rk_spec_list *list, bool (*does)(const rk_item *),
                             const char *what, rk_error *e)
{
    const rk_spec *first = NULL;
    for (uint32_t i = 0; i < list->n; i++) {
        const rk_spec *s = list->spec[i];
        if (!does(s->item)) continue;
        if (first)
            return RK_FAIL(e, RK_E_INVALID,
                           "regularizers %s and %s: only one can %s; leave one of them out",
                           first->text, s->text, what);
        first = s;
    }
    return RK_OK;
}

static rk_status check_regularizers(const rk_spec_list *list, rk_error *e)
{
    RK_TRY(check_alone(list, has_objective, "say what is minimized for each example", e));
    return check_alone(list, has_perturb, "say where the gradient is taken", e);
}

rk_status rk_recipe_parse(const rk_registry *p, const rk_config *c, rk_recipe *out, rk_error *e)
{
    memset(out, 0, sizeof *out);
    out->eval_limit = c->eval_limit;
    out->scores = c->scores;
    out->hold_out = c->hold_out;
    out->el2n_epoch = c->el2n_epoch;
    rk_status s = rk_spec_parse(p, RK_KIND_MODEL, c->model, &out->model, e);
    if (s == RK_OK) s = rk_spec_parse(p, RK_KIND_DATA, c->data, &out->data, e);
    if (s == RK_OK) s = rk_spec_parse(p, RK_KIND_OPTIMIZER, c->optimizer, &out->optimizer, e);
    if (s == RK_OK) s = rk_spec_parse(p, RK_KIND_SCHEDULE, c->schedule, &out->schedule, e);
    if (s == RK_OK) s = rk_spec_list_parse(p, RK_KIND_TRANSFORM, c->randomize, &out->transforms, e);
    if (s == RK_OK) s = rk_spec_list_parse(p, RK_KIND_AUGMENT, c->augment, &out->augments, e);
    if (s == RK_OK)
        s = rk_spec_list_parse(p, RK_KIND_REGULARIZER, c->regularize, &out->regularizers, e);
    if (s == RK_OK) s = check_regularizers(&out->regularizers, e);
    if (s == RK_OK)
        s = rk_spec_list_parse(p, RK_KIND_DIAGNOSTIC, c->diagnose, &out->diagnostics, e);
    if (s != RK_OK) rk_recipe_clear(out);
    return s;
}

void rk_recipe_clear(rk_recipe *r)
{
    rk_spec_free(r->model);
    rk_spec_free(r->data);
    rk_spec_free(r->optimizer);
    rk_spec_free(r->schedule);
    rk_spec_list_clear(&r->transforms);
    rk_spec_list_clear(&r->augments);
    rk_spec_list_clear(&r->regularizers);
    rk_spec_list_clear(&r->diagnostics);
    memset(r, 0, sizeof *r);
}

rk_status rk_spec_audit(const rk_spec *s, rk_error *e)
{
    const char *misused = rk_args_misused(s->args);
    if (!misused) return RK_OK;
    return RK_FAIL(e, RK_E_INTERNAL,
                   "the plugin of %s asks for its parameter '%s', which its table does not have "
                   "with this type: mend the plugin",
                   s->item->name, misused);
}

rk_status rk_recipe_audit(const rk_recipe *r, rk_error *e)
{
    RK_TRY(rk_spec_audit(r->model, e));
    RK_TRY(rk_spec_audit(r->data, e));
    RK_TRY(rk_spec_audit(r->optimizer, e));
    RK_TRY(rk_spec_audit(r->schedule, e));
    for (uint32_t i = 0; i < r->transforms.n; i++) RK_TRY(rk_spec_audit(r->transforms.spec[i], e));
    for (uint32_t i = 0; i < r->augments.n; i++) RK_TRY(rk_spec_audit(r->augments.spec[i], e));
    for (uint32_t i = 0; i < r->regularizers.n; i++)
        RK_TRY(rk_spec_audit(r->regularizers.spec[i], e));
    for (uint32_t i = 0; i < r->diagnostics.n; i++)
        RK_TRY(rk_spec_audit(r->diagnostics.spec[i], e));
    return RK_OK;
}

rk_config rk_recipe_config(const rk_recipe *r, const rk_config *c)
{
    rk_config full = *c;
    full.model = r->model->text;
    full.data = r->data->text;
    full.randomize = r->transforms.text;
    full.augment = r->augments.text;
    full.optimizer = r->optimizer->text;
    full.schedule = r->schedule->text;
    full.regularize = r->regularizers.text;
    full.diagnose = r->diagnostics.text;
    return full;
}
