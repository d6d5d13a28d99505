/* labels: the label corruption of Zhang et al. 2016, section 2.
 *
 * With probability p, each training label on its own becomes a class drawn uniformly, which may be
 * the one it was: a fraction p (1 - 1 / classes) changes.  p=1 is the paper's "random labels", p
 * between 0 and 1 its "partially corrupted labels".  Labels are drawn once, before training.
 *
 * With eval-labels=corrupted the labels of test examples are corrupted alike, each on its own.  The
 * paper does not say which ones it evaluates on; its first author's code has corrupted ones.
 *
 * Example i, by its position in the original files, takes word i of step 0 for whether, and of step
 * 1 (and on) for which: other examples and their number do not matter, and with one seed the labels
 * that p=0.2 corrupts are among those that p=0.4 corrupts, and become the same. */
#include "rethink/plugin.h"

static const rk_param_spec params[] = {
    {"p", "1", "probability that a training label is replaced by a uniform class, perhaps the same",
     RK_PARAM_REAL, 0, 1, NULL},
    {0}};

static void corrupt(rk_examples *x, uint32_t classes, double p, rk_random r)
{
    rk_random which = r;
    which.step++;
    for (int64_t i = 0; i < x->n; i++)
        if ((double)rk_random_uniform(r, x->index[i]) < p)
            x->label[i] = rk_random_below(which, x->index[i], classes);
}

static rk_status labels(rk_dataset *d, const rk_args *a, rk_random r, rk_error *e)
{
    (void)e;
    corrupt(&d->train.x, d->classes, rk_arg_real(a, "p"), r);
    return RK_OK;
}

static rk_status test_labels(rk_dataset *d, const rk_args *a, rk_random r, rk_error *e)
{
    (void)e;
    corrupt(&d->test.x, d->classes, rk_arg_real(a, "p"), r);
    return RK_OK;
}

RK_PLUGIN("labels", "1.0",
          RK_ITEM(RK_KIND_TRANSFORM, .name = "labels",
                  .doc = "training labels become uniform classes with probability p; test labels "
                         "stay, unless eval-labels=corrupted",
                  .params = params, .transform = labels, .transform_test = test_labels,
                  .flags = RK_ITEM_LABELS_ONLY));
