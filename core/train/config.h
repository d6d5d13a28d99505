/* config.h: a run's configuration as JSON, and the items of plugins that it names. */
#ifndef RK_TRAIN_CONFIG_H
#define RK_TRAIN_CONFIG_H
#include <jansson.h>
#include "train/run.h"

/* The configuration as compact JSON with sorted keys, for the record; freed by free().  NULL
 * without memory. */
char *rk_config_write(const rk_config *c);
/* The opposite.  Texts of *c belong to *owner, which is freed by json_decref(). */
rk_status rk_config_read(const char *text, rk_config *c, json_t **owner, rk_error *e);
/* Refuses numbers out of range; names each by its option. */
rk_status rk_config_check(const rk_config *c, rk_error *e);

enum { RK_JOINED_MAX = 16 };

/* Items joined by '+', e.g. "labels:p=1+pixels:mode=shuffle". */
typedef struct rk_spec_list {
    rk_spec *spec[RK_JOINED_MAX];
    uint32_t n;
    char *text; /* canonical */
} rk_spec_list;

typedef struct rk_recipe {
    rk_spec *model, *data, *optimizer, *schedule;
    rk_spec_list transforms, augments, regularizers, diagnostics;
    int64_t eval_limit; /* rk_config's */
    bool scores;        /* of examples, as in rk_config */
    double hold_out;
    int64_t el2n_epoch;
} rk_recipe;

/* "a+b:p=1": items of a kind; of diagnostics each at most once.  A failure leaves *out empty. */
rk_status rk_spec_list_parse(const rk_registry *plugins, uint32_t kind, const char *text,
                             rk_spec_list *out, rk_error *e);
void rk_spec_list_clear(rk_spec_list *list);
/* On failure *out is empty. */
rk_status rk_recipe_parse(const rk_registry *plugins, const rk_config *c, rk_recipe *out,
                          rk_error *e);
void rk_recipe_clear(rk_recipe *r);
/* The configuration with canonical texts, which are the recipe's; others stay c's. */
rk_config rk_recipe_config(const rk_recipe *r, const rk_config *c);
/* RK_E_INTERNAL if an item asked for a parameter that it does not declare: a defect of a plugin. */
rk_status rk_spec_audit(const rk_spec *s, rk_error *e);
rk_status rk_recipe_audit(const rk_recipe *r, rk_error *e);
#endif
