/* unique: a class of its own for each training example, as in Arpit et al. 2017, section 3.2: then
 * there is nothing that labels have in common.  Test labels stay what they were, which says nothing
 * about test examples; there are as many classes as training examples (and as before at least). */
#include "rethink/plugin.h"

static rk_status unique(rk_dataset *d, const rk_args *a, rk_random r, rk_error *e)
{
    (void)a;
    (void)r;
    (void)e;
    for (int64_t i = 0; i < d->train.x.n; i++) d->train.x.label[i] = (uint32_t)i;
    if ((int64_t)d->classes < d->train.x.n) d->classes = (uint32_t)d->train.x.n;
    return RK_OK;
}

RK_PLUGIN("unique", "1.0",
          RK_ITEM(RK_KIND_TRANSFORM, .name = "unique",
                  .doc = "each training example gets a class of its own", .transform = unique,
                  .flags = RK_ITEM_LABELS_ONLY));
